"""What can be reproduced: a table or a figure, the cells it needs, and how it is put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, final

from torch import nn

from poselift.datasets import LiftingData
from poselift.evaluation import H36M_ACTIONS, OF_ACTION_MEANS, OVER_FRAMES, Table
from poselift.reproduction.cells import Cell, Study
from poselift.reproduction.measure import Result
from poselift.reproduction.published import PUBLISHED, TABLES
from poselift.reproduction.titles import TITLES

CellResults = Mapping[Cell, Result]
Value = float | int | None


@final
@dataclass(frozen=True)
class Report:
    """What came out.

    tables    measured numbers, published ones in columns of their own.
    readings  what the numbers say about the paper's claims, a sentence each.
    draw      caption -> PNG of a figure; None for tables, which are drawn as they are.
    """

    tables: tuple[Table, ...]
    readings: tuple[str, ...] = ()
    draw: Callable[[str], bytes] | None = None


@final
@dataclass(frozen=True)
class Model:
    """A network to draw a figure of, of a study's cell or trained elsewhere."""

    name: str
    network: nn.Module
    card: Mapping[str, Any]


@final
@dataclass(frozen=True)
class Item:
    """One table or figure of a paper.

    name        what the command calls it, e.g. "gridconv.table5".
    cells       networks it compares; none where `of_model` is all there is.
    report      puts the results together.
    of_model    makes a figure of a given network instead, (model, test data) -> report.
    needs_data  whether `of_model` looks at the test data.
    check       refuses a study whose data cannot make it, before anything is trained.
    pictures    how it is made where the study's data are pictures; None: it cannot be.
    """

    name: str
    cells: tuple[Cell, ...]
    report: Callable[[Study, CellResults], Report]
    of_model: Callable[[Model, LiftingData | None], Report] | None = None
    needs_data: bool = False
    check: Callable[[Study], None] | None = None
    pictures: Item | None = None

    @property
    def title(self) -> str:
        """What it shows."""
        return TITLES[self.name]


def mpjpe(result: Result) -> float:
    """MPJPE in mm, mean of action means: what GridConv's tables print under P1 and P1*."""
    return result.averages["MPJPE"][OF_ACTION_MEANS]


def p_mpjpe(result: Result) -> float:
    """P-MPJPE in mm, mean of action means: P2."""
    return result.averages["P-MPJPE"][OF_ACTION_MEANS]


def published(item: str, row: str, column: str) -> float | None:
    """Return a published number, None where the paper has none."""
    table = TABLES[item]
    if row not in dict(table.rows) or column not in table.columns:
        return None
    return table.value(row, column)


def beside_published(
    item: str,
    title: str,
    columns: Mapping[str, str],
    rows: Iterable[tuple[str, Sequence[Value]]],
) -> Table:
    """Make a table whose every column is followed by the one that the paper prints, where it does.

    columns  name -> the name in the paper's table. The published column is called by what stands
             before the first comma or bracket of ours.
    """
    pairs = tuple(
        name
        for column in columns
        for name in (column, f"{PUBLISHED} {re.split(r' [(]|,', column)[0]}")
    )
    flat = []
    for name, values in rows:
        printed = (published(item, name, column) for column in columns.values())
        flat.append(
            (name, tuple(cell for pair in zip(values, printed, strict=True) for cell in pair))
        )
    return Table(title, pairs, tuple(flat))


def by_action(
    title: str,
    rows: dict[str, Cell],
    results: CellResults,
    protocol: str,
    printed: dict[str, Value],
) -> Table:
    """Make a table with a column an action; the published average stands in the last one."""
    found = {action for one in rows.values() for action in results[one].by_action}
    actions = [action for action in H36M_ACTIONS if action in found]
    actions += sorted(found - set(actions))
    columns = (*actions, OF_ACTION_MEANS, OVER_FRAMES, f"{PUBLISHED} average")
    lines = []
    for name, one in rows.items():
        result = results[one]
        values = [result.by_action[action][protocol] for action in actions]
        averages = result.averages[protocol]
        values += [averages[OF_ACTION_MEANS], averages[OVER_FRAMES]]
        lines.append((name, (*values, printed.get(name))))
    return Table(title, columns, tuple(lines))


def claim(
    words: str,
    values: Sequence[tuple[str, float]],
    printed: Sequence[float | None] = (),
) -> str:
    """Say whether values in mm rise in the order given, as a paper's do.

    words    the claim, e.g. "dynamic below vanilla grid convolution".
    values   what was measured, by name.
    printed  the paper's numbers in the same order, where it has them.
    """
    numbers = [value for _, value in values]
    holds = all(a < b for a, b in pairwise(numbers))
    text = " < ".join(f"{name} {value:.1f}" for name, value in sorted(values, key=lambda v: v[1]))
    paper = [f"{value:.1f}" for value in printed if value is not None]
    said = f" (published: {', '.join(paper)})" if paper else ""
    return f"{words}: {'holds' if holds else 'does NOT hold'}, {text} mm{said}"
