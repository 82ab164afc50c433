"""Reading text files, plain or gzip-compressed, with errors in one sentence."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError

_GZIP_MAGIC = b"\x1f\x8b"

# Text of motion shrinks to a third or a tenth; what inflates more is made to fill the memory.
_MOST_INFLATED, _SMALL = 25, 1 << 20

#: Numbers of a table whose words are in memory at a time, and characters whose lines are.
_CELLS, _PIECE = 1 << 14, 1 << 18

#: No length or angle of a motion is larger in any unit, and products of some still fit.
LARGEST = 1e12


def read_text(path: str | os.PathLike[str]) -> str:
    """Return the text of a file; gzip is recognised by content, not by name.

    Raises `PoseliftError` if the file is missing or unreadable, named `.gz` without being gzip,
    cut short, damaged, or not text.
    """
    name = Path(path)
    try:
        data = name.read_bytes()
    except FileNotFoundError:
        raise PoseliftError(f"{name}: no such file") from None
    except OSError as error:
        raise PoseliftError(f"{name}: cannot be read ({error.strerror})") from error
    if data.startswith(_GZIP_MAGIC):
        data = _decompress(name, data)
    elif name.suffix.lower() == ".gz":
        raise PoseliftError(f"{name}: expected gzip-compressed text, but it is not a gzip file")
    if b"\x00" in data:
        raise PoseliftError(f"{name}: expected text, but it is a binary file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Latin-1 decodes anything: comments in motion files come from the nineties
        return data.decode("latin-1")


def _decompress(name: Path, data: bytes) -> bytes:
    limit = _MOST_INFLATED * len(data) + _SMALL
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            text = stream.read(limit + 1)
    except EOFError:
        raise PoseliftError(f"{name}: the gzip file is cut short") from None
    except (OSError, zlib.error) as error:
        raise PoseliftError(f"{name}: the gzip file is damaged ({error})") from error
    if len(text) > limit:
        raise PoseliftError(
            f"{name}: inflates to more than {_MOST_INFLATED} times its size, expected text"
        )
    return text


def to_floats(tokens: Iterable[str]) -> Float[np.ndarray, " N"]:
    """Return numbers as float64; raises `ValueError` if one is not finite, or beyond `LARGEST`."""
    values = np.fromiter(map(float, tokens), dtype=np.float64)
    if not (np.abs(values) <= LARGEST).all():
        raise ValueError("not finite")
    return values


def first_bad_number(tokens: Iterable[str]) -> str | None:
    """Return the first token that is no number, not finite or beyond `LARGEST`, or None."""
    for token in tokens:
        try:
            if not abs(float(token)) <= LARGEST:
                return token
        except ValueError:
            return token
    return None


def lines_of(text: str) -> Iterator[str]:
    """Yield what `text.splitlines()` lists; only some lines are in memory at a time."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + _PIECE) + 1 or len(text)
        yield from text[start:end].splitlines()
        start = end


def read_table(
    name: Path, rows: Iterable[tuple[int, str]], width: int, separator: str | None = None
) -> Float[np.ndarray, "T V"]:
    """Read (line number, line) rows of `width` numbers, one frame each.

    Raises `PoseliftError` naming line and frame for a row of another length or what is no number.
    """
    rows, blocks, start = iter(rows), [np.empty((0, width))], 0
    while block := list(islice(rows, max(1, _CELLS // max(width, 1)))):
        words: list[str] = []
        for frame, (number, line) in enumerate(block, start):
            found = line.split(separator)
            if len(found) != width:
                raise PoseliftError(
                    f"{name}, line {number} (frame {frame}): expected {width} values, got "
                    f"{len(found)}"
                )
            words += found
        try:
            blocks.append(to_floats(words).reshape(len(block), width))
        except ValueError:
            for frame, (number, line) in enumerate(block, start):
                bad = first_bad_number(line.split(separator))
                if bad is not None:
                    raise PoseliftError(
                        f"{name}, line {number} (frame {frame}): "
                        f"expected a number, got {bad.strip()[:40]!r}"
                    ) from None
            raise
        start += len(block)
    return np.concatenate(blocks)


def check_frames(name: Path, announced: int, found: int, whole: bool) -> tuple[str, ...]:
    """Return a note if other than the announced frames were found; refuse a file that is cut off.

    whole  whether the last line ends.
    """
    if found < announced and not whole:
        raise PoseliftError(f"{name}: is cut off, {announced} frames are announced, {found} come")
    return (f"{name}: announces {announced} frames, {found} come",) if found != announced else ()
