"""`poselift data`: what can be done with data sets besides training and measuring on them."""

from __future__ import annotations

import typer

from poselift.cli.helping import PlainCommand
from poselift.cli.rendering import render

data = typer.Typer(
    name="data",
    help="Store pictures of people whose poses are known.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@data.callback()
def _options() -> None:
    """Store pictures of people whose poses are known."""


data.command("render", cls=PlainCommand)(render)
