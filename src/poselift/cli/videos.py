"""What the commands that take a video share: its options, watching it, and the bar meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poselift.cli.inputs import say_warnings

if TYPE_CHECKING:
    from poselift.detection import Recording
    from poselift.lifting import Lifter
    from poselift.poses import PoseSequence

DetectorName = Annotated[
    str,
    typer.Option(
        "--detector",
        metavar="NAME|FILE",
        help="Detector of videos: movenet, multipose, rtmlib, .onnx.",
    ),
]
DetectEvery = Annotated[
    int | None,
    typer.Option(
        "--detect-every", min=1, help="Frames between looks for new persons; default: 0.5 s."
    ),
]
Trim = Annotated[
    str | None,
    typer.Option("--trim", metavar="START-END", help="Part of a video in seconds: 2.5-10, 1:05-."),
]
OverlayScale = Annotated[
    float | None,
    typer.Option(help="Size of an .mp4 overlay in that of the video; default: 720 pixels high."),
]


@dataclass(frozen=True)
class VideoOptions:
    """What the user says about a source that may be a video.

    detector, every, trim  as in `open_detector`, `record`, `parse_trim`; only for videos.
    fps                    frames a second, which win over the source's own.
    image_size             (width, height) that it is said to have, or None.
    skeleton               joint set of a detector, or of a file, where it is left open.
    format                 of a file; refused for a video.
    normalised             whether a file's coordinates are 0..1 of the picture.
    """

    detector: str = "movenet"
    every: int | None = None
    trim: str | None = None
    fps: float | None = None
    image_size: tuple[int, int] | None = None
    skeleton: str | None = None
    format: str = "auto"
    normalised: bool = False

    def of_file(self, format_name: str, normalised: bool) -> VideoOptions:
        """Return the options with what is said about files alone."""
        return replace(self, format=format_name, normalised=normalised)


def read_people(
    source: Path, options: VideoOptions, opened: Callable[[], Lifter], *, keep: bool, quiet: bool
) -> tuple[tuple[PoseSequence, ...], dict[str, object]]:
    """Return the persons of a video or of a file of keypoints, and what results tell of it.

    opened  opens the lifter, which what is live needs at once.
    keep    whether persons of what is live are wanted afterwards.
    """
    from poselift import io
    from poselift.detection import is_video
    from poselift.errors import PoseliftError
    from poselift.tracking import people_of

    if is_live(source):
        from poselift.cli.live import watch_camera

        return watch_camera(source, options, opened(), keep=keep, quiet=quiet)
    if is_video(source):
        people, _ = watch_video(source, options, quiet)
        return people, {"video": source.name, "trim": options.trim}
    given = {
        "--detector": options.detector != "movenet",
        "--detect-every": options.every is not None,
        "--trim": options.trim is not None,
    }
    flag = next((flag for flag, is_given in given.items() if is_given), None)
    if flag is not None:
        raise PoseliftError(f"{source}: is no video, leave {flag} out")
    detections = io.read_detections(  # of results their 2D poses, which are lifted again
        source,
        format=options.format,
        skeleton=options.skeleton,
        image_size=options.image_size,
        fps=options.fps,
        normalised=options.normalised,
    )
    found = people_of(detections)
    say_warnings(one.history for one in found)
    return found, {}


def watch_video(
    source: Path, options: VideoOptions, quiet: bool
) -> tuple[tuple[PoseSequence, ...], Recording]:
    """Watch a video; return its persons in 2D, the most prominent first, and what was seen.

    Frames that were lost and an end by Ctrl-C are said on stderr. Raises `PoseliftError`.
    """
    from poselift.detection import Video, open_detector, parse_trim, record
    from poselift.errors import PoseliftError
    from poselift.tracking import people_of

    trim = parse_trim(options.trim)
    if options.normalised:
        raise PoseliftError(f"{source}: is a video, leave --normalised out")
    if options.format != "auto":
        raise PoseliftError(f"{source}: is a video, leave --format out")
    with Video(source, trim=trim) as video:
        if options.image_size not in (None, video.size):
            width, height = video.size
            raise PoseliftError(
                f"{source}: has pictures of {width}x{height} pixels, "
                "leave --size out or give the video that it belongs to"
            )
        detector = open_detector(options.detector, skeleton=options.skeleton)
        with frame_bar("detecting", video.count, quiet) as advance:
            recording = record(
                video, detector, every=options.every, fps=options.fps, progress=advance
            )
        _say_losses(video, recording)
    return people_of(recording.detections), recording


def film(source: Path) -> Path | None:
    """Return the source if it is a video or a folder of pictures, for formats that show it."""
    from poselift.detection import is_video

    return source if is_video(source) and source.exists() else None


def is_live(source: Path) -> bool:
    """Tell whether a source goes on by itself."""
    return str(source).startswith("camera:")


def checked_outputs(
    outputs: list[Path] | None, source: Path, axes: str | None, scale: float | None
) -> list[Path]:
    """Return the outputs of a lift, checked before any work is done; what is live needs none.

    axes, scale  as in `save`.

    Raises a usage error if there is none, and `PoseliftError` as `check_outputs` does, for axes
    that an output cannot have, an overlay of what is no video, and a scale that fits none.
    """
    from poselift.cli.outputs import check_outputs
    from poselift.errors import PoseliftError
    from poselift.io.registry import check_axes_of, kinds, writers

    if not outputs and not is_live(source):
        raise typer.BadParameter("is missing", param_hint="'-o' / '--output'")
    outputs = outputs or []
    check_outputs(outputs, kinds(writers()), source=source)
    check_axes_of(outputs, writers(), axes)
    overlay = next((path for path in outputs if path.suffix.lower() == ".mp4"), None)
    if overlay is None and scale is not None:
        raise PoseliftError("--overlay-scale is for an .mp4 output, leave it out")
    if overlay is not None and is_live(source):
        raise PoseliftError(f"{overlay}: an overlay needs the video again, which {source} is not")
    if overlay is not None and source.exists() and film(source) is None:
        raise PoseliftError(f"{overlay}: an overlay is drawn on a video, and {source} is none")
    if scale is not None and not 0 < scale <= 4:
        raise PoseliftError(f"expected --overlay-scale between 0 and 4, got {scale:g}")
    return outputs


def _say_losses(video: object, recording: Recording) -> None:
    """Warn of frames that are missing."""
    from poselift.detection import Video

    assert isinstance(video, Video)
    seen, last = len(recording.frames), int(recording.frames[-1])
    if recording.interrupted:
        total = f" of {video.count}" if video.count else ""
        _warn(f"{video.name}: interrupted after {seen} frames{total}; what is done is written")
    elif video.lost:
        _warn(f"{video.name}: {video.lost} frames could not be decoded and are left out")
    elif video.count and seen < 0.95 * video.count - 1:
        _warn(f"{video.name}: ends with frame {last}, {video.count} frames were promised")


def _warn(sentence: str) -> None:
    """Print a warning on stderr."""
    print(f"poselift: warning: {sentence}", file=sys.stderr)


@contextmanager
def frame_bar(what: str, total: int | None, quiet: bool) -> Iterator[Callable[[int], None] | None]:
    """Show frames, frames a second and the time left on stderr, if that is a terminal.

    Yields what advances it.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Frames a second."""

        def render(self, task: Task) -> Text:
            """Show the speed of the last half minute."""
            return Text(f"{task.speed:.0f} frames/s" if task.speed else "")

    columns = (what, BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)
