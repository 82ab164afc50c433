"""Optimal assignment: who belongs to whom at the lowest total cost."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def assign(cost: Float[np.ndarray, "N M"], gate: float) -> list[tuple[int, int]]:
    """Return (row, column) pairs with the lowest total cost, pairs above `gate` left out.

    Leaving a row alone costs `gate`, so a pair is made only where it helps the total. Shortest
    augmenting paths with potentials (Kuhn 1955, Munkres 1957, in the O(n^3) form of Jonker and
    Volgenant 1987).
    """
    rows, columns = cost.shape
    if rows == 0 or columns == 0:
        return []
    # one private column of cost `gate` for each row, its way to stay alone
    padded = np.full((rows, columns + rows), np.inf)
    padded[:, :columns] = np.where(cost <= gate, cost, 4 * gate + 1)
    padded[:, columns:] = 4 * gate + 1
    padded[np.arange(rows), columns + np.arange(rows)] = gate
    return [
        (row, column)
        for row, column in enumerate(_solve(padded))
        if column < columns and cost[row, column] <= gate
    ]


def _solve(cost: Float[np.ndarray, "N M"]) -> list[int]:
    """Return the column of each row; finite costs, at least as many columns as rows."""
    rows, columns = cost.shape
    row_potential, potential = np.zeros(rows), np.zeros(columns)
    owner = np.full(columns, -1)  # the row that holds a column
    for row in range(rows):
        shortest = np.full(columns, np.inf)
        previous = np.full(columns, -1)  # the column before this one on the path
        done = np.zeros(columns, dtype=bool)
        current, column, length = row, -1, 0.0
        while True:
            reduced = length + cost[current] - row_potential[current] - potential
            better = ~done & (reduced < shortest)
            shortest[better], previous[better] = reduced[better], column
            column = int(np.argmin(np.where(done, np.inf, shortest)))
            length = float(shortest[column])
            done[column] = True
            if owner[column] < 0:
                break
            current = int(owner[column])
        held = done & (owner >= 0)
        row_potential[owner[held]] += length - shortest[held]
        row_potential[row] += length
        potential[done] -= length - shortest[done]
        while column >= 0:  # hand the columns of the path on to the row before
            before = int(previous[column])
            owner[column] = row if before < 0 else owner[before]
            column = before
    result = np.full(rows, -1)
    result[owner[owner >= 0]] = np.flatnonzero(owner >= 0)
    return [int(column) for column in result]
