"""What the commands that take a video share: its options, watching it, and the bar meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from poselift.cli.people import say_warnings

if TYPE_CHECKING:
    from poselift.detection import Detector, Video
    from poselift.lifting import Lifter
    from poselift.lifting.alongside import Alongside
    from poselift.motion import Lens
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


class Source(NamedTuple):
    """The persons of a source in 2D, what results tell of it, and what was lifted meanwhile."""

    people: tuple[PoseSequence, ...]
    facts: dict[str, object]
    along: Alongside | None = None


def read_people(
    source: Path,
    options: VideoOptions,
    opened: Callable[[], Lifter],
    lens: Lens,
    *,
    keep: bool,
    quiet: bool,
) -> Source:
    """Read a file of keypoints or watch a video, the persons of which are lifted at once.

    opened  opens the lifter, or returns it if it is open.
    lens    the camera, as the user has it.
    keep    whether persons of what is live are wanted afterwards.
    """
    from poselift import io
    from poselift.detection import is_video
    from poselift.errors import PoseliftError
    from poselift.tracking import people_of

    if is_live(source):
        from poselift.cli.live import watch_camera

        return Source(*watch_camera(source, options, opened(), keep=keep, quiet=quiet))
    if is_video(source):
        from poselift.cli.watching import watch_video
        from poselift.lifting.alongside import Alongside
        from poselift.lifting.clip import focal_of

        begun: list[Alongside] = []

        def lifting(video: Video, detector: Detector) -> Alongside:
            lifter = opened()
            focal = focal_of(lifter, lens, video.size)
            begun.append(Alongside(lifter, detector.skeleton, video.size, focal))
            return begun[0]

        people, _ = watch_video(source, options, quiet, lifting)
        return Source(people, {"video": source.name, "trim": options.trim}, begun[0])
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
    if detections.image_size is None:
        raise PoseliftError(f"{source}: does not say the size of its pictures (--size 1920x1080)")
    found = people_of(detections)
    say_warnings(one.history for one in found)
    return Source(found, {})


def film(source: Path) -> Path | None:
    """Return the source if it is a video or a folder of pictures, for formats that show it."""
    from poselift.detection import is_video

    return source if is_video(source) and source.exists() else None


def is_live(source: Path) -> bool:
    """Tell whether a source goes on by itself."""
    return str(source).startswith("camera:")
