"""`poselift eval`: how far models are off, in millimetres. Needs no PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import typer

from poselift.cli.inputs import refuse_twice
from poselift.errors import PoseliftError

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from poselift.cli.scoring import Scores
    from poselift.evaluation import Table
    from poselift.lifting import Lifter

_DATA = ("cmu17", "pose2sim")
_VARIANTS = {
    "both": ("ground_truth", "detected"),
    "ground_truth": ("ground_truth",),
    "detected": ("detected",),
}

#: Width of tables that do not go to a terminal.
_WIDTH = 160


def evaluate(
    model: list[str] = typer.Option(
        ..., "--model", help="Run folder, .onnx file or shipped name; several stand side by side."
    ),
    data: str = typer.Option("cmu17", "--data", help="cmu17, or pose2sim: the real clip."),
    root: Path = typer.Option(..., "--root", help="Folder of the data set's files."),
    split: str | None = typer.Option(
        None, "--split", help="Of cmu17: test (default), val or train."
    ),
    variant: str | None = typer.Option(
        None, "--variant", help="Of cmu17: ground_truth, detected or both (default)."
    ),
    json: Path | None = typer.Option(None, "--json", help="Write all numbers to a JSON file."),
    csv: Path | None = typer.Option(None, "--csv", help="Write all numbers to a CSV file."),
    threads: int | None = typer.Option(None, "--threads", help="CPU threads."),
    flip: bool = typer.Option(
        True, "--flip/--no-flip", help="Lift mirrored poses too, as `poselift lift` does."
    ),
    precision: list[str] = typer.Option(
        ["fp32"], "--precision", help="fp32, int8 or bf16; several stand side by side."
    ),
    backend: str = typer.Option(
        "onnxruntime", "--backend", help="onnxruntime, or openvino, which has bf16."
    ),
) -> None:
    """Measure models on a data set: MPJPE and P-MPJPE in mm, by action and by joint."""
    from poselift.cli.outputs import check_outputs
    from poselift.cli.scoring import as_csv, as_json
    from poselift.files import write_together
    from poselift.lifting import Lifter

    _check(data, split, variant, model)
    refuse_twice("--precision", precision)
    for path, suffix in ((json, ".json"), (csv, ".csv")):
        check_outputs([path] if path else [], {suffix: "results"}, source=None)
    lifters = {
        name if chosen == "fp32" else f"{name} {chosen}": Lifter(
            name, threads=threads, flip=flip, precision=chosen, backend=backend
        )
        for name in model
        for chosen in precision
    }
    scores = _score(lifters, data, root, split or "test", variant or "both")
    _show(scores)
    outputs = []
    if json is not None:
        outputs.append((json, lambda stream: _write(stream, as_json(scores, lifters))))
    if csv is not None:
        outputs.append((csv, lambda stream: _write(stream, as_csv(scores))))
    write_together(outputs)


def _check(data: str, split: str | None, variant: str | None, models: list[str]) -> None:
    """Refuse options that do not go together."""
    if data not in _DATA:
        raise PoseliftError(f"--data: expected one of {', '.join(_DATA)}, got {data!r}")
    for flag, value in (("--split", split), ("--variant", variant)):
        if data != "cmu17" and value is not None:
            raise PoseliftError(f"--data {data} has one part only: leave out {flag} {value}")
    if variant is not None and variant not in _VARIANTS:
        raise PoseliftError(f"--variant: expected one of {', '.join(_VARIANTS)}, got {variant!r}")
    refuse_twice("--model", models)


def _score(
    lifters: Mapping[str, Lifter], data: str, root: Path, split: str, variant: str
) -> list[Scores]:
    """Load the data and measure, with a spinner on a terminal."""
    from rich.console import Console

    from poselift.cli.scoring import score_lifting_data, score_pose2sim

    console = Console(stderr=True)
    if data == "pose2sim":
        with console.status("lifting the clip ..."):
            return [score_pose2sim(lifters, root)]
    from poselift.datasets.cmu import load_cmu17

    scores = []
    for name in _VARIANTS[variant]:
        with console.status(f"{data} {split}, {name}: loading and lifting ..."):
            scores.append(score_lifting_data(lifters, load_cmu17(root, split, name)))
    return scores


def _show(scores: Sequence[Scores]) -> None:
    """Print the tables: the averages of all data first, then the details."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    order = [score.tables[0] for score in scores]
    order += [table for score in scores for table in score.tables[1:]]
    for table in order:
        console.print(table.title, style="bold", markup=False, highlight=False, soft_wrap=True)
        console.print(_as_rich(table))
    for note in (note for score in scores for note in score.notes):
        console.print(note, markup=False, highlight=False, soft_wrap=True)


def _as_rich(table: Table) -> RichTable:
    """Return a table for the terminal."""
    from rich.table import Table as RichTable
    from rich.text import Text

    (_, *columns), *rows = table.cells()
    shown = RichTable("")
    for column in columns:
        shown.add_column(Text(column), justify="right")
    for row in rows:
        shown.add_row(*(Text(cell) for cell in row))
    return shown


def _write(stream: BinaryIO, data: bytes) -> None:
    """Write all of `data`."""
    stream.write(data)
