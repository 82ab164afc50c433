"""Bones of constant length: a person's lengths from a clip, and poses that keep them.

Axes: T frame, J joint. Lengths belong to the joint in which a bone ends; the root's is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.motion.skeleton import bone_vectors
from poselift.motion.tpose import rest_directions
from poselift.poses import PoseSequence
from poselift.skeletons import Skeleton

#: Frames at once: what they need stays in the caches.
_CHUNK = 2048

#: Rounds of moving both ends of every bone until it fits.
_ROUNDS = 4

#: Height of the ankles' centres above the floor, as part of the body's (Winter, Biomechanics and
#: Motor Control of Human Movement).
_ANKLE_HEIGHT = 0.039

#: The crown stands higher than the head top of lifted poses, which is where CMU's skeletons end, by
#: this factor: a leg is 0.491 of a person's height (Winter), and by it cmu17's people are taller
#: than their head tops stand, 3 % in the median of its training subjects (12, and those without a
#: number as one).
CROWN = 1.03


def bone_lengths(
    positions: Float[np.ndarray, "T J 3"], skeleton: Skeleton, *, symmetric: bool = False
) -> Float[np.ndarray, " J"]:
    """Return a person's bone lengths (in the unit of `positions`): medians over the frames.

    symmetric  a left bone and its right one get one length, the mean of both medians.

    Frames in which a bone is missing do not count; a bone that never is there is NaN.
    """
    vectors = bone_vectors(positions, skeleton)
    lengths = np.sqrt(np.einsum("tjd,tjd->jt", vectors, vectors, dtype=np.float64))
    medians = np.full(len(skeleton), np.nan)
    for joint, found in enumerate(lengths):
        there = np.isfinite(found)
        if there.any():
            medians[joint] = np.median(found if there.all() else found[there])
    if symmetric:
        medians = (medians + medians[skeleton.flip_order]) / 2
    return medians


def standing_height(lengths: Float[np.ndarray, " J"], skeleton: Skeleton) -> float:
    """Return how high the head top of a person of these bones stands above the floor, metres.

    Bones as at rest (`tpose`), both legs' mean, and the ankles' height above the floor as in the
    mean person. Raises `PoseliftError` for a joint set without head top or ankles.
    """
    landmarks = skeleton.landmarks
    for landmark in ("head_top", "left_ankle", "right_ankle"):
        if landmark not in landmarks:
            raise PoseliftError(
                f"the height of a person in the joints {skeleton.name} is not known: "
                f"expected a joint {landmark}"
            )
    rise = lengths * rest_directions(skeleton)[:, 1]
    head = _sum_up(landmarks.index("head_top"), rise, skeleton)
    legs = [_sum_up(landmarks.index(f"{side}_ankle"), rise, skeleton) for side in ("left", "right")]
    return float((head - np.mean(legs)) / (1 - _ANKLE_HEIGHT))


def keep_lengths(
    positions: Float[np.ndarray, "T J 3"],
    lengths: Float[np.ndarray, " J"],
    skeleton: Skeleton,
    rounds: int = _ROUNDS,
) -> Float[np.ndarray, "T J 3"]:
    """Return the nearest poses (about) whose bones have these lengths exactly, root kept.

    Both ends of each bone are moved along it by half of what it lacks, several times over; then
    lengths are set exactly from the root outwards. A missing (NaN) joint stays missing, and a bone
    of unknown (NaN) length or with a missing end is left alone.
    """
    order = [j for j in np.argsort(skeleton.depth, kind="stable").tolist() if j != skeleton.root]
    bones = [(skeleton.parents[j], j, float(lengths[j])) for j in order if np.isfinite(lengths[j])]
    out = np.empty_like(positions)
    for start in range(0, len(positions), _CHUNK):
        rows = slice(start, start + _CHUNK)
        points = positions[rows].transpose(1, 2, 0).copy()  # J, 3, T: joints are contiguous
        _fit(points, bones, skeleton.root, rounds)
        out[rows] = points.transpose(2, 0, 1)
    return out


def _fit(
    points: Float[np.ndarray, "J 3 T"],
    bones: Sequence[tuple[int, int, float]],
    root: int,
    rounds: int,
) -> None:
    """Give the bones (parent, joint, length) their lengths, in place; joints are contiguous."""
    place, whole = points[root].copy(), bool(np.isfinite(points).all())
    with np.errstate(invalid="ignore", divide="ignore"):
        for left in range(rounds, -1, -1):
            for parent, joint, length in bones:
                bone = points[joint] - points[parent]
                found = np.sqrt(np.add.reduce(bone * bone, axis=0))
                found = length / found
                found -= 1
                found[~(found < 1e9)] = 0.0  # no length, no direction; or a missing end
                bone *= found
                if not whole:
                    bone[:, np.isnan(bone[0])] = 0.0
                if left:
                    bone *= 0.5
                    points[parent] -= bone
                points[joint] += bone
            if left == 1:
                points += place - points[root]


def constant_bones(
    poses: PoseSequence,
    *,
    lengths: Float[np.ndarray, " J"] | None = None,
    height: float | None = None,
    symmetric: bool = False,
) -> PoseSequence:
    """Give a person bones of constant length (3D; the pelvis stays where it is).

    lengths    (J,) metres, or None for those of the clip, `bone_lengths`.
    height     metres from the floor to the crown, to which all lengths are scaled; the head top of
               the poses is taken to be lower, as that of lifted poses is (`CROWN`).
    symmetric  left and right bones of one length.

    Raises `PoseliftError` for 2D poses and a height that no person has.
    """
    if poses.dims != 3:
        raise PoseliftError("expected 3D poses to give constant bones, got 2D ones")
    check_height(height)
    words = "given lengths"
    if lengths is None:
        lengths = bone_lengths(poses.positions, poses.skeleton, symmetric=symmetric)
        words = "medians over the clip" + (", left and right alike" if symmetric else "")
    if not np.isfinite(np.delete(lengths, poses.skeleton.root)).any():
        return replace(poses, history=(*poses.history, "bones: left as they are, no pose is there"))
    positions = np.asarray(poses.positions, np.float64)
    if height is not None:
        factor = height / (CROWN * standing_height(lengths, poses.skeleton))
        words += f", times {factor:.4f} for a height of {height:g} m"
        # scaled first: else the joints would be pulled towards bones of another size
        positions, lengths = positions * factor, lengths * factor
    positions = keep_lengths(positions, lengths, poses.skeleton)
    step = f"bones: constant lengths, {words}"
    return replace(poses, positions=positions.astype(np.float32), history=(*poses.history, step))


def check_height(height: float | None) -> None:
    """Refuse a height that no person has."""
    good = isinstance(height, int | float | np.number) and 0.4 <= height <= 2.8
    if height is not None and not good:
        raise PoseliftError(
            f"expected the person's height in metres (1.78), between 0.4 and 2.8, got {height}"
        )


def _sum_up(joint: int, values: Float[np.ndarray, " J"], skeleton: Skeleton) -> float:
    """Add up the bones' values from the root to a joint."""
    total = 0.0
    while skeleton.parents[joint] >= 0:
        total += float(values[joint])
        joint = skeleton.parents[joint]
    return total
