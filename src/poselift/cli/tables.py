"""Result tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from poselift.errors import escaped

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

    from poselift.evaluation import Table

#: Width of tables that do not go to a terminal.
_WIDTH = 160


def show_tables(tables: Sequence[Table], notes: Sequence[str] = ()) -> None:
    """Print tables under their titles, then the notes, a line each."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    for table in tables:
        console.print(
            escaped(table.title), style="bold", markup=False, highlight=False, soft_wrap=True
        )
        console.print(_as_rich(table, console))
    for note in notes:
        console.print(escaped(note), markup=False, highlight=False, soft_wrap=True)


def no_markup(words: str) -> str:
    """Return words as they stand, where rich would look for its markup."""
    return escaped(words).replace("[", "\\[")


def _as_rich(table: Table, console: Console) -> RichTable:
    """Return a table for the terminal: turned, if it is wide rather than long and does not fit."""
    from rich.table import Table as RichTable
    from rich.text import Text

    cells = [[escaped(cell) for cell in row] for row in table.cells()]
    width = 1 + sum(3 + max(map(len, column)) for column in zip(*cells, strict=True))
    if width > console.width and len(table.columns) > len(table.rows):
        cells = [list(column) for column in zip(*cells, strict=True)]
    (corner, *columns), *rows = cells
    shown = RichTable(corner)
    for column in columns:
        shown.add_column(Text(column), justify="right")
    for row in rows:
        shown.add_row(*(Text(cell) for cell in row))
    return shown
