"""`poselift data`: what can be done with data sets besides training and measuring on them."""

from __future__ import annotations

import typer

from poselift.cli.helping import PlainCommand
from poselift.cli.owndata import check
from poselift.cli.rendering import render

data = typer.Typer(
    name="data",
    help="Check your own data, or render people.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@data.callback()
def _options() -> None:
    """Check your own data, or render people."""


data.command("check", cls=PlainCommand)(check)
data.command("render", cls=PlainCommand)(render)
