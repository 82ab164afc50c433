"""MMPose prediction JSON, in the layouts that MMPose writes.

- Inferencer, video: `[{"frame_id": 0, "instances": [...]}, ...]`, frames counted from 0.
- Inferencer, image: the list of instances itself.
- Demo script: `{"meta_info": {...}, "instance_info": [{"frame_id": 1, ...}]}`, counted from 1;
  for an image `instance_info` is the list of instances.
- Inferencer, folder of images: a file for each image, the list of its instances.

An instance is `{"keypoints": [[x, y], ...], "keypoint_scores": [...]}` in pixels, with `bbox` and
`bbox_score` (not needed here) and perhaps `track_id` or `instance_id`.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from poselift.errors import PoseliftError
from poselift.io.fields import read_fps, read_index, read_object
from poselift.io.folder import first_file, frame_files
from poselift.io.jointsets import from_joint_names
from poselift.io.jsonfile import content, decode, frame_content
from poselift.io.native import is_native_json
from poselift.io.peek import peek
from poselift.io.registry import Format, ReadOptions
from poselift.io.table import Table
from poselift.poses import Detections

#: Joint sets by number of keypoints; 17 is coco_17 unless the file or the user says otherwise.
COUNTS = {17: ("coco_17", "h36m_17"), 23: ("coco_23",), 26: ("halpe_26",)}


class _Instance(msgspec.Struct, gc=False):
    """A person of a frame."""

    keypoints: list[list[float]]
    keypoint_scores: list[float] | None = None
    track_id: int | None = None
    instance_id: int | None = None


class _Entry(msgspec.Struct, gc=False):
    """A frame, or if it has keypoints an instance."""

    frame_id: Any = msgspec.UNSET
    instances: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    image_size: Any = None
    keypoints: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _File(msgspec.Struct):
    """What the demo script writes."""

    instance_info: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    meta_info: Any = None


_INSTANCES = msgspec.json.Decoder(list[_Instance])
_ENTRY = msgspec.json.Decoder(_Entry)
_FILE = msgspec.json.Decoder(_File | list[msgspec.Raw])


def matches(path: Path) -> bool:
    """Tell whether this looks like MMPose's JSON, from the start of the file."""
    file = first_file(path) if path.is_dir() else path
    if file is None:
        return False
    head = peek(file)
    keys = ("instance_info", "instances", "meta_info", "keypoint_scores")
    return head.is_json and any(map(head.has_key, keys)) and not is_native_json(file)


def read(path: Path, options: ReadOptions) -> Detections:
    """Read one file, or a folder of pictures' files; see the module's description.

    Without a chosen joint set it takes the joint names in `meta_info` if there are any, else 17
    keypoints for coco_17 and 26 for halpe_26.

    Raises `PoseliftError` naming file and frame for anything that is not as described.
    """
    table = Table(str(path), COUNTS, options.skeleton, per=2)
    if path.is_dir():
        for number, place in frame_files(path, table):
            _add_people(table, number, frame_content(place), place)
        return table.detections()
    what = 'a list, or an object with "instance_info"'
    entries, first = decode(content(path), _FILE, str(path), what), 0
    if isinstance(entries, _File):
        if isinstance(entries.instance_info, msgspec.UnsetType):
            raise PoseliftError(f"{path}: expected {what}")
        _read_meta(table, entries.meta_info)
        entries, first = entries.instance_info, 1
    seen: set[int] = set()
    for index, raw in enumerate(entries):
        where = f"{path}, entry {index}"
        entry = decode(raw, _ENTRY, where, 'an object with "frame_id" and "instances"')
        if index == 0 and not isinstance(entry.keypoints, msgspec.UnsetType):
            people = b"[" + b",".join(map(bytes, entries)) + b"]"
            _add_people(table, 0, people, f"{path}, frame {first}")
            break
        for key in ("frame_id", "instances"):
            if getattr(entry, key) is msgspec.UNSET:
                raise PoseliftError(f'{where}: expected "{key}"')
        number = read_index(entry.frame_id, "frame_id", where, lowest=first)
        where = f"{path}, frame {number}"
        if number in seen:
            raise PoseliftError(f"{where}: frame_id {number} occurs twice")
        seen.add(number)
        table.sizes.add(entry.image_size, where)
        _add_people(table, number - first, entry.instances, where)
    return table.detections()


def _add_people(table: Table, number: int, data: Any, where: str) -> None:
    """Take in the persons of one frame, a list of instances."""
    people = decode(data, _INSTANCES, where, '"instances" as a list', "person", frame=True)
    for index, one in enumerate(people):
        place = f"{where}, person {index}"
        wrong = next((len(point) for point in one.keypoints if len(point) != 2), None)
        if wrong is not None:
            raise PoseliftError(
                f"{place}: expected {len(one.keypoints)} x 2 numbers, got a list of {wrong} for 2"
            )
        identity = one.instance_id if one.track_id is None else one.track_id
        row = list(chain.from_iterable(one.keypoints))
        table.add(number, identity, row, place, one.keypoint_scores)
    table.frame_count = max(table.frame_count, number + 1)


def _read_meta(table: Table, meta: Any) -> None:
    """Take image size, frame rate and joint names from `meta_info`, where they are given."""
    if meta is None:
        return
    where = f"{table.source}, meta_info"
    meta = read_object(meta, where)
    table.sizes.add(meta.get("image_size"), where)
    table.fps = read_fps(meta.get("fps"), where)
    names = meta.get("keypoint_id2name")
    if names is None:
        return
    ids = read_object(names, where, '"keypoint_id2name" as an object')
    if sorted(ids) != sorted(map(str, range(len(ids)))):
        raise PoseliftError(f"{where}: expected keypoint_id2name to name joints 0, 1, 2, ...")
    found = from_joint_names([str(ids[str(i)]) for i in range(len(ids))], where)
    table.name(found, where)


FORMAT = Format(
    "mmpose",
    "MMPose prediction JSON: of the inferencer, a file or a folder of pictures' files; of the demo "
    "script",
    {".json": "frames"},
    holds="2D",
    recognised='JSON with the key "instances", "instance_info", "meta_info" or "keypoint_scores"',
    matches=matches,
    read=read,
)
