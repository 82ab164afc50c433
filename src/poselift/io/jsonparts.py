"""Long lists in JSON files, parsed in small parts: little memory, and several times as fast.

What is parsed in parts of a few hundred KiB stays in the processor's caches. Nothing is taken on
trust: a file counts as read in parts only if each part is JSON by itself and so is what remains
around them. Everything else is parsed as a whole, which also finds the words for what is wrong.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from poselift.errors import PoseliftError
from poselift.io.fields import MAX_NUMBER
from poselift.io.jsonfile import check_json, content_of, load_json, read_head, read_tail
from poselift.io.tables import table_or_none

#: Lists in files larger than this are parsed in parts of about this size (bytes).
LARGE = PART = 1 << 18


@contextmanager
def without_collector() -> Iterator[None]:
    """Keep the garbage collector from walking over fresh lists again and again.

    Parsed JSON has no cycles; with the collector on, parsing lists of pairs takes eight times as
    long.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


# Lists of frames


def load_frames(path: Path, key: str) -> tuple[Any, Any]:
    """Return a JSON file as what is around its list of frames, and the frames.

    The file is a list of frames, or an object that has them under `key`. Returns (None, frames)
    or (the object, frames); (content, None) if it is neither. The frames of a large file come as
    an iterator over lists of some of them, so that they are never all in memory.

    Raises `PoseliftError` as `load_json`, for large files perhaps only while iterating.
    """
    if path.is_file() and path.stat().st_size > LARGE:
        check_json(path)
        if (found := _find_list(path, key)) is not None:
            around, start, end, first = found
            return around, _frame_parts(path, key, start, end, first)
    return _frames_of(load_json(path), key)


def _frames_of(content: Any, key: str) -> tuple[Any, Any]:
    """Split parsed content as `load_frames` documents."""
    if isinstance(content, list):
        return None, content
    return content, content.get(key) if isinstance(content, dict) else None


def _find_list(path: Path, key: str) -> tuple[Any, int, int, bytes] | None:
    """Find a list of objects that the whole file is, or that ends the object it is.

    Returns what is around it, where its elements start and end, and the first key of the first
    element; None if there is no such list, and then the file has to be parsed as a whole.
    """
    opening = re.compile(
        rb'\s*(?:\[|\{.*?"' + re.escape(key.encode()) + rb'"\s*:\s*\[)\s*(?=\{\s*("[^"\\]*"\s*:))',
        re.DOTALL,
    )
    head, tail, size = read_head(path), read_tail(path), path.stat().st_size
    before, after = opening.match(head), re.search(rb"\s*\]\s*\}?\s*$", tail)
    if before is None or after is None:
        return None
    start, end = before.end(), size - len(tail) + after.start()
    try:  # only if the file without the elements is whole JSON, they are what was looked for
        around = orjson.loads(head[:start] + after.group())
    except orjson.JSONDecodeError:
        return None
    if around == []:
        around = None
    elif around.get(key) != []:
        return None
    return around, start, end, before[1]


def _frame_parts(path: Path, key: str, start: int, end: int, first: bytes) -> Iterator[list[Any]]:
    """Yield the elements of the list between two places of a file, some at a time.

    It is cut where an element seems to begin with the key `first`. A part that parses by itself
    is a row of whole elements; at the first that does not, the file is parsed as a whole.
    """
    border = re.compile(rb"\}(\s*,\s*)\{\s*" + re.escape(first))
    done = 0
    for piece in _pieces(path, start, end, border):
        try:
            part = orjson.loads(b"[" + piece + b"]")
        except orjson.JSONDecodeError:
            yield _frames_of(load_json(path), key)[1][done:]
            return
        done += len(part)
        yield part


def _pieces(path: Path, start: int, end: int, border: re.Pattern[bytes]) -> Iterator[bytes]:
    """Read a file from `start` to `end` in pieces, cut at matches of `border`.

    Its only group, the comma between two elements, is left out. A piece without a border in it
    grows until there is one.
    """
    rest = b""
    try:
        with path.open("rb") as stream:
            stream.seek(start)
            while fresh := stream.read(min(max(PART, len(rest)), end - start)):
                start += len(fresh)
                data = rest + fresh
                match = _last(border, data) if start < end else None
                if match is not None:
                    yield data[: match.start(1)]
                    rest = data[match.end(1) :]
                else:
                    rest = data
    except OSError as error:
        raise PoseliftError(f"{path}: cannot be read ({error.strerror})") from error
    yield rest


def _last(border: re.Pattern[bytes], data: bytes) -> re.Match[bytes] | None:
    """Return a match near the end of the data, or None if there is none at all."""
    reach = 1 << 12
    while True:
        start = max(len(data) - reach, 0)
        found = list(border.finditer(data, start))
        if found or start == 0:
            return found[-1] if found else None
        reach *= 8


# Columns of persons


def load_columns(path: Path, columns: Sequence[str]) -> Any:
    """Return a JSON file of ours, the long columns of its "people" as arrays.

    columns  names of lists that hold one number, or one (nested) list of numbers, for each frame.

    A long list of whole numbers becomes int64 (N,), one of numbers and nulls float64 (N,), one of
    nested lists float32 (N, ...); null is NaN. What is short or irregular stays a list. Raises
    `PoseliftError` as `load_json`.
    """
    if not (path.is_file() and path.stat().st_size > LARGE):
        return load_json(path)
    data = content_of(path)
    found = _find_columns(data, columns)
    try:
        content = orjson.loads(_without(data, found))
        del data
        arrays = {_mark(i): _read_column(path, *place) for i, place in enumerate(found)}
    except (orjson.JSONDecodeError, _IrregularError):
        return load_json(path)
    return content if _put_back(content, arrays) else load_json(path)


class _IrregularError(Exception):
    """A list is not what an array can hold, or no JSON."""


def _find_columns(data: bytes, names: Sequence[str]) -> list[tuple[int, int]]:
    """Find the long lists of numbers under these keys: where each begins and ends."""
    words = b"|".join(re.escape(name.encode()) for name in names)
    opening = re.compile(rb'(?<!\\)"(?:' + words + rb')"\s*:\s*(?=\[)')
    found, place = [], 0
    while (match := opening.search(data, place)) is not None:
        place = match.end()
        # there is neither text nor an object inside, so the list ends before the next of these
        stop = len(data)
        for sign in b'"', b"}", b"{":
            if (next_one := data.find(sign, place, stop)) >= 0:
                stop = next_one
        end = data.rfind(b"]", place, stop) + 1
        if end - place > PART:
            found.append((place, end))
            place = end
    return found


def _mark(index: int) -> str:
    """Return the text that stands for a list while the rest is parsed."""
    return f"\0column {index}"


def _without(data: bytes, lists: Sequence[tuple[int, int]]) -> bytes:
    """Return the data with marks in place of the lists."""
    parts, done = [], 0
    for index, (start, end) in enumerate(lists):
        parts += [data[done:start], orjson.dumps(_mark(index))]
        done = end
    return b"".join([*parts, data[done:]])


def _put_back(content: Any, arrays: dict[str, np.ndarray]) -> bool:
    """Put the arrays where their marks are; tell whether each was that of a person."""
    people = content.get("people") if isinstance(content, dict) else None
    left = dict(arrays)
    for person in people if isinstance(people, list) else ():
        for key, value in person.items() if isinstance(person, dict) else ():
            if isinstance(value, str) and value in left:
                person[key] = left.pop(value)
    return not left


def _read_column(path: Path, start: int, end: int) -> np.ndarray:
    """Parse a list of numbers between two places of a file; see `load_columns`."""
    with path.open("rb") as stream:
        stream.seek(start)
        opened = re.match(rb"(?:\[\s*)+", stream.read(256))
    depth = opened.group().count(b"[") - 1 if opened else 0
    border = re.compile(rb"(?:\]\s*){%d}(,\s*)(?=(?:\[\s*){%d})" % (depth, depth))
    blocks: list[np.ndarray] = []
    for piece in _pieces(path, start + 1, end - 1, border):
        rows = orjson.loads(b"[" + piece + b"]")
        shape = blocks[0].shape[1:] if blocks else _shape(rows)
        block = table_or_none(rows, shape, nullable=True)
        if block is None:
            raise _IrregularError
        if shape:
            with np.errstate(over="ignore"):  # infinity is refused where it gets its joint's name
                block = block.astype(np.float32)
        elif set(map(type, rows)) == {int} and max(map(abs, rows)) < MAX_NUMBER:
            block = np.array(rows, dtype=np.int64)
        blocks.append(block)
    return np.concatenate(blocks)


def _shape(rows: list[Any]) -> tuple[int, ...]:
    """Return the lengths of the lists inside the first row."""
    shape = []
    row = rows[0] if rows else None
    while isinstance(row, list) and row:
        shape.append(len(row))
        row = row[0]
    return tuple(shape)
