"""Which frame a file, or a picture, is: the numbers in its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from poselift.errors import PoseliftError

# names in files can be of any length, and Python takes no number of more than 4,300 digits
_NUMBER = re.compile(r"\d{1,1000}")
#: seconds, as in `t0.033` or `_12.5`; not the `1.0001` of `clip1.0001`
_DECIMAL = re.compile(r"(?<![\dA-Za-su-z.])\d+\.\d+(?![\d.])")
_CLOCK = re.compile(r"(?<!\d)([0-2]?\d)[-_:h]([0-5]\d)[-_:m]([0-5]\d)(?:[.,_-](\d{1,6}))?s?(?!\d)")


@dataclass(frozen=True)
class Numbering:
    """Frames of named files.

    frames  (frame number, name) in order.
    times   seconds of each, where the names say these and no frame numbers; else None.
    note    how the names were read, for the history.
    """

    frames: tuple[tuple[int, str], ...]
    times: tuple[float, ...] | None
    note: str


def number_files(names: Sequence[str], where: str, suffix: str = ".json") -> Numbering:
    """Number files, or pictures, by what their names say.

    - The frame number is the group of digits that is different in each name; of several the one
      that counts up by the smallest steps in the order of the others, the last if they are alike.
    - Without one, a decimal number of seconds or a clock time gives time stamps, and the frames
      are counted.
    - Names without any number are counted in alphabetical order.

    Raises `PoseliftError` if two files have the same number, or if it cannot be told.
    """
    names = sorted(names)
    cut = len(suffix)
    stems = [name[:-cut] if cut and name.lower().endswith(suffix) else name for name in names]
    digits = [_NUMBER.findall(_DECIMAL.sub("", stem)) for stem in stems]
    groups = min(map(len, digits))
    rows = [row[len(row) - groups :] for row in digits]
    columns = [c for c in range(groups) if len({int(row[c]) for row in rows}) > 1]
    if len(names) == 1:
        return Numbering(((0, names[0]),), None, "one file, taken as frame 0")
    if not columns:
        timed = _timed(names, stems, _decimals(stems), "decimal seconds")
        if timed is not None:
            return timed
        if groups and len({tuple(row) for row in digits}) > 1:
            _refuse_twice(rows, -1, names, where)
        return Numbering(tuple(enumerate(names)), None, "names without frame numbers, counted")
    counting = [c for c in columns if len({int(row[c]) for row in rows}) == len(names)]
    if not counting:
        timed = _timed(names, stems, _clocks(stems), "clock times")
        if timed is not None:
            return timed
        column = columns[-1]
        _refuse_twice(rows, column, names, where)
    column = _counter(rows, counting, names, where)
    if max(len(row[column]) for row in rows) > 15:
        raise PoseliftError(f"{where}: expected frame numbers of at most 15 digits in file names")
    found = sorted((int(row[column]), name) for row, name in zip(rows, names, strict=True))
    which = "" if len(counting) == 1 else f", group {column + 1} of {groups} in the names"
    return Numbering(tuple(found), None, f"frame numbers: from the file names{which}")


def _counter(rows: list[list[str]], counting: list[int], names: list[str], where: str) -> int:
    """Choose, of groups of digits that are different in each name, the one that counts frames."""

    def steps(column: int) -> tuple[list[int], int]:
        values = [int(row[column]) for row in rows]
        order = sorted(range(len(values)), key=values.__getitem__)
        return order, min(values[b] - values[a] for a, b in pairwise(order))

    found = {column: steps(column) for column in counting}
    smallest = min(step for _, step in found.values())
    best = [column for column in counting if found[column][1] == smallest]
    if any(found[column][0] != found[best[0]][0] for column in best):
        raise PoseliftError(
            f"{where}: the names hold several numbers ({names[0]}, {names[1]}), expected one that "
            "counts the frames"
        )
    return best[-1]


def _refuse_twice(rows: list[list[str]], column: int, names: list[str], where: str) -> None:
    """Refuse two files with the same frame number."""
    numbered = sorted((int(row[column]), name) for row, name in zip(rows, names, strict=True))
    for (one, first), (two, second) in pairwise(numbered):
        if one == two:
            raise PoseliftError(f"{where}: {first} and {second} have the same frame number {one}")


def _decimals(stems: list[str]) -> list[float] | None:
    """Return the decimal seconds in names, or None if one has none."""
    found = [_DECIMAL.findall(stem) for stem in stems]
    return [float(one[-1]) for one in found] if all(found) else None


def _clocks(stems: list[str]) -> list[float] | None:
    """Return the clock times in names as seconds of the day, or None if one has none."""
    found = [list(_CLOCK.finditer(stem)) for stem in stems]
    if not all(found):
        return None
    last = [one[-1].groups() for one in found]
    return [
        3600 * int(h) + 60 * int(m) + int(s) + float(f"0.{part or 0}") for h, m, s, part in last
    ]


def _timed(
    names: list[str], stems: list[str], seconds: list[float] | None, what: str
) -> Numbering | None:
    """Number files by time stamps in their names; None if they have none that are different."""
    if seconds is None or len(set(seconds)) < len(seconds):
        return None
    order = sorted(range(len(names)), key=seconds.__getitem__)
    start = seconds[order[0]] if what == "clock times" else 0.0
    return Numbering(
        tuple((frame, names[index]) for frame, index in enumerate(order)),
        tuple(seconds[index] - start for index in order),
        f"times: {what} in the file names, frames counted",
    )
