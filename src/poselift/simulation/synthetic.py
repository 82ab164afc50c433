"""Synthetic people: a kinematic skeleton with joint limits, random bodies, smooth motions.

World axes: right-handed, y up, metres; a person facing +z has the left side at +x.

Every joint angle is a smooth signal pressed into its limits, so that any drive gives a pose that a
body can take. `random_poses` draws single poses, `random_motion` a clip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from poselift.geometry import about_axis
from poselift.skeletons import H36M_17

# Joint angles: (name, lowest, highest, rest), degrees. Ranges of motion of a healthy adult,
# narrowed a little; `abduct` is away from the body, `twist` about the bone.
_LIMITS: tuple[tuple[str, float, float, float], ...] = (
    ("lean_forward", -20, 60, 3),
    ("lean_side", -20, 20, 0),
    ("spine_bend", -15, 40, 5),
    ("spine_side", -20, 20, 0),
    ("spine_twist", -35, 35, 0),
    ("neck_bend", -35, 45, 8),
    ("neck_side", -25, 25, 0),
    ("neck_twist", -60, 60, 0),
    *(
        (f"{side}_{name}", low, high, rest)
        for side in ("left", "right")
        for name, low, high, rest in (
            ("shoulder_flex", -45, 170, 8),
            ("shoulder_abduct", -15, 140, 10),
            ("shoulder_twist", -70, 70, 0),
            ("elbow", 2, 145, 20),
            ("hip_flex", -20, 115, 5),
            ("hip_abduct", -20, 45, 4),
            ("hip_twist", -30, 35, 4),
            ("knee", 2, 140, 8),
        )
    ),
)
ANGLES = tuple(name for name, *_ in _LIMITS)

# Bones of an adult of 1.75 m, metres: (class, length or half width, relative spread).
_BODY: dict[str, tuple[float, float]] = {
    "hip": (0.115, 0.18),
    "thigh": (0.43, 0.06),
    "shin": (0.42, 0.06),
    "abdomen": (0.25, 0.08),
    "chest": (0.28, 0.08),
    "neck": (0.13, 0.10),
    "face": (0.08, 0.15),
    "head": (0.16, 0.10),
    "shoulder": (0.165, 0.10),
    "upper_arm": (0.285, 0.06),
    "forearm": (0.25, 0.06),
}


@dataclass(frozen=True)
class Bodies:
    """Bone lengths of N people in metres, by bone class, each of shape (N,)."""

    lengths: dict[str, Float[np.ndarray, " N"]]

    def __len__(self) -> int:
        """Return the number of people."""
        return len(self.lengths["thigh"])


def random_bodies(rng: np.random.Generator, count: int) -> Bodies:
    """Draw people: stature varies by 6 % (one standard deviation), proportions by class."""
    stature = np.clip(rng.normal(1.0, 0.06, count), 0.8, 1.2)
    return Bodies(
        {
            name: length * stature * np.clip(rng.normal(1.0, spread, count), 0.6, 1.5)
            for name, (length, spread) in _BODY.items()
        }
    )


def angles_from_drive(drive: Float[np.ndarray, "N A"]) -> dict[str, Float[np.ndarray, " N"]]:
    """Press unbounded signals (one column for each of `ANGLES`) into the joint limits.

    Returns radians. A drive of 0 is the resting pose; large drives approach the limits.
    """
    low, high, rest = (np.deg2rad([row[i] for row in _LIMITS]) for i in (1, 2, 3))
    share = (rest - low) / (high - low)
    bias = np.log(share / (1 - share))
    pressed = low + (high - low) / (1 + np.exp(-(drive + bias)))
    return {name: pressed[:, column] for column, name in enumerate(ANGLES)}


def pose_bodies(
    bodies: Bodies, angles: dict[str, Float[np.ndarray, " N"]]
) -> Float[np.ndarray, "N 17 3"]:
    """Forward kinematics: joint angles (radians) -> H36M-17 joints, pelvis at the origin.

    Metres, y up, facing +z, left at +x.
    """
    length = bodies.lengths
    poses = np.zeros((len(bodies), len(H36M_17), 3))
    at = H36M_17.index

    def chain(parent: str, joint: str, turn: Float[np.ndarray, "N 3 3"], bone: np.ndarray) -> None:
        poses[:, at(joint)] = poses[:, at(parent)] + np.einsum("nij,nj->ni", turn, bone)

    trunk = about_axis("z", angles["lean_side"]) @ about_axis("x", angles["lean_forward"])
    chest = trunk @ (
        about_axis("y", angles["spine_twist"])
        @ about_axis("z", angles["spine_side"])
        @ about_axis("x", angles["spine_bend"])
    )
    head = chest @ (
        about_axis("y", angles["neck_twist"])
        @ about_axis("z", angles["neck_side"])
        @ about_axis("x", angles["neck_bend"])
    )
    chain("pelvis", "spine", trunk, _bone(y=length["abdomen"]))
    chain("spine", "thorax", chest, _bone(y=length["chest"]))
    chain("thorax", "neck", head, _bone(y=length["neck"], z=length["face"]))
    chain("neck", "head", head, _bone(y=length["head"], z=-0.6 * length["face"]))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        thigh = trunk @ _ball(angles, f"{side}_hip", sign)
        shin = thigh @ about_axis("x", angles[f"{side}_knee"])
        arm = chest @ _ball(angles, f"{side}_shoulder", sign)
        fore = arm @ about_axis("x", -angles[f"{side}_elbow"])
        chain("pelvis", f"{side}_hip", trunk, _bone(x=sign * length["hip"]))
        chain(f"{side}_hip", f"{side}_knee", thigh, _bone(y=-length["thigh"]))
        chain(f"{side}_knee", f"{side}_ankle", shin, _bone(y=-length["shin"]))
        drop = -0.2 * length["shoulder"]
        chain("thorax", f"{side}_shoulder", chest, _bone(x=sign * length["shoulder"], y=drop))
        chain(f"{side}_shoulder", f"{side}_elbow", arm, _bone(y=-length["upper_arm"]))
        chain(f"{side}_elbow", f"{side}_wrist", fore, _bone(y=-length["forearm"]))
    return poses.astype(np.float32)


def random_poses(rng: np.random.Generator, count: int) -> Float[np.ndarray, "N 17 3"]:
    """Draw single poses of random people (see `pose_bodies` for units and axes).

    Arms are driven twice as far as the rest: people who do more than walk raise and spread them.
    """
    spread = rng.uniform(0.3, 1.8, size=(count, 1))
    drive = rng.normal(0.0, 1.0, size=(count, len(ANGLES))) * spread
    drive[:, ["shoulder" in name for name in ANGLES]] *= 2.0
    return pose_bodies(random_bodies(rng, count), angles_from_drive(drive))


def random_motion(
    seed: int, frames: int, fps: float = 30.0, energy: float = 1.0
) -> Float[np.ndarray, "T 17 3"]:
    """Make a clip of one person walking while gesturing and turning.

    Returns world positions in metres, y up, lowest ankle of the clip on the floor (y = 0.08, the
    height of an ankle). The same seed gives the same clip; `energy` scales the movements.
    """
    rng = np.random.default_rng(seed)
    bodies = random_bodies(rng, 1)
    repeated = Bodies({name: np.repeat(value, frames) for name, value in bodies.lengths.items()})
    time = np.arange(frames) / fps
    drive = energy * _smooth_signals(rng, time, len(ANGLES), slow=0.12, fast=0.7) * 0.6
    pace, step = rng.uniform(0.75, 1.0), 2 * np.pi * rng.uniform(0.75, 1.0) * time
    for side, phase in (("left", 0.0), ("right", np.pi)):
        swing = np.sin(step + phase)
        drive[:, ANGLES.index(f"{side}_hip_flex")] += 0.9 * energy * swing
        drive[:, ANGLES.index(f"{side}_knee")] += 0.8 * energy * np.cos(step + phase)
        drive[:, ANGLES.index(f"{side}_shoulder_flex")] -= 0.5 * energy * swing
        drive[:, ANGLES.index(f"{side}_hip_abduct")] *= 0.3
    poses = pose_bodies(repeated, angles_from_drive(drive))
    turn = np.cumsum(0.5 * energy * _smooth_signals(rng, time, 1, 0.05, 0.2)[:, 0]) / fps
    turn += rng.uniform(0, 2 * np.pi)
    poses = np.einsum("tij,tkj->tki", about_axis("y", turn), poses)
    path = np.cumsum(np.stack([np.sin(turn), 0 * turn, np.cos(turn)], 1), axis=0) * pace / fps
    ankles = poses[:, [H36M_17.index("left_ankle"), H36M_17.index("right_ankle")], 1]
    path[:, 1] = 0.08 - ankles.min(axis=1)
    return (poses + (path - path.mean(axis=0) * [1, 0, 1])[:, None]).astype(np.float32)


def _smooth_signals(
    rng: np.random.Generator, time: Float[np.ndarray, " T"], count: int, slow: float, fast: float
) -> Float[np.ndarray, "T A"]:
    """Sums of four sinusoids of random phase and frequency (Hz), of about unit variance."""
    frequency = rng.uniform(slow, fast, size=(4, count))
    phase = rng.uniform(0, 2 * np.pi, size=(4, count))
    waves = np.sin(2 * np.pi * frequency[:, None] * time[None, :, None] + phase[:, None])
    return waves.sum(axis=0) / np.sqrt(2.0)


def _ball(
    angles: dict[str, Float[np.ndarray, " N"]], joint: str, sign: float
) -> Float[np.ndarray, "N 3 3"]:
    """Rotation of a hip or shoulder; `sign` is 1 on the left."""
    return (
        about_axis("z", sign * angles[f"{joint}_abduct"])
        @ about_axis("x", -angles[f"{joint}_flex"])
        @ about_axis("y", sign * angles[f"{joint}_twist"])
    )


def _bone(
    x: Float[np.ndarray, " N"] | float = 0.0,
    y: Float[np.ndarray, " N"] | float = 0.0,
    z: Float[np.ndarray, " N"] | float = 0.0,
) -> Float[np.ndarray, "N 3"]:
    return np.stack(np.broadcast_arrays(x, y, z), axis=-1)
