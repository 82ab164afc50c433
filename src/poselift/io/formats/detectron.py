"""Detectron keypoints as VideoPose3D's scripts save them: an .npz a video.

`keypoints` has for each frame a list by class, of which the second, persons, is an array (n, 4,
17): x, y, logit and probability of each joint; `boxes` alike; `metadata` is the size of the
picture.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from poselift.errors import PoseliftError
from poselift.io.arrays import array_names
from poselift.io.peek import peek
from poselift.io.registry import Format, ReadOptions
from poselift.io.table import Table
from poselift.pickles.arrayfile import read_npz
from poselift.poses import Detections

COUNTS = {17: ("coco_17",)}


def matches(path: Path) -> bool:
    """Tell whether an .npz has such arrays."""
    return path.is_file() and peek(path).is_zip and {"boxes", "keypoints"} <= array_names(path)


def read(path: Path, options: ReadOptions) -> Detections:
    """Read one file; raises `PoseliftError` that names the frame."""
    found = read_npz(path, ["keypoints"], ["metadata"])
    frames, facts = found["keypoints"], found.get("metadata")
    table = Table(str(path), COUNTS, options.skeleton)
    if not isinstance(frames, np.ndarray) or frames.ndim < 1:
        raise PoseliftError(f"{path}: expected keypoints as an array of frames")
    for number, frame in enumerate(frames):
        for index, person in enumerate(_people(frame, f"{path}, frame {number}")):
            # x, y and the probability, which stands last
            row = person[[0, 1, -1]].T.ravel().tolist()
            table.add(number, None, row, f"{path}, frame {number}, person {index}")
    table.frame_count = len(frames)
    if isinstance(facts, dict) and all(isinstance(facts.get(k), int | np.integer) for k in "wh"):
        table.sizes.add([int(facts["w"]), int(facts["h"])], f"{path}, metadata")
    return table.detections()


def _people(frame: Any, where: str) -> Any:
    """Return the persons of a frame as (n, 3 or 4, J); none if there are none."""
    people = frame
    if isinstance(frame, list | tuple) or (isinstance(frame, np.ndarray) and frame.dtype == object):
        people = frame[1] if len(frame) > 1 else []
    if isinstance(people, list | tuple) and not len(people):
        return ()
    people = np.asarray(people)
    if people.size == 0:
        return ()
    if people.ndim != 3 or people.shape[1] not in (3, 4) or people.dtype.kind not in "fiu":
        raise PoseliftError(
            f"{where}: expected persons of shape (n, 4, joints), got {people.shape}"
        )
    return people


FORMAT = Format(
    "detectron",
    "Detectron keypoints as VideoPose3D saves them (.npz): boxes, keypoints",
    {".npz": "keypoints"},
    holds="2D",
    recognised="an .npz with boxes and keypoints",
    matches=matches,
    read=read,
)
