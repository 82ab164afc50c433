"""Result tables on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from poselift.errors import escaped

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from poselift.evaluation import Table

#: Width of tables that do not go to a terminal.
_WIDTH = 160

#: A header of a column takes as much room as this, and folds where it is longer.
_HEADER = 14

#: So does the name of a row.
_LABEL = 28


def show_tables(tables: Sequence[Table], notes: Sequence[str] = ()) -> None:
    """Print tables under their titles, then the notes, a line each.

    Where models stand side by side each measure gets a table of its own: that can be read.
    """
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    for table in (part for whole in tables for part in whole.by_column()):
        console.print(
            escaped(table.title), style="bold", markup=False, highlight=False, soft_wrap=True
        )
        for shown in _as_rich(table, console.width):
            console.print(shown)
    for note in notes:
        console.print(escaped(note), markup=False, highlight=False, soft_wrap=True)


def no_markup(words: str) -> str:
    """Return words as they stand, where rich would look for its markup."""
    return escaped(words).replace("[", "\\[")


def _as_rich(table: Table, width: int) -> Iterator[RichTable]:
    """Yield a table as the terminal has room for it: no word and no number is cut.

    One that does not fit is turned, if it is wide rather than long; then headers are folded, and
    columns that still find no room come as a table below.
    """
    from rich.table import Table as RichTable
    from rich.text import Text

    cells = [[escaped(cell) for cell in row] for row in table.cells()]
    whole = 1 + sum(3 + max(map(len, column)) for column in zip(*cells, strict=True))
    if whole > width and len(table.columns) > len(table.rows):
        cells = [list(column) for column in zip(*cells, strict=True)]
    first, *columns = (list(column) for column in zip(*cells, strict=True))
    needs = [
        max(min(len(header), _HEADER), *map(len, body), 1) if body else min(len(header), _HEADER)
        for header, *body in columns
    ]
    start, label = 0, 4 + min(_LABEL, max(map(len, first)))
    while True:
        end, room = start, width - label
        while end < len(columns) and (room := room - 3 - needs[end]) >= 0:
            end += 1
        end = max(end, start + 1)
        shown = RichTable(first[0])
        shown.columns[0].overflow = "fold"
        for (header, *_), need in zip(columns[start:end], needs[start:end], strict=True):
            shown.add_column(Text(header), justify="right", overflow="fold", min_width=need)
        for place, row in enumerate(first[1:], start=1):
            shown.add_row(Text(row), *(Text(column[place]) for column in columns[start:end]))
        yield shown
        start = end
        if start >= len(columns):
            return
