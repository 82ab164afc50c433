"""Grid layouts: which joint each grid node holds, and the checker of equations (2) and (3).

Semantic Grid Transformation (SGT) of the GridConv paper, "Two Designs for Implementing SGT" and
Figure 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from poselift.errors import PoseliftError
from poselift.skeletons import Skeleton


@dataclass(frozen=True)
class Layout:
    """A grid of rows x columns nodes, row-major; `cells` names the joints that each node holds.

    A cell of the paper holds one joint. The official code's centre cell is the mean of two; such
    a mixed cell is fed to the network and skipped by the inverse.
    """

    rows: int
    columns: int
    cells: tuple[tuple[int, ...], ...]
    joints: int

    def __post_init__(self) -> None:
        """Refuse a wrong number of cells, unknown joints, and joints that no cell holds."""
        if len(self.cells) != self.rows * self.columns:
            raise PoseliftError(
                f"layout: expected {self.rows * self.columns} cells, got {len(self.cells)}"
            )
        if any(not cell or not all(0 <= j < self.joints for j in cell) for cell in self.cells):
            raise PoseliftError(f"layout: every cell needs a joint from 0 to {self.joints - 1}")
        held = {cell[0] for cell in self.cells if len(cell) == 1}
        lost = sorted(set(range(self.joints)) - held)
        if lost:
            raise PoseliftError(f"layout: no cell of its own holds joint {lost[0]}")

    @cached_property
    def assignment(self) -> Float[np.ndarray, "P J"]:
        """S of equation (1), nodes x joints; binary unless a cell is mixed. Rows sum to 1."""
        matrix = np.zeros((len(self.cells), self.joints))
        for node, cell in enumerate(self.cells):
            matrix[node, list(cell)] = 1.0 / len(cell)
        return matrix

    @cached_property
    def inverse(self) -> Float[np.ndarray, "J P"]:
        """φ⁻¹, joints x nodes: the mean of the nodes that hold a joint alone. Rows sum to 1."""
        matrix = (self.assignment == 1.0).T.astype(np.float64)
        return matrix / matrix.sum(axis=1, keepdims=True)

    @cached_property
    def cell_links(self) -> Bool[np.ndarray, "P P"]:
        """Which nodes are neighbours: the one above, below, left or right."""
        row, column = np.divmod(np.arange(len(self.cells)), self.columns)
        steps = np.abs(row[:, None] - row) + np.abs(column[:, None] - column)
        return steps == 1

    @cached_property
    def joint_links(self) -> Bool[np.ndarray, "J J"]:
        """Which joints are neighbours anywhere in the grid; a mixed cell stands for all its joints.

        No joint with itself, though copies of one may lie side by side.
        """
        held = self.assignment > 0
        links = held.T.astype(int) @ self.cell_links @ held > 0
        np.fill_diagonal(links, False)
        return links

    @property
    def binary(self) -> bool:
        """Whether every cell holds exactly one joint: equation (3)."""
        return all(len(cell) == 1 for cell in self.cells)

    def broken_edges(self, skeleton: Skeleton) -> tuple[tuple[str, str], ...]:
        """Bones whose two joints are nowhere neighbours in the grid: those that break equation (2).

        Neighbours are the four nodes above, below, left and right. Raises `PoseliftError` if the
        skeleton has another number of joints.
        """
        if len(skeleton) != self.joints:
            raise PoseliftError(
                f"layout: made for {self.joints} joints, {skeleton.name} has {len(skeleton)}"
            )
        return tuple(
            (skeleton.joints[parent], skeleton.joints[child])
            for parent, child in skeleton.edges
            if not self.joint_links[parent, child]
        )


def _from_table(table: list[list[int]], joints: int) -> Layout:
    cells = tuple((joint,) for row in table for joint in row)
    return Layout(len(table), len(table[0]), cells, joints)


# Figure 2: the legs on the outer columns, the arms beside the head, the spine along the top.
_H36M_17 = [
    [7, 7, 7, 7, 7],
    [0, 8, 8, 8, 0],
    [1, 14, 9, 11, 4],
    [2, 15, 9, 12, 5],
    [3, 16, 10, 13, 6],
]
# The same without the neck (index 9): joints above 9 move down by one.
_H36M_16 = [
    [7, 7, 7, 7, 7],
    [0, 8, 8, 8, 0],
    [1, 13, 8, 10, 4],
    [2, 14, 9, 11, 5],
    [3, 15, 9, 12, 6],
]
# Ours, as the paper prints none for 32 joints: the same plan (legs outside, spine down the
# middle, arms between), with the pelvis twice more and the head once more to fill 35 cells.
_H36M_32 = [
    [2, 1, 0, 6, 7],
    [3, 0, 11, 0, 8],
    [4, 24, 12, 16, 9],
    [5, 25, 13, 17, 10],
    [31, 26, 14, 18, 23],
    [30, 27, 15, 19, 22],
    [29, 28, 15, 20, 21],
]

_HANDCRAFTED = {"h36m_17": _H36M_17, "h36m_16": _H36M_16, "h36m_32": _H36M_32}

#: Rows and columns of the handcrafted layouts, by skeleton.
SIZES = {name: (len(table), len(table[0])) for name, table in _HANDCRAFTED.items()}


def handcrafted(skeleton: Skeleton) -> Layout:
    """Return the handcrafted layout: 5x5 for 17 and 16 Human3.6M joints, 7x5 for 32.

    Binary, and it satisfies equations (2) and (3). Raises `PoseliftError` for other skeletons.
    """
    if skeleton.name not in _HANDCRAFTED:
        raise PoseliftError(
            f"no handcrafted layout for {skeleton.name}, only for {', '.join(_HANDCRAFTED)}"
        )
    return _from_table(_HANDCRAFTED[skeleton.name], len(skeleton))


def released(skeleton: Skeleton) -> Layout:
    """Return the official 17-joint layout, whose centre cell is the mean of joints 8 and 9."""
    if skeleton.name != "h36m_17":
        raise PoseliftError(f"the official layout is for h36m_17, not for {skeleton.name}")
    plain = handcrafted(skeleton)
    cells = list(plain.cells)
    cells[12] = (8, 9)
    return Layout(5, 5, tuple(cells), 17)


def grid_for(joints: int) -> tuple[int, int]:
    """Return rows and columns of a grid for so many joints of which nobody has drawn one.

    Five columns, as all grids here have, and at least five rows; 5x5 up to 24 joints, 7x5 for 32.
    """
    return max(5, -(-(joints + 1) // 5)), 5


def random_layout(rows: int, columns: int, joints: int, seed: int) -> Layout:
    """Draw a layout in which each joint appears at least once (the paper's Table 5).

    Raises `PoseliftError` if the grid has fewer nodes than there are joints.
    """
    if rows * columns < joints:
        raise PoseliftError(
            f"a {rows}x{columns} grid has {rows * columns} nodes, too few for {joints} joints"
        )
    rng = np.random.default_rng(seed)
    extra = rng.integers(0, joints, size=rows * columns - joints)
    held = rng.permutation(np.concatenate([np.arange(joints), extra]))
    return Layout(rows, columns, tuple((int(joint),) for joint in held), joints)
