"""Tiny videos for tests: made by PyAV, and bodies that a fake detector finds in them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from poselift.detection import Found, Picture
from poselift.skeletons import COCO_17


def colours(count: int, width: int = 64, height: int = 48) -> list[np.ndarray]:
    """Pictures whose four corners differ, so that turning them is seen; brighter over time."""
    y, x = np.mgrid[:height, :width]
    base = np.stack([255 * x / width, 255 * y / height, 128 + 0 * x], axis=-1)
    return [np.clip(base + 4 * k, 0, 255).astype(np.uint8) for k in range(count)]


def write_video(
    path: Path,
    pictures: Iterable[np.ndarray],
    rate: Fraction | int = 30,
    *,
    times: Sequence[float] | None = None,
    codec: str = "mpeg4",
    form: str = "yuv420p",
    options: dict[str, str] | None = None,
    pixels: Fraction | None = None,
) -> Path:
    """Write pictures (H, W, 3) as a video; `times` in seconds make it one of variable rate."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = None
        for number, picture in enumerate(pictures):
            if stream is None:
                stream = container.add_stream(codec, rate=rate)
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = form
                stream.bit_rate = 4_000_000
                if pixels is not None:
                    stream.codec_context.sample_aspect_ratio = pixels
                if times is not None:
                    stream.codec_context.time_base = Fraction(1, 1000)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = round(1000 * times[number]), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        assert stream is not None
        container.mux(stream.encode(None))
    return path


def turn_video(path: Path, degrees: int = 0, matrix: tuple[int, int] | None = None) -> Path:
    """Write a rotation into the track header of an MP4, as phones do: degrees clockwise.

    matrix  instead: what right and down are multiplied by, to mirror.
    """
    one = 1 << 16
    a, b = {0: (one, 0), 90: (0, one), 180: (-one, 0), 270: (0, -one)}[degrees]
    c, d = -b, a
    if matrix is not None:
        a, b, c, d = matrix[0] * one, 0, 0, matrix[1] * one
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4
    matrix = start + (40 if data[start] == 0 else 52)
    data[matrix : matrix + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


class Scripted:
    """A detector that knows where everybody is: `truth[frame]` is (P, 17, 2) in pixels.

    `follow` gives the person whose middle is nearest to the box's, if it lies in the box.
    """

    name = "scripted"
    skeleton = COCO_17

    def __init__(self, truth: Sequence[np.ndarray]) -> None:
        self.truth = [np.asarray(one, np.float32) for one in truth]
        self.looks: list[int] = []

    def find(self, picture: Picture) -> Found:
        self.looks.append(picture.index)
        points = self.truth[picture.index]
        return Found(points, np.full(points.shape[:2], 0.9, np.float32))

    def follow(self, picture: Picture, boxes: np.ndarray) -> Found:
        points = self.truth[picture.index]
        keypoints = np.zeros((len(boxes), 17, 2), np.float32)
        scores = np.zeros((len(boxes), 17), np.float32)
        for row, box in enumerate(boxes):
            middles = points.mean(axis=1)
            inside = ((middles > box[:2]) & (middles < box[2:])).all(axis=1)
            if inside.any():
                far = np.linalg.norm(middles - (box[:2] + box[2:]) / 2, axis=1)
                best = int(np.argmin(np.where(inside, far, np.inf)))
                keypoints[row], scores[row] = points[best], 0.9
        return Found(keypoints, scores)
