"""`poselift detect`: a video becomes a file of 2D keypoints, which every later lift takes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from poselift.cli.inputs import Fps, Person, Quiet, SkeletonName
from poselift.cli.people import choose
from poselift.cli.pipes import arrived, departing, is_piped
from poselift.cli.saying import many, say
from poselift.cli.videos import DetectEvery, DetectorName, Trim, VideoOptions
from poselift.cli.watching import watch_video

Video = Annotated[
    Path,
    typer.Argument(
        metavar="INPUT", callback=arrived, help="A video, a picture, or a folder of pictures."
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


def detect(
    source: Video,
    outputs: Outputs,
    detector: DetectorName = "movenet",
    every: DetectEvery = None,
    skeleton: SkeletonName = None,
    trim: Trim = None,
    fps: Fps = None,
    person: Person = "all",
    quiet: Quiet = False,
) -> None:
    """Detect persons in a video and follow them over time.

    The files written hold the joints of the detector, in pixels.
    """
    from poselift.cli.outputs import check_outputs
    from poselift.detection import is_video
    from poselift.errors import PoseliftError
    from poselift.io import save_all
    from poselift.io.registry import kinds, writers

    check_outputs(outputs, kinds(writers(flat=True)), source=source)
    if not is_video(source):
        if not source.exists():
            raise PoseliftError(f"{source}: there is no such file or folder")
        raise PoseliftError(f"{source}: is no video, picture or folder of pictures")
    if str(source).startswith("camera:"):
        raise PoseliftError(f"{source}: is live, `poselift lift {source}` takes it")
    started = time.perf_counter()
    options = VideoOptions(detector, every, trim, fps, skeleton=skeleton)
    people, recording = watch_video(source, options, quiet)
    seconds = time.perf_counter() - started
    people = choose(people, person, source)
    written = save_all([(people, path) for path in outputs])
    if not quiet:
        frames = len(recording.frames)
        say(
            f"wrote {', '.join(map(str, written))}: {many(len(people), 'person')} in "
            f"{many(frames, 'frame')}, {frames / seconds:.0f} frames/s",
            err=is_piped(),
        )
