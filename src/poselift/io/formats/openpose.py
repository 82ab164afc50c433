"""OpenPose JSON: a folder with one file a frame, or the frames in one file.

A frame is `{"people": [{"person_id": [-1], "pose_keypoints_2d": [x, y, c, ...]}, ...]}` in pixels.
In one file there may be a single frame, a list of frames, or `{"frames": [...]}` with `fps`,
`image_size` and `keypoint_names` beside it; there a person may also be the bare list of numbers.
Before OpenPose 1.2 the key was `pose_keypoints`.
A joint of confidence 0, or at exactly (0, 0), was not detected and becomes NaN.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from poselift.errors import PoseliftError
from poselift.io.fields import read_fps, read_list
from poselift.io.folder import first_file, frame_files
from poselift.io.jointsets import from_joint_names
from poselift.io.jsonfile import content, decode, frame_content
from poselift.io.native import is_native_json
from poselift.io.peek import peek
from poselift.io.registry import Format, ReadOptions
from poselift.io.table import Table
from poselift.poses import Detections

#: Joint sets by number of triples, the documented one first.
COUNTS = {
    17: ("coco_17",),
    18: ("openpose_18",),
    25: ("body_25", "body_25b"),
    26: ("halpe_26",),
}


class _Person(msgspec.Struct, gc=False):
    """A person of a frame; one without these keys is none if there are no others either."""

    pose_keypoints_2d: list[float] | msgspec.UnsetType = msgspec.UNSET
    pose_keypoints: list[float] | msgspec.UnsetType = msgspec.UNSET  # before OpenPose 1.2
    person_id: int | list[int] | None = None


class _Frame(msgspec.Struct, gc=False):
    """A frame as OpenPose writes it."""

    people: list[_Person | list[float]] | msgspec.UnsetType = msgspec.UNSET
    image_size: Any = None


class _File(msgspec.Struct):
    """An object around the frames, or a single frame."""

    frames: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    people: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    fps: Any = None
    image_size: Any = None
    keypoint_names: Any = None


_FRAME = msgspec.json.Decoder(_Frame)
_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Any)
_FILE = msgspec.json.Decoder(_File | list[msgspec.Raw])
_A_FRAME = 'a frame, an object with a list "people"'


def matches(path: Path) -> bool:
    """Tell whether this looks like OpenPose output, from the start of the file."""
    file = first_file(path) if path.is_dir() else path
    if file is None:
        return False
    head = peek(file)
    if re.match(rb'\{\s*"[^"]*"\s*:\s*\{', head.text):
        return False  # frames by name: AlphaPose's
    return head.has_key("people") and head.is_json and not is_native_json(file)


def read(path: Path, options: ReadOptions) -> Detections:
    """Read a folder of frames or one file; see the module's description.

    Without a chosen joint set it takes 17 joints for coco_17, 26 for halpe_26, and for 25 the
    order, body_25 or body_25b, that the poses clearly have (body_25, as OpenPose documents, if
    they do not say).

    Raises `PoseliftError` naming file and frame for anything that is not as described.
    """
    table = Table(str(path), COUNTS, options.skeleton)
    if path.is_dir():
        for number, place in frame_files(path, table):
            _add_frame(table, number, frame_content(place), place)
        return table.detections(zero_is_missing=True)
    data = content(path)
    found = decode(data, _FILE, str(path), _A_FRAME, "frame")
    if isinstance(found, _File) and isinstance(found.frames, msgspec.UnsetType):
        _add_frame(table, 0, data, f"{path}, frame 0")
        return table.detections(zero_is_missing=True)
    if isinstance(found, _File):
        table.fps = read_fps(found.fps, str(path))
        table.sizes.add(found.image_size, str(path))
        if found.keypoint_names is not None:
            names = read_list(found.keypoint_names, '"keypoint_names"', str(path))
            table.name(from_joint_names(names, str(path)), str(path))
        found = found.frames
    for number, frame in enumerate(found):
        _add_frame(table, number, frame, f"{path}, frame {number}")
    return table.detections(zero_is_missing=True)


def _add_frame(table: Table, number: int, data: bytes | msgspec.Raw, where: str) -> None:
    """Take in the persons of a frame; one of whom nothing or only a face was found is nobody."""
    frame = decode(data, _FRAME, where, _A_FRAME, "person", frame=True)
    if isinstance(frame.people, msgspec.UnsetType):
        raise PoseliftError(f'{where}: expected an OpenPose frame with a list "people"')
    table.sizes.add(frame.image_size, where)
    for index, person in enumerate(frame.people):
        place = f"{where}, person {index}"
        row: list[float] | msgspec.UnsetType
        if isinstance(person, list):
            identity, row = None, person
        else:
            identity, found = person.person_id, person.pose_keypoints_2d
            if isinstance(identity, list) and len(identity) == 1:
                identity = identity[0]
            row = person.pose_keypoints if isinstance(found, msgspec.UnsetType) else found
            if isinstance(row, msgspec.UnsetType):
                if decode(data, _ANY, where)["people"][index]:
                    raise PoseliftError(f'{place}: expected "pose_keypoints_2d"')
                continue  # an empty object
        if row:
            table.add(number, identity, row, place)
    table.frame_count = max(table.frame_count, number + 1)


FORMAT = Format(
    "openpose",
    "OpenPose JSON: a folder with one file a frame, or the frames in one file; 17, 18, 25 "
    "(BODY_25, BODY_25B) or 26 joints",
    {".json": "frames"},
    holds="2D",
    recognised='JSON, or a folder of JSON files, with the key "people" that is not poselift\'s own',
    matches=matches,
    read=read,
)
