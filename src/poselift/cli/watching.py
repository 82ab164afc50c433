"""A video watched from its first frame to its last: who is in it, and what was lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from poselift.cli.people import say_linked, say_warnings
from poselift.cli.progress import counting
from poselift.cli.saying import many, warn

if TYPE_CHECKING:
    from poselift.cli.videos import VideoOptions
    from poselift.detection import Detector, Recording, Video
    from poselift.lifting.alongside import Alongside
    from poselift.poses import PoseSequence, Results


def watch_video(
    source: Path,
    options: VideoOptions,
    quiet: bool,
    lifting: Callable[[Video, Detector], Alongside] | None = None,
) -> tuple[tuple[PoseSequence, ...], Recording]:
    """Watch a video; return its persons in 2D, the most prominent first, and what was seen.

    lifting  begins to lift what is detected, which is closed when all was watched.

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
    with Video(source, trim=trim, pictures_fps=options.fps) as video:
        if options.image_size not in (None, video.size):
            width, height = video.size
            raise PoseliftError(
                f"{source}: has pictures of {width}x{height} pixels, "
                "leave --size out or give the video that it belongs to"
            )
        detector = open_detector(options.detector, skeleton=options.skeleton)
        with (
            counting("detecting", video.count, "frames", quiet) as advance,
            nullcontext() if lifting is None else lifting(video, detector) as along,
        ):
            recording = record(
                video,
                detector,
                every=options.every,
                fps=options.fps,
                progress=advance,
                found=None if along is None else along.add,
            )
        _say_losses(video, recording)
    people = people_of(recording.detections)
    say_warnings(one.history for one in people)
    return people, recording


def _say_losses(video: object, recording: Recording) -> None:
    """Warn of frames that are missing."""
    from poselift.detection import Video

    assert isinstance(video, Video)
    seen, last = len(recording.frames), int(recording.frames[-1])
    if recording.interrupted:
        total = f" of {video.count}" if video.count else ""
        done = f"{many(seen, 'frame')}{total}"
        warn(f"{video.name}: interrupted after {done}; what is done is written")
    elif video.lost:
        lost = many(video.lost, "frame")
        warn(f"{video.name}: {lost} left out that could not be decoded")
    elif video.count and seen < 0.95 * video.count - 1:
        warn(f"{video.name}: ends with frame {last}, {video.count} frames were promised")


def write_all(
    results: Results,
    outputs: Sequence[Path],
    source: Path,
    *,
    axes: str | None,
    scale: float | None,
    quiet: bool,
) -> tuple[Path, ...]:
    """Write results of a source, with a bar while an overlay is drawn; return what was written."""
    from poselift.cli.videos import film
    from poselift.io import save_all

    frames = [one.poses_3d.frames for one in results.people if len(one.poses_3d)]
    total = max(int(one[-1]) for one in frames) - min(int(one[0]) for one in frames) + 1
    drawn = any(path.suffix.lower() == ".mp4" for path in outputs)

    def interrupted(count: int) -> None:
        warn(f"{source}: interrupted, the overlay ends after {many(count, 'frame')} of {total}")

    with counting("writing the overlay", total, "frames", quiet or not drawn) as advance:
        written = save_all(
            [(results, path) for path in outputs],
            axes=axes,
            title=source.stem,
            video=film(source),
            scale=scale,
            progress=advance,
            interrupted=interrupted,
        )
    say_linked(outputs, film(source))
    return written
