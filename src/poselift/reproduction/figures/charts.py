"""Bars and matrices: GridConv's Figures 7 and 8, PoseGraphNet's Figure 3."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.reproduction.figures.canvas import BLUE, FAINT, INK, MUTED, place, png, short_name
from poselift.skeletons import Skeleton

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:
    Axes = Figure = Any

#: Characters of a bar's name after which it goes on in another line.
_BAR_NAME = 12


def grid_sizes_png(
    errors: Mapping[tuple[int, int], float],
    *,
    ylabel: str = "MPJPE, mm",
    title: str = "",
    caption: str = "",
) -> bytes:
    """Draw GridConv's Figure 7: the error by grid size (rows, columns), fewest nodes first.

    `errors` in millimetres; the smallest is dark. As `bars_png` otherwise.
    """
    ordered = sorted(errors, key=lambda size: (size[0] * size[1], size))
    bars = {f"{h}×{p}\n{h * p} nodes": errors[h, p] for h, p in ordered}
    return bars_png(
        bars, xlabel="grid, rows × columns", ylabel=ylabel, title=title, caption=caption
    )


def bars_png(
    values: Mapping[str, float],
    *,
    xlabel: str,
    ylabel: str = "MPJPE, mm",
    title: str = "",
    caption: str = "",
) -> bytes:
    """Draw GridConv's Figure 8: a bar a design with its value above it, in the order given.

    The smallest value is dark; one that is NaN leaves a gap. The axis begins where the
    differences can be seen and says so in `ylabel`; with a negative value bars stand on 0.
    Raises `PoseliftError` if there is no value.
    """
    heights = np.array(list(values.values()), dtype=np.float64)
    if not len(heights) or np.isnan(heights).all():
        raise PoseliftError("expected at least one value to draw a bar for, got none")
    low, high = axis_limits(heights)
    cut = f"{ylabel} (axis begins at {low:g})" if low > 0 else ylabel

    def draw(figure: Figure, top: float) -> None:
        axes = place(figure, 0.8, top + 0.1, width - 1.0, 3.2)
        best, base = np.nanmin(heights), max(low, 0.0)
        for k, height in enumerate(heights):
            if not np.isnan(height):
                colour = BLUE if height == best and low >= 0 else "#9cc7e0"
                axes.bar(k, height - base, bottom=base, width=0.62, color=colour, zorder=2)
                axes.annotate(
                    f"{height:.1f}",
                    (k, height),
                    xytext=(0, 4),
                    textcoords="offset points",
                    ha="center",
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
                )
        axes.set_xlim(-0.6, len(heights) - 0.4)
        axes.set_ylim(low, high)
        axes.set_xticks(range(len(heights)), [_wrapped(name) for name in values])
        axes.tick_params(axis="x", length=0, labelsize=9, labelcolor=INK)
        axes.set_xlabel(xlabel, labelpad=6)
        axes.set_ylabel(cut)
        axes.grid(axis="y", color=FAINT, lw=0.6, zorder=1)
        axes.set_axisbelow(True)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)

    width = max(1.0 + 0.95 * len(heights), 5.0)
    return png(draw, width, 4.1, title=title, caption=caption)


def _wrapped(name: str) -> str:
    """Break a bar's name into lines that stay below the bar."""
    return "\n".join(textwrap.fill(line, _BAR_NAME) for line in name.splitlines())


def axis_limits(values: Float[np.ndarray, " K"]) -> tuple[float, float]:
    """Round limits of an axis on which the differences of values (NaN left out) can be seen.

    The lower limit is at least one spread below the smallest value and never below 0.
    """
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    spread = max(high - low, 0.05 * abs(high), 1e-6)
    step = 10.0 ** math.floor(math.log10(spread))
    bottom = max(math.floor((low - spread) / step) * step, 0.0) if low >= 0 else low - spread
    return bottom, high + 0.25 * (high - bottom)


def adjacency_png(
    matrix: Float[np.ndarray, "J J"], skeleton: Skeleton, *, title: str = "", caption: str = ""
) -> bytes:
    """Draw PoseGraphNet's Figure 3: the weights of each receiving joint (row) on sending joints.

    matrix  normalised adjacency of one neighbour group, entry [receiver, sender]; the paper draws
            the child group, index 2 of `poselift.models.posegraphnet.GROUPS`.

    Dark blue is strong: the colour shows the magnitude, the number in the cell also the sign.
    Raises `PoseliftError` if the matrix does not fit the skeleton.
    """
    if len(matrix) != len(skeleton):
        raise PoseliftError(
            f"adjacency: expected {len(skeleton)} joints of {skeleton.name}, got {len(matrix)}"
        )
    side = 0.44 * len(matrix)
    names = [short_name(joint) for joint in skeleton.joints]

    def draw(figure: Figure, top: float) -> None:
        axes = place(figure, 1.35, top + 1.25, side, side)
        shown = np.abs(matrix)
        strongest = float(np.nanmax(shown, initial=1e-6))
        picture = axes.imshow(shown, cmap="Blues", vmin=0.0, vmax=strongest)
        _label_cells(axes, matrix, strongest)
        ticks = range(len(names))
        axes.set_xticks(ticks, names, rotation=90)
        axes.set_yticks(ticks, names)
        axes.tick_params(length=0, labelcolor=INK, top=True, labeltop=True, labelbottom=False)
        axes.tick_params(bottom=False)
        axes.set_xlabel("sending joint", fontweight="bold")
        axes.xaxis.set_label_position("top")
        axes.set_ylabel("receiving joint", fontweight="bold")
        for spine in axes.spines.values():
            spine.set_visible(False)
        bar = place(figure, 1.35 + side + 0.15, top + 1.25, 0.16, side)
        figure.colorbar(picture, cax=bar, label="magnitude of the weight")
        bar.tick_params(color=MUTED)

    return png(draw, side + 2.3, side + 1.45, title=title, caption=caption)


def _label_cells(axes: Axes, matrix: Float[np.ndarray, "J J"], strongest: float) -> None:
    """Print each weight in its cell, light on dark."""
    for (receiver, sender), weight in np.ndenumerate(matrix):
        if not np.isnan(weight):
            colour = "white" if abs(weight) > 0.55 * strongest else INK
            text = cell_label(float(weight))
            axes.text(sender, receiver, text, ha="center", va="center", fontsize=7, color=colour)


def cell_label(weight: float) -> str:
    """Two decimals without the leading zero, which leaves room in the cell: -.13, .62, 1.05."""
    text = f"{weight:.2f}".replace("-0.00", "0.00")
    return "0" if text == "0.00" else text.replace("0.", ".", 1) if abs(weight) < 0.995 else text
