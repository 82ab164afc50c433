"""Skeletons on paper: what the panel figures share, whatever pen puts them there.

Paper has its x to the right and its y down. 3D poses are in camera axes (x right, y down,
z forward) and are seen in parallel projection.

Axes: J joint, L line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from poselift.skeletons import Skeleton
from poselift.viewer.clip import bone_sides

#: Metres between the lines of the floor.
SQUARE = 0.5
#: Colours of left, right and middle bones.
Colours = tuple[str, str, str]


@runtime_checkable
class Pen(Protocol):
    """What draws, in the units of the points it is given."""

    def line(self, ends: Float[np.ndarray, "2 2"], colour: str) -> None:
        """Draw a bone."""

    def dots(self, at: Float[np.ndarray, "K 2"], colours: list[str]) -> None:
        """Draw joints."""


@dataclass(frozen=True)
class View:
    """A parallel projection: turned `yaw` degrees about the vertical, seen from `pitch` above.

    At `yaw` 0 one looks as the camera did; at -90 one stands to its right and looks left.
    """

    name: str
    yaw: float
    pitch: float

    @property
    def turn(self) -> Float[np.ndarray, "3 3"]:
        """Rotation from camera axes to right, down and away from the reader."""
        yaw, pitch = np.deg2rad(self.yaw), np.deg2rad(self.pitch)
        sy, cy, sp, cp = np.sin(yaw), np.cos(yaw), np.sin(pitch), np.cos(pitch)
        return np.array([[cy, 0.0, -sy], [-sp * sy, cp, -sp * cy], [cp * sy, sp, cp * cy]])


def draw_bones(
    pen: Pen,
    skeleton: Skeleton,
    points: Float[np.ndarray, "J 2"],
    colours: Colours,
    depth: Float[np.ndarray, " J"] | None = None,
) -> None:
    """Draw bones, the deeper ones first, then joints; what is NaN, and its bones, are left out."""
    names = ("left", "right", "middle")
    colour = [colours[names.index(side)] for side in bone_sides(skeleton)]
    seen = ~np.isnan(points).any(axis=1)
    far = np.zeros(len(points)) if depth is None else np.nan_to_num(depth)
    bones = [(p, c) for p, c in skeleton.edges if seen[p] and seen[c]]
    for parent, child in sorted(bones, key=lambda bone: -(far[bone[0]] + far[bone[1]])):
        pen.line(points[[parent, child]], colour[child])
    shown = np.flatnonzero(seen)
    pen.dots(points[shown], [colour[joint] for joint in shown])


def floor_lines(view: View, half: float, height: float = 0.0) -> Float[np.ndarray, "L 2 2"]:
    """Ends on paper (metres) of the lines of a square floor `half` to each side of the origin.

    height  its y in camera axes.
    """
    lines = []
    for k in np.arange(-half, half + 1e-6, SQUARE):
        lines.append([[k, height, -half], [k, height, half]])
        lines.append([[-half, height, k], [half, height, k]])
    return (np.array(lines) @ view.turn.T)[..., :2]


def window(poses: list[Float[np.ndarray, "_ 2"]]) -> tuple[float, float, float] | None:
    """Centre x, y and half width of a square that holds poses; None if there is nothing."""
    points = np.concatenate(poses)
    seen = points[~np.isnan(points).any(axis=1)]
    if not len(seen):
        return None
    low, high = seen.min(axis=0), seen.max(axis=0)
    x, y = (low + high) / 2
    return float(x), float(y), float(max(*(high - low), 1e-6) * 0.58)
