"""Where a person is: the path of the root joint in the camera's space, from 2D, 3D and intrinsics.

The lifted pose has a size in metres and the keypoints say how large it looks and where. Full
perspective: each joint's viewing ray should meet the joint. Per frame that is a weighted linear
least-squares problem in the root's three coordinates (weights: scores, and robustly the residuals).
In turn with it the pose itself is drawn to its rays with its bones kept, since keypoints know
better than the lifted pose where joints are across the line of sight. Depth, which only the size
tells, is smoothed more than the rest.

Axes: T frame, J joint.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.motion.bones import bone_lengths, keep_lengths
from poselift.motion.calibration import Calibration
from poselift.motion.filters import CUTOFF, Smoothing, filter_columns
from poselift.motion.timing import LONGEST_GAP, Timing, fill_columns
from poselift.poses import AXES_3D, PoseSequence
from poselift.skeletons import Skeleton

#: Cut-off of the depth's filter, Hz: people do not come nearer and go away faster.
DEPTH_CUTOFF = 0.6

#: Residual in metres at the person by which a joint's weight is halved (Cauchy).
_ROBUST = 0.08
#: Frames at once: what they need stays in the caches.
_CHUNK = 2048
#: Rounds of drawing to the rays and placing anew.
_ROUNDS = 2
#: A joint farther from its ray than this (metres) is drawn half as much: one of the two is wrong.
_WRONG = 0.08
#: What is drawn moves slowly: Hz.
_MOVES_CUTOFF = 3.0
#: Part by which lifted poses of the right bones are too large across the line of sight, and so
#: would stand too far: a network's mean of possible poses is short along that line, and scaling to
#: a height stretches all of it. Measured on cmu17's validation motions (2.3 +- 0.6 %).
_TOO_WIDE = 0.022
#: Weight of elbows and wrists: lifted arms are the least certain, and say little of the size.
_ARMS = 0.3
#: A score from which on a joint is drawn all the way.
_SURE = 0.5
#: Joints that a frame must show to be placed.
_ENOUGH = 6

#: Parts of the depth that nobody can know: the person's size if no height is given, the shape of
#: single poses, the focal length where it is assumed. Standard deviations, measured on cmu17.
_UNKNOWN_SIZE, _UNKNOWN_POSE, _UNKNOWN_FOCAL = 0.04, 0.03, 0.15


class _Seen(NamedTuple):
    """What the camera saw.

    slopes  (T, J, 2) of the joints' rays, 0 if missing.
    scores  (T, J) how sure they are, 0 to 1; 0 if missing.
    parts   (J,) what each joint counts where the root is sought.
    """

    slopes: np.ndarray
    scores: np.ndarray
    parts: np.ndarray

    def of(self, rows: slice) -> _Seen:
        """What it saw in some frames, in single precision."""
        single = np.float32
        return _Seen(self.slopes[rows].astype(single), self.scores[rows].astype(single), self.parts)


def place(
    poses_2d: PoseSequence,
    poses_3d: PoseSequence,
    calibration: Calibration,
    *,
    height_known: bool = False,
) -> PoseSequence:
    """Return the 3D poses (camera axes) with the tracks `root` and `root_std`, metres.

    poses_2d      the keypoints of the same frames and joints, pixels.
    poses_3d      root-relative; its bones should be of constant length.
    calibration   the camera.
    height_known  whether the bones of lifted poses were scaled to the person's true size; then
                  their depth is less by `_TOO_WIDE`, and surer.

    Frames that show fewer than 6 joints have no root (NaN), unless the gap is at most 0.25 s.
    Raises `PoseliftError` if the two sequences do not belong together or a picture of another
    size was calibrated.
    """
    if poses_2d.dims != 2 or poses_3d.axes != AXES_3D or poses_2d.skeleton != poses_3d.skeleton:
        raise PoseliftError("expected 2D keypoints and 3D poses in camera axes, of the same joints")
    calibration = calibration.fitting(poses_2d.image_size)
    timing = Timing.of(poses_3d)
    seen = _seen(poses_2d, calibration, timing)
    positions = poses_3d.positions.astype(np.float64)
    lengths = bone_lengths(positions, poses_3d.skeleton)
    moves = np.empty_like(positions)
    for start in range(0, len(positions), _CHUNK):
        rows = slice(start, start + _CHUNK)
        part = poses_3d.positions[rows]
        moves[rows] = _moves(part, seen.of(rows), lengths, poses_3d.skeleton)
    moves = _filtered(moves.reshape(len(moves), -1), timing, _MOVES_CUTOFF).reshape(moves.shape)
    positions = keep_lengths(positions + moves, lengths, poses_3d.skeleton, rounds=2)
    root, error, weights = _solved(positions, seen)
    depth = _filtered(root[:, 2:], timing, DEPTH_CUTOFF)
    if height_known:
        depth = depth * (1 - _TOO_WIDE)
    root = _across(positions, seen, weights, depth)
    root[:, :2] = _filtered(root[:, :2], timing, CUTOFF)
    fill_columns(root, timing.times, LONGEST_GAP)
    unknown = _UNKNOWN_POSE**2
    unknown += 0.0 if height_known else _UNKNOWN_SIZE**2
    unknown += _UNKNOWN_FOCAL**2 if calibration.assumed else 0.0
    # an error of depth moves the root along its ray, so a part of it goes across as well
    along = np.abs(root) / np.maximum(root[:, 2:], 1e-6) * np.sqrt(unknown) * root[:, 2:]
    std = np.sqrt(along**2 + error[:, None] ** 2)
    step = (
        f"root: least squares over the joints' rays, {calibration.source}, "
        f"depth smoothed at {DEPTH_CUTOFF:g} Hz, poses drawn to the rays"
    )
    return replace(
        poses_3d,
        positions=positions.astype(np.float32),
        tracks={
            **poses_3d.tracks,
            "root": root.astype(np.float32),
            "root_std": std.astype(np.float32),
        },
        history=(*poses_3d.history, step),
    )


def _seen(poses: PoseSequence, calibration: Calibration, timing: Timing) -> _Seen:
    """Smooth the keypoints as the poses are, and turn them into rays with weights."""
    flat = poses.positions.reshape(len(poses), -1).astype(np.float64)
    smooth = _filtered(flat, timing, CUTOFF).reshape(poses.positions.shape)
    slopes = calibration.slopes(smooth)
    there = np.isfinite(slopes).all(axis=-1)
    scores = np.where(np.isnan(poses.scores), 1.0, np.clip(poses.scores, 0.0, 1.0))
    arms = [name.partition("_")[2] in ("elbow", "wrist") for name in poses.skeleton.landmarks]
    return _Seen(
        np.where(there[..., None], slopes, 0.0),
        np.where(there, scores, 0.0),
        np.where(arms, _ARMS, 1.0),
    )


def _solved(
    positions: Float[np.ndarray, "T J 3"],
    seen: _Seen,
    weights: Float[np.ndarray, "T J"] | None = None,
    rounds: int = 3,
) -> tuple[Float[np.ndarray, "T 3"], Float[np.ndarray, " T"], Float[np.ndarray, "T J"]]:
    """Root (metres, NaN where too little is seen), mean residual of the rays, joints' weights.

    weights  to begin with, of a solution nearby.
    """
    there = np.isfinite(positions).all(axis=-1)
    points = np.where(there[..., None], positions, 0)
    certain = np.where(there, seen.scores * seen.parts.astype(seen.scores.dtype), 0)
    u, v = seen.slopes[..., 0], seen.slopes[..., 1]
    # a joint's ray is met where  tx - u tz = u z - x  and  ty - v tz = v z - y
    right_u, right_v = u * points[..., 2] - points[..., 0], v * points[..., 2] - points[..., 1]
    square, product = u * u + v * v, u * right_u + v * right_v
    weights = certain if weights is None else weights
    root, ones = np.empty((len(points), 3), points.dtype), np.ones_like(u)
    for _ in range(rounds):
        total, sum_u, sum_v, squares, free_u, free_v, products = (
            np.einsum("tj,tj->t", weights, part)
            for part in (ones, u, v, square, right_u, right_v, product)
        )
        # the normal equations with tx and ty eliminated
        total = np.maximum(total, 1e-12)
        below = squares - (sum_u * sum_u + sum_v * sum_v) / total
        above = (sum_u * free_u + sum_v * free_v) / total - products
        root[:, 2] = above / np.maximum(below, 1e-12)
        root[:, 0] = (free_u + sum_u * root[:, 2]) / total
        root[:, 1] = (free_v + sum_v * root[:, 2]) / total
        depth = np.maximum(root[:, 2:] + points[..., 2], 0.1)
        off_u = root[:, :1] + points[..., 0] - u * depth
        off_v = root[:, 1:2] + points[..., 1] - v * depth
        error = np.sqrt(off_u * off_u + off_v * off_v)
        weights = certain / ((1 + (error / _ROBUST) ** 2) * depth * depth)
    enough = ((certain > 0).sum(axis=1) >= _ENOUGH)[:, None]
    bad = ~enough[:, 0] | ~(root[:, 2] > 0.1)
    root[bad] = np.nan
    mean = (certain * error).sum(axis=1) / np.maximum(certain.sum(axis=1), 1e-9)
    return root, np.where(bad, np.nan, mean), weights


def _moves(
    positions: Float[np.ndarray, "T J 3"],
    seen: _Seen,
    lengths: Float[np.ndarray, " J"],
    skeleton: Skeleton,
) -> Float[np.ndarray, "T J 3"]:
    """How the joints move if they are drawn to their rays, in turn with the root being placed."""
    drawn = positions
    root, _, weights = _solved(positions, seen)
    for left in range(_ROUNDS - 1, -1, -1):
        drawn = _drawn(drawn, root, seen, lengths, skeleton)
        if left:
            root, _, weights = _solved(drawn, seen, weights, rounds=1)
    return drawn - positions


def _across(
    positions: Float[np.ndarray, "T J 3"],
    seen: _Seen,
    weights: Float[np.ndarray, "T J"],
    depth: Float[np.ndarray, "T 1"],
) -> Float[np.ndarray, "T 3"]:
    """Root of a given depth that meets the joints' rays best."""
    ahead = positions[..., 2] + depth
    off = seen.slopes * ahead[..., None] - positions[..., :2]
    shares = np.where(np.isfinite(off[..., 0]), weights, 0.0)[..., None]
    total = shares.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        place = (shares * np.nan_to_num(off)).sum(axis=1) / total
    root = np.concatenate([place, depth], axis=1)
    root[~np.isfinite(root).all(axis=1)] = np.nan
    return root


def _drawn(
    positions: Float[np.ndarray, "T J 3"],
    root: Float[np.ndarray, "T 3"],
    seen: _Seen,
    lengths: Float[np.ndarray, " J"],
    skeleton: Skeleton,
) -> Float[np.ndarray, "T J 3"]:
    """Draw joints across the line of sight to their rays, keep the bones; the root at 0 again."""
    ahead = positions[..., 2] + root[:, 2:]
    off = seen.slopes * ahead[..., None] - root[:, None, :2] - positions[..., :2]
    far = np.sqrt((off * off).sum(axis=-1)) / _WRONG
    part = (np.clip(seen.scores / _SURE, 0.0, 1.0) / (1 + far**4))[..., None]
    moved = positions.copy()
    moved[..., :2] += np.nan_to_num(part * off)
    moved -= moved[:, skeleton.root : skeleton.root + 1]
    # roughly: what comes last makes them exact
    return keep_lengths(moved, lengths, skeleton, rounds=2)


def _filtered(
    values: Float[np.ndarray, "T C"], timing: Timing, cutoff: float
) -> Float[np.ndarray, "T C"]:
    """Low-pass columns that may hold NaN; as they are if the rate is too low."""
    if cutoff >= timing.rate / 2 or len(values) < 2:
        return values
    return filter_columns(values, timing, Smoothing("butterworth", cutoff))
