"""`poselift lift`: a file of 2D keypoints becomes 3D skeletons; `poselift formats`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poselift.cli.inputs import (
    Axes,
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
from poselift.cli.moving import SMOOTH, Bones, Height, Smooth, moving
from poselift.cli.videos import DetectEvery, DetectorName, Trim, VideoOptions, film, read_people

if TYPE_CHECKING:
    from poselift.poses import PoseSequence, Results

#: Frame rate taken where the source says nothing and --fps is not given.
DEFAULT_FPS = 30.0

Outputs = Annotated[
    list[Path],
    typer.Option("-o", "--output", help="Write .html, .npz, .json or another; may be repeated."),
]
Model = Annotated[
    str, typer.Option(help="A shipped model (gln, posegraphnet), a run folder or an .onnx file.")
]
Focal = Annotated[
    float | None,
    typer.Option("--focal", help="Focal length in pixels; default: the longer picture side."),
]
Threads = Annotated[
    int | None, typer.Option(help="CPU threads; default: one for each physical core.")
]
Flip = Annotated[
    bool,
    typer.Option("--flip/--no-flip", help="Lift the mirrored pose too: more accurate, slower."),
]
Precision = Annotated[
    str, typer.Option(help="fp32, int8 (about twice as fast, within 0.5 mm), or bf16 (openvino).")
]
Backend = Annotated[str, typer.Option(help="What runs the network: onnxruntime or openvino.")]


def lift(
    source: Source,
    outputs: Outputs,
    model: Model = "gln",
    format_name: FormatName = "auto",
    skeleton: SkeletonName = None,
    size: Size = None,
    fps: Fps = None,
    focal: Focal = None,
    person: Person = "all",
    threads: Threads = None,
    flip: Flip = True,
    precision: Precision = "fp32",
    backend: Backend = "onnxruntime",
    smooth: Smooth = SMOOTH,
    bones: Bones = "none",
    height: Height = None,
    axes: Axes = None,
    detector: DetectorName = "movenet",
    detect_every: DetectEvery = None,
    trim: Trim = None,
    quiet: Quiet = False,
) -> None:
    """Lift 2D keypoints, or the persons of a video, to 3D skeletons.

    The results, in metres, are written as a page to look at, arrays, or JSON.
    """
    from poselift.cli.outputs import check_outputs
    from poselift.io import save_all
    from poselift.io.registry import check_axes_of, kinds, writers
    from poselift.lifting import Lifter
    from poselift.lifting.backends import check_choice
    from poselift.modelfiles.find import find_model
    from poselift.motion import refine

    image_size, steps = parse_size(size), moving(smooth, bones, height)
    check_outputs(outputs, kinds(writers()), source=source)
    check_axes_of(outputs, writers(), axes)
    check_choice(backend, precision)
    file = find_model(model, precision)  # a wrong name is said before a long file is read
    options = VideoOptions(detector, detect_every, trim, fps, image_size, skeleton, format_name)
    found, seen = read_people(source, options, quiet)
    people, assumed = _with_fps(choose(found, person, source))
    # opened after reading: parsing a long clip and an open model need not share the memory
    lifter = Lifter(file, threads=threads, flip=flip, precision=precision, backend=backend)
    started = time.perf_counter()
    with _progress(sum(map(len, people)), quiet) as advance:
        results = lifter.lift_people(people, focal=focal, progress=advance)
    results = refine(results, steps)
    seconds = time.perf_counter() - started
    results = replace(results, meta={**results.meta, "fps_assumed": assumed})
    shown = None if seen is None else film(source)
    written = save_all(
        [(results, path) for path in outputs], axes=axes, title=source.stem, video=shown
    )
    if not quiet:
        typer.echo(_summary(results, written, seconds))


def formats() -> None:
    """List the formats that can be read and written."""
    from poselift.io.registry import all_formats

    for entry in all_formats():
        reads, writes = entry.read is not None, (entry.write or entry.write_2d) is not None
        ways = " and ".join([*["read"] * reads, *["written"] * writes])
        typer.echo(f"{entry.name:16} {ways:17} {entry.summary}")


def _with_fps(people: tuple[PoseSequence, ...]) -> tuple[tuple[PoseSequence, ...], bool]:
    """Give persons of unknown frame rate the default one, saying so; also return whether."""
    if any(one.fps is not None or (one.times != one.frames).any() for one in people):
        return people, False  # known, or irregular time stamps that are true as they are
    print(
        f"poselift: warning: the frame rate is not known, taking {DEFAULT_FPS:g} fps (give --fps)",
        file=sys.stderr,
    )
    step = f"fps: not known, taken as {DEFAULT_FPS:g}"
    return tuple(
        replace(one, fps=DEFAULT_FPS, times=one.frames / DEFAULT_FPS, history=(*one.history, step))
        for one in people
    ), True


@contextmanager
def _progress(total: int, quiet: bool) -> Iterator[Callable[[int], None] | None]:
    """Show a bar on stderr if that is a terminal; yields what advances it."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("lifting", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("lifting", total=total)
        yield lambda count: bar.advance(task, count)


def _summary(results: Results, outputs: Sequence[Path], seconds: float) -> str:
    """Say what was written, of whom, and how fast the lifting went."""
    persons = len(results.people)
    poses = sum(len(lifted) for _, lifted in results.people)
    return (
        f"wrote {', '.join(map(str, outputs))}: {persons} person{'s' if persons != 1 else ''}, "
        f"{poses} poses, {poses / max(seconds, 1e-9):.0f} poses/s"
    )
