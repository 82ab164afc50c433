"""One picture of a video, upright, of which scaled parts are cut out without turning it all to RGB.

Coordinates are pixels of the upright picture, x right, y down; (0, 0) is the corner of the first
pixel, so that a picture of width W reaches from 0 to W.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, final

import numpy as np
from jaxtyping import UInt8

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.reformatter import VideoReformatter

#: What is cut out of the planes as they are; other formats are converted first.
_PLANAR = ("yuv420p", "yuvj420p")


def cuttable(frame: VideoFrame, scaler: VideoReformatter) -> VideoFrame:
    """Return a frame in one of the formats that parts are cut out of."""
    even = frame.width % 2 == 0 and frame.height % 2 == 0
    if (even and frame.format.name in _PLANAR) or frame.format.name == "rgb24":
        return frame
    video = even and frame.format.name.startswith(("yuv", "nv12", "p010"))
    return scaler.reformat(frame, format="yuv420p" if video else "rgb24")


@final
class Picture:
    """A decoded frame.

    frame   what PyAV decoded, not yet turned.
    index   0-based number of the frame in its source.
    time    seconds from the start of the source.
    turn    quarter turns counter-clockwise that make it upright.
    taken   `time.time()` when it came in, for live sources; 0 for others.
    scaler  PyAV's reformatter, kept by the video so that its tables are not built anew. It is for
            one thread: who decodes in another one hands over frames that are `cuttable`.
    """

    def __init__(
        self, frame: VideoFrame, index: int, time: float, turn: int, scaler: VideoReformatter
    ) -> None:
        """Keep a decoded frame."""
        self.index, self.time, self.taken = index, time, 0.0
        self._turn, self._scaler = turn % 4, scaler
        self._frame = cuttable(frame, scaler)
        self._rgb = self._frame.format.name == "rgb24"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, upright."""
        width, height = self._frame.width, self._frame.height
        return (height, width) if self._turn % 2 else (width, height)

    def whole(self, width: int, height: int) -> UInt8[np.ndarray, "H W 3"]:
        """Return the picture as RGB, scaled to a width and height, each area averaged."""
        return self._scaled(self._frame, width, height)

    def crop(self, box: tuple[int, int, int, int], side: int) -> UInt8[np.ndarray, "H W 3"]:
        """Return a square part as RGB, scaled to `side`; what lies outside the picture is black.

        box  left, top, right, bottom in even whole pixels, as wide as high.
        """
        left, top, right, _ = self._unturned(box)
        size = right - left
        if self._rgb:
            whole = self._frame.to_ndarray()
            part = np.zeros((size, size, 3), np.uint8)
            _paste(part, whole, left, top)
            form = "rgb24"
        else:
            # the planes of yuv420p under one another, as PyAV takes them
            part = np.empty((size * 3 // 2, size), np.uint8)
            part[:size], half = 16, size // 2
            part[size:] = 128
            colours = part[size:].reshape(2, half, half)
            planes = [_plane(self._frame, number) for number in range(3)]
            _paste(part[:size], planes[0], left, top)
            _paste(colours[0], planes[1], left // 2, top // 2)
            _paste(colours[1], planes[2], left // 2, top // 2)
            form = self._frame.format.name
        from av import VideoFrame

        frame = VideoFrame.from_ndarray(part, format=form)
        frame.colorspace, frame.color_range = self._frame.colorspace, self._frame.color_range
        return self._scaled(frame, side, side)

    def jpeg(self, height: int, quality: int = 70) -> bytes:
        """Return the picture as JPEG, scaled down to `height` if it is higher. Needs Pillow."""
        from PIL import Image

        width = self.size[0]
        scale = min(1.0, height / self.size[1])
        small = self.whole(max(1, round(width * scale)), max(1, round(self.size[1] * scale)))
        stream = io.BytesIO()
        Image.fromarray(small).save(stream, "JPEG", quality=quality)
        return stream.getvalue()

    def _scaled(self, frame: VideoFrame, width: int, height: int) -> UInt8[np.ndarray, "H W 3"]:
        """Scale, convert to RGB and turn upright."""
        from av.video.reformatter import Interpolation

        if self._turn % 2:
            width, height = height, width
        # by way of yuv444p, or colours would be of half the width
        fine = "rgb24" if frame.format.name == "rgb24" else "yuv444p"
        small = self._scaler.reformat(
            frame, width=width, height=height, format=fine, interpolation=Interpolation.AREA
        ).to_ndarray(format="rgb24")
        return np.ascontiguousarray(np.rot90(small, self._turn))

    def _unturned(self, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        """Return where a box of the upright picture lies in the frame as it was stored."""
        left, top, right, bottom = box
        width, height = self._frame.width, self._frame.height
        if self._turn == 1:
            return width - bottom, left, width - top, right
        if self._turn == 2:
            return width - right, height - bottom, width - left, height - top
        if self._turn == 3:
            return top, height - right, bottom, height - left
        return box


def _plane(frame: VideoFrame, number: int) -> UInt8[np.ndarray, "H W"]:
    """Return one plane of a frame without copying it."""
    plane = frame.planes[number]
    # a plane is a buffer, which PyAV's types do not say
    rows: np.ndarray = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
    return rows[: plane.height, : plane.width]


def _paste(
    part: UInt8[np.ndarray, "h w *c"], whole: UInt8[np.ndarray, "H W *c"], left: int, top: int
) -> None:
    """Fill `part` with what of `whole` lies under it, its corner at (left, top)."""
    rows, columns = part.shape[:2]
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + columns, whole.shape[1]), min(top + rows, whole.shape[0])
    if x0 < x1 and y0 < y1:
        part[y0 - top : y1 - top, x0 - left : x1 - left] = whole[y0:y1, x0:x1]
