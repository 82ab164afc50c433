"""The options that make a movement of single poses, for every command that lifts clips."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from poselift.cli.progress import counting

if TYPE_CHECKING:
    from poselift.lifting import Lifter
    from poselift.motion import Options
    from poselift.poses import PoseSequence, Results

Smooth = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Filter over time: butterworth[:HZ], savgol, median, hampel, one-euro or none.",
    ),
]
Bones = Annotated[
    str | None,
    typer.Option(
        metavar="none|constant|symmetric",
        help="Bones of constant length, symmetric: left as right. Default: where others need it.",
    ),
]
Height = Annotated[
    float | None, typer.Option(help="The person's height in metres; bones are scaled to it.")
]
Root = Annotated[bool, typer.Option("--root", help="Place persons in the camera's space, metres.")]
FloorFrom = Annotated[
    str,
    typer.Option(
        "--floor",
        metavar="none|feet|calibration|DEGREES",
        help="Hold standing feet; up from the feet, the calibration, or the camera's tilt.",
    ),
]
World = Annotated[bool, typer.Option("--world", help="Turn all upright: y up, the floor at y = 0.")]
Fov = Annotated[
    float | None,
    typer.Option("--fov", help="Instead: field of view in degrees along the longer side."),
]
Calibrated = Annotated[
    str | None,
    typer.Option(
        "--calibration",
        metavar="FILE[:CAMERA]",
        help="Instead: calibration as OpenCV, Pose2Sim or Qualisys write it (TOML, JSON, YAML).",
    ),
]
CalibrationMap = Annotated[
    str | None,
    typer.Option(
        metavar="SCALE,DX,DY",
        help="How the picture was scaled and padded after calibration: x SCALE + DX, y SCALE + DY.",
    ),
]

#: Of clips. Single poses, and live ones, are left as they are.
SMOOTH = "butterworth"


def lift_moving(
    lifter: Lifter,
    people: tuple[PoseSequence, ...],
    options: Options,
    quiet: bool,
    facts: dict[str, Any],
) -> Results:
    """Lift persons and take the steps of `options`, with a bar; say what is taken for granted.

    facts  go into the results' meta.
    """
    from poselift.lifting.clip import lift_clip

    say_focal_assumed(options)
    with counting("lifting", sum(map(len, people)), "poses", quiet) as advance:
        return lift_clip(lifter, people, options, facts, advance)


def say_focal_assumed(options: Options) -> None:
    """Warn on stderr if persons are placed by a camera that nobody knows."""
    lens = options.lens
    if options.root and (lens.focal, lens.fov, lens.calibration) == (None, None, None):
        print(
            "poselift: warning: the focal length is not known, taking the picture's longer side "
            "(give --focal, --fov or --calibration): distances are as wrong as it is",
            file=sys.stderr,
        )
