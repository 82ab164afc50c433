"""AlphaPose JSON: a list of persons that name their picture, or objects by picture.

- Default: `[{"image_id": "0.jpg", "category_id": 1, "keypoints": [x, y, c, ...], "score": s}]`,
  with `idx` where persons were tracked. 17, 26 or 136 joints; of 136 the first 26 are taken.
- `--format open`: `{"0.jpg": {"version": "AlphaPose v0.3", "people": [{"pose_keypoints_2d":
  [...]}]}}`
- `--format cmu`: the same with `"bodies": [{"joints": [...]}]`; both have OpenPose's 18 joints.

A confidence may exceed 1. Pictures without a person have no entry.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from poselift.io.entries import COUNTS, number_pictures, read_entries
from poselift.io.jsonfile import content, decode
from poselift.io.peek import peek
from poselift.io.registry import Format, ReadOptions
from poselift.io.table import Table
from poselift.poses import Detections

_BY_PICTURE = re.compile(rb'^\s*\{\s*"[^"]*"\s*:\s*\{\s*"version"\s*:\s*"AlphaPose')
_ENTRIES = re.compile(rb'"image_id"\s*:\s*"')


class _Person(msgspec.Struct, gc=False):
    pose_keypoints_2d: list[float] | None = None
    joints: list[float] | None = None


class _Picture(msgspec.Struct, gc=False):
    people: list[_Person] = []
    bodies: list[_Person] = []


_PICTURES = msgspec.json.Decoder(dict[str, msgspec.Raw])
_PICTURE = msgspec.json.Decoder(_Picture)


def matches(path: Path) -> bool:
    """Tell whether this looks like AlphaPose's JSON, from the start of the file."""
    if path.is_dir():
        return False
    head = peek(path)
    entries = _ENTRIES.search(head.data) is not None and head.has_key("keypoints")
    return head.is_json and (_BY_PICTURE.match(head.text) is not None or entries)


def read(path: Path, options: ReadOptions) -> Detections:
    """Read one file; raises `PoseliftError` that names the picture or entry."""
    if _BY_PICTURE.match(peek(path).text) is None:
        table = Table(str(path), COUNTS, options.skeleton)
        read_entries(path, table)
        return table.detections()
    table = Table(str(path), {18: ("openpose_18",), **COUNTS}, options.skeleton)
    pictures = decode(content(path), _PICTURES, str(path))
    for index, (name, raw) in enumerate(pictures.items()):
        where = f"{path}, picture {name}"
        picture = decode(raw, _PICTURE, where, item="person", frame=True)
        for number, person in enumerate(picture.people or picture.bodies):
            row = person.pose_keypoints_2d or person.joints
            if row:
                table.add(index, None, row, f"{where}, person {number}")
    number_pictures(table, list(pictures))
    return table.detections()


FORMAT = Format(
    "alphapose",
    "AlphaPose JSON, default, open or cmu; 17, 26 or 136 joints, tracked or not",
    {".json": "persons"},
    holds="2D",
    recognised='JSON with "keypoints" and "image_id" as text, or with "version": "AlphaPose ..."',
    matches=matches,
    read=read,
)
