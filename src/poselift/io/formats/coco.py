"""COCO annotations: `images`, `annotations` and `categories`, as data sets have them.

An annotation is `{"image_id": 1, "keypoints": [x, y, v, ...], "num_keypoints": 17}`; v is 0 for
what is not labelled, 1 for hidden, 2 for visible, read as confidences 0, 0.5 and 1. Whole-body
files have `foot_kpts` beside, which makes 23 joints. Pictures get the frame numbers of their
names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from poselift.errors import PoseliftError
from poselift.io.entries import COUNTS, number_pictures
from poselift.io.jointsets import from_joint_names
from poselift.io.jsonfile import content, decode
from poselift.io.native import is_native_json
from poselift.io.peek import peek
from poselift.io.registry import Format, ReadOptions
from poselift.io.table import Table
from poselift.poses import Detections


class _Image(msgspec.Struct, gc=False):
    id: int | str
    file_name: str | None = None
    width: int | None = None
    height: int | None = None


class _Annotation(msgspec.Struct, gc=False):
    image_id: int | str
    keypoints: list[float] | None = None
    foot_kpts: list[float] | None = None
    category_id: int | None = None
    track_id: int | None = None


class _Category(msgspec.Struct):
    id: int | None = None
    keypoints: list[str] | None = None


class _File(msgspec.Struct):
    annotations: list[msgspec.Raw]
    images: list[_Image] = []
    categories: list[_Category] = []


_FILE = msgspec.json.Decoder(_File)
_ANNOTATION = msgspec.json.Decoder(_Annotation)


def matches(path: Path) -> bool:
    """Tell whether this looks like COCO annotations, from the start of the file."""
    if path.is_dir():
        return False
    head = peek(path)
    named = head.has_key("images") and (head.has_key("file_name") or head.has_key("width"))
    return head.is_json and (named or head.has_key("annotations")) and not is_native_json(path)


def read(path: Path, options: ReadOptions) -> Detections:
    """Read one file; raises `PoseliftError` that names the annotation."""
    found = decode(content(path), _FILE, str(path), 'an object with "images" and "annotations"')
    table = Table(str(path), COUNTS, options.skeleton)
    images = {image.id: index for index, image in enumerate(found.images)}
    if len(images) < len(found.images):
        raise PoseliftError(f"{path}: expected an id of its own for each image")
    if options.image_size is None:
        for image in found.images:
            if image.width is not None and image.height is not None:
                table.sizes.add([image.width, image.height], f"{path}, image {image.id}")
    named = [one for one in found.categories if one.keypoints]
    with_feet = False
    for index, raw in enumerate(found.annotations):
        where = f"{path}, annotation {index}"
        one = decode(raw, _ANNOTATION, where, 'an object with "image_id" and "keypoints"')
        if one.image_id not in images and found.images:
            raise PoseliftError(f"{where}: there is no image {one.image_id}")
        row = _row(one)
        with_feet = with_feet or bool(one.foot_kpts)
        if row:
            frame = images.setdefault(one.image_id, len(images))
            table.add(frame, one.track_id, row, where)
    if len(named) == 1 and named[0].keypoints and table.skeleton is None and not with_feet:
        table.name(from_joint_names(named[0].keypoints, f"{path}, categories"), str(path))
    names = [image.file_name for image in found.images]
    if names and all(names):
        number_pictures(table, [str(name) for name in names])
    else:
        number_pictures(table, list(images))
    return table.detections(zero_is_missing=True)


def _row(one: _Annotation) -> list[float] | None:
    """Return x, y and a confidence for each joint, None for an annotation without keypoints."""
    values: list[Any] = [*(one.keypoints or []), *(one.foot_kpts or [])]
    if not values or not any(values):
        return None
    values[2::3] = [value / 2 for value in values[2::3]]
    return values


FORMAT = Format(
    "coco",
    "COCO annotations JSON with images' names and sizes; 17 joints, of whole bodies 23",
    {".json": "annotations"},
    holds="2D",
    recognised='a JSON object with "annotations", or with "images" that have names or sizes',
    matches=matches,
    read=read,
)
