"""A video of a video: the 2D poses on the picture, the 3D poses beside it.

Encoded as AV1 in MP4 by SVT-AV1 (BSD), which the wheels of PyAV carry: Chrome, Firefox and Edge
play it everywhere, Safari where the machine decodes AV1. H.264 would need x264, which is GPL.

Axes: T frame, J joint.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast, final

import numpy as np
from jaxtyping import Float, UInt8

from poselift.detection import Video
from poselift.detection.ahead import Ahead
from poselift.errors import PoseliftError
from poselift.io.arrays import Sink
from poselift.poses import PoseSequence, Results
from poselift.viewer.drawing import Colours, View, draw_bones, floor_lines
from poselift.viewer.scene import Scene, arrange, in_scene

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

#: Height of the video that is written, at most, unless a scale is given.
MAX_HEIGHT = 720

#: SVT-AV1: 12 is about three times as fast as 8, and a third larger.
_ENCODER = {"preset": "12", "crf": "32", "svtav1-params": "lp=2"}

_COLOURS: Colours = ("#ffa04a", "#62b0ff", "#e8ecf1")
_PAPER, _FLOOR = "#181e27", "#384352"
_VIEW = View("from the side", yaw=-30.0, pitch=12.0)
_TICKS = 90_000


@final
class _PillowPen:
    """Draws with Pillow, lines as thick as the picture is large."""

    def __init__(self, draw: ImageDraw, width: int) -> None:
        """Take an open drawing."""
        self._draw, self._width = draw, width

    def line(self, ends: Float[np.ndarray, "2 2"], colour: str) -> None:
        """Draw a bone."""
        self._draw.line(ends.ravel().tolist(), fill=colour, width=self._width)

    def dots(self, at: Float[np.ndarray, "K 2"], colours: list[str]) -> None:
        """Draw joints."""
        radius = 0.75 * self._width
        for (x, y), colour in zip(at.tolist(), colours, strict=True):
            self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


@dataclass(frozen=True)
class _Panel:
    """The square beside the picture, in which 3D poses of a scene are drawn.

    points  for each person (T, J, 3): right, down and away from the reader, metres.
    floor   (L, 2, 2) ends of the floor's lines, metres.
    middle  what lies in the middle of the square, metres.
    scale   pixels a metre.
    """

    side: int
    points: list[Float[np.ndarray, "T J 3"]]
    floor: Float[np.ndarray, "L 2 2"]
    middle: Float[np.ndarray, " D"]
    scale: float

    @classmethod
    def of(cls, people: list[PoseSequence], side: int) -> _Panel:
        """Place people who have a pose so that all fit at all times."""
        scene: Scene = arrange(people)
        apart = 0.0 if scene.room else 2 * scene.side
        points = []
        for number, (one, offset) in enumerate(zip(people, scene.offsets, strict=True)):
            placed = in_scene(one) + offset[:, None]
            placed[..., 0] += apart * (number - (len(people) - 1) / 2)
            points.append((placed * (1.0, -1.0, -1.0)) @ _VIEW.turn.T)
        flat = np.concatenate([one[..., :2].reshape(-1, 2) for one in points])
        low, high = np.nanmin(flat, axis=0), np.nanmax(flat, axis=0)
        reach = max(1.0, *np.abs(scene.floor), apart * len(people) / 2)
        lines = floor_lines(_VIEW, float(np.ceil(reach)))
        scale = 0.86 * side / float((high - low).max())
        return cls(side, points, lines, (low + high) / 2, min(scale, side / 1.2))

    def place(self, points: Float[np.ndarray, "*n D"]) -> Float[np.ndarray, "*n 2"]:
        """Turn metres on paper into pixels of the square."""
        placed: np.ndarray = (points[..., :2] - self.middle) * self.scale + self.side / 2
        return placed

    def draw(self, draw: ImageDraw, rows: list[int | None], skeletons: list[PoseSequence]) -> None:
        """Draw floor and people; `rows` says which pose of each is shown."""
        for one in self.place(self.floor):
            draw.line(one.ravel().tolist(), fill=_FLOOR, width=1)
        pen = _PillowPen(draw, max(2, self.side // 110))
        for row, points, poses in zip(rows, self.points, skeletons, strict=True):
            if row is not None:
                pose = points[row]
                draw_bones(pen, poses.skeleton, self.place(pose), _COLOURS, pose[:, 2])


def write_overlay(
    results: Results,
    video: Video,
    stream: Sink,
    *,
    scale: float | None = None,
    progress: Callable[[int], None] | None = None,
    interrupted: Callable[[int], None] | None = None,
) -> None:
    """Write an MP4 of the video with the poses of each frame.

    results  persons whose frames are those of `video`.
    video    opened anew, on the same part of the source; it is read to the last frame with a pose.
    stream   open file that can seek.
    scale    size of the picture in that of the video; None makes it at most 720 pixels high.
    interrupted  as in `poselift.io.registry.WriteOptions`.

    Raises `PoseliftError` for a size that cannot be, and if nobody has a 3D pose.
    """
    from av import VideoFrame
    from av import open as open_container

    os.environ.setdefault("SVT_LOG", "1")  # or the encoder tells about itself on stderr
    width, height = video.size
    factor = min(1.0, MAX_HEIGHT / height) if scale is None else scale
    width, height = (max(2, round(side * factor / 2) * 2) for side in (width, height))
    if not (0 < factor <= 4) or min(width, height) < 64 or width + height > 8192:
        raise PoseliftError(
            f"{video.name}: cannot write an overlay of {width}x{height} pixels, choose another "
            "--overlay-scale"
        )
    people = [one for one in results.people if one.poses_3d.visible.any()]
    if not people:
        raise PoseliftError(f"{video.name}: nobody has a 3D pose to draw")
    panel = _Panel.of([one.poses_3d for one in people], height)
    rows = [{int(f): row for row, f in enumerate(one.poses_3d.frames)} for one in people]
    last = max(int(one.poses_3d.frames[-1]) for one in people)
    rate = Fraction(video.fps or results.people[0].poses_3d.fps or 30).limit_denominator(100_000)
    with open_container(cast(Any, stream), "w", format="mp4") as container:
        track = container.add_stream("libsvtav1", rate=rate, options=dict(_ENCODER))
        track.width, track.height, track.pix_fmt = width + height, height, "yuv420p"
        track.codec_context.time_base = Fraction(1, _TICKS)
        start: float | None = None
        count = 0
        with Ahead(_drawn(video, panel, people, rows, last, factor), 4) as frames:
            try:
                for time, canvas in frames:
                    start = time if start is None else start
                    frame = VideoFrame.from_ndarray(canvas, format="rgb24")
                    frame.pts = round((time - start) * _TICKS)
                    frame.time_base = Fraction(1, _TICKS)
                    container.mux(track.encode(frame))
                    count += 1
                    if progress is not None:
                        progress(1)
            except KeyboardInterrupt:
                if interrupted is None or not count:
                    raise
                interrupted(count)
        container.mux(track.encode(None))


def _drawn(
    video: Video,
    panel: _Panel,
    people: list[Any],
    rows: list[dict[int, int]],
    last: int,
    factor: float,
) -> Any:
    """Yield the time and the finished picture (H, W, 3) of each frame."""
    from PIL import Image, ImageDraw

    height = panel.side
    width = max(2, round(video.size[0] * factor / 2) * 2)
    scale = np.array([width / video.size[0], height / video.size[1]])
    solids = [one.poses_3d for one in people]
    for picture in video:
        if picture.index > last:
            return
        shown = [one.get(picture.index) for one in rows]
        canvas = Image.new("RGB", (width + height, height), _PAPER)
        right = Image.new("RGB", (height, height), _PAPER)
        panel.draw(ImageDraw.Draw(right), shown, solids)
        left = Image.fromarray(picture.whole(width, height))
        pen = _PillowPen(ImageDraw.Draw(left), max(2, height // 160))
        for row, one in zip(shown, people, strict=True):
            if row is not None:
                flat = one.poses_2d
                draw_bones(pen, flat.skeleton, flat.positions[row] * scale, _COLOURS)
        canvas.paste(left, (0, 0))
        canvas.paste(right, (width, 0))
        finished: UInt8[np.ndarray, "H W 3"] = np.asarray(canvas)
        yield picture.time, finished
