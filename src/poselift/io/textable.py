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

#: Rows that are turned into numbers at a time.
_BLOCK = 1 << 13


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
    path: Path, headers: int, words: tuple[int, ...] = ()
) -> tuple[list[list[str]], Float[np.ndarray, "N C"], list[list[str]]]:
    """Return the header lines, the numbers (empty or no number: NaN) and columns kept as words.

    words  columns that are text; in the numbers they are NaN.

    Raises `PoseliftError` that names the line if a row has another length than the header, or if
    the file is too large, no text, or has no rows.
    """
    if path.stat().st_size > MAX_BYTES:
        raise PoseliftError(f"{path}: is more than is read of a text at once (512 MiB)")
    blocks: list[np.ndarray] = []
    kept: list[list[str]] = [[] for _ in words]
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
                    kept[place].append(row[column])
                rows.append([_number(word, path, line) for word in row])
                if len(rows) >= _BLOCK:
                    blocks.append(np.array(rows, np.float64))
                    rows = []
    except (csv.Error, UnicodeDecodeError) as error:
        raise PoseliftError(f"{path}: is damaged or no CSV in UTF-8 ({error})"[:300]) from None
    except OSError as error:
        raise PoseliftError(f"{path}: cannot be read ({error.strerror})") from None
    if rows:
        blocks.append(np.array(rows, np.float64))
    if not blocks:
        raise PoseliftError(f"{path}: no person in any frame")
    return head, np.concatenate(blocks), kept


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
