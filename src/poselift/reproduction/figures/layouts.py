"""GridConv's Figure 6: a grid layout as the graph it amounts to, drawn on a standing body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from poselift.errors import PoseliftError
from poselift.models.gridconv import Layout
from poselift.reproduction.figures.canvas import (
    BLUE,
    FAINT,
    INK,
    MUTED,
    RED,
    place,
    png,
    short_name,
)
from poselift.skeletons import Skeleton

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:
    Axes = Figure = Any

#: Where joints of a person who faces the reader stand on the page: (right, up) for the left side
#: and the middle; the right side is mirrored. The spine is bent a little to keep its links apart.
_STAND = {
    "pelvis": (0.0, 0.0),
    "hip": (0.6, -0.2),
    "knee": (0.74, -1.95),
    "ankle": (0.8, -3.3),
    "toe_base": (1.15, -3.75),
    "toe_end": (1.65, -4.0),
    "spine_base": (-0.22, 0.5),
    "spine": (0.22, 1.05),
    "thorax": (-0.12, 2.15),
    "neck": (0.16, 2.95),
    "head": (-0.08, 3.75),
    "collar": (0.42, 1.72),
    "shoulder": (1.0, 2.05),
    "elbow": (1.75, 0.75),
    "wrist": (2.2, -0.55),
    "thumb": (1.75, -1.1),
    "thumb_end": (1.65, -1.6),
    "hand": (2.35, -1.1),
    "hand_end": (2.45, -1.6),
    "nose": (0.0, 3.1),
    "eye": (0.3, 3.45),
    "ear": (0.62, 3.2),
    "mid_hip": (0.0, 0.0),
    "heel": (0.62, -3.75),
    "big_toe": (0.95, -3.85),
    "small_toe": (1.45, -3.7),
}

#: Names stand beside their joints, outwards; these a little higher or lower, clear of a bone, and
#: those of the thumbs inwards, clear of the hand's.
_NAME_ABOVE = {"pelvis", "thorax", "toe_base"}
_NAME_BELOW = {"hip", "collar"}
_NAME_INSIDE = {"thumb", "thumb_end"}

#: Inches a unit of `_STAND`, and height in inches of a row of the grid.
_UNIT, _ROW = 0.68, 0.42

Pairs = frozenset[frozenset[int]]


@dataclass(frozen=True)
class GridGraph:
    """Links of joints, unordered: bones that a grid keeps, links that it adds, bones it loses."""

    kept: Pairs
    added: Pairs
    lost: Pairs


def grid_graph(layout: Layout, skeleton: Skeleton) -> GridGraph:
    """Compare the bones of a skeleton with the neighbourhoods of a layout.

    Two joints are linked if they stand above, below or beside each other anywhere in the grid; a
    mixed cell stands for all of its joints. Raises `PoseliftError` if the numbers of joints differ.
    """
    broken = layout.broken_edges(skeleton)
    lost = frozenset(frozenset(map(skeleton.index, bone)) for bone in broken)
    bones = frozenset(frozenset(edge) for edge in skeleton.edges)
    linked = frozenset(frozenset(map(int, pair)) for pair in np.argwhere(layout.joint_links))
    return GridGraph(bones - lost, linked - bones, lost)


def layouts_png(
    layouts: Mapping[str, Layout], skeleton: Skeleton, *, title: str = "", caption: str = ""
) -> bytes:
    """Draw layouts side by side, each as a graph on a standing body with its grid below.

    layouts  by name, e.g. handcrafted, learnt #1, learnt #2.

    Raises `PoseliftError` if there is no layout, one is for another number of joints, or it is
    not known where a joint of the skeleton stands.
    """
    if not layouts:
        raise PoseliftError("expected at least one layout to draw, got none")
    graphs = {name: grid_graph(layout, skeleton) for name, layout in layouts.items()}
    points = standing(skeleton)
    width = 5.1
    low, high = min(y for _, y in points) - 0.3, max(y for _, y in points) + 0.3
    tall = (high - low) * _UNIT
    cell = min((width - 0.3) / max(layout.columns for layout in layouts.values()), 0.8)
    tallest = max(layout.rows for layout in layouts.values()) * _ROW

    def draw(figure: Figure, top: float) -> None:
        for k, (name, layout) in enumerate(layouts.items()):
            body = place(figure, 0.1 + k * width, top + 0.5, width - 0.2, tall)
            body.set_title(f"{name}\n{count_label(graphs[name])}", linespacing=1.4)
            body.set_xlim(-(width - 0.2) / _UNIT / 2, (width - 0.2) / _UNIT / 2)
            body.set_ylim(low, high)
            _draw_body(body, skeleton, points, graphs[name])
            wide = layout.columns * cell
            left = 0.1 + k * width + (width - 0.2 - wide) / 2
            grid = place(figure, left, top + 0.6 + tall, wide, layout.rows * _ROW)
            draw_grid(grid, skeleton, layout)

    note = (
        "Solid: bones whose joints are neighbours in the grid. Dotted: other neighbours in the "
        "grid. Faint: bones that the grid loses. The person faces the reader: L, blue, is at the "
        "right. Below: the grid itself."
    )
    return png(
        draw,
        len(layouts) * width,
        0.8 + tall + tallest,
        title=title,
        caption=f"{note}\n{caption}",
    )


def count_label(graph: GridGraph) -> str:
    """Say in numbers what the picture shows."""
    bones = len(graph.kept) + len(graph.lost)
    return f"{len(graph.kept)} of {bones} bones kept, {len(graph.added)} links added"


def standing(skeleton: Skeleton) -> list[tuple[float, float]]:
    """Place each joint on the page; `PoseliftError` names one that it knows no place for."""
    points = []
    for joint in skeleton.joints:
        side, _, part = joint.partition("_")
        sign = {"left": 1.0, "right": -1.0}.get(side)
        known = _STAND.get(joint if sign is None else part)
        if known is None:
            raise PoseliftError(f"no place on the standing body for {skeleton.name}'s {joint!r}")
        points.append((known[0] * (sign or 1.0), known[1]))
    return points


def _colours(skeleton: Skeleton) -> list[str]:
    """Blue for left joints, red for right ones."""
    return [
        BLUE if j in skeleton.left else RED if j in skeleton.right else INK
        for j in range(len(skeleton))
    ]


def _draw_body(
    axes: Axes, skeleton: Skeleton, points: list[tuple[float, float]], graph: GridGraph
) -> None:
    """Links first, then joints, then names."""
    from matplotlib.patches import FancyArrowPatch

    axes.set_axis_off()
    for pairs, colour, width, order in ((graph.lost, FAINT, 3.0, 1), (graph.kept, INK, 2.2, 3)):
        for a, b in sorted(map(sorted, pairs)):
            x, y = zip(points[a], points[b], strict=True)
            axes.plot(x, y, color=colour, lw=width, zorder=order)
    for a, b in sorted(map(sorted, graph.added)):
        # bent outwards, as straight lines would run along the spine and the limbs
        bend = 0.16 if points[a][0] + points[b][0] >= 0 else -0.16
        downwards = points[a][1] > points[b][1]
        arc = FancyArrowPatch(
            points[a],
            points[b],
            connectionstyle=f"arc3,rad={bend if not downwards else -bend}",
            arrowstyle="-",
            linestyle=(0, (1.2, 1.8)),
            color=MUTED,
            lw=1.3,
            zorder=2,
            shrinkA=0,
            shrinkB=0,
        )
        axes.add_patch(arc)
    colours = _colours(skeleton)
    x, y = zip(*points, strict=True)
    axes.scatter(x, y, s=42, c=colours, zorder=4, lw=0)
    _draw_names(axes, skeleton, points, colours)


def _draw_names(
    axes: Axes, skeleton: Skeleton, points: list[tuple[float, float]], colours: list[str]
) -> None:
    """Each joint's name beside it, clear of the bones."""
    size = 7.0 if len(skeleton) > 20 else 8.5
    for joint, (x, y), colour in zip(skeleton.joints, points, colours, strict=True):
        part = joint.removeprefix("left_").removeprefix("right_")
        to_right = (x > 0) != (part in _NAME_INSIDE)
        rise = 0.14 if part in _NAME_ABOVE else -0.14 if part in _NAME_BELOW else 0.0
        axes.text(
            x + (0.15 if to_right else -0.15),
            y + rise,
            short_name(joint),
            ha="left" if to_right else "right",
            va="center",
            fontsize=size,
            color=colour,
            zorder=5,
            bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 0.6},
        )


def draw_grid(
    axes: Axes,
    skeleton: Skeleton,
    layout: Layout,
    moved: frozenset[int] = frozenset(),
    size: float = 7.5,
) -> None:
    """Draw the grid as a table of joint names; nodes that `moved` have a frame."""
    from matplotlib.patches import Rectangle

    axes.set_axis_off()
    axes.set_xlim(0, layout.columns)
    axes.set_ylim(layout.rows, 0)
    colours = _colours(skeleton)
    for node, cell in enumerate(layout.cells):
        row, column = divmod(node, layout.columns)
        held = {colours[joint] for joint in cell}
        colour = held.pop() if len(held) == 1 else INK
        box = Rectangle((column, row), 1, 1, facecolor=colour, alpha=0.13, lw=0)
        axes.add_patch(box)
        axes.add_patch(Rectangle((column, row), 1, 1, fill=False, edgecolor="white", lw=2))
        if node in moved:
            frame = Rectangle((column + 0.06, row + 0.06), 0.88, 0.88, fill=False)
            frame.set(edgecolor=INK, lw=1.2)
            axes.add_patch(frame)
        text = "\n+ ".join(short_name(skeleton.joints[joint]) for joint in cell)
        if len(cell) == 1 and len(text) > 9:
            text = "\n".join(text.rsplit(" ", 1))
        axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=size)
