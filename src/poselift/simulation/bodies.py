"""Bodies varied in themselves: limbs and halves exchanged, bones turned, trunks bent, sizes drawn.

World axes: right-handed, y up, metres, pelvis at the origin; all in NumPy, vectorised over samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from poselift.geometry import about_axis, from_rotation_vector
from poselift.simulation.conventions import Drawn, shift_joints
from poselift.skeletons import H36M_17

if TYPE_CHECKING:
    from poselift.simulation.augmentation import AugmentationConfig

# of `h36m_17`; bones are from the parent to the joint
Poses = Float[np.ndarray, "N 17 3"]

_AT = {joint: H36M_17.index(joint) for joint in H36M_17.joints}
_PARENT = np.array(H36M_17.parents)

#: Joints whose bones (to their parents) form one exchangeable limb, and the frame it hangs on.
_LIMBS: dict[str, tuple[tuple[str, ...], str]] = {
    **{f"{side}_arm": ((f"{side}_elbow", f"{side}_wrist"), "chest") for side in ("left", "right")},
    **{f"{side}_leg": ((f"{side}_knee", f"{side}_ankle"), "hips") for side in ("left", "right")},
    "head": (("neck", "head"), "chest"),
}

#: All that moves with the chest; the spine's own bone moves half as far.
_UPPER = [
    _AT[joint]
    for joint in H36M_17.joints
    if joint in ("thorax", "neck", "head") or joint.endswith(("shoulder", "elbow", "wrist"))
]

#: Bones that share one length factor; hips and shoulders have widths of their own.
_LENGTH_CLASSES: tuple[tuple[tuple[str, ...], float], ...] = (
    (("left_knee", "right_knee"), 1.0),
    (("left_ankle", "right_ankle"), 1.0),
    (("spine", "thorax"), 1.0),
    (("neck",), 1.5),
    (("head",), 1.5),
    (("left_elbow", "right_elbow"), 1.0),
    (("left_wrist", "right_wrist"), 1.0),
)


def vary_bodies(
    rng: np.random.Generator, poses: Poses, donors: Poses, drawn: Drawn, config: AugmentationConfig
) -> Poses:
    """Mirror, exchange halves and limbs with `donors`, bend, turn bones, change lengths.

    drawn  whose hips and shoulders the bodies get, a row a sample.
    """
    mirrored = rng.random(len(poses)) < 0.5
    poses = np.where(mirrored[:, None, None], H36M_17.flip(poses), poses)
    bones = poses - poses[:, _PARENT]
    given = donors - donors[:, _PARENT]
    _exchange_halves(rng, bones, poses, given, donors, config.halves)
    _bend(rng, bones, poses, config.bend)
    poses = _assemble(bones)
    frames = {name: body_frame(poses, name) for name in ("chest", "hips")}
    others = {name: body_frame(donors, name) for name in ("chest", "hips")}
    for joints, frame in _LIMBS.values():
        index = [_AT[joint] for joint in joints]
        turn = frames[frame] @ others[frame].transpose(0, 2, 1)
        moved = given[:, index] @ turn.transpose(0, 2, 1)
        taken = rng.random(len(poses)) < config.exchange
        bones[np.ix_(np.flatnonzero(taken), np.array(index))] = moved[taken]
        # in half of the poses, by small rotations, one on top of the other
        amount = np.deg2rad(config.turn) * (rng.random((len(bones), 1)) < 0.5)
        turn = from_rotation_vector(rng.normal(size=(len(bones), 3)) * amount)
        for joint in index:
            bones[:, joint] = np.einsum("nij,nj->ni", turn, bones[:, joint])
            turn = from_rotation_vector(rng.normal(size=(len(bones), 3)) * amount) @ turn
    count = len(bones)  # lengths: by class, a little asymmetry, and stature
    factors = np.clip(rng.normal(1, 0.015, (count, len(H36M_17))), 0.9, 1.1)
    for joints, spread in _LENGTH_CLASSES:
        factor = np.clip(rng.normal(1, config.bone_length * spread, count), 0.6, 1.4)
        factors[:, [_AT[joint] for joint in joints]] *= factor[:, None]
    for side in ("left", "right"):
        factors[:, _AT[f"{side}_hip"]] *= drawn.hips
        factors[:, _AT[f"{side}_shoulder"]] *= drawn.shoulders
    factors *= np.clip(rng.normal(1, config.stature, count), 0.75, 1.25)[:, None]
    bones *= factors[..., None]
    poses = _assemble(bones)
    moved = shift_joints(poses, drawn, body_frame(poses, "hips"), body_frame(poses, "chest"))
    return moved.astype(np.float32)


def body_frame(poses: Poses, name: str) -> Float[np.ndarray, "N 3 3"]:
    """Axes of "chest" or "hips" as columns: x to the left, y up the trunk, z forward.

    In any right-handed space, the camera's too.
    """
    part = "shoulder" if name == "chest" else "hip"
    across = poses[:, _AT[f"left_{part}"]] - poses[:, _AT[f"right_{part}"]]
    up = poses[:, _AT["thorax"]] - poses[:, _AT["spine" if name == "chest" else "pelvis"]]
    x = _unit(across)
    z = _unit(np.cross(x, up))
    return np.stack([x, np.cross(z, x), z], axis=2)


def _exchange_halves(
    rng: np.random.Generator, bones: Poses, poses: Poses, given: Poses, donors: Poses, share: float
) -> None:
    """Put the upper bodies of donors on the legs of some poses, turned to face the same way.

    About the vertical only: a trunk stays as upright as it was.
    """
    rows = np.flatnonzero(rng.random(len(bones)) < share)
    index = np.array([_AT["spine"], *_UPPER])
    turn = about_axis("y", _heading(poses[rows]) - _heading(donors[rows]))
    bones[np.ix_(rows, index)] = given[np.ix_(rows, index)] @ turn.transpose(0, 2, 1)


def _heading(poses: Poses) -> Float[np.ndarray, " N"]:
    """Angle about y that the hips face, radians; 0 is +z."""
    forward = body_frame(poses, "hips")[:, :, 2]
    heading: np.ndarray = np.arctan2(forward[:, 0], forward[:, 2])
    return heading


def _bend(rng: np.random.Generator, bones: Poses, poses: Poses, share: float) -> None:
    """Bend some bodies at the waist: forward most, sideways and about the trunk too."""
    rows = np.flatnonzero(rng.random(len(bones)) < share)
    amount = rng.normal((25.0, 0.0, 0.0), (25.0, 20.0, 20.0), (len(rows), 3))
    hips = body_frame(poses[rows], "hips")
    vector = np.einsum("nij,nj->ni", hips, np.deg2rad(amount))
    whole, half = from_rotation_vector(vector), from_rotation_vector(vector / 2)
    upper = np.ix_(rows, np.array(_UPPER))
    bones[upper] = bones[upper] @ whole.transpose(0, 2, 1)
    bones[rows, _AT["spine"]] = np.einsum("nij,nj->ni", half, bones[rows, _AT["spine"]])


def _assemble(bones: Poses) -> Poses:
    """Joint positions from bone vectors, pelvis at the origin."""
    poses = np.zeros_like(bones)
    for joint in range(1, len(H36M_17)):
        poses[:, joint] = poses[:, _PARENT[joint]] + bones[:, joint]
    return poses


def _unit(vectors: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3"]:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(length, 1e-9)
