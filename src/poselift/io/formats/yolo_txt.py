"""ultralytics' YOLO-pose labels, one .txt a picture: what `save_txt` writes and training takes.

A line is a person: class, x, y, width, height of the box, then x, y (and visibility) of each
joint, all 0..1 of the picture; behind them perhaps the confidence of the person and the tracker's
number.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from poselift.errors import PoseliftError
from poselift.io.folder import first_file, frame_files
from poselift.io.jsonfile import MAX_FRAME_BYTES
from poselift.io.mend import of_picture
from poselift.io.registry import Format, ReadOptions
from poselift.io.table import Table
from poselift.poses import Detections

COUNTS = {17: ("coco_17",), 26: ("halpe_26",)}

#: Numbers in front of the joints.
_BOX = 5


def matches(path: Path) -> bool:
    """Tell whether this is a label file, or a folder of them, from the first line."""
    file = first_file(path, ".txt") if path.is_dir() else path
    if file is None or file.suffix.lower() != ".txt" or not file.is_file():
        return False
    with file.open("rb") as stream:
        words = stream.read(4096).split(b"\n", 1)[0].split()
    try:
        return len(words) > _BOX + 2 * min(COUNTS) - 1 and bool([float(word) for word in words])
    except ValueError:
        return False


def read(path: Path, options: ReadOptions) -> Detections:
    """Read one file or a folder; raises `PoseliftError` that names file and line."""
    table = Table(str(path), COUNTS, options.skeleton)
    files = frame_files(path, table, ".txt") if path.is_dir() else [(0, str(path))]
    rows: list[tuple[int, str, list[float]]] = []
    for number, place in files:
        rows += [(number, where, values) for where, values in _lines(place)]
    layouts = {len(values) for _, _, values in rows}
    joints = next((j for j in COUNTS if layouts <= {_BOX + 3 * j + more for more in range(3)}), 0)
    flat = not joints
    if flat:
        joints = next((j for j in COUNTS if layouts <= {_BOX + 2 * j + m for m in range(3)}), 0)
    if rows and not joints:
        known = " or ".join(map(str, COUNTS))
        raise PoseliftError(
            f"{path}: expected a class, a box and {known} joints in each line, got "
            f"{', '.join(map(str, sorted(layouts)))} numbers"
        )
    width = joints * (2 if flat else 3)
    tracked = all(_tracked(values[_BOX + width :]) for _, _, values in rows)
    for number, where, values in rows:
        row = values[_BOX : _BOX + width]
        if flat:
            row = [v for i in range(0, width, 2) for v in (row[i], row[i + 1], float(np.nan))]
        table.add(number, int(values[-1]) if tracked else None, row, where)
    found = table.detections(zero_is_missing=True)
    return of_picture(found, options.image_size, normalised=options.normalised)


def _tracked(rest: list[float]) -> bool:
    """Tell whether what follows the joints ends in a tracker's number."""
    return bool(rest) and rest[-1] == int(rest[-1]) and rest[-1] >= 1


def _lines(place: str) -> list[tuple[str, list[float]]]:
    """Return the numbers of each line that is not empty, with its place."""
    try:
        with open(place, "rb") as stream:
            data = stream.read(MAX_FRAME_BYTES + 1)
    except OSError as error:
        raise PoseliftError(f"{place}: cannot be read ({error.strerror})") from error
    if len(data) > MAX_FRAME_BYTES:
        raise PoseliftError(f"{place}: is too large to be one frame (over 16 MiB)")
    found = []
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        where = f"{place}, line {number}"
        try:
            values = [float(word) for word in line.split()]
        except ValueError:
            raise PoseliftError(f"{where}: expected numbers") from None
        if not np.isfinite(values).all():
            raise PoseliftError(f"{where}: expected finite numbers")
        if values:
            found.append((where, values))
    return found


FORMAT = Format(
    "yolo-txt",
    "ultralytics YOLO-pose labels: a folder with one .txt a picture, 0..1, needs --size",
    {".txt": "labels"},
    holds="2D",
    recognised="a .txt, or a folder of them, whose lines are numbers: class, box, joints",
    matches=matches,
    read=read,
)
