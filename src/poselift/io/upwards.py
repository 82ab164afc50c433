"""What is up in a file of motion that does not say so: people mostly stand, on a floor at 0."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from poselift.io.axes import Axes
from poselift.skeletons import Skeleton

#: Where up points to.
_UP: dict[Axes, tuple[int, int, int]] = {
    "y-up": (0, 1, 0),
    "z-up": (0, 0, 1),
    "camera": (0, -1, 0),
}
_TOP = ("thorax", "neck", "left_shoulder", "right_shoulder")
_ANKLES = ("left_ankle", "right_ankle")

#: Mean part of the line from ankles to shoulders that goes up in a clip of people who stand.
_STANDING = 0.8

#: Metres from 0 within which the soles of those who stand are, in a room that has been measured.
_FLOOR = 0.3

#: What is nearer to 0 than this, metres, has been put there.
_PUT = 1e-6


def is_rootless(points: Float[np.ndarray, "T J 3"], skeleton: Skeleton) -> bool:
    """Tell whether the root joint has been put at 0 in every frame: in no room, and of no floor."""
    root = points[:, skeleton.root]
    return bool((np.nan_to_num(np.abs(root), nan=1.0) < _PUT).all())


def standing_axes(points: Float[np.ndarray, "T J 3"], skeleton: Skeleton, usual: Axes) -> Axes:
    """Return the axes in which people stand upright over a clip, in metres.

    That is `usual`, what files of the kind are in as a rule, unless the body clearly stands along
    another axis, and on a floor at 0 of it. Who lies along an axis stands on no floor there; who
    is on the hands all the time is told from axes with y down by having nothing below the floor.
    """
    rows = [
        [joint for joint, mark in enumerate(skeleton.landmarks) if mark in wanted]
        for wanted in (_TOP, _ANKLES)
    ]
    if not all(rows):
        return usual
    seen = ~np.isnan(points[:, [*rows[0], *rows[1]], 0]).any(axis=1)
    if not seen.any():
        return usual
    body = points[seen]
    top, bottom = (body[:, row].mean(axis=1) for row in rows)
    line = top - bottom
    length = np.linalg.norm(line, axis=1, keepdims=True)
    mean = (line / np.maximum(length, _PUT)).mean(axis=0)
    best = max(_UP, key=lambda axes: float(mean @ _UP[axes]))
    if best == usual or mean @ _UP[best] < _STANDING:
        return usual
    if is_rootless(points, skeleton):
        return best
    if best == "camera":
        return best if np.nanmin(body[..., 1]) < -_FLOOR else usual
    lowest = np.percentile(np.nanmin(body @ np.array(_UP[best]), axis=1), 5)
    return best if abs(lowest) < _FLOOR else usual
