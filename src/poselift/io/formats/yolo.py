"""ultralytics' YOLO-pose as JSON: what `Results.to_json()` gives, for one picture or several.

A person is `{"name": "person", "confidence": 0.9, "box": {...}, "keypoints": {"x": [...], "y":
[...], "visible": [...]}}`, with `track_id` where persons were tracked. A file is the list of a
picture's persons or a list of such lists; a folder has one file a picture.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from poselift.errors import PoseliftError
from poselift.io.folder import first_file, frame_files
from poselift.io.jsonfile import content, decode, frame_content
from poselift.io.mend import of_picture
from poselift.io.peek import peek
from poselift.io.registry import Format, ReadOptions
from poselift.io.table import Table
from poselift.poses import Detections

COUNTS = {17: ("coco_17",), 26: ("halpe_26",)}


class _Points(msgspec.Struct, gc=False):
    x: list[float]
    y: list[float]
    visible: list[float] | None = None


class _Person(msgspec.Struct, gc=False):
    keypoints: _Points | None = None
    track_id: int | None = None


_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_PEOPLE = msgspec.json.Decoder(list[_Person])


def matches(path: Path) -> bool:
    """Tell whether this looks like YOLO-pose results, from the start of the file."""
    file = first_file(path) if path.is_dir() else path
    if file is None:
        return False
    head = peek(file)
    return head.is_json and head.has_key("box") and head.has_key("keypoints") and head.has_key("x")


def read(path: Path, options: ReadOptions) -> Detections:
    """Read one file or a folder; raises `PoseliftError` that names picture and person."""
    table = Table(str(path), COUNTS, options.skeleton)
    if path.is_dir():
        for number, place in frame_files(path, table):
            _add_people(table, number, frame_content(place), place)
    else:
        data = content(path)
        if data.translate(None, b" \t\r\n")[:2] == b"[{":
            _add_people(table, 0, data, f"{path}, frame 0")
        else:
            pictures = decode(data, _LIST, str(path), "a list of pictures")
            for number, raw in enumerate(pictures):
                _add_people(table, number, raw, f"{path}, frame {number}")
    found = table.detections(zero_is_missing=True)
    return of_picture(found, options.image_size, normalised=options.normalised)


def _add_people(table: Table, number: int, data: bytes | msgspec.Raw, where: str) -> None:
    """Take in the persons of a picture; detections without keypoints are no persons."""
    people = decode(data, _PEOPLE, where, "a list of persons", "person", frame=True)
    for index, one in enumerate(people):
        points = one.keypoints
        if points is None or not points.x:
            continue
        place = f"{where}, person {index}"
        visible = points.visible or [float(np.nan)] * len(points.x)
        if not len(points.x) == len(points.y) == len(visible):
            raise PoseliftError(f"{place}: expected as many x as y and visible")
        row = [v for triple in zip(points.x, points.y, visible, strict=True) for v in triple]
        table.add(number, one.track_id, row, place)
    table.frame_count = max(table.frame_count, number + 1)


FORMAT = Format(
    "yolo",
    "ultralytics YOLO-pose JSON (to_json), a file or a folder; pixels or 0..1 with --size",
    {".json": "persons"},
    holds="2D",
    recognised='JSON with "box", and "keypoints" that have "x"',
    matches=matches,
    read=read,
)
