"""What can be reproduced: a table or a figure, the cells it needs, and how it is put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from torch import nn

from poselift.datasets import LiftingData
from poselift.evaluation import H36M_ACTIONS, OF_ACTION_MEANS, OVER_FRAMES, Table
from poselift.reproduction.cells import Cell, Study
from poselift.reproduction.claims import CellResults, Claim
from poselift.reproduction.published import PUBLISHED, TABLES
from poselift.reproduction.titles import TITLES

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
    """A network to draw a figure of, of a study's cell or trained elsewhere in `folder`."""

    name: str
    network: nn.Module
    card: Mapping[str, Any]
    folder: Path | None = None


@final
@dataclass(frozen=True)
class Item:
    """One table or figure of a paper.

    name        what the command calls it, e.g. "gridconv.table5".
    cells       networks it compares.
    report      puts the results together.
    claims      what the paper says of them.
    more        networks that follow from what came out of the first ones.
    of_model    makes a figure of a given network instead, (model, test data) -> report.
    needs_data  whether `of_model` looks at the test data.
    check       refuses a study whose data cannot make it, before anything is trained.
    pictures    how it is made where the study's data are pictures; None: it cannot be.
    """

    name: str
    cells: tuple[Cell, ...]
    report: Callable[[Study, CellResults], Report]
    claims: tuple[Claim, ...] = ()
    more: Callable[[Study, CellResults], tuple[Cell, ...]] | None = None
    of_model: Callable[[Model, LiftingData | None], Report] | None = None
    needs_data: bool = False
    check: Callable[[Study], None] | None = None
    pictures: Item | None = None

    @property
    def title(self) -> str:
        """What it shows."""
        return TITLES[self.name]


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

    Rows stand in the paper's order, those without a network here too; then come those of ours that
    it has not.
    """
    pairs = tuple(
        name
        for column in columns
        for name in (column, f"{PUBLISHED} {re.split(r' [(]|,', column)[0]}")
    )
    ours = dict(rows)
    flat = []
    for name in dict.fromkeys((*dict(TABLES[item].rows), *ours)):
        values = ours.get(name, (None,) * len(columns))
        printed = (published(item, name, column) for column in columns.values())
        flat.append(
            (name, tuple(cell for pair in zip(values, printed, strict=True) for cell in pair))
        )
    return Table(title, pairs, tuple(flat))


def by_action(
    item: str, title: str, rows: dict[str, Cell], results: CellResults, protocol: str, mark: str
) -> tuple[Table, Table]:
    """Make a table with a column an action, and the paper's own, whose actions are Human3.6M's.

    mark  what the rows of this protocol begin with in the paper's table.

    The published average stands beside ours, also of rows without a network here.
    """
    found = {action for one in rows.values() for action in results[one].by_action}
    actions = [action for action in H36M_ACTIONS if action in found]
    actions += sorted(found - set(actions))
    columns = (*actions, OF_ACTION_MEANS, OVER_FRAMES, f"{PUBLISHED} average")
    paper = TABLES[item]
    printed = {
        name.removeprefix(mark): values for name, values in paper.rows if name.startswith(mark)
    }
    lines = []
    for name in dict.fromkeys((*printed, *rows)):
        values: list[Value] = [None] * (len(actions) + 2)
        if name in rows:
            result = results[rows[name]]
            averages = result.averages[protocol]
            values = [result.by_action[action][protocol] for action in actions]
            values += [averages[OF_ACTION_MEANS], averages[OVER_FRAMES]]
        lines.append((name, (*values, printed[name][-1] if name in printed else None)))
    theirs = tuple(f"{PUBLISHED} {column}" for column in paper.columns)
    words = f"As printed, on Human3.6M: {title}"
    return Table(title, columns, tuple(lines)), Table(words, theirs, tuple(printed.items()))
