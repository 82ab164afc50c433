"""GridConv's Figure 3: a layout as it changes while it is learnt, and layouts that were drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from poselift.errors import PoseliftError
from poselift.models.gridconv import Layout
from poselift.reproduction.figures.canvas import place, png
from poselift.reproduction.figures.layouts import draw_grid
from poselift.skeletons import Skeleton

if TYPE_CHECKING:
    from matplotlib.figure import Figure
else:
    Figure = Any

#: Inches of a node of the layout and of one that was drawn: width and height.
_NODE, _SMALL = (0.62, 0.4), (0.62, 0.26)


def progress_png(
    steps: Sequence[tuple[str, Layout, frozenset[int]]],
    drawn: Sequence[Sequence[Layout]],
    skeleton: Skeleton,
    *,
    title: str = "",
    caption: str = "",
) -> bytes:
    """Draw layouts in a row, oldest first, and below each the layouts drawn at that time.

    steps  a label, the layout, and the nodes that have moved.
    drawn  a list for each step, empty where nothing was drawn any more.

    Raises `PoseliftError` if there is no step.
    """
    if not steps:
        raise PoseliftError("expected at least one layout to draw, got none")
    rows, columns = steps[0][1].rows, steps[0][1].columns
    width, tall = columns * _NODE[0], rows * _NODE[1]
    below, most = rows * _SMALL[1] + 0.3, max(map(len, drawn))

    def draw(figure: Figure, top: float) -> None:
        for k, ((label, layout, moved), own) in enumerate(zip(steps, drawn, strict=True)):
            left = 0.2 + k * (width + 0.3)
            axes = place(figure, left, top + 0.3, width, tall)
            axes.set_title(label, fontsize=9)
            draw_grid(axes, skeleton, layout, moved)
            for number, one in enumerate(own):
                high = top + 0.3 + tall + 0.3 + number * below
                small = place(figure, left, high, width, rows * _SMALL[1])
                small.set_title(f"drawn #{number + 1}", fontsize=7.5)
                draw_grid(small, skeleton, one, differing(layout, one), size=6.0)

    note = (
        "The best joint of each node; those that hold another joint than at the start are framed."
    )
    if most:
        note += " Below: layouts drawn at that time, framed where they differ from the one above."
    return png(
        draw,
        max(len(steps) * (width + 0.3) + 0.1, 5.0),
        0.5 + tall + most * below,
        title=title,
        caption=f"{note}\n{caption}",
    )


def differing(one: Layout, other: Layout) -> frozenset[int]:
    """Return the nodes that hold another joint."""
    pairs = zip(one.cells, other.cells, strict=True)
    return frozenset(node for node, (a, b) in enumerate(pairs) if a != b)
