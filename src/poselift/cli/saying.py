"""Lines on the terminal that name files, or quote from them: none of it moves the cursor."""

from __future__ import annotations

import sys

import typer

from poselift.cli.pipes import as_given
from poselift.errors import escaped


def say(line: str, *, err: bool = False) -> None:
    """Print one line to standard output, or with `err` to standard error."""
    typer.echo(escaped(as_given(line)), err=err)


def warn(sentence: str) -> None:
    """Print a warning to standard error."""
    print(f"poselift: warning: {escaped(as_given(sentence))}", file=sys.stderr)


def many(count: int, thing: str) -> str:
    """Return a number of things in words: 1 frame, 2 frames."""
    return f"{count} {thing}{'' if count == 1 else 's'}"
