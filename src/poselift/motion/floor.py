"""A floor under placed people: where up is, which feet stand, feet held, and the world upright.

A foot stands while its ankle is slow and no higher than the other. Up is given (a tilt, a
calibration) or found: people stand about upright over their feet, and the ankles that stand lie in
one plane, which up is across. The plane also says how far away a standing ankle is, from its ray,
as the person's size does: both are weighed. Then standing feet are held where they stand, the root
goes along, and the legs are solved anew by two bones and the bend they have.

Axes: T frame, J joint, S side (left, right), K contact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int

from poselift.errors import PoseliftError
from poselift.motion.filters import Smoothing, filter_columns
from poselift.motion.skeleton import shortest_turn
from poselift.motion.timing import Timing
from poselift.poses import AXES_3D, AXES_WORLD, PoseSequence
from poselift.skeletons import Skeleton

#: Metres a second under which an ankle stands; that along the line of sight counts by a third.
STANDING_SPEED, _DEPTH_SHARE = 0.5, 0.33
#: Metres that a standing ankle may be above the other one.
_HIGHER = 0.10
#: Seconds: shorter contacts are none, shorter breaks are bridged.
_SHORTEST, _BRIDGED = 0.10, 0.07
#: Height of the ankles' centres above the floor, metres.
ANKLE = 0.08
#: Radians of the mean person's lean from upright; of a given direction.
_LEAN, _GIVEN = 0.10, 0.005
#: Of a standing ankle: part of its distance by which its depth is off (by size), slope of its ray.
_OFF_DEPTH, _OFF_RAY = 0.03, 0.01
#: Metres by which floors are not flat and ankles not at one height.
_UNEVEN = 0.05
#: Part of what a held foot asks for that the root does; the rest is the pose's, and the legs do it.
_SHARE = 0.5
#: Seconds over which a foot is let go; Hz, cut-off of the root's moves.
_RELEASE, _MOVES_CUTOFF = 0.12, 2.0


@final
@dataclass(frozen=True, eq=False)
class Floor:
    """A plane in the camera's space.

    up      (3,) unit vector, camera axes.
    level   metres along `up` from the camera to the floor; below 0 for a camera above it.
    source  how `up` is known, in words.
    """

    up: Float[np.ndarray, " D"]
    level: float
    source: str

    @property
    def rotation(self) -> Float[np.ndarray, "3 3"]:
        """Camera axes -> world axes: x right, y up, z backward."""
        forward = np.array([0.0, 0.0, 1.0])
        if abs(self.up[2]) > 0.999:  # looking straight down or up: the picture's top is ahead
            forward = np.array([0.0, -np.sign(self.up[2]), 0.0])
        back = -(forward - (forward @ self.up) * self.up)
        back /= np.linalg.norm(back)
        return np.stack([np.cross(self.up, back), self.up, back])


def up_of_tilt(degrees: float) -> Float[np.ndarray, " D"]:
    """Up in the space of a camera without roll that looks down by some degrees (up: below 0)."""
    if not -90 <= degrees <= 90:
        raise PoseliftError(
            "expected the camera's tilt between -90 and 90 degrees (down is above 0), "
            f"got {degrees:g}"
        )
    tilt = np.radians(degrees)
    return np.array([0.0, -np.cos(tilt), -np.sin(tilt)])


def find_floor(
    people: Sequence[PoseSequence], up: Float[np.ndarray, " D"] | None = None, source: str = ""
) -> Floor:
    """Find the floor under placed people (camera axes, track `root`).

    up      (3,) where it is known, else it is found; `source` says in words how it is known.

    Raises `PoseliftError` if nobody is placed.
    """
    known, lean = up is not None, _GIVEN if up is not None else _LEAN
    if up is None:
        up, source = _mean_upright(people), "from people who stand and their feet"
    up = up / np.linalg.norm(up)
    level = 0.0
    for _ in range(1 if known else 2):
        feet = np.concatenate([_standing(poses, up) for poses in people])
        if not len(feet):
            level = _lowest(people, up) - ANKLE
            return Floor(up, level, f"{source}, no foot stands")
        across = _across(up)
        # up + a across_0 + b across_1, level: the feet in one plane, a and b small
        away = feet - feet.mean(axis=0)
        # an error of depth moves a foot along its ray, which falls towards the floor
        doubt = np.hypot(_OFF_DEPTH * (feet @ up), _UNEVEN)[:, None]
        rows = away @ across.T / doubt
        matrix = rows.T @ rows + np.eye(2) / lean**2
        bend = np.linalg.solve(matrix, -rows.T @ (away @ up / doubt[:, 0]))
        up = up + bend @ across
        up = up / np.linalg.norm(up)
        level = float(np.median(feet @ up)) - ANKLE
    return Floor(up, level, source)


def stand(poses: PoseSequence, floor: Floor) -> PoseSequence:
    """Hold the feet that stand: root moved, legs solved anew, track `contacts` (1, 0 or NaN).

    poses  placed 3D poses in camera axes.

    The ankles of a contact keep one place at `ANKLE` above the floor. Frames without a root stay.
    """
    positions, root = poses.positions.astype(np.float64), _root(poses)
    hips, knees, ankles = (_sides(poses.skeleton, part) for part in ("hip", "knee", "ankle"))
    timing = Timing.of(poses)
    contacts = find_contacts(poses, floor.up)
    known = np.isfinite(contacts).all(axis=1)
    feet = positions[:, ankles] + root[:, None]
    # frames between two gaps have one number, those without a place a number of their own
    block = np.where(known, np.cumsum(timing.gap | ~known), -1)
    anchors, hold = np.full(feet.shape, np.nan), np.zeros(contacts.shape)
    for side in (0, 1):
        for rows in _runs(contacts[:, side] == 1):
            around, fade = _fade(timing, rows, block)
            here = around[fade > hold[around, side]]
            anchors[here, side] = _anchor(feet[rows, side], floor)
            hold[here, side] = fade[fade > hold[around, side]]
    off = np.where(hold[..., None] > 0, anchors - feet, 0.0)
    moved = _shift(off, hold, timing, known)
    thigh, shin = _length(positions, hips, knees), _length(positions, knees, ankles)
    was = _length(positions, hips, ankles)
    # no leg is stretched by more than half of what it has left: what it lacks, the body gives way
    longest = was + 0.5 * (thigh + shin - was)
    for _ in range(4):
        line = (feet - root[:, None] - positions[:, hips]) + _pulled(off, hold, moved)
        far = np.linalg.norm(line, axis=-1)
        lack = np.maximum(far - longest, 0.0) / np.maximum(far, 1e-9)
        pull = np.nan_to_num(hold * lack)[..., None] * line
        moved = moved + _low_passed(pull.sum(axis=1), timing, known)
    target = feet - root[:, None] + _pulled(off, hold, moved)
    root = root + moved
    # no foot goes through the floor, whether it stands or not
    under = np.maximum(floor.level + ANKLE - (target + root[:, None]) @ floor.up, 0.0)
    target = target + under[..., None] * floor.up
    knee, ankle = _legs(positions, hips, knees, ankles, target)
    change = known[:, None, None] & ((hold > 0) | (under > 0))[..., None]
    positions[:, knees] = np.where(change, knee, positions[:, knees])
    positions[:, ankles] = np.where(change, ankle, positions[:, ankles])
    number = sum(len(_runs(contacts[:, side] == 1)) for side in (0, 1))
    step = f"floor: {floor.source}; {number} contacts held, legs solved anew"
    tracks = {"root": root.astype(np.float32), "contacts": contacts.astype(np.float32)}
    return replace(
        poses,
        positions=positions.astype(np.float32),
        tracks={**poses.tracks, **tracks},
        history=(*poses.history, step),
    )


def find_contacts(poses: PoseSequence, up: Float[np.ndarray, " D"]) -> Float[np.ndarray, "T S"]:
    """1 while the left, the right foot stands, else 0; NaN where the person is not placed."""
    ankles = _sides(poses.skeleton, "ankle")
    feet = poses.positions[:, ankles].astype(np.float64) + _root(poses)[:, None]
    known = np.isfinite(feet).all(axis=(1, 2))
    timing = Timing.of(poses)
    out = np.full(feet.shape[:2], np.nan)
    if known.sum() < 2:
        out[known] = 0.0
        return out
    height = feet @ up
    for rows, _ in timing.stretches(known[:, None]):
        times = timing.times[rows]
        if len(times) < 2:
            out[rows] = 0.0
            continue
        speed = np.gradient(feet[rows], times, axis=0)
        ahead = feet[rows] / np.linalg.norm(feet[rows], axis=-1, keepdims=True)
        along = (speed * ahead).sum(axis=-1, keepdims=True) * ahead
        pace = np.linalg.norm(speed - along * (1 - _DEPTH_SHARE), axis=-1)
        low = height[rows] < height[rows].min(axis=1, keepdims=True) + _HIGHER
        for side in (0, 1):
            on = _without_short((pace < STANDING_SPEED)[:, side] & low[:, side], times)
            out[rows, side] = on
    return out


def to_world(poses: PoseSequence, floor: Floor, origin: Float[np.ndarray, " D"]) -> PoseSequence:
    """Turn placed poses upright: `AXES_WORLD`, the floor at y = 0.

    origin  (3,) camera axes: the point of the world above (or below) which x = z = 0 is.
    """
    turn = floor.rotation
    offset = turn @ origin
    offset[1] = floor.level
    tracks = dict(poses.tracks)
    tracks["root"] = (_root(poses) @ turn.T - offset).astype(np.float32)
    if "root_std" in tracks:
        tracks["root_std"] = np.sqrt(tracks["root_std"] ** 2 @ (turn**2).T).astype(np.float32)
    camera = -offset
    step = (
        f"world: y up, the floor at y = 0, camera at {camera[0]:.2f}, {camera[1]:.2f}, "
        f"{camera[2]:.2f} m"
    )
    return replace(
        poses,
        positions=poses.positions @ turn.T.astype(np.float32),
        axes=AXES_WORLD,
        tracks=tracks,
        history=(*poses.history, step),
    )


def _root(poses: PoseSequence) -> Float[np.ndarray, "T 3"]:
    """Return the path, or say that there is none."""
    if poses.root is None or poses.axes != AXES_3D:
        raise PoseliftError("a floor needs placed poses in camera axes: find the root first")
    return poses.root.astype(np.float64)


def _sides(skeleton: Skeleton, part: str) -> list[int]:
    return [skeleton.landmarks.index(f"{side}_{part}") for side in ("left", "right")]


def _standing(poses: PoseSequence, up: Float[np.ndarray, " D"]) -> Float[np.ndarray, "N 3"]:
    """Where ankles stand, one place a contact, camera axes."""
    on = find_contacts(poses, up) == 1
    feet = poses.positions[:, _sides(poses.skeleton, "ankle")] + _root(poses)[:, None]
    places = [np.median(feet[rows, side], axis=0) for side in (0, 1) for rows in _runs(on[:, side])]
    return np.array(places, np.float64).reshape(-1, 3)


def _lowest(people: Sequence[PoseSequence], up: Float[np.ndarray, " D"]) -> float:
    """Height of the lowest ankle, robustly."""
    feet = [
        poses.positions[:, _sides(poses.skeleton, "ankle")] + _root(poses)[:, None]
        for poses in people
    ]
    heights = (np.concatenate(feet) @ up).ravel()
    heights = heights[np.isfinite(heights)]
    if not len(heights):
        raise PoseliftError("no floor can be found: nobody is placed in any frame")
    return float(np.percentile(heights, 5))


def _mean_upright(people: Sequence[PoseSequence]) -> Float[np.ndarray, " D"]:
    """Median direction from between the ankles to the trunk's middle, over all frames."""
    lines = []
    for poses in people:
        middle = poses.positions[:, _sides(poses.skeleton, "ankle")].mean(axis=1)
        thorax = poses.positions[:, poses.skeleton.landmarks.index("thorax")]
        pelvis = poses.positions[:, poses.skeleton.root]
        lines.append((thorax + pelvis) / 2 - middle)
    up = np.concatenate(lines).astype(np.float64)
    up = up[np.isfinite(up).all(axis=1)]
    if not len(up):
        raise PoseliftError("no floor can be found: nobody is placed in any frame")
    up /= np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-9)
    middle = np.median(up, axis=0)
    for _ in range(10):  # Weiszfeld's way to the point of least distances
        weights = 1 / np.maximum(np.linalg.norm(up - middle, axis=1), 0.02)
        middle = (weights[:, None] * up).sum(axis=0) / weights.sum()
    return middle


def _across(up: Float[np.ndarray, " D"]) -> Float[np.ndarray, "2 3"]:
    """Two unit vectors across up and each other."""
    first = np.cross(up, np.eye(3)[np.abs(up).argmin()])
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(up, first)])


def _anchor(feet: Float[np.ndarray, "T 3"], floor: Floor) -> Float[np.ndarray, " D"]:
    """Place where an ankle stood: on its mean ray, as deep as size and floor say, on the floor."""
    place = np.median(feet, axis=0)
    ray = place / place[2]
    level, fall = floor.level + ANKLE, float(ray @ floor.up)
    depth = place[2]
    met = level / fall if abs(fall) > 0.02 else 0.0
    if met > 0.1:
        doubt = met * _OFF_RAY / abs(fall) + met * 0.005
        by_size = 1 / (_OFF_DEPTH * depth) ** 2
        depth = (by_size * depth + met / doubt**2) / (by_size + 1 / doubt**2)
    place = ray * depth
    return np.asarray(place + (level - place @ floor.up) * floor.up)


def _fade(
    timing: Timing, rows: slice, block: Int[np.ndarray, " T"]
) -> tuple[Int[np.ndarray, " W"], Float[np.ndarray, " W"]]:
    """Frames around a contact, up to a gap, and how much it holds: 1 in it, less beside it."""
    times = timing.times
    start, stop = times[rows.start], times[rows.stop - 1]
    first, last = np.searchsorted(times, (start - _RELEASE, stop + _RELEASE))
    around = np.arange(first, last)
    around = around[block[around] == block[rows.start]]
    away = np.maximum(np.maximum(start - times[around], times[around] - stop), 0.0) / _RELEASE
    return around, 0.5 + 0.5 * np.cos(np.pi * np.minimum(away, 1.0))


def _shift(
    off: Float[np.ndarray, "T S 3"],
    hold: Float[np.ndarray, "T S"],
    timing: Timing,
    known: Bool[np.ndarray, " T"],
) -> Float[np.ndarray, "T 3"]:
    """Move of the root: what the held feet ask for, between contacts by straight lines, smooth."""
    weights = hold[..., None] ** 2
    total = weights.sum(axis=1)
    sure = total[:, 0] > 0.5
    if not sure.any():
        return np.zeros((len(off), 3))
    asked = _SHARE * (weights * np.nan_to_num(off)).sum(axis=1) / np.maximum(total, 1e-9)
    times = timing.times
    moved = np.stack([np.interp(times, times[sure], asked[sure, d]) for d in range(3)], axis=1)
    return _low_passed(moved, timing, known)


def _low_passed(
    moves: Float[np.ndarray, "T 3"], timing: Timing, known: Bool[np.ndarray, " T"]
) -> Float[np.ndarray, "T 3"]:
    """Moves of the root without jumps; 0 where the person is not placed."""
    if timing.rate / 2 > _MOVES_CUTOFF and len(moves) > 1:
        there = np.where(known[:, None], moves, np.nan)
        moves = filter_columns(there, timing, Smoothing("butterworth", _MOVES_CUTOFF))
    return np.where(known[:, None], moves, 0.0)


def _pulled(
    off: Float[np.ndarray, "T S 3"], hold: Float[np.ndarray, "T S"], moved: Float[np.ndarray, "T 3"]
) -> Float[np.ndarray, "T S 3"]:
    """Move of each ankle against the root that moves: held ones stay, the others go along."""
    return hold[..., None] * (np.nan_to_num(off) - moved[:, None])


def _legs(
    positions: Float[np.ndarray, "T J 3"],
    hips: list[int],
    knees: list[int],
    ankles: list[int],
    target: Float[np.ndarray, "T S 3"],
) -> tuple[Float[np.ndarray, "T S 3"], Float[np.ndarray, "T S 3"]]:
    """Knees and ankles of legs that reach for `target`, bones and the plane of the bend kept."""
    hip, knee = positions[:, hips], positions[:, knees]
    thigh, shin = _length(positions, hips, knees), _length(positions, knees, ankles)
    line = target - hip
    distance = np.linalg.norm(line, axis=-1)
    ahead = line / np.maximum(distance, 1e-9)[..., None]
    # a leg that is all but straight gains little by the rest: it keeps a quarter of its slack
    most = thigh + shin - 0.25 * (thigh + shin - _length(positions, hips, ankles))
    distance = np.clip(distance, np.abs(thigh - shin) + 1e-6, np.minimum(most, thigh + shin - 1e-6))
    turn = shortest_turn(_unit(positions[:, ankles] - hip), ahead)
    pole = (turn @ (knee - hip)[..., None])[..., 0]
    pole = pole - (pole * ahead).sum(axis=-1, keepdims=True) * ahead
    pole /= np.maximum(np.linalg.norm(pole, axis=-1, keepdims=True), 1e-9)
    along = (thigh**2 - shin**2 + distance**2) / (2 * distance)
    aside = np.sqrt(np.maximum(thigh**2 - along**2, 0.0))
    knee = hip + along[..., None] * ahead + aside[..., None] * pole
    return knee, hip + distance[..., None] * ahead


def _length(
    positions: Float[np.ndarray, "T J 3"], start: list[int], end: list[int]
) -> Float[np.ndarray, "T S"]:
    return np.linalg.norm(positions[:, end] - positions[:, start], axis=-1)


def _unit(vectors: Float[np.ndarray, "T S 3"]) -> Float[np.ndarray, "T S 3"]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def _runs(on: Bool[np.ndarray, " T"]) -> list[slice]:
    """Stretches of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(np.int8), [0]])))
    return [slice(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _without_short(
    on: Bool[np.ndarray, " T"], times: Float[np.ndarray, " T"]
) -> Bool[np.ndarray, " T"]:
    """Bridge short breaks inside, then drop what is too short."""
    on = on.copy()
    step = float(np.median(np.diff(times)))
    for rows in _runs(~on):
        inside = rows.start > 0 and rows.stop < len(on)
        if inside and times[rows.stop] - times[rows.start] < _BRIDGED:
            on[rows] = True
    for rows in _runs(on):
        if times[rows.stop - 1] - times[rows.start] + step < _SHORTEST:
            on[rows] = False
    return on
