"""OpenPose JSON: a folder with one file a frame, or the frames in one file.

A frame is `{"people": [{"person_id": [-1], "pose_keypoints_2d": [x, y, c, ...]}, ...]}` in pixels.
In one file there may be a single frame, a list of frames, or `{"frames": [...]}` with `fps`,
`image_size` and `keypoint_names` beside it; there a person may also be the bare list of numbers.
A joint of confidence 0, or at exactly (0, 0), was not detected and becomes NaN.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from poselift.errors import PoseliftError
from poselift.io.fields import read_fps, read_list
from poselift.io.jointsets import better_order, by_count, from_joint_names
from poselift.io.jsonfile import content, decode, frame_content
from poselift.io.native import is_native_json
from poselift.io.peek import peek
from poselift.io.registry import Format, ReadOptions
from poselift.io.table import Table
from poselift.poses import Detections
from poselift.skeletons import BODY_25, BODY_25B, Skeleton

#: Joint sets by number of triples, the documented one first.
COUNTS = {17: ("coco_17",), 25: ("body_25", "body_25b"), 26: ("halpe_26",)}


class _Person(msgspec.Struct, gc=False):
    """A person of a frame; one without these keys is none if there are no others either."""

    pose_keypoints_2d: list[float] | msgspec.UnsetType = msgspec.UNSET
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


_KEY = "pose_keypoints_2d"
_FRAME = msgspec.json.Decoder(_Frame)
_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Any)
_FILE = msgspec.json.Decoder(_File | list[msgspec.Raw])
_A_FRAME = 'a frame, an object with a list "people"'


def matches(path: Path) -> bool:
    """Tell whether this looks like OpenPose output, from the start of the file."""
    if path.is_dir():
        return True
    head = peek(path)
    return head.has_key("people") and head.is_json and not is_native_json(path)


def read(path: Path, options: ReadOptions) -> Detections:
    """Read a folder of frames or one file; see the module's description.

    Without a chosen joint set it takes 17 joints for coco_17, 26 for halpe_26, and for 25 the
    order, body_25 or body_25b, that the poses clearly have (body_25, as OpenPose documents, if
    they do not say).

    Raises `PoseliftError` naming file and frame for anything that is not as described.
    """
    table = Table(str(path), COUNTS, options.skeleton)
    if path.is_dir():
        for number, place in _files(path):
            _add_frame(table, number, frame_content(place), place)
        return _finish(table)
    data = content(path)
    found = decode(data, _FILE, str(path), _A_FRAME, "frame")
    if isinstance(found, _File) and isinstance(found.frames, msgspec.UnsetType):
        _add_frame(table, 0, data, f"{path}, frame 0")
        return _finish(table)
    if isinstance(found, _File):
        table.fps = read_fps(found.fps, str(path))
        table.sizes.add(found.image_size, str(path))
        if found.keypoint_names is not None:
            names = read_list(found.keypoint_names, '"keypoint_names"', str(path))
            table.name(from_joint_names(names, str(path)), str(path))
        found = found.frames
    for number, frame in enumerate(found):
        _add_frame(table, number, frame, f"{path}, frame {number}")
    return _finish(table)


def _add_frame(table: Table, number: int, data: bytes | msgspec.Raw, where: str) -> None:
    """Take in the persons of a frame; one of whom nothing or only a face was found is nobody."""
    frame = decode(data, _FRAME, where, _A_FRAME, "person", frame=True)
    if isinstance(frame.people, msgspec.UnsetType):
        raise PoseliftError(f'{where}: expected an OpenPose frame with a list "people"')
    table.sizes.add(frame.image_size, where)
    for index, person in enumerate(frame.people):
        place = f"{where}, person {index}"
        if isinstance(person, list):
            identity, row = None, person
        elif isinstance(person.pose_keypoints_2d, msgspec.UnsetType):
            if decode(data, _ANY, where)["people"][index]:
                raise PoseliftError(f'{place}: expected "{_KEY}"')
            continue  # an empty object
        else:
            identity, row = person.person_id, person.pose_keypoints_2d
            if isinstance(identity, list) and len(identity) == 1:
                identity = identity[0]
        if row:
            table.add(number, identity, row, place)
    table.frame_count = max(table.frame_count, number + 1)


def _finish(table: Table) -> Detections:
    """Make the table: undetected joints to NaN, persons without any joint left out."""
    frames, person_ids, points, scores = table.arrays()
    unseen = (scores <= 0) | (points == 0).all(axis=2)
    points[unseen], scores[unseen] = np.nan, 0.0
    kept = ~np.isnan(points[..., 0]).all(axis=1)
    if not kept.any():
        raise PoseliftError(f"{table.source}: no person in any frame (all joints undetected)")
    frames, person_ids, points, scores = (a[kept] for a in (frames, person_ids, points, scores))
    _check_pixels(points, table.source)
    skeleton, note = _order(points, table)
    return Detections(
        frames=frames,
        keypoints=points,
        scores=scores,
        person_ids=person_ids,
        skeleton=skeleton,
        fps=table.fps,
        image_size=table.sizes.size,
        frame_count=table.frame_count,
        source=table.source,
        notes=note,
    )


def _check_pixels(points: np.ndarray, source: str) -> None:
    """Refuse coordinates that OpenPose's --keypoint_scale has brought to 0..1 or -1..1."""
    if np.nanmax(points) <= 1.0 and np.nanmin(points) >= -1.0:
        raise PoseliftError(
            f"{source}: expected pixels, got coordinates between -1 and 1 "
            "(run OpenPose with --keypoint_scale 0)"
        )


def _order(points: np.ndarray, table: Table) -> tuple[Skeleton, tuple[str, ...]]:
    """Decide the joint set, for 25 joints with a look at the poses; also say why."""
    assumed = by_count(points.shape[1], table.skeleton, COUNTS, table.source)
    if assumed not in (BODY_25, BODY_25B):
        return assumed, ()
    other = BODY_25B if assumed == BODY_25 else BODY_25
    with np.errstate(over="ignore", invalid="ignore"):  # infinite joints are refused later
        fits = better_order(points, assumed, other)
    if table.skeleton is None:
        reason = "the order that the poses have" if fits else "OpenPose's default"
        chosen = fits or assumed
        return chosen, (f"25 joints taken as {chosen.name}: {reason}",)
    if fits == other:
        raise PoseliftError(
            f"{table.source}: the 25 joints are not in the order of {assumed.name}, "
            f"they fit {other.name} (--skeleton {other.name})"
        )
    return assumed, ()


def _files(path: Path) -> list[tuple[int, str]]:
    """Return the .json files of a folder with their frame numbers, in their order."""
    with os.scandir(path) as entries:
        names = [e.name for e in entries if e.name.endswith(".json") and e.name[0] != "."]
    if not names:
        raise PoseliftError(f"{path}: no .json file in this folder")
    return [(number, f"{path}{os.sep}{name}") for number, name in frame_numbers(names, str(path))]


def frame_numbers(names: Iterable[str], where: str) -> list[tuple[int, str]]:
    """Number the files of a folder, as (frame, name) in order, the first one being frame 0.

    The frame number is the last group of digits that differs between the names, so that gaps
    stay gaps; files whose names carry no numbers are counted in the order of their names. Raises
    `PoseliftError` if two files have the same number.
    """
    names = sorted(names)
    digits = [re.findall(r"\d+", name.removesuffix(".json")) for name in names]
    groups = min(map(len, digits))
    if len(names) == 1 or groups == 0:
        return list(enumerate(names))
    last = [row[-groups:] for row in digits]
    column = max((c for c in range(groups) if len({row[c] for row in last}) > 1), default=0)
    if max(len(row[column]) for row in last) > 15:
        raise PoseliftError(f"{where}: expected frame numbers of at most 15 digits in file names")
    numbered = sorted((int(row[column]), name) for row, name in zip(last, names, strict=True))
    for (one, first), (two, second) in pairwise(numbered):
        if one == two:
            raise PoseliftError(f"{where}: {first} and {second} have the same frame number {one}")
    return [(number - numbered[0][0], name) for number, name in numbered]


FORMAT = Format(
    "openpose",
    "OpenPose JSON: a folder with one file a frame, or the frames in one file",
    {".json": "frames"},
    holds="2D",
    recognised='a folder, or JSON with the key "people" that is not poselift\'s own',
    matches=matches,
    read=read,
)
