"""`poselift convert`: 2D keypoints of any known format become files of ours, quick to read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poselift.cli.inputs import (
    FormatName,
    Fps,
    Person,
    Quiet,
    Size,
    SkeletonName,
    Source,
    choose,
    parse_size,
)

if TYPE_CHECKING:
    from poselift.poses import PoseSequence

#: What can be written, by suffix.
OUTPUTS = {".npz": "arrays", ".json": "list of people"}

Outputs = Annotated[
    list[Path], typer.Option("-o", "--output", help="Write .npz or .json; may be repeated.")
]
Target = Annotated[
    str | None,
    typer.Option("--to", metavar="SKELETON", help="Joint set to write; default: INPUT's own."),
]


def convert(
    source: Source,
    outputs: Outputs,
    format_name: FormatName = "auto",
    skeleton: SkeletonName = None,
    size: Size = None,
    fps: Fps = None,
    person: Person = "all",
    to: Target = None,
    quiet: Quiet = False,
) -> None:
    """Convert 2D keypoints of any known format.

    Persons are followed over time. The files written keep the joints of INPUT, in pixels; of a
    result file its 2D poses are taken.
    """
    from poselift.cli.outputs import check_outputs
    from poselift.files import write_together
    from poselift.io import read_detections
    from poselift.io.native import write_keypoints_json, write_keypoints_npz
    from poselift.skeletons import get_skeleton
    from poselift.tracking import people_of

    image_size = parse_size(size)
    check_outputs(outputs, OUTPUTS, source=source)
    target = None if to is None else get_skeleton(to)
    started = time.perf_counter()
    found = read_detections(
        source, format=format_name, skeleton=skeleton, image_size=image_size, fps=fps
    )
    people = choose(people_of(found), person, source)
    if target is not None:
        people = tuple(one.to_skeleton(target) for one in people)
    writers = {".json": write_keypoints_json, ".npz": write_keypoints_npz}
    write_together([(path, partial(writers[path.suffix.lower()], people)) for path in outputs])
    if not quiet:
        seconds = time.perf_counter() - started
        typer.echo(_summary(people, outputs, found.frame_count, seconds))
        if people[0].skeleton != found.skeleton:
            typer.echo(people[0].history[-1])


def _summary(
    people: Sequence[PoseSequence], outputs: Sequence[Path], frames: int, seconds: float
) -> str:
    """Say what was written, of whom, and how fast frames became files."""
    persons = f"{len(people)} person{'s' if len(people) != 1 else ''}"
    speed = f"{frames / max(seconds, 1e-9):.0f} frames/s"
    return f"wrote {', '.join(map(str, outputs))}: {persons}, {frames} frames, {speed}"
