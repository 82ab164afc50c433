"""MediaPipe pose landmarks as JSON, in the layouts that people write.

MediaPipe has no file format of its own. A frame is a list of 33 landmarks `{"x", "y", "z",
"visibility"}` (or `[x, y, z, v]`), a list of persons that are such lists, or an object that has
one of these as `pose_landmarks`, `poseLandmarks`, `landmarks`, `keypoints` or `landmark`, perhaps
with `frame` and `timestamp_ms` or `time` beside. A file is a frame, a list of frames, or an
object with `frames`. x and y are 0..1 of the picture, whose size is then needed.
"""

from __future__ import annotations

import re
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from poselift.errors import PoseliftError
from poselift.io.fields import read_fps, read_index
from poselift.io.jsonfile import content, decode
from poselift.io.mend import of_picture
from poselift.io.native import is_native_json
from poselift.io.peek import peek
from poselift.io.registry import Format, ReadOptions
from poselift.io.table import Table
from poselift.poses import Detections

COUNTS = {33: ("mediapipe_33",)}

#: Under what names a frame has its landmarks.
_KEYS = ("pose_landmarks", "poseLandmarks", "landmarks", "keypoints", "landmark")

#: Under what names a landmark says how surely it was seen.
_SURE = ("visibility", "presence", "score")


class _Landmark(msgspec.Struct, gc=False):
    x: float
    y: float
    visibility: float | None = None
    presence: float | None = None
    score: float | None = None


class _Frame(msgspec.Struct, gc=False):
    """A frame, or the object around all frames."""

    frames: list[msgspec.Raw] | None = None
    results: list[msgspec.Raw] | None = None
    pose_landmarks: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    poseLandmarks: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    landmarks: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    keypoints: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    landmark: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    frame: Any = None
    frame_id: Any = None
    frame_number: Any = None
    frame_index: Any = None
    timestamp_ms: float | None = None
    timestamp: float | None = None
    time: float | None = None
    fps: Any = None
    image_size: Any = None
    width: Any = None
    height: Any = None
    x: float | None = None


_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_FRAME = msgspec.json.Decoder(_Frame)
_NAMED = msgspec.json.Decoder(list[_Landmark])
_BARE = msgspec.json.Decoder(list[list[float]])


def matches(path: Path) -> bool:
    """Tell whether this looks like landmarks, from the start of the file."""
    if path.is_dir():
        return False
    head = peek(path)
    named = any(map(head.has_key, _KEYS[:3] + _KEYS[4:]))
    points = re.search(rb'\{\s*"x"\s*:\s*[-\d.eE+]+\s*,\s*"y"', head.data) is not None
    other = head.has_key("keypoint_scores") or head.has_key("box")
    return head.is_json and (named or points) and not other and not is_native_json(path)


def read(path: Path, options: ReadOptions) -> Detections:
    """Read one file; raises `PoseliftError` that names the frame."""
    table = Table(str(path), COUNTS, options.skeleton)
    data = content(path)
    if data.lstrip()[:1] == b"[":
        frames = decode(data, _LIST, str(path), "a list of frames", "frame")
        first = next((one for one in frames if bytes(memoryview(one)[:1]) == b"{"), None)
        if first is not None and _FRAME.decode(first).x is not None:
            frames = [msgspec.Raw(data)]  # the landmarks of one frame
    else:
        whole = decode(data, _FRAME, str(path), "an object with frames or landmarks")
        frames = whole.frames or whole.results or [msgspec.Raw(data)]
        table.fps = read_fps(whole.fps, str(path))
        table.sizes.add(whole.image_size, str(path))
        if whole.width is not None and whole.height is not None:
            table.sizes.add([whole.width, whole.height], str(path))
    times: dict[int, float] = {}
    for index, raw in enumerate(frames):
        _add_frame(table, index, raw, f"{path}, frame {index}", times)
    if len(times) == len(frames) > 1:
        table.take_times(times)
    found = table.detections()
    return of_picture(found, options.image_size, normalised=options.normalised)


def _add_frame(
    table: Table, index: int, raw: msgspec.Raw, where: str, times: dict[int, float]
) -> None:
    """Take in the persons of a frame."""
    data: msgspec.Raw | None = raw
    if bytes(memoryview(raw)[:64]).lstrip()[:1] == b"{":
        frame = decode(raw, _FRAME, where, "a frame", frame=True)
        given = (frame.frame, frame.frame_id, frame.frame_number, frame.frame_index)
        number = next((value for value in given if value is not None), None)
        if number is not None:
            index = read_index(number, "frame", where)
        if frame.timestamp_ms is not None:
            times[index] = frame.timestamp_ms / 1000
        elif (seconds := frame.time if frame.timestamp is None else frame.timestamp) is not None:
            times[index] = seconds
        data = _landmarks_of(frame)
    table.frame_count = max(table.frame_count, index + 1)
    for person, row in enumerate(_persons(data, where) if data is not None else []):
        table.add(index, None, row, f"{where}, person {person}")


def _persons(data: msgspec.Raw, where: str) -> list[list[float]]:
    """Return x, y and visibility of each landmark, one row for each person of a frame."""
    start = bytes(memoryview(data)[:64]).translate(None, b" \t\r\n")
    if start[:1] == b"{":
        inner = decode(data, _FRAME, where, "landmarks")
        found = _landmarks_of(inner)
        if found is None:
            raise PoseliftError(f'{where}: expected landmarks as a list, or under "landmark"')
        return _persons(found, where)
    if start[:4] in (b"null", b"[]"):
        return []
    if start[:2] == b"[{" and b'"x"' in bytes(memoryview(data)[:400]):
        points = decode(data, _NAMED, where, "a list of landmarks", "landmark", frame=True)
        said = next((key for key in _SURE if getattr(points[0], key) is not None), _SURE[0])
        return [list(chain.from_iterable(map(attrgetter("x", "y", said), points)))]
    if start[:2] == b"[[" and start[2:3] not in (b"[", b"{"):
        rows = decode(data, _BARE, where, "a list of landmarks", "landmark", frame=True)
        if any(len(row) < 2 for row in rows):
            raise PoseliftError(f"{where}: expected landmarks as [x, y, z, visibility]")
        return [[v for r in rows for v in (r[0], r[1], r[3] if len(r) > 3 else np.nan)]]
    people = decode(data, _LIST, where, "a list of landmarks", frame=True)
    return [row for person in people for row in _persons(person, where)]


def _landmarks_of(frame: _Frame) -> msgspec.Raw | None:
    """Return what a frame has under one of the names for landmarks."""
    found = (getattr(frame, key) for key in _KEYS)
    return next((value for value in found if value is not msgspec.UNSET), None)


FORMAT = Format(
    "mediapipe",
    "MediaPipe pose landmarks as JSON: 33 joints, pixels or 0..1 with --size",
    {".json": "landmarks"},
    holds="2D",
    recognised='JSON with "pose_landmarks", "landmarks" or "landmark", or objects with "x" and "y"',
    matches=matches,
    read=read,
)
