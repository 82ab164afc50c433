"""JSON lists of persons that name their picture: what AlphaPose and COCO results have in common."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from poselift.errors import PoseliftError
from poselift.io.fields import read_index
from poselift.io.jsonfile import content, decode
from poselift.io.numbering import number_files
from poselift.io.table import Table

#: Joint sets by number of joints; whole bodies (133, 136) begin with one of these.
COUNTS = {17: ("coco_17",), 23: ("coco_23",), 26: ("halpe_26",)}

_SUFFIX = re.compile(r"\.[A-Za-z]{3,4}$")


class _Entry(msgspec.Struct, gc=False):
    """A person in a picture; `idx` and `track_id` are numbers of a tracker."""

    image_id: str | int
    keypoints: list[float]
    category_id: int | None = None
    idx: Any = None
    track_id: Any = None


_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_ENTRY = msgspec.json.Decoder(_Entry)


def read_entries(path: Path, table: Table) -> None:
    """Read a list of persons into a table; raises `PoseliftError` that names the entry.

    Pictures by name get the frame numbers that the names say (`number_files`), pictures by number
    that number. Other categories than 1, persons, are left out.
    """
    images: dict[str | int, int] = {}
    people = decode(content(path), _LIST, str(path), "a list of persons")
    for index, raw in enumerate(people):
        where = f"{path}, entry {index}"
        entry = decode(raw, _ENTRY, where, 'an object with "image_id" and "keypoints"', frame=True)
        if entry.category_id not in (None, 1):
            continue
        if images and isinstance(next(iter(images)), str) is not isinstance(entry.image_id, str):
            raise PoseliftError(f"{where}: expected image_id as in the entries before")
        frame = images.setdefault(entry.image_id, len(images))
        identity = _identity(entry.track_id if entry.idx is None else entry.idx)
        table.add(frame, identity, entry.keypoints, f"{where}, picture {entry.image_id}")
    number_pictures(table, list(images))


def number_pictures(table: Table, images: Sequence[str | int]) -> None:
    """Give the rows of a table, numbered by their picture, the frame numbers of the pictures."""
    if not images:
        return
    if all(isinstance(image, int) for image in images):
        numbers = [read_index(image, "image_id", table.source) for image in images]
        table.renumber(numbers)
        table.notes += ("frame numbers: image_id",)
        return
    stems = [_SUFFIX.sub("", str(image)) for image in images]
    if len(set(stems)) < len(stems):
        raise PoseliftError(f"{table.source}: two pictures have the same name")
    numbering = number_files(stems, table.source, suffix="")
    if numbering.times is not None:
        table.take_times(numbering.times)
    table.notes += (numbering.note.replace("file names", "pictures' names"),)
    by_name = {name: frame for frame, name in numbering.frames}
    table.renumber([by_name[stem] for stem in stems])


def _identity(value: Any) -> Any:
    """Return a tracker's number: it may stand in lists, or be a float; anything else is unknown."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, float) and value == int(value):
        value = int(value)
    return value if type(value) is int and value >= 0 else None
