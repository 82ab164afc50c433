"""`poselift lift`: a file of 2D keypoints becomes 3D skeletons."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
    choose,
    parse_size,
    with_fps,
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
from poselift.cli.running import Backend, Flip, Focal, Model, Precision, Threads
from poselift.cli.videos import (
    DetectEvery,
    DetectorName,
    Trim,
    VideoOptions,
    film,
    read_people,
)

if TYPE_CHECKING:
    from poselift.poses import Results

Outputs = Annotated[
    list[Path],
    typer.Option("-o", "--output", help="Write .html, .npz, .json or another; may be repeated."),
]


def lift(
    source: Source,
    outputs: Outputs,
    model: Model = "gln",
    format_name: FormatName = "auto",
    skeleton: SkeletonName = None,
    size: Size = None,
    fps: Fps = None,
    normalised: Normalised = False,
    focal: Focal = None,
    person: Person = "all",
    threads: Threads = None,
    flip: Flip = True,
    precision: Precision = "fp32",
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
    from poselift.motion import Lens, Options, Smoothing

    image_size = parse_size(size)
    lens = Lens(focal, fov, calibration, calibration_map, hint=str(source))
    steps = Options(Smoothing.parse(smooth), bones, height, root, floor, world, lens)
    check_outputs(outputs, kinds(writers()), source=source)
    check_axes_of(outputs, writers(), axes)
    check_choice(backend, precision)
    file = find_model(model, precision)  # a wrong name is said before a long file is read
    video = VideoOptions(detector, detect_every, trim, fps, image_size, skeleton)
    found, seen = read_people(source, video.of_file(format_name, normalised), quiet)
    people, assumed = with_fps(choose(found, person, source))
    # opened after reading: parsing a long clip and an open model need not share the memory
    lifter = Lifter(file, threads=threads, flip=flip, precision=precision, backend=backend)
    started = time.perf_counter()
    results = lift_moving(lifter, people, steps, quiet, {"fps_assumed": assumed})
    seconds = time.perf_counter() - started
    shown = None if seen is None else film(source)
    written = save_all([(results, o) for o in outputs], axes=axes, title=source.stem, video=shown)
    if not quiet:
        typer.echo(_summary(results, written, seconds))


def _summary(results: Results, outputs: Sequence[Path], seconds: float) -> str:
    """Say what was written, of whom, and how fast the lifting went."""
    persons = len(results.people)
    poses = sum(len(lifted) for _, lifted in results.people)
    return (
        f"wrote {', '.join(map(str, outputs))}: {persons} person{'s' if persons != 1 else ''}, "
        f"{poses} poses, {poses / max(seconds, 1e-9):.0f} poses/s"
    )
