"""`poselift convert`: keypoints and motion of any known format become files of another."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poselift.cli.inputs import (
    Axes,
    FormatName,
    Fps,
    Normalised,
    Quiet,
    Size,
    SkeletonName,
    parse_size,
)
from poselift.cli.inputs import Person as Whom
from poselift.cli.people import choose, refuse_video, say_untimed, say_warnings
from poselift.cli.pipes import arrived, departing, is_piped
from poselift.cli.saying import many, say

if TYPE_CHECKING:
    from poselift.io.save import Savable
    from poselift.poses import PoseSequence, Results
    from poselift.skeletons import Skeleton

Source = Annotated[
    Path,
    typer.Argument(
        metavar="INPUT",
        callback=arrived,
        help="2D keypoints, 3D motion or results: a file, or a folder of frames.",
    ),
]
Outputs = Annotated[
    list[Path],
    typer.Option(
        "-o",
        "--output",
        callback=departing,
        help="Write .npz, .json or another; may be repeated. - is JSON on standard output.",
    ),
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
    normalised: Normalised = False,
    person: Whom = "all",
    to: Target = None,
    axes: Axes = None,
    quiet: Quiet = False,
) -> None:
    """Convert 2D keypoints, or 3D motion, of any known format.

    Persons are followed over time. The files written keep the joints of INPUT, results keep their
    2D and their 3D poses.
    """
    from poselift.cli.outputs import check_outputs
    from poselift.io import load, save_all
    from poselift.io.registry import check_axes_of, kinds, writers
    from poselift.poses import Results
    from poselift.skeletons import get_skeleton
    from poselift.tracking import people_of

    image_size = parse_size(size)
    known = {**writers(flat=True), **writers()}
    check_outputs(outputs, kinds(known), source=source)
    check_axes_of(outputs, known, axes)
    refuse_video(source, f"detect persons first: poselift detect {source} -o x.json")
    target = None if to is None else get_skeleton(to)
    started = time.perf_counter()
    found = load(
        source,
        format=format_name,
        skeleton=skeleton,
        image_size=image_size,
        fps=fps,
        normalised=normalised,
    )
    if isinstance(found, Results):
        say_warnings(one.poses_3d.history for one in found.people)
        results = _chosen(found, person, source, target)
        people = [one.poses_2d for one in results.people if one.poses_2d.visible.any()]
        people = people or [one.poses_3d for one in results.people]
        frames = max((int(one.frames[-1]) + 1 for one in people if len(one)), default=0)
        files: list[tuple[Savable, Path]] = [(results, path) for path in outputs]
    else:
        say_warnings([found.notes])
        people = list(choose(people_of(found), person, source))
        people = people if target is None else [one.to_skeleton(target) for one in people]
        frames, files = found.frame_count, [(people, path) for path in outputs]
    say_untimed(people, outputs)
    written = save_all(files, frame_count=frames, axes=axes)
    if not quiet:
        seconds = time.perf_counter() - started
        say(_summary(people, written, frames, seconds), err=is_piped())
        step = "".join(people[0].history[-1:])  # own joints need no step, and a CSV has none
        if target is not None and step.startswith("joints: "):
            say(step, err=is_piped())


def _chosen(found: Results, person: str, source: Path, target: Skeleton | None) -> Results:
    """Select persons of results, in the joints that are wanted."""
    from poselift.poses import Person

    sequences = [one.poses_3d for one in found.people]
    wanted = {one.person_id for one in choose(sequences, person, source)}
    people = [one for one in found.people if one.poses_3d.person_id in wanted]
    if target is not None:
        people = [Person(*(poses.to_skeleton(target) for poses in one)) for one in people]
    return replace(found, people=tuple(people))


def _summary(
    people: Sequence[PoseSequence], outputs: Sequence[Path], frames: int, seconds: float
) -> str:
    """Say what was written, of whom, and how fast frames became files."""
    counts = f"{many(len(people), 'person')}, {many(frames, 'frame')}"
    speed = f"{frames / max(seconds, 1e-9):.0f} frames/s"
    return f"wrote {', '.join(map(str, outputs))}: {counts}, {speed}"
