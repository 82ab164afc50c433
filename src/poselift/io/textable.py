"""Tables as text: header lines, then numbers; CSV of other programs, with commas or semicolons."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.io.peek import peek

#: Larger tables are refused: their numbers take several times their size in memory.
MAX_BYTES = 1 << 29

#: Numbers that are in memory as Python's at a time.
_CELLS = 1 << 16

#: Places for joints that a row of one joint may make, and those that any table may.
_SPARSE, _SMALL = 8, 1 << 20


def first_lines(path: Path, count: int) -> list[list[str]]:
    """Return the words of the first lines of a file; none if it is no file."""
    if not path.is_file():
        return []
    text = peek(path).text.decode("utf-8", "replace")
    lines = [line for line in text.splitlines()[: count + 1] if line.strip()]
    return [next(csv.reader([line], delimiter=_delimiter(line)), []) for line in lines[:count]]


def _delimiter(line: str) -> str:
    """Return what separates the values of a line."""
    return max(",;\t", key=line.count)


def read_table(
    path: Path, headers: int, words: tuple[int, ...] = (), exact: tuple[int, ...] = ()
) -> tuple[
    list[list[str]], Float[np.ndarray, "N C"], list[list[str]], list[Float[np.ndarray, " N"]]
]:
    """Return the header lines, the numbers (empty or no number: NaN), and columns kept otherwise.

    words  columns that are also returned as text.
    exact  columns that are also returned as float64, the numbers being float32.

    Raises `PoseliftError` that names the line if a row has another length than the header, or if
    the file is too large, no text, or has no rows.
    """
    if path.stat().st_size > MAX_BYTES:
        raise PoseliftError(f"{path}: is more than is read of a text at once (512 MiB)")
    blocks: list[np.ndarray] = []
    kept: list[list[str]] = [[] for _ in words]
    keys: list[list[np.ndarray]] = [[] for _ in exact]
    known: dict[str, str] = {}  # each word once in memory, not once a row

    def take(rows: list[list[float]]) -> None:
        values = np.array(rows, np.float64)
        for column, parts in zip(exact, keys, strict=True):
            parts.append(values[:, column].copy())
        with np.errstate(over="ignore"):  # what overflows becomes infinite and is refused later
            blocks.append(values.astype(np.float32))
        rows.clear()

    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            start = stream.readline()
            stream.seek(0)
            reader = csv.reader(stream, delimiter=_delimiter(start))
            head = [row for _, row in zip(range(headers), reader, strict=False)]
            if len(head) < headers:
                raise PoseliftError(f"{path}: is cut off in its header")
            width, rows = len(head[-1]), []
            for line, row in enumerate(reader, headers + 1):
                if not row or row == [""]:
                    continue
                if len(row) != width:
                    raise PoseliftError(
                        f"{path}, line {line}: expected {width} values, got {len(row)}"
                    )
                for place, column in enumerate(words):
                    kept[place].append(known.setdefault(row[column], row[column]))
                rows.append([_number(word, path, line) for word in row])
                if len(rows) * width >= _CELLS:
                    take(rows)
    except (csv.Error, UnicodeDecodeError) as error:
        raise PoseliftError(f"{path}: is damaged or no CSV in UTF-8 ({error})"[:300]) from None
    except OSError as error:
        raise PoseliftError(f"{path}: cannot be read ({error.strerror})") from None
    if rows:
        take(rows)
    if not blocks:
        raise PoseliftError(f"{path}: no person in any frame")
    return head, np.concatenate(blocks), kept, [np.concatenate(parts) for parts in keys]


def check_full(path: Path, rows: int, frames: int, joints: int) -> None:
    """Refuse a table of single joints that would take many times its size with all joints.

    Hands and faces, most of a whole body's joints, may well be left out.
    """
    if frames * joints > max(_SPARSE * rows, _SMALL):
        raise PoseliftError(
            f"{path}: expected a row for each of {joints} joints, got {rows} rows of "
            f"{frames} frames"
        )


_NO_NUMBER = re.compile(r"[A-Za-z_]")


def _number(word: str, path: Path, line: int) -> float:
    """Return a number; NaN for an empty cell or a word, an error for what looks like a number."""
    try:
        value = float(word)
    except ValueError:
        if not word.strip() or _NO_NUMBER.search(word):
            return float("nan")
        raise PoseliftError(f"{path}, line {line}: expected a number, got {word[:40]!r}") from None
    if value in (float("inf"), float("-inf")):
        raise PoseliftError(f"{path}, line {line}: expected finite numbers, got {word[:40]!r}")
    return value
