"""Qualitative panels: GridConv's Figure 5 and PoseGraphNet's Figure 2.

3D panels are parallel projections of camera space (x right, y down, z forward), seen a little
from the side and from above, so that people stand upright on the page.

Axes: N sample, J joint.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.reproduction.figures.canvas import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    MUTED,
    PURPLE,
    RED,
    place,
    plain,
    png,
    write,
)
from poselift.skeletons import Skeleton
from poselift.viewer.drawing import SQUARE, Colours, View, draw_bones, floor_lines, window

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:
    Axes = Figure = Any

#: How 3D panels are turned about the vertical and seen from above.
VIEW = View("", -25.0, 12.0)
#: Length in metres of the upright scale.
SCALE = 1.0
SEEN_FROM = (
    f"3D: metres, root-relative, seen from {-VIEW.yaw:g} degrees to the right of the camera and "
    f"{VIEW.pitch:g} above it; floor squares of {SQUARE:g} m."
)

TRUTH: Colours = (BLUE, RED, MUTED)
PREDICTED: Colours = (PURPLE, GREEN, MUTED)

#: Size of a panel and gap between two, in inches; how the name beside a row is written.
_PANEL, _GAP = 1.95, 0.12
_BESIDE = {"rotation": 90, "va": "center", "ha": "center"}


def comparison_png(
    skeleton: Skeleton,
    keypoints: Float[np.ndarray, "N J 2"],
    truth: Float[np.ndarray, "N J 3"],
    predictions: Mapping[str, Float[np.ndarray, "N J 3"]],
    *,
    names: Sequence[str],
    title: str = "",
    caption: str = "",
) -> bytes:
    """Draw GridConv's Figure 5: a row a sample; the 2D input, then a 3D panel for each method.

    keypoints    pixels, x right, y down.
    truth        metres, camera axes, root-relative; blue in every 3D panel.
    predictions  by the method's name, like `truth`; red. Below stands the mean distance.
    names        of the samples, one a row.

    A joint that is NaN is left out. Raises `PoseliftError` if the arrays do not fit.
    """
    _check(skeleton, names, {"keypoints": keypoints, "truth": truth, **predictions})

    def draw(figure: Figure, top: float) -> None:
        figure_names = ["2D input", *predictions]
        for row, name in enumerate(names):
            y = top + 0.3 + row * (_PANEL + 0.36)
            panels = [place(figure, *_cell(column, y)) for column in range(len(figure_names))]
            write(figure, 0.25, y + _PANEL / 2, name, **_BESIDE)
            _draw_flat(panels[0], skeleton, keypoints[row], (INK, INK, INK))
            span = _span(truth[row], [poses[row] for poses in predictions.values()])
            for axes, poses in zip(panels[1:], predictions.values(), strict=True):
                _draw_floor(axes, truth[row], span)
                draw_bones(_Pen(axes), skeleton, upright(truth[row]), (BLUE, BLUE, BLUE))
                draw_bones(_Pen(axes, "--"), skeleton, upright(poses[row]), (RED, RED, RED))
                axes.set_xlabel(distance_label(poses[row], truth[row]), labelpad=3)
            if row == 0:
                for axes, text in zip(panels, figure_names, strict=True):
                    axes.set_title(text)

    note = f"Truth blue, prediction red and dashed. 2D: pixels, x right, y down. {SEEN_FROM}"
    return png(
        draw,
        0.45 + (1 + len(predictions)) * (_PANEL + _GAP) + 0.1,
        0.35 + len(names) * (_PANEL + 0.36),
        title=title,
        caption=f"{note}\n{caption}",
    )


def pipeline_png(
    skeleton: Skeleton,
    keypoints: Float[np.ndarray, "N J 2"],
    detected: Float[np.ndarray, "N J 2"],
    truth: Float[np.ndarray, "N J 3"],
    predicted: Float[np.ndarray, "N J 3"],
    *,
    names: Sequence[str],
    title: str = "",
    caption: str = "",
) -> bytes:
    """Draw PoseGraphNet's Figure 2: four panels a sample, samples in up to three columns.

    The panels are the true 2D pose and the detected one (pixels, x right, y down), the true 3D
    pose and the predicted one (metres, camera axes, root-relative). Left and right limbs are blue
    and red where true, purple and green where detected or predicted.

    A joint that is NaN is left out. Raises `PoseliftError` if the arrays do not fit.
    """
    arrays = {"keypoints": keypoints, "detected": detected, "truth": truth, "predicted": predicted}
    _check(skeleton, names, arrays)
    across = min(3, math.ceil(len(names) / 3))
    rows = math.ceil(len(names) / across)
    block = 4 * (_PANEL + _GAP) + 0.5

    def draw(figure: Figure, top: float) -> None:
        for sample, name in enumerate(names):
            column, row = divmod(sample, rows)
            x, y = column * block, top + 0.3 + row * (_PANEL + 0.36)
            panels = [place(figure, *_cell(k, y, x)) for k in range(4)]
            write(figure, x + 0.25, y + _PANEL / 2, name, **_BESIDE)
            shared = window([keypoints[sample], detected[sample]])
            _draw_flat(panels[0], skeleton, keypoints[sample], TRUTH, shared)
            _draw_flat(panels[1], skeleton, detected[sample], PREDICTED, shared)
            span = _span(truth[sample], [predicted[sample]])
            for axes, pose, colours in (
                (panels[2], truth[sample], TRUTH),
                (panels[3], predicted[sample], PREDICTED),
            ):
                _draw_floor(axes, truth[sample], span)
                draw_bones(_Pen(axes), skeleton, upright(pose), colours)
            panels[3].set_xlabel(distance_label(predicted[sample], truth[sample]), labelpad=3)
            if row == 0:
                titles = ("2D truth", "2D detected", "3D truth", "3D predicted")
                for axes, text in zip(panels, titles, strict=True):
                    axes.set_title(text)

    note = (
        "Left and right limbs: blue and red where true, purple and green where detected or "
        f"predicted. 2D: pixels, x right, y down. {SEEN_FROM}"
    )
    return png(
        draw,
        across * block + 0.1,
        0.35 + rows * (_PANEL + 0.36),
        title=title,
        caption=f"{note}\n{caption}",
    )


def distance_label(predicted: Float[np.ndarray, "J 3"], truth: Float[np.ndarray, "J 3"]) -> str:
    """Say the mean distance of the joints that both poses (metres) have; nothing if none."""
    each = np.linalg.norm(predicted - truth, axis=1)
    seen = each[~np.isnan(each)]
    return f"mean distance {1000 * seen.mean():.0f} mm" if len(seen) else "no joint in common"


def upright(points: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 2"]:
    """Project camera space (x right, y down, z forward) onto the page (right, up), in metres."""
    turned = points @ VIEW.turn.T
    return np.stack([turned[..., 0], -turned[..., 1]], axis=-1)


def _check(
    skeleton: Skeleton, names: Sequence[str], arrays: Mapping[str, Float[np.ndarray, "_ _ _"]]
) -> None:
    """Refuse arrays of other sizes than the names' and the skeleton's."""
    if not names:
        raise PoseliftError("expected at least one sample to draw, got none")
    for name, array in arrays.items():
        if array.shape[:2] != (len(names), len(skeleton)):
            raise PoseliftError(
                f"{name}: expected {len(names)} samples of {len(skeleton)} joints, "
                f"got {array.shape[0]} of {array.shape[1]}"
            )


def _cell(column: int, top: float, left: float = 0.0) -> tuple[float, float, float, float]:
    """Left, top, width and height in inches of a panel."""
    return left + 0.45 + column * (_PANEL + _GAP), top, _PANEL, _PANEL


def _seen(points: Float[np.ndarray, "J D"]) -> Float[np.ndarray, "K D"]:
    """Those joints that are not missing."""
    return points[~np.isnan(points).any(axis=1)]


def _draw_flat(
    axes: Axes,
    skeleton: Skeleton,
    pose: Float[np.ndarray, "J 2"],
    colours: Colours,
    shared: tuple[float, float, float] | None = None,
) -> None:
    """A 2D pose in a square window of its image, y down, with a scale in pixels."""
    plain(axes)
    square = shared or window([pose])
    if square is None:
        return
    x, y, half = square
    axes.set_xlim(x - half, x + half)
    axes.set_ylim(y + half, y - half)
    draw_bones(_Pen(axes), skeleton, pose, colours)
    length = _round(0.7 * half)
    left, low = x - 0.93 * half, y + 0.92 * half
    axes.plot([left, left + length], [low, low], color=MUTED, lw=1.5, solid_capstyle="butt")
    axes.text(left, low - 0.04 * half, f"{length:g} px", fontsize=7.5, color=MUTED, va="bottom")


def _round(length: float) -> float:
    """Largest of 1, 2, 5 x 10^n that is not longer."""
    power = 10.0 ** math.floor(math.log10(length))
    return max(step * power for step in (1, 2, 5) if step * power <= length)


def _floor(truth: Float[np.ndarray, "J 3"]) -> Float[np.ndarray, "6 2 2"]:
    """Ends on the page of the lines of a floor of 2 x 2 squares under the lowest true joint."""
    seen = _seen(truth)
    height = float(seen[:, 1].max()) if len(seen) else 0.0
    return floor_lines(VIEW, SQUARE, height) * [1.0, -1.0]


def _span(
    truth: Float[np.ndarray, "J 3"], others: Sequence[Float[np.ndarray, "_ 3"]]
) -> tuple[float, float, float]:
    """Centre x, y on the page and half width in metres of a window that holds poses and floor."""
    floor = _floor(truth).reshape(-1, 2)
    square = window([floor, *(upright(pose) for pose in (truth, *others))])
    assert square is not None  # there is always a floor
    return square


def _draw_floor(
    axes: Axes, truth: Float[np.ndarray, "J 3"], span: tuple[float, float, float]
) -> None:
    """The floor under the true pose, an upright scale, and the limits of the panel."""
    plain(axes)
    x, y, half = span
    axes.set_xlim(x - half, x + half)
    axes.set_ylim(y - half, y + half)
    for line in _floor(truth):
        axes.plot(line[:, 0], line[:, 1], color=FAINT, lw=0.8, zorder=1)
    left, low = x - 0.95 * half, y - 0.93 * half
    top = low + SCALE * math.cos(math.radians(VIEW.pitch))
    axes.plot([left, left], [low, top], color=MUTED, lw=1.5, solid_capstyle="butt", zorder=1)
    text: dict[str, Any] = {"rotation": 90, "fontsize": 7.5, "color": MUTED, "va": "top"}
    axes.text(left + 0.03 * half, top, f"{SCALE:g} m", **text)


class _Pen:
    """Bones and joints in matplotlib's axes."""

    def __init__(self, axes: Axes, style: str = "-") -> None:
        self.axes, self.style = axes, style

    def line(self, ends: Float[np.ndarray, "2 2"], colour: str) -> None:
        """Draw a bone."""
        self.axes.plot(ends[:, 0], ends[:, 1], self.style, color=colour, lw=2.0, zorder=3)

    def dots(self, at: Float[np.ndarray, "K 2"], colours: list[str]) -> None:
        """Draw joints."""
        self.axes.scatter(at[:, 0], at[:, 1], s=9, c=colours, zorder=4, lw=0)
