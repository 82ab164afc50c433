"""How a two-branch grid convolution is computed: which products are needed, and in what groups.

Both branches see the same value wherever a tap falls inside the grid, so one product with
W1 + W2 replaces two there. Only taps that fall outside can differ between paddings.

Without a zero padding the whole grid is one dense product with W1 + W2, all nodes alike, on the
patches of the first padding; what the second padding would have seen instead is put right side by
side: W2 times the difference of the two values, for the three taps that leave the grid there. A
5x5 grid with circular + replicate padding needs 225 + 4 * 15 = 285 products a frame instead of
450, in 5 groups (4 of the 60 are zero: a corner's tap leaves the grid on two sides and counts on
one).

A zero is no product at all. Then nodes whose taps fall outside in the same way make a group, with
one list of weight blocks each: 225 products in 9 groups (interior, 4 edges, 4 corners) for
circular + zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from poselift.errors import PoseliftError
from poselift.models.gridconv.convolution import PADDINGS

#: Weight blocks: branch 1, branch 2, or their sum.
FIRST, SECOND, BOTH = 0, 1, 2


@dataclass(frozen=True)
class NodeGroup:
    """Grid nodes that use the same weight blocks. What several groups give a node is added up.

    nodes    the nodes of the group, n of them.
    blocks   (block, tap) of each of the k weight blocks; block is FIRST, SECOND or BOTH.
    sources  for each node, the k nodes that its patch is gathered from.
    minus    for each node, the k nodes that are subtracted from these, or None.
    """

    nodes: tuple[int, ...]
    blocks: tuple[tuple[int, int], ...]
    sources: tuple[tuple[int, ...], ...]
    minus: tuple[tuple[int, ...], ...] | None = None


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
    """Plan a rows x columns grid for 3x3 taps and a pair of paddings.

    The first group alone holds all nodes in order, or each node is in exactly one group.
    """
    # for each node the nodes that its nine taps see
    first, second = (
        [
            [
                tap_source(node // columns + i - 1, node % columns + j - 1, rows, columns, padding)
                for i in range(3)
                for j in range(3)
            ]
            for node in range(rows * columns)
        ]
        for padding in paddings
    )
    if any(None in row for row in (*first, *second)):
        return _by_node(first, second)
    return _by_side(rows, columns, first, second)


def products(groups: tuple[NodeGroup, ...]) -> int:
    """Number of channel-matrix products a frame needs under a plan."""
    return sum(len(group.nodes) * len(group.blocks) for group in groups)


def _by_side(
    rows: int, columns: int, first: list[list[int | None]], second: list[list[int | None]]
) -> tuple[NodeGroup, ...]:
    """All nodes on the first padding, then the four sides' differences to the second."""
    nodes = range(rows * columns)
    seen = [tuple(node or 0 for node in row) for row in first]
    wanted = [tuple(node or 0 for node in row) for row in second]
    groups = [NodeGroup(tuple(nodes), tuple((BOTH, tap) for tap in range(9)), tuple(seen))]
    done: set[tuple[int, int]] = set()
    for side, taps in (
        (nodes[:columns], (0, 1, 2)),
        (nodes[-columns:], (6, 7, 8)),
        (nodes[::columns], (0, 3, 6)),
        (nodes[columns - 1 :: columns], (2, 5, 8)),
    ):
        # a pair that was put right already subtracts from itself
        plus = tuple(
            tuple((seen if (node, tap) in done else wanted)[node][tap] for tap in taps)
            for node in side
        )
        minus = tuple(tuple(seen[node][tap] for tap in taps) for node in side)
        done.update((node, tap) for node in side for tap in taps)
        if plus != minus:
            groups.append(NodeGroup(tuple(side), tuple((SECOND, tap) for tap in taps), plus, minus))
    return tuple(groups)


def _by_node(
    first: list[list[int | None]], second: list[list[int | None]]
) -> tuple[NodeGroup, ...]:
    """Nodes with the same list of weight blocks together."""
    members: dict[tuple[tuple[int, int], ...], list[tuple[int, tuple[int, ...]]]] = {}
    for node, pair in enumerate(zip(first, second, strict=True)):
        blocks: list[tuple[int, int]] = []
        sources: list[int] = []
        for tap, (one, other) in enumerate(zip(*pair, strict=True)):
            alike = [(BOTH, one)] if one == other else [(FIRST, one), (SECOND, other)]
            for block, source in alike:
                if source is not None:
                    blocks.append((block, tap))
                    sources.append(source)
        members.setdefault(tuple(blocks), []).append((node, tuple(sources)))
    return tuple(
        NodeGroup(tuple(n for n, _ in rows_), blocks, tuple(s for _, s in rows_))
        for blocks, rows_ in members.items()
    )
