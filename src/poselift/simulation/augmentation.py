"""Endless training views: poses recombined, resized and seen by random cameras and detectors.

The recipe of the shipped weights. A pose (from motion capture or synthetic) is varied in its own
body - limbs exchanged between poses, bones turned a little, bone lengths and stature changed,
sides mirrored - then seen by a random camera, and its 2D joints disturbed as a detector would.
All in NumPy, vectorised over samples; everything follows from (seed, epoch index).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from poselift.geometry import about_axis, from_rotation_vector, normalise, root_relative
from poselift.simulation.noise import DetectorNoise
from poselift.simulation.synthetic import random_poses
from poselift.skeletons import H36M_17

_AT = {joint: H36M_17.index(joint) for joint in H36M_17.joints}
_PARENT = np.array(H36M_17.parents)

#: Joints whose bones (to their parents) form one exchangeable limb, and the frame it hangs on.
_LIMBS: dict[str, tuple[tuple[str, ...], str]] = {
    **{f"{side}_arm": ((f"{side}_elbow", f"{side}_wrist"), "chest") for side in ("left", "right")},
    **{f"{side}_leg": ((f"{side}_knee", f"{side}_ankle"), "hips") for side in ("left", "right")},
    "head": (("neck", "head"), "chest"),
}

#: Bones that share one length factor.
_LENGTH_CLASSES: tuple[tuple[tuple[str, ...], float], ...] = (
    (("left_hip", "right_hip"), 0.0),  # drawn apart: see `hip_width` and `shoulder_width`
    (("left_knee", "right_knee"), 1.0),
    (("left_ankle", "right_ankle"), 1.0),
    (("spine", "thorax"), 1.0),
    (("neck",), 1.5),
    (("head",), 1.5),
    (("left_shoulder", "right_shoulder"), 0.0),
    (("left_elbow", "right_elbow"), 1.0),
    (("left_wrist", "right_wrist"), 1.0),
)


@dataclass(frozen=True)
class AugmentationConfig:
    """How training views are drawn.

    synthetic       share of poses made by `datasets.synthetic` instead of motion capture.
    exchange        probability that a limb is taken from another pose.
    synthetic_donors  share of synthetic poses among those that limbs are taken from: most of the
                    motion capture is walking, with arms that hang.
    turn            spread (degrees) of random turns of limb bones, applied to half of the poses.
    bone_length     relative spread of bone lengths.
    hip_width       range of the factor on the distance between the hips: detected hips lie wider
                    apart than CMU's joint centres.
    shoulder_width  the same for the shoulders, which detectors place closer together than CMU
                    does; a width that is taken for wrong is read as a turn of the trunk.
    stature         relative spread of the whole body's size.
    tumble          share of poses turned anyhow (lying, upside down).
    pitch           range of the camera's downward pitch, degrees.
    roll            spread of the camera's roll, degrees.
    distance        range of the camera's distance from the pelvis, metres (log-uniform).
    conventions     probability that pelvis, thorax and spine are derived from hips and shoulders,
                    as they must be for detectors, and (0.6 times as often) the head from the eyes.
    clean           share of samples without detector noise.
    noise           the detector noise of the others.
    """

    synthetic: float = 0.25
    synthetic_donors: float = 0.5
    exchange: float = 0.5
    turn: float = 10.0
    bone_length: float = 0.07
    hip_width: tuple[float, float] = (0.9, 1.55)
    shoulder_width: tuple[float, float] = (0.78, 1.12)
    stature: float = 0.06
    tumble: float = 0.02
    pitch: tuple[float, float] = (-10.0, 40.0)
    roll: float = 12.0
    distance: tuple[float, float] = (2.0, 10.0)
    conventions: float = 0.65
    clean: float = 0.25
    noise: DetectorNoise = field(default_factory=DetectorNoise)


class AugmentedSource:
    """Training source: `epoch(index)` gives fresh normalised 2D poses and their 3D targets.

    bank       (N, 17, 3) world poses in metres, y up (from `load_motions`), or None for synthetic
               poses alone.
    samples    poses an epoch.
    """

    def __init__(
        self,
        bank: Float[np.ndarray, "N 17 3"] | None,
        samples: int,
        seed: int,
        config: AugmentationConfig | None = None,
    ) -> None:
        """Keep the bank of poses, root-relative."""
        self.config = config or AugmentationConfig()
        self.bank = None if bank is None else root_relative(bank.astype(np.float32))
        self.samples, self.seed = samples, seed

    def epoch(self, index: int) -> tuple[Float[np.ndarray, "N 17 2"], Float[np.ndarray, "N 17 3"]]:
        """Return the inputs (`person` normalisation, missing = 0) and targets of an epoch.

        Targets are root-relative metres in the network's space. The same (seed, index) always
        gives the same arrays.
        """
        rng = np.random.default_rng((self.seed, index))
        poses = self._draw(rng, self.config.synthetic)
        donors = self._draw(rng, self.config.synthetic_donors)
        poses = vary_bodies(rng, poses, donors, self.config)
        return view_poses(rng, poses, self.config)

    def _draw(self, rng: np.random.Generator, synthetic: float) -> Float[np.ndarray, "N 17 3"]:
        """Draw poses, facing anywhere, from the bank and a share from the synthetic source."""
        if self.bank is None:
            return random_poses(rng, self.samples)
        chosen = self.bank[rng.integers(0, len(self.bank), self.samples)]
        made = rng.random(self.samples) < synthetic
        chosen[made] = random_poses(rng, int(made.sum()))
        return chosen


def vary_bodies(
    rng: np.random.Generator,
    poses: Float[np.ndarray, "N 17 3"],
    donors: Float[np.ndarray, "N 17 3"],
    config: AugmentationConfig,
) -> Float[np.ndarray, "N 17 3"]:
    """Mirror, exchange limbs with `donors`, turn bones, change lengths. World axes, metres."""
    mirrored = rng.random(len(poses)) < 0.5
    poses = np.where(mirrored[:, None, None], H36M_17.flip(poses), poses)
    bones = poses - poses[:, _PARENT]
    given = donors - donors[:, _PARENT]
    frames = {name: _frame(poses, name) for name in ("chest", "hips")}
    others = {name: _frame(donors, name) for name in ("chest", "hips")}
    for joints, frame in _LIMBS.values():
        index = [_AT[joint] for joint in joints]
        turn = frames[frame] @ others[frame].transpose(0, 2, 1)
        moved = given[:, index] @ turn.transpose(0, 2, 1)
        taken = rng.random(len(poses)) < config.exchange
        bones[np.ix_(np.flatnonzero(taken), np.array(index))] = moved[taken]
        _turn_bones(rng, bones, index, config.turn)
    bones *= _length_factors(rng, len(poses), config)[..., None]
    return _assemble(bones).astype(np.float32)


def view_poses(
    rng: np.random.Generator, poses: Float[np.ndarray, "N 17 3"], config: AugmentationConfig
) -> tuple[Float[np.ndarray, "N 17 2"], Float[np.ndarray, "N 17 3"]]:
    """See world poses (y up, root-relative) by random cameras and detectors; see `epoch`."""
    count = len(poses)
    turn = about_axis("y", rng.uniform(0, 2 * np.pi, count))
    tumble = rng.random(count) < config.tumble
    axis = rng.normal(size=(count, 3))
    axis *= (rng.uniform(0, np.pi, count) / np.linalg.norm(axis, axis=1))[:, None]
    turn[tumble] = from_rotation_vector(axis[tumble]) @ turn[tumble]
    pitch = about_axis("x", np.deg2rad(rng.uniform(*config.pitch, count)))
    roll = about_axis("z", np.deg2rad(rng.normal(0, config.roll, count)))
    flip = np.diag([1.0, -1.0, -1.0])  # y up, facing us -> y down, z forward
    seen = (roll @ flip @ pitch @ turn).astype(np.float32)
    camera = poses @ seen.transpose(0, 2, 1)
    nearest, farthest = np.log(config.distance)
    depth = np.exp(rng.uniform(nearest, farthest, count)).astype(np.float32)
    depth = np.maximum(depth, 0.4 - camera[..., 2].min(axis=1))
    slopes = camera[..., :2] / (camera[..., 2:] + depth[:, None, None])
    slopes = _as_detected(rng, slopes, config)
    pose = normalise(slopes, "person", (0.0, 0.0), focal=1.0)
    return np.nan_to_num(pose.inputs), pose.to_network(camera)


def _as_detected(
    rng: np.random.Generator, points: Float[np.ndarray, "N 17 2"], config: AugmentationConfig
) -> Float[np.ndarray, "N 17 2"]:
    """Disturb the joints as detectors do, and derive those that their joint sets lack."""
    points = points.copy()
    derived, eyes = rng.random((2, len(points))) < config.conventions
    # COCO has no top of the head; the eyes lie about 0.3 of the way up from the nose
    eyes &= rng.random(len(points)) < 0.6
    nose, top = points[eyes, _AT["neck"]], points[eyes, _AT["head"]]
    points[eyes, _AT["head"]] = nose + 0.3 * (top - nose)
    noisy = rng.random(len(points)) >= config.clean
    points[noisy] = config.noise.apply(rng, points[noisy])
    for joint, sources in (
        ("pelvis", ("left_hip", "right_hip")),
        ("thorax", ("left_shoulder", "right_shoulder")),
        ("spine", ("pelvis", "thorax")),
    ):
        index = [_AT[source] for source in sources]
        points[derived, _AT[joint]] = points[derived][:, index].mean(axis=1)
    return points


def _frame(poses: Float[np.ndarray, "N 17 3"], name: str) -> Float[np.ndarray, "N 3 3"]:
    """Body-fixed axes as columns: x to the left, y up the trunk, z forward."""
    part = "shoulder" if name == "chest" else "hip"
    across = poses[:, _AT[f"left_{part}"]] - poses[:, _AT[f"right_{part}"]]
    up = poses[:, _AT["thorax"]] - poses[:, _AT["spine" if name == "chest" else "pelvis"]]
    x = _unit(across)
    z = _unit(np.cross(x, up))
    return np.stack([x, np.cross(z, x), z], axis=2)


def _turn_bones(
    rng: np.random.Generator,
    bones: Float[np.ndarray, "N 17 3"],
    index: list[int],
    degrees: float,
) -> None:
    """Turn the bones of one limb by small random rotations, in half of the poses."""
    amount = np.deg2rad(degrees) * (rng.random((len(bones), 1)) < 0.5)
    turn = from_rotation_vector(rng.normal(size=(len(bones), 3)) * amount)
    for joint in index:
        bones[:, joint] = np.einsum("nij,nj->ni", turn, bones[:, joint])
        turn = from_rotation_vector(rng.normal(size=(len(bones), 3)) * amount) @ turn


def _length_factors(
    rng: np.random.Generator, count: int, config: AugmentationConfig
) -> Float[np.ndarray, "N 17"]:
    """Factor on each bone: its class, a little asymmetry, and stature."""
    factors = np.clip(rng.normal(1, 0.015, (count, len(H36M_17))), 0.9, 1.1)
    for joints, spread in _LENGTH_CLASSES:
        drawn = np.clip(rng.normal(1, config.bone_length * spread, count), 0.6, 1.4)
        if joints[0] == "left_hip":
            drawn = rng.uniform(*config.hip_width, count)
        elif joints[0] == "left_shoulder":
            drawn = rng.uniform(*config.shoulder_width, count)
        for joint in joints:
            factors[:, _AT[joint]] *= drawn
    return factors * np.clip(rng.normal(1, config.stature, count), 0.75, 1.25)[:, None]


def _assemble(bones: Float[np.ndarray, "N 17 3"]) -> Float[np.ndarray, "N 17 3"]:
    """Joint positions from bone vectors, pelvis at the origin."""
    poses = np.zeros_like(bones)
    for joint in range(1, len(H36M_17)):
        poses[:, joint] = poses[:, _PARENT[joint]] + bones[:, joint]
    return poses


def _unit(vectors: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3"]:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(length, 1e-9)
