"""What accompanies poses over time (`PoseSequence.tracks`), as columns of files and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from poselift.io.axes import Axes, axes_of, turned
from poselift.poses import TRACKS, PoseSequence

#: Tracks that point somewhere, and those that only have a size along each axis.
_PLACES, _SIZES = ("root",), ("root_std",)


def track_shape(name: str, joints: int) -> tuple[int, ...]:
    """Return the shape behind T of a track of a person with so many joints."""
    return tuple(joints if isinstance(side, str) else side for side in TRACKS[name])


def track_columns(people: Sequence[PoseSequence], axes: Axes) -> dict[str, list[np.ndarray]]:
    """Return the tracks that anyone has, in `axes`: by name, one (T, ...) array for each person.

    Who does not have it has NaN.
    """
    found: dict[str, list[np.ndarray]] = {}
    for name in TRACKS:
        if not any(name in one.tracks for one in people):
            continue
        found[name] = []
        for one in people:
            shape = (len(one), *track_shape(name, len(one.skeleton)))
            values = one.tracks.get(name, np.full(shape, np.nan, np.float32))
            found[name].append(_turned(name, values, axes_of(one), axes))
    return found


def tracks_from(columns: Mapping[str, np.ndarray], axes: Axes) -> dict[str, np.ndarray]:
    """Return the tracks of a person of whom a file in `axes` has these columns (T, ...).

    Other columns are passed over, and so are tracks of which nothing is known. Tracks of z-up files
    are turned to y-up, as poses are.
    """
    target: Axes = "camera" if axes == "camera" else "y-up"
    return {
        name: _turned(name, values, axes, target)
        for name, values in columns.items()
        if name in TRACKS and not np.isnan(values).all()
    }


def _turned(name: str, values: np.ndarray, source: Axes, target: Axes) -> np.ndarray:
    if name in _PLACES:
        return turned(values, source, target)
    if name in _SIZES:
        return np.abs(turned(values, source, target))
    return values
