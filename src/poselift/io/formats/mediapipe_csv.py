"""MediaPipe pose landmarks as CSV, in the common layouts.

- A row a frame, columns `x0, y0, z0, v0, x1, ...` (from 0 or 1), `landmark_0_x, ...,
  landmark_0_visibility` (or `lm_0_x`, `0_x`) or by name, `nose_x, nose_y, ...`.
- A row a landmark, columns `frame`, `landmark` (number or name), `x`, `y`, perhaps `z`,
  `visibility`.

Frames are numbered by a column `frame` (`frame_number`, `frame_id`, `frame_idx`), times come from
`timestamp_ms`, `timestamp` or `time`. x and y are 0..1 of the picture, whose size is then needed.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from jaxtyping import Int

from poselift.errors import PoseliftError
from poselift.io.jointsets import arrange
from poselift.io.mend import of_picture
from poselift.io.registry import Format, ReadOptions
from poselift.io.textable import check_full, first_lines, read_table
from poselift.poses import Detections
from poselift.skeletons import MEDIAPIPE_33, Skeleton

_FRAME = ("frame", "frame_number", "frame_id", "frame_idx", "frame_index", "frame_num")
_SECONDS = {"timestamp_ms": 0.001, "time_ms": 0.001, "timestamp": 1.0, "time": 1.0, "time_s": 1.0}
_JOINT = ("landmark", "landmark_id", "landmark_index", "landmark_name", "joint", "keypoint", "name")
_AXES = {"x": 0, "y": 1}
_AXES |= dict.fromkeys(("v", "vis", "visibility", "score", "confidence", "conf", "likelihood"), 2)
_NUMBERED = re.compile(r"^([xyv])_?(\d+)$|^(?:[a-z]+_)?(\d+)[_.](x|y|v|vis|visibility|score)$")
_NAMED = re.compile(r"^(.+?)[_. ](x|y|v|vis|visibility|score|confidence|conf|likelihood)$")


def matches(path: Path) -> bool:
    """Tell whether the first line of a CSV has such columns."""
    lines = first_lines(path, 1)
    if not lines or len(lines[0]) < 4 or lines[0][:3] == ["frame", "time_s", "person"]:
        return False
    names = [name.strip().lower() for name in lines[0]]
    long = {"x", "y"} <= set(names) and bool(set(names) & set(_JOINT))
    return long or sum(bool(_NUMBERED.match(n) or _NAMED.match(n)) for n in names) >= 3 * 8


def read(path: Path, options: ReadOptions) -> Detections:
    """Read one file of one person; raises `PoseliftError` that names the line or column."""
    spelled = [name.strip() for name in (first_lines(path, 1) or [[]])[0]]
    names = [name.lower() for name in spelled]
    joint = next((names.index(name) for name in _JOINT if name in names), None)
    if joint is not None and "x" in names:
        frames, times, points, skeleton = _long(path, names, joint)
    else:
        frames, times, points, skeleton = _wide(path, names, spelled)
    _, first = np.unique(frames, return_index=True)
    if len(first) < len(frames):
        raise PoseliftError(f"{path}: a frame occurs twice, expected one person")
    found = Detections(
        frames=frames,
        keypoints=np.where(
            np.isnan(points[..., :2]).any(2, keepdims=True), np.nan, points[..., :2]
        ),
        scores=points[..., 2],
        person_ids=np.zeros(len(frames), dtype=np.int64),
        skeleton=skeleton,
        fps=None,
        image_size=None,
        frame_count=int(frames.max()) + 1,
        source=str(path),
        times=times,
    )
    return of_picture(found, options.image_size, normalised=options.normalised)


_Table = tuple[np.ndarray, np.ndarray | None, np.ndarray, Skeleton]


def _wide(path: Path, names: list[str], spelled: list[str]) -> _Table:
    """Read a row a frame; joints are told by their names as they are spelled (LShoulder)."""
    _, table, _, keys = read_table(path, 1, exact=_keys(names))
    numbered = {i: m for i, name in enumerate(names) if (m := _NUMBERED.match(name))}
    points = np.full((len(table), 33, 3), np.nan, np.float32)
    skeleton = MEDIAPIPE_33
    if len(numbered) >= 3 * 8:
        places = {i: (int(m[2] or m[3]), _AXES[m[1] or m[4]]) for i, m in numbered.items()}
        start = min(number for number, _ in places.values())
        for column, (number, axis) in places.items():
            if start > 1 or number - start >= 33:
                raise PoseliftError(
                    f"{path}: expected 33 landmarks, got a column {names[column]!r}"
                )
            points[:, number - start, axis] = table[:, column]
    else:
        named = {i: m for i, name in enumerate(names) if (m := _NAMED.match(name))}
        joint_of = {i: spelled[i][: match.end(1)] for i, match in named.items()}
        joints = list(dict.fromkeys(joint_of.values()))
        skeleton, order = arrange(joints, str(path))
        points = np.full((len(table), len(skeleton), 3), np.nan, np.float32)
        place = {joints[column]: joint for joint, column in enumerate(order) if column >= 0}
        for column, match in named.items():
            if joint_of[column] in place:
                points[:, place[joint_of[column]], _AXES[match[2]]] = table[:, column]
    exact = dict(zip(_keys(names), keys, strict=True))
    frames, times = _frames(path, names, exact, len(table)), _times(names, exact)
    order_ = np.argsort(frames, kind="stable")
    return frames[order_], None if times is None else times[order_], points[order_], skeleton


def _long(path: Path, names: list[str], joint: int) -> _Table:
    """Read a row a landmark."""
    _, table, words, keys = read_table(path, 1, (joint,), (*_keys(names), joint))
    exact = dict(zip((*_keys(names), joint), keys, strict=True))
    skeleton, number = MEDIAPIPE_33, exact[joint]
    if np.isnan(number).any():
        listed = list(dict.fromkeys(words[0]))
        skeleton, order = arrange(listed, str(path))
        place = {column: index for index, column in enumerate(order) if column >= 0}
        known = {name: place.get(index, -1) for index, name in enumerate(listed)}
        number = np.array([known[word] for word in words[0]], dtype=np.float64)
    elif not ((number >= 0) & (number < 33) & (number % 1 == 0)).all():
        raise PoseliftError(f"{path}: expected landmarks 0 to 32, got {number.max():g}")
    frames, row = np.unique(_frames(path, names, exact, len(table)), return_inverse=True)
    check_full(path, len(table), len(frames), len(skeleton))
    kept = number >= 0
    points = np.full((len(frames), len(skeleton), 3), np.nan, np.float32)
    for name, axis in _AXES.items():
        if name in names:
            values = table[kept, names.index(name)]
            points[row[kept], number[kept].astype(int), axis] = values
    every = _times(names, exact)
    first = np.unique(row, return_index=True)[1]
    return frames, None if every is None else every[first], points, skeleton


def _keys(names: list[str]) -> tuple[int, ...]:
    """Return the columns of frame numbers and of times, where there are any."""
    found = (next((n for n in wanted if n in names), None) for wanted in (_FRAME, _SECONDS))
    return tuple(names.index(name) for name in found if name is not None)


def _frames(
    path: Path, names: list[str], exact: dict[int, np.ndarray], count: int
) -> Int[np.ndarray, " N"]:
    """Return the frame number of each row; rows are counted where no column says it."""
    column = next((names.index(name) for name in _FRAME if name in names), None)
    if column is None:
        return np.arange(count)
    values = exact[column]
    if not ((values >= 0) & (values < 2**52) & (values % 1 == 0)).all():
        raise PoseliftError(f"{path}: expected {names[column]} as whole numbers from 0 on")
    return values.astype(np.int64)


def _times(names: list[str], exact: dict[int, np.ndarray]) -> np.ndarray | None:
    """Return the seconds of each row, None if no column says them."""
    found = next((name for name in _SECONDS if name in names), None)
    if found is None:
        return None
    times: np.ndarray = exact[names.index(found)] * _SECONDS[found]
    return None if np.isnan(times).any() else times


FORMAT = Format(
    "mediapipe-csv",
    "MediaPipe pose landmarks as CSV, a row a frame or a landmark; pixels, or 0..1 with --size",
    {".csv": "landmarks"},
    holds="2D",
    persons="one",
    recognised="a CSV with columns x0, y0, ... or nose_x, ... or landmark, x, y",
    matches=matches,
    read=read,
)
