"""The command line: parses, calls, prints. Heavy imports happen inside the commands."""

from __future__ import annotations

from importlib.metadata import version

import typer

from poselift.cli.angles import angles
from poselift.cli.bench import bench
from poselift.cli.bulk import BulkCommand, bulk
from poselift.cli.convert import convert
from poselift.cli.data import data
from poselift.cli.detect import detect
from poselift.cli.errors import ReportingGroup
from poselift.cli.evaluate import evaluate
from poselift.cli.export import export
from poselift.cli.formats import formats
from poselift.cli.helping import PlainCommand
from poselift.cli.importing import import_checkpoint
from poselift.cli.lift import lift
from poselift.cli.reproduce import reproduce
from poselift.cli.train import train
from poselift.cli.view import view

app = typer.Typer(
    name="poselift",
    cls=ReportingGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> bool:
    """Print the version and leave, if that is wanted."""
    if wanted:
        typer.echo(f"poselift {version('poselift')}")
        raise typer.Exit
    return wanted


@app.callback()
def _options(
    show_version: bool = typer.Option(
        False,
        "--version",
        callback=_print_version,
        is_eager=True,
        help="Print the version and leave.",
    ),
) -> None:
    """Videos or 2D human keypoints in, 3D skeletons in metres out."""


app.command("lift", cls=PlainCommand)(lift)
app.command("bulk", cls=BulkCommand)(bulk)
app.command("detect", cls=PlainCommand)(detect)
app.command("convert", cls=PlainCommand)(convert)
app.command("view", cls=PlainCommand)(view)
app.command("angles", cls=PlainCommand)(angles)
app.command("formats", cls=PlainCommand)(formats)
app.command("train", cls=PlainCommand)(train)
app.command("eval", cls=PlainCommand)(evaluate)
app.command("reproduce", cls=PlainCommand)(reproduce)
app.add_typer(data)
app.command("export", cls=PlainCommand)(export)
app.command("import", cls=PlainCommand)(import_checkpoint)
app.command("bench", cls=PlainCommand)(bench)


def main() -> None:
    """Run the command `poselift`."""
    app(prog_name="poselift")
