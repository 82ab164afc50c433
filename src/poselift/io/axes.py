"""The axes that 3D files are written in, by the names that `--axes` takes.

All three are right-handed, metres, and differ by a turn about x alone, so a person who faces the
camera looks along -z, +z and -y.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.poses import AXES_3D, AXES_WORLD, PoseSequence

Axes = Literal["camera", "y-up", "z-up"]

AXES: tuple[Axes, ...] = get_args(Axes)

#: Where x, y and z point to, seen from the camera.
DIRECTIONS: dict[Axes, tuple[str, str, str]] = {
    "camera": ("right", "down", "forward"),
    "y-up": ("right", "up", "backward"),
    "z-up": ("right", "forward", "up"),
}

#: How files of ours name them.
TEXTS: dict[Axes, str] = {
    "camera": AXES_3D,
    "y-up": AXES_WORLD,
    "z-up": "world: x right, y forward, z up, root-relative",
}

#: Rows are the axes of the target, columns those of the camera.
_FROM_CAMERA: dict[Axes, list[list[int]]] = {
    "camera": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "y-up": [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
    "z-up": [[1, 0, 0], [0, 0, 1], [0, -1, 0]],
}


def axes_of(sequence: PoseSequence) -> Axes:
    """Return the name of the axes that a 3D sequence is in."""
    return "y-up" if sequence.axes == AXES_WORLD else "camera"


def turning(source: Axes, target: Axes) -> Float[np.ndarray, "3 3"]:
    """Rotation that takes column vectors in `source` axes to `target` axes."""
    return np.array(_FROM_CAMERA[target], np.float64) @ np.array(_FROM_CAMERA[source]).T


def turned(points: Float[np.ndarray, "*batch 3"], source: Axes, target: Axes) -> np.ndarray:
    """Return points in `target` axes, of the type they came in; an exact change of signs."""
    if source == target:
        return points
    rows = turning(source, target)
    order = np.abs(rows).argmax(axis=1)
    signs = rows[np.arange(3), order].astype(points.dtype)
    return points[..., order] * signs


def describe(axes: Axes) -> dict[str, Any]:
    """Return the axes for a file that has a place for words."""
    x, y, z = DIRECTIONS[axes]
    return {"name": axes, "x": x, "y": y, "z": z, "handed": "right"}


def axes_named(text: object, where: str) -> Axes:
    """Return the axes that a file of ours names, the camera's if it names none.

    Raises `PoseliftError` for any other text.
    """
    for axes, known in TEXTS.items():
        if text == known:
            return axes
    if text is None:
        return "camera"
    listed = " or ".join(map(repr, TEXTS.values()))
    raise PoseliftError(f"{where}: expected axes {listed}, got {str(text)[:100]!r}")
