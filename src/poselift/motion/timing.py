"""When the frames of a clip are: the true rate, gaps, stretches without one; short gaps filled.

Axes: T frame, J joint, C column.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int

from poselift.poses import PoseSequence

#: Longest gap that is filled, seconds from the last frame there to the next.
LONGEST_GAP = 0.25

#: Steps that differ by less than this part of the usual one count as even.
_UNEVEN = 0.02


@final
@dataclass(frozen=True, eq=False)
class Timing:
    """Time stamps and what follows from them.

    times    (T,) seconds.
    rate     frames a second: one over the usual (median) step.
    gap      (T,) whether a frame comes too long after the one before: more than 1.5 usual steps.
    regular  whether all other steps are even, to 2 %.
    """

    times: Float[np.ndarray, " T"]
    rate: float
    gap: Bool[np.ndarray, " T"]
    regular: bool

    @classmethod
    def of(cls, poses: PoseSequence) -> Timing:
        """Look at a sequence's time stamps; a single frame has the source's rate, or 30."""
        times = poses.times
        steps = np.diff(times)
        if not len(steps):
            return cls(times, poses.fps or 30.0, np.zeros(len(times), bool), True)
        usual = float(np.median(steps))
        gap = np.concatenate([[False], steps > 1.5 * usual])
        even = np.abs(steps[~gap[1:]] - usual) <= _UNEVEN * usual
        if even.all() and poses.fps is not None and abs(poses.fps * usual - 1) < 1e-3:
            usual = 1.0 / poses.fps  # not the rounded time stamps'
        # of uneven steps, a frame that is only a little late is no gap
        if not even.all():
            gap &= np.concatenate([[False], steps > max(LONGEST_GAP, 1.5 * usual)])
        return cls(times, 1.0 / usual, gap, bool(even.all()))

    def stretches(
        self, there: Bool[np.ndarray, "T C"]
    ) -> Iterator[tuple[slice, Int[np.ndarray, " K"]]]:
        """Yield (rows, columns) of all stretches without a gap; columns alike come together."""
        for kind, columns in alike(there):
            starts = kind & (self.gap | ~np.concatenate([[False], kind[:-1]]))
            for start in np.flatnonzero(starts):
                stop = start + 1
                later = np.flatnonzero(~kind[stop:] | self.gap[stop:])
                yield slice(start, stop + later[0] if len(later) else len(kind)), columns


def alike(
    flags: Bool[np.ndarray, "T C"],
) -> list[tuple[Bool[np.ndarray, " T"], Int[np.ndarray, " K"]]]:
    """Return columns that are the same, together: their values, and which they are."""
    if (flags == flags[:, :1]).all():
        return [(flags[:, 0], np.arange(flags.shape[1]))]
    found: dict[bytes, list[int]] = {}
    for column, packed in enumerate(np.packbits(flags, axis=0).T):
        found.setdefault(packed.tobytes(), []).append(column)
    return [(flags[:, columns[0]], np.array(columns)) for columns in found.values()]


def fill_gaps(poses: PoseSequence, longest: float = LONGEST_GAP) -> PoseSequence:
    """Fill gaps of at most `longest` seconds by straight lines and mark what was filled.

    Missing joints are filled where they are, absent frames are put in; both are 1 in the track
    `filled`, which the result has if there were any. Tracks of put-in frames are interpolated, too.
    Gaps at the ends, and longer ones, stay.
    """
    frames, times = _with_absent_frames(poses, longest)
    old = np.searchsorted(frames, poses.frames)
    count, joints = len(frames), len(poses.skeleton)
    positions = np.full((count, joints, poses.dims), np.nan)
    positions[old] = poses.positions
    filled = np.zeros((count, joints), np.float32)
    if "filled" in poses.tracks:
        filled[old] = poses.tracks["filled"]
    gaps = fill_columns(positions.reshape(count, -1), times, longest).reshape(positions.shape)
    filled[gaps.any(axis=2)] = 1.0
    scores = np.full((count, joints), np.nan, np.float32)
    scores[old] = poses.scores
    tracks = {}
    for name, values in poses.tracks.items():
        if name != "filled":
            track = np.full((count, int(np.prod(values.shape[1:]))), np.nan)
            track[old] = values.reshape(len(values), -1)
            fill_columns(track, times, longest)
            if name == "contacts":
                track = np.floor(track)  # a foot stands if it does before and after
            tracks[name] = track.reshape(count, *values.shape[1:])
    number = int(gaps.any(axis=2).sum())
    history = poses.history
    if number:
        put_in = f", {count - len(poses)} frames put in" if count > len(poses) else ""
        history = (
            *history,
            f"gaps: {number} joints filled by straight lines over at most {longest:g} s{put_in}",
        )
    return replace(
        poses,
        positions=positions.astype(np.float32),
        scores=scores,
        frames=frames,
        times=times,
        tracks={**tracks, "filled": filled} if filled.any() else tracks,
        history=history,
    )


def _with_absent_frames(
    poses: PoseSequence, longest: float
) -> tuple[Int[np.ndarray, " T"], Float[np.ndarray, " T"]]:
    """Frame numbers and times with those put in that are absent for a short time."""
    frames, times = poses.frames, poses.times
    if len(frames) < 3:
        return frames, times
    step = int(np.median(np.diff(frames)))
    before = np.flatnonzero(
        (np.diff(frames) > step)
        & (np.diff(frames) % step == 0)
        & (np.diff(times) <= longest + 1e-9)
    )
    extra = [np.arange(frames[i] + step, frames[i + 1], step) for i in before]
    whole = np.sort(np.concatenate([frames, *extra]))
    return whole, np.interp(whole, frames, times)


def fill_columns(
    columns: Float[np.ndarray, "T C"], times: Float[np.ndarray, " T"], longest: float
) -> Bool[np.ndarray, "T C"]:
    """Fill short gaps of the columns in place; return where."""
    missing = np.isnan(columns)
    for kind, mine in alike(missing):
        seen = np.flatnonzero(~kind)
        if not kind.any() or len(seen) < 2:
            continue
        right = np.searchsorted(seen, np.flatnonzero(kind))
        inside = (right > 0) & (right < len(seen))
        rows = np.flatnonzero(kind)[inside]
        before, after = seen[right[inside] - 1], seen[right[inside]]
        short = times[after] - times[before] <= longest + 1e-9
        rows, before, after = rows[short], before[short], after[short]
        share = ((times[rows] - times[before]) / (times[after] - times[before]))[:, None]
        columns[np.ix_(rows, mine)] = (
            columns[np.ix_(before, mine)] * (1 - share) + columns[np.ix_(after, mine)] * share
        )
    return missing & ~np.isnan(columns)


def with_frames(poses: PoseSequence, longer: PoseSequence) -> PoseSequence:
    """Return poses with the frames of `longer`, which has all of theirs; new ones are missing."""
    if np.array_equal(poses.frames, longer.frames):
        return poses
    old = np.searchsorted(longer.frames, poses.frames)
    count = len(longer)

    def spread(values: np.ndarray) -> np.ndarray:
        out = np.full((count, *values.shape[1:]), np.nan, np.float32)
        out[old] = values
        return out

    return replace(
        poses,
        positions=spread(poses.positions),
        scores=spread(poses.scores),
        frames=longer.frames,
        times=longer.times,
        tracks={name: spread(values) for name, values in poses.tracks.items()},
    )
