"""The frames around each frame, as networks that look at several frames at once take them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int


def windows(
    frames: Int[np.ndarray, " N"],
    length: int,
    clips: Int[np.ndarray, " N"] | None = None,
) -> Int[np.ndarray, "N T"]:
    """Return for each row the rows of the `length` frames around it, in the order of time.

    frames  frame number of each row, in any order; no two rows of one clip have the same.
    length  T, frames a window: (T - 1) // 2 before the row's own, then that, then T // 2 after it.
    clips   clip, person and camera of each row, as one number; None if all are of one.

    Windows stay in their clip. One step is the smallest distance between two of its frames. Where
    no row has the frame, before the first, after the last and in gaps, the nearest row stands for
    it, the earlier of two.
    """
    found = np.empty((len(frames), length), dtype=np.int64)
    clips = np.zeros_like(frames) if clips is None else clips
    offsets = np.arange(length) - (length - 1) // 2
    for clip in np.unique(clips):
        rows = np.flatnonzero(clips == clip)
        rows = rows[np.argsort(frames[rows])]
        numbers = frames[rows]
        step = np.diff(numbers).min(initial=np.iinfo(np.int64).max) if len(rows) > 1 else 1
        wanted = numbers[:, None] + step * offsets
        after = np.searchsorted(numbers, wanted).clip(max=len(rows) - 1)
        before = (after - 1).clip(min=0)
        nearer = np.abs(numbers[after] - wanted) < np.abs(wanted - numbers[before])
        found[rows] = rows[np.where(nearer, after, before)]
    return found
