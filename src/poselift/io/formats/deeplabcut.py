"""DeepLabCut CSV: lines `scorer`, perhaps `individuals`, `bodyparts`, `coords`; a row a frame.

Body parts are matched to a known joint set by name; those of no joint are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.io.jointsets import arrange
from poselift.io.registry import Format, ReadOptions
from poselift.io.textable import first_lines, read_table
from poselift.poses import Detections

_AXES = {"x": 0, "y": 1, "likelihood": 2}


def matches(path: Path) -> bool:
    """Tell whether a CSV has DeepLabCut's header."""
    lines = first_lines(path, 4)
    names = [line[0].strip().lower() for line in lines if line]
    return names[:1] == ["scorer"] and "bodyparts" in names and "coords" in names


def read(path: Path, options: ReadOptions) -> Detections:
    """Read one file; raises `PoseliftError` that names the line or the body parts."""
    names = [line[0].strip().lower() for line in first_lines(path, 4) if line]
    if names[:1] != ["scorer"] or "bodyparts" not in names or "coords" not in names:
        raise PoseliftError(f"{path}: expected lines of scorer, bodyparts and coords at its start")
    head, table, _, (frames,) = read_table(path, names.index("coords") + 1, exact=(0,))
    rows = {line[0].strip().lower(): line[1:] for line in head if line}
    width = table.shape[1] - 1
    rows.setdefault("individuals", [""] * width)
    for name in ("individuals", "bodyparts", "coords"):
        if len(rows.get(name, ())) != width:
            raise PoseliftError(
                f"{path}, line of {name}: expected {width} entries, one a column, got "
                f"{len(rows.get(name, ()))}"
            )
    if np.isnan(frames).any():  # names of pictures stand there
        frames = np.arange(len(table), dtype=np.float64)
    return from_columns(
        str(path),
        list(zip(rows["individuals"], rows["bodyparts"], rows["coords"], strict=True)),
        frames,
        table[:, 1:],
    )


def from_columns(
    where: str,
    columns: Sequence[tuple[str, str, str]],
    frames: Float[np.ndarray, " T"],
    table: Float[np.ndarray, "T C"],
) -> Detections:
    """Make detections of columns named (individual, body part, coordinate); raises as `read`."""
    parts = list(dict.fromkeys(part for _, part, _ in columns))
    who = list(dict.fromkeys(person for person, _, _ in columns))
    skeleton, order = arrange(parts, where)
    points = np.full((len(who), len(table), len(skeleton), 3), np.nan, np.float32)
    place = {parts[column]: joint for joint, column in enumerate(order) if column >= 0}
    persons = {person: index for index, person in enumerate(who)}
    for column, (person, part, coordinate) in enumerate(columns):
        axis = _AXES.get(coordinate.strip().lower())
        if axis is None:
            raise PoseliftError(f"{where}: expected x, y and likelihood, got {coordinate[:40]!r}")
        if part in place:
            points[persons[person], :, place[part], axis] = table[:, column]
    points[np.isnan(points[..., :2]).any(axis=3)] = np.nan
    flat = points.transpose(1, 0, 2, 3).reshape(-1, len(skeleton), 3)
    if not ((frames >= 0) & (frames < 2**52) & (frames % 1 == 0)).all():
        raise PoseliftError(f"{where}: expected frames as whole numbers from 0 on")
    numbers = np.repeat(frames.astype(np.int64), len(who))
    ids = np.tile(np.arange(len(who)), len(table))
    there = ~np.isnan(flat[..., 0]).all(axis=1)
    left = [part for index, part in enumerate(parts) if index not in order]
    return Detections(
        frames=numbers[there],
        keypoints=flat[there, :, :2],
        scores=flat[there, :, 2],
        person_ids=ids[there],
        skeleton=skeleton,
        fps=None,
        image_size=None,
        frame_count=int(numbers.max()) + 1,
        source=where,
        notes=(f"body parts left out: {', '.join(left)}",) if left else (),
    )


FORMAT = Format(
    "deeplabcut",
    "DeepLabCut CSV, one or many individuals; body parts matched to a joint set by name",
    {".csv": "a row a frame"},
    holds="2D",
    recognised="a CSV whose first lines begin with scorer, bodyparts, coords",
    matches=matches,
    read=read,
)
