"""COCO results: a list of persons by the number of their picture.

`[{"image_id": 42, "category_id": 1, "keypoints": [x, y, v, ...], "score": s}, ...]`.

What COCO's evaluation takes and most detectors write for it. Pictures are numbered; their numbers
are taken as frame numbers.
"""

from __future__ import annotations

import re
from pathlib import Path

from poselift.io.entries import COUNTS, read_entries
from poselift.io.peek import peek
from poselift.io.registry import Format, ReadOptions
from poselift.io.table import Table
from poselift.poses import Detections

_ENTRIES = re.compile(rb'"image_id"\s*:\s*\d')


def matches(path: Path) -> bool:
    """Tell whether this looks like COCO results, from the start of the file."""
    if path.is_dir():
        return False
    head = peek(path)
    is_list = head.text.lstrip()[:1] == b"["
    return is_list and _ENTRIES.search(head.data) is not None and head.has_key("keypoints")


def read(path: Path, options: ReadOptions) -> Detections:
    """Read one file; raises `PoseliftError` that names the entry."""
    table = Table(str(path), COUNTS, options.skeleton)
    read_entries(path, table)
    return table.detections()


FORMAT = Format(
    "coco-results",
    "COCO results JSON: a list of persons by image_id; 17, 26, or the body of 133 joints",
    {".json": "persons"},
    holds="2D",
    recognised='a JSON list with "keypoints" and "image_id" as a number',
    matches=matches,
    read=read,
)
