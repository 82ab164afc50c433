"""The options that make a movement of single poses, for every command that lifts clips."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from poselift.cli.progress import counting
from poselift.cli.saying import warn

if TYPE_CHECKING:
    from poselift.lifting import Lifter
    from poselift.lifting.alongside import Alongside
    from poselift.motion import Options
    from poselift.poses import PoseSequence, Results

Smooth = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Filter: adaptive, butterworth[:HZ], savgol, median, hampel, one-euro or none.",
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
    typer.Option("--fov", help="Instead of --focal: degrees along the longer side."),
]
Calibrated = Annotated[
    str | None,
    typer.Option(
        "--calibration",
        metavar="FILE[:CAMERA]",
        help="Instead of --focal: of OpenCV, Pose2Sim or Qualisys (TOML, JSON, YAML).",
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
SMOOTH = "adaptive"

#: Part by which an assumed focal length may well be wrong; degrees by which a person who is turned
#: for that is worth a warning.
_FOCAL_DOUBT, _TURN_MATTERS = 0.2, 5.0


def lift_moving(
    lifter: Lifter,
    people: tuple[PoseSequence, ...],
    options: Options,
    quiet: bool,
    facts: dict[str, Any],
    along: Alongside | None = None,
) -> Results:
    """Lift persons and take the steps of `options`, with a bar; say what is taken for granted.

    facts  go into the results' meta.
    along  what has been lifted already.
    """
    from poselift.lifting.clip import lift_clip

    say_focal_assumed(options, people, used=lifter.card.normalisation == "person")
    if options.height is not None and len(people) > 1:
        warn(f"--height is taken for all {len(people)} persons, --person takes one of them")
    ready = None if along is None else along.ready(people)
    with counting("lifting", sum(map(len, people)), "poses", quiet) as advance:
        results = lift_clip(lifter, people, options, facts, advance, ready)
    if options.smooth.name != SMOOTH:  # somebody asked for it
        steps = {step for one in results.people for step in one.poses_3d.history}
        for step in sorted(one for one in steps if one.startswith("smoothed: not, a cut-off")):
            warn(step.replace("smoothed: not", "--smooth does nothing", 1))
    return results


def say_focal_assumed(
    options: Options, people: tuple[PoseSequence, ...] = (), *, used: bool = False
) -> None:
    """Warn on stderr that the focal length is assumed, where that matters.

    used  whether the model turns the rays so that the person is on the axis: by a wrong angle, if
          the focal length is wrong and the person is far from the picture's middle.
    """
    import numpy as np

    from poselift.geometry import DEFAULT_FOCAL

    lens = options.lens
    if (lens.focal, lens.fov, lens.calibration) != (None, None, None):
        return
    words = "distances are as wrong as it is"
    if not options.root:
        size = people[0].image_size if people and used else None
        if size is None:
            return
        middle, focal = np.asarray(size) / 2, DEFAULT_FOCAL * max(size)
        away = [one.positions[one.visible] - middle for one in people]
        far = max((float(np.median(np.hypot(*one.T))) for one in away if len(one)), default=0.0)
        turn = np.degrees(np.arctan2(far, (1 - _FOCAL_DOUBT) * focal) - np.arctan2(far, focal))
        if turn < _TURN_MATTERS:
            return
        words = (
            f"if it is wrong by {100 * _FOCAL_DOUBT:.0f} %, who is this far from the picture's "
            f"middle comes out turned by {turn:.0f} degrees"
        )
    print(
        "poselift: warning: the focal length is not known, taking the picture's longer side (give "
        f"--focal, --fov or --calibration): {words}",
        file=sys.stderr,
    )
