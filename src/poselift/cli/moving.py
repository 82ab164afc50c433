"""The options that make a movement of single poses, for every command that lifts clips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from poselift.motion import Options

Smooth = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Filter over time: butterworth[:HZ], savgol, median, hampel, one-euro or none.",
    ),
]
Bones = Annotated[
    str,
    typer.Option(help="Bones: none (as lifted), constant, or symmetric (left and right alike)."),
]
Height = Annotated[
    float | None, typer.Option(help="The person's height in metres; bones are scaled to it.")
]

#: Of clips. Single poses, and live ones, are left as they are.
SMOOTH = "butterworth"


def moving(smooth: str, bones: str, height: float | None) -> Options:
    """Read the options; `PoseliftError` for a value that does not exist."""
    from poselift.motion import Options, Smoothing

    return Options(smooth=Smoothing.parse(smooth), bones=bones, height=height)
