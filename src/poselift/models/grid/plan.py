"""How a two-branch grid convolution is computed: which products are needed, and in what groups.

Both branches see the same value wherever a tap falls inside the grid, so one product with
W1 + W2 replaces two there. Only taps that fall outside differ between paddings. Nodes whose taps
fall outside in the same way share one list of weight blocks: their patches make one dense matrix
product with a long inner dimension.

On a 5x5 grid with 3x3 taps and circular + replicate padding that is 169 + 2 * 56 = 281 products a
frame instead of 450, in 9 groups (interior, 4 edges, 4 corners).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from poselift.errors import PoseliftError

PADDINGS = ("circular", "replicate", "zero")

#: Weight blocks: branch 1, branch 2, or their sum.
FIRST, SECOND, BOTH = 0, 1, 2


@dataclass(frozen=True)
class NodeGroup:
    """Grid nodes that use the same weight blocks.

    nodes    the nodes of the group, n of them.
    blocks   (block, tap) of each of the k weight blocks; block is FIRST, SECOND or BOTH.
    sources  for each node, the k nodes that its patch is gathered from.
    """

    nodes: tuple[int, ...]
    blocks: tuple[tuple[int, int], ...]
    sources: tuple[tuple[int, ...], ...]


def tap_source(row: int, column: int, rows: int, columns: int, padding: str) -> int | None:
    """Node that position (row, column) of a padded grid holds, or None for a padded zero.

    Raises `PoseliftError` for an unknown padding.
    """
    if padding not in PADDINGS:
        raise PoseliftError(f"unknown padding {padding!r}, expected one of {', '.join(PADDINGS)}")
    if not (0 <= row < rows and 0 <= column < columns):
        if padding == "zero":
            return None
        if padding == "circular":
            row, column = row % rows, column % columns
        else:
            row, column = min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)
    return row * columns + column


@cache
def plan(rows: int, columns: int, paddings: tuple[str, str]) -> tuple[NodeGroup, ...]:
    """Group the nodes of a rows x columns grid for 3x3 taps and a pair of paddings."""
    members: dict[tuple[tuple[int, int], ...], list[tuple[int, tuple[int, ...]]]] = {}
    for node in range(rows * columns):
        blocks: list[tuple[int, int]] = []
        sources: list[int] = []
        for tap in range(9):
            row, column = node // columns + tap // 3 - 1, node % columns + tap % 3 - 1
            first, second = (tap_source(row, column, rows, columns, p) for p in paddings)
            wanted = [(BOTH, first)] if first == second else [(FIRST, first), (SECOND, second)]
            for block, source in wanted:
                if source is not None:
                    blocks.append((block, tap))
                    sources.append(source)
        members.setdefault(tuple(blocks), []).append((node, tuple(sources)))
    return tuple(
        NodeGroup(tuple(n for n, _ in rows_), blocks, tuple(s for _, s in rows_))
        for blocks, rows_ in members.items()
    )


def products(groups: tuple[NodeGroup, ...]) -> int:
    """Number of channel-matrix products a frame needs under a plan."""
    return sum(len(group.nodes) * len(group.blocks) for group in groups)
