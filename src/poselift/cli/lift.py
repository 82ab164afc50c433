"""`poselift lift`: a file of 2D keypoints becomes 3D skeletons."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poselift.cli.export import ready
from poselift.cli.inputs import (
    Axes,
    FormatName,
    Fps,
    Normalised,
    Person,
    Quiet,
    Size,
    SkeletonName,
    Source,
    parse_size,
)
from poselift.cli.moving import (
    SMOOTH,
    Bones,
    Calibrated,
    CalibrationMap,
    FloorFrom,
    Fov,
    Height,
    Root,
    Smooth,
    World,
    lift_moving,
)
from poselift.cli.outputs import checked_outputs
from poselift.cli.people import choose, with_fps
from poselift.cli.pipes import departing, is_piped
from poselift.cli.running import (
    DEFAULT_MODEL,
    Backend,
    Flip,
    Focal,
    Model,
    Precision,
    Threads,
)
from poselift.cli.saying import many, say
from poselift.cli.videos import (
    DetectEvery,
    DetectorName,
    OverlayScale,
    Trim,
    VideoOptions,
    read_people,
)
from poselift.cli.watching import write_all

if TYPE_CHECKING:
    from poselift.poses import Results

Outputs = Annotated[
    list[Path] | None,
    typer.Option(
        "-o",
        "--output",
        callback=departing,
        help="Write .html, .npz, .json or another; may be repeated.",
    ),
]


def lift(
    source: Source,
    outputs: Outputs = None,
    model: Model = DEFAULT_MODEL,
    format_name: FormatName = "auto",
    skeleton: SkeletonName = None,
    size: Size = None,
    fps: Fps = None,
    normalised: Normalised = False,
    focal: Focal = None,
    person: Person = "all",
    threads: Threads = None,
    flip: Flip = True,
    precision: Precision = "auto",
    backend: Backend = "onnxruntime",
    smooth: Smooth = SMOOTH,
    bones: Bones = None,
    height: Height = None,
    root: Root = False,
    floor: FloorFrom = "none",
    world: World = False,
    fov: Fov = None,
    calibration: Calibrated = None,
    calibration_map: CalibrationMap = None,
    axes: Axes = None,
    detector: DetectorName = "movenet",
    detect_every: DetectEvery = None,
    trim: Trim = None,
    overlay_scale: OverlayScale = None,
    quiet: Quiet = False,
) -> None:
    """Lift 2D keypoints, or the persons of a video, to 3D skeletons.

    The results, in metres, are written as a page to look at, arrays, or JSON. camera:0 is live.
    """
    from poselift.lifting import Lifter
    from poselift.lifting.backends import choose_precision
    from poselift.modelfiles.find import find_model
    from poselift.motion import Lens, Options, Smoothing

    lens = Lens(focal, fov, calibration, calibration_map, hint=str(source))
    steps = Options(Smoothing.parse(smooth), bones, height, root, floor, world, lens)
    outputs = checked_outputs(outputs, source, axes, overlay_scale)
    precision = choose_precision(ready(model), backend, precision)
    file = find_model(model, precision)  # a wrong name is said before a long file is read
    way = partial(Lifter, precision=precision, backend=backend)
    opened = cache(partial(way, file, threads=threads, flip=flip))
    video = VideoOptions(detector, detect_every, trim, fps, parse_size(size), skeleton)
    options = replace(video, format=format_name, normalised=normalised)
    begun, keep = time.perf_counter(), bool(outputs)
    found, facts, along = read_people(source, options, opened, lens, keep=keep, quiet=quiet)
    if not outputs:
        return  # it was live
    people, facts["fps_assumed"] = with_fps(choose(found, person, source))
    lifter = opened()  # after reading: a long clip being parsed and a model need not share memory
    begun = time.perf_counter() if along is None else begun  # a video's poses are made meanwhile
    results = lift_moving(lifter, people, steps, quiet, facts, along)
    seconds = time.perf_counter() - begun
    written = write_all(results, outputs, source, axes=axes, scale=overlay_scale, quiet=quiet)
    if not quiet:
        say(f"{_summary(results, written, seconds)} ({lifter.choices})", err=is_piped())


def _summary(results: Results, outputs: Sequence[Path], seconds: float) -> str:
    """Say what was written, of whom, and how fast the lifting went."""
    persons = len(results.people)
    poses = sum(len(lifted) for _, lifted in results.people)
    return (
        f"wrote {', '.join(map(str, outputs))}: {many(persons, 'person')}, "
        f"{many(poses, 'pose')}, {poses / max(seconds, 1e-9):.0f} poses/s"
    )
