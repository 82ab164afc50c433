"""`poselift angles`: joint angles of lifted or recorded poses as tables and plots."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from poselift.cli.inputs import FormatName, Person, Quiet
from poselift.cli.people import choose, refuse_video, say_warnings
from poselift.cli.pipes import arrived
from poselift.cli.saying import say

if TYPE_CHECKING:
    from poselift.motion.angles import Angles

#: A file to be written, and what fills it.
Job = tuple[Path, Callable[[BinaryIO], object]]

#: What can be written, by suffix.
OUTPUTS = {
    ".csv": "table",
    ".parquet": "table",
    ".mot": "OpenSim motion",
    ".html": "plots, range of motion, asymmetry",
}

Source = Annotated[
    Path,
    typer.Argument(
        metavar="INPUT", callback=arrived, help="3D poses: what `poselift lift` wrote, or motion."
    ),
]
Outputs = Annotated[
    list[Path],
    typer.Option("-o", "--output", help="Write .csv, .parquet, .mot or .html; may be repeated."),
]


def angles(
    source: Source,
    outputs: Outputs,
    format_name: FormatName = "auto",
    person: Person = "all",
    quiet: Quiet = False,
) -> None:
    """Measure joint angles of 3D poses: knees, hips, shoulders, elbows, trunk, neck; degrees.

    docs/angles.md defines each. The trunk's lean needs poses that are upright (`lift --world`).
    """
    from poselift.cli.outputs import check_outputs
    from poselift.errors import PoseliftError
    from poselift.files import write_together
    from poselift.io import load
    from poselift.motion.angles import angles as measure
    from poselift.poses import Results

    check_outputs(outputs, OUTPUTS, source=source)
    refuse_video(source, f"lift it first: poselift lift {source} -o x.npz")
    found = load(source, format=format_name)
    if not isinstance(found, Results):
        raise PoseliftError(
            f"{source}: holds 2D keypoints; angles are of 3D poses, which `poselift lift` makes"
        )
    chosen = choose([one.poses_3d for one in found.people], person, source)
    say_warnings(one.history for one in chosen)
    try:
        people = [measure(one) for one in chosen]
    except PoseliftError as error:
        raise PoseliftError(f"{source}: {error}") from None
    jobs = [job for path in outputs for job in _jobs(people, path, source.stem)]
    write_together(jobs)
    if not quiet:
        frames = sum(map(len, people))
        say(
            f"wrote {', '.join(str(path) for path, _ in jobs)}: "
            f"{len(people[0].names)} angles, {frames} frames{_no_lean(people)}"
        )


def _no_lean(people: list[Angles]) -> str:
    """Say why the trunk's lean is empty, where it is."""
    lean = [
        one.degrees[:, one.names.index("trunk_lean")] for one in people if "trunk_lean" in one.names
    ]
    known = not lean or any((column == column).any() for column in lean)
    return (
        "" if known else "; trunk_lean is empty: nobody says what is up (`poselift lift --world`)"
    )


def _jobs(people: list[Angles], path: Path, title: str) -> list[Job]:
    """Files to be written at a path, and what fills each: several for several persons' .mot."""
    from poselift.io import anglefiles
    from poselift.viewer.anglepage import render_angles

    suffix = path.suffix.lower()
    if suffix == ".mot":
        several = len(people) > 1
        return [
            (
                path.with_name(f"{path.stem}.person{one.person_id:02d}.mot") if several else path,
                partial(anglefiles.write_mot, one),
            )
            for one in people
        ]
    if suffix == ".html":

        def page(stream: BinaryIO) -> None:
            stream.write(render_angles(people, title))

        return [(path, page)]
    write = anglefiles.write_csv if suffix == ".csv" else anglefiles.write_parquet
    return [(path, partial(write, people))]
