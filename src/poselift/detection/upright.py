"""Decoded frames as they are to be seen: what a file says of turns, mirrors and oblong pixels."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.reformatter import VideoReformatter
    from av.video.stream import VideoStream

#: Encoders that scale leave ratios such as 404:405, which are meant to be square.
_SQUARE = 0.02

#: Orientations of EXIF that mirror.
_MIRRORED = (2, 4, 5, 7)


def is_mirrored(frame: VideoFrame, picture: str | os.PathLike[str] | None) -> bool:
    """Tell whether a frame is to be seen mirrored: by its matrix, or by the EXIF of a picture."""
    if picture is not None:
        from PIL import Image

        try:
            with Image.open(picture) as image:
                return image.getexif().get(0x112) in _MIRRORED
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return False  # what only FFmpeg reads has no orientation that we know of
    from av.sidedata.sidedata import Type

    try:
        data = cast(Any, frame.side_data).get(Type.DISPLAYMATRIX)  # PyAV's stubs call it one datum
    except ValueError:  # data of a kind that this PyAV has no name for
        return False
    if data is None:
        return False
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].astype(float)
    return bool(a * d - b * c < 0)


def pixel_shape(stream: VideoStream) -> float:
    """Return how many times wider than high a pixel is; 1 if that is not said, or nearly so."""
    ratio = float(stream.sample_aspect_ratio or 1)
    return ratio if 0.2 < ratio < 5 and abs(ratio - 1) > _SQUARE else 1.0


def upright(
    frame: VideoFrame, shape: float, mirrored: bool, scaler: VideoReformatter
) -> tuple[VideoFrame, int]:
    """Return a frame of square pixels, unmirrored, and the quarter turns that are left to do."""
    from av import VideoFrame

    turn = round((frame.rotation or 0) / 90)
    if shape != 1:
        width = max(2, round(frame.width * shape / 2) * 2)
        frame = scaler.reformat(frame, width=width)
    if mirrored:  # flipped as it is stored, which turns what FFmpeg calls its rotation by a half
        seen = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)[:, ::-1]
        frame, turn = VideoFrame.from_ndarray(np.ascontiguousarray(seen), format="rgb24"), turn + 2
    return frame, turn
