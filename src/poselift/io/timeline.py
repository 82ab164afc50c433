"""A person at a steady rate in the room, as files of motion capture want one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.io.axes import Axes, axes_of, turned
from poselift.poses import PoseSequence

#: More frames than this are not written for a person who is in few of them.
MAX_FRAMES = 1_000_000

#: Taken for one pose, or where nothing is known.
DEFAULT_FPS = 30.0


@dataclass(frozen=True, eq=False)
class Timeline:
    """Every frame from a person's first to the last.

    positions  (T, J, 3) metres; in the room where the path of the root is known, else relative
               to the root. Missing joints, and joints of frames without the person, are NaN.
    first      frame number of the first row, 0-based, counted at `fps`.
    times      (T,) seconds from the start of the source, steady.
    fps        rows a second.
    notes      what had to be decided, one sentence each.
    """

    positions: Float[np.ndarray, "T J 3"]
    first: int
    times: Float[np.ndarray, " T"]
    fps: float
    notes: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of rows T."""
        return len(self.times)


def timeline(sequence: PoseSequence, axes: Axes) -> Timeline:
    """Put a 3D sequence on a steady time line, in `axes`.

    Frames that are absent become rows of NaN; where only every k-th frame of the source was taken,
    a row is k frames long. Irregular times are resampled at their median rate, linearly, and not
    over gaps of more than two of its steps. Unknown parts of the root's path are interpolated.

    Raises `PoseliftError` if no joint is there in any frame, or if the person is in so few of the
    frames that nearly all rows would be empty.
    """
    who = f"person {sequence.person_id}"
    if not len(sequence) or not sequence.visible.any():
        raise PoseliftError(f"{who}: has no 3D pose in any frame, there is nothing to write")
    notes: list[str] = []
    points = sequence.positions
    path = _whole_path(sequence, notes)
    if path is not None:
        points = points + path[:, None]
    points = turned(points, axes_of(sequence), axes)
    if sequence.fps is None and len(sequence) > 1:
        return _resampled(sequence, points, notes)
    fps = sequence.fps or DEFAULT_FPS
    if sequence.fps is None:
        notes.append(f"{who}: one pose has no rate, taken as {DEFAULT_FPS:g} fps")
    frames = sequence.frames
    step = int(np.gcd.reduce(np.diff(frames))) if len(frames) > 1 else 1
    index = (frames - frames[0]) // step
    _check_length(int(index[-1]) + 1, len(frames), who)
    if step > 1:
        notes.append(f"{who}: every {step}th frame of the source, at {fps / step:g} fps")
    if int(index[-1]) + 1 == len(frames):
        grid = points
    else:
        grid = np.full((int(index[-1]) + 1, *points.shape[1:]), np.nan, points.dtype)
        grid[index] = points
        missing = len(grid) - len(frames)
        notes.append(f"{who}: is not in {missing} of {len(grid)} frames")
    times = sequence.times[0] + np.arange(len(grid)) * (step / fps)
    return Timeline(grid, int(frames[0]) // step, times, fps / step, tuple(notes))


def _whole_path(sequence: PoseSequence, notes: list[str]) -> Float[np.ndarray, "T 3"] | None:
    """Return the root's path without gaps, or None where it is nowhere known."""
    path = sequence.root
    if path is None:
        return None
    known = ~np.isnan(path).any(axis=1)
    if not known.any():
        return None
    if known.all():
        return path
    notes.append(
        f"person {sequence.person_id}: the place is not known in {(~known).sum()} of {len(path)} "
        "frames and was interpolated there, or held"
    )
    columns = [np.interp(sequence.times, sequence.times[known], one) for one in path[known].T]
    return np.stack(columns, axis=1).astype(np.float32)


def _check_length(rows: int, frames: int, who: str) -> None:
    """Refuse a time line that is long and all but empty."""
    if rows > max(MAX_FRAMES, 20 * frames):
        raise PoseliftError(
            f"{who}: is in {frames} of {rows} frames, which is too few for a file with a row for "
            "each frame; write .csv, .npz or .parquet, or fewer frames"
        )


def _resampled(
    sequence: PoseSequence, points: Float[np.ndarray, "T J 3"], notes: list[str]
) -> Timeline:
    """Resample poses of irregular times at their median rate."""
    times = sequence.times
    step = float(np.median(np.diff(times)))
    count = round((times[-1] - times[0]) / step) + 1
    who = f"person {sequence.person_id}"
    _check_length(count, len(times), who)
    notes.append(f"{who}: irregular times, resampled at their median rate, {1 / step:g} fps")
    steady = times[0] + np.arange(count) * step
    above = np.clip(np.searchsorted(times, steady), 1, len(times) - 1)
    gap = times[above] - times[above - 1]
    share = np.clip((steady - times[above - 1]) / gap, 0.0, 1.0)
    share = share.astype(points.dtype)[:, None, None]
    low, high = points[above - 1], points[above]
    # at a frame itself a missing neighbour takes nothing away
    mixed = np.where(share == 0, low, np.where(share == 1, high, low + share * (high - low)))
    mixed[(gap > 2.0 * step) & (share[:, 0, 0] > 0) & (share[:, 0, 0] < 1)] = np.nan
    return Timeline(mixed, round(times[0] / step), steady, 1 / step, tuple(notes))
