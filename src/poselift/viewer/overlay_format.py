"""The overlay as a format of results; `poselift.io.registry` knows this module by name."""

from __future__ import annotations

from poselift.errors import PoseliftError
from poselift.io.arrays import Sink
from poselift.io.registry import Format, WriteOptions
from poselift.poses import Results


def write(results: Results, stream: Sink, options: WriteOptions) -> None:
    """Write a video of the video; `PoseliftError` if there is none, or none to draw on."""
    from poselift.detection import Video, parse_trim
    from poselift.viewer.overlay import write_overlay

    if options.video is None:
        raise PoseliftError(
            f"{options.title}{options.suffix}: an overlay is drawn on the video that was lifted, "
            "expected a video as the input"
        )
    if not getattr(stream, "seekable", bool)():
        raise PoseliftError(f"{options.title}{options.suffix}: an MP4 cannot go into a pipe")
    trim, rate = parse_trim(results.meta.get("trim")), results.people[0].poses_3d.fps
    with Video(options.video, trim=trim, pictures_fps=rate) as video:
        write_overlay(
            results,
            video,
            stream,
            scale=options.scale,
            progress=options.progress,
            interrupted=options.interrupted,
        )


FORMAT = Format(
    "overlay",
    "a video with the 2D poses on the picture and the 3D poses beside it (AV1)",
    {".mp4": "overlay of the video"},
    holds="2D, 3D",
    write=write,
)
