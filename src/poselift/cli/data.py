"""`poselift data`: what can be done with data sets besides training and measuring on them."""

from __future__ import annotations

import typer

from poselift.cli.helping import PlainCommand
from poselift.cli.owndata import check
from poselift.cli.rendering import render

data = typer.Typer(
    name="data",
    help="Check a folder of your own recordings; store pictures of people of known poses.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@data.callback()
def _options() -> None:
    """Check a folder of your own recordings; store pictures of people of known poses."""


data.command("check", cls=PlainCommand)(check)
data.command("render", cls=PlainCommand)(render)
