"""JSON from disk, refused early and in words: big files that are no JSON are never read whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from poselift.errors import PoseliftError

#: Bytes at the start (and end) of a file that are looked at before it is read.
PEEK = 1 << 16

#: Larger JSON files are refused: parsing one takes several times its size in memory.
MAX_BYTES = 1 << 30

#: Lists of frames in files larger than this are parsed in parts of about this size (bytes).
LARGE = PART = 4 << 20

_BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"
_WORDS = re.compile(rb"-?\b(NaN|Infinity|nan|inf)\b")


def load_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises `PoseliftError` if the file cannot be read, is empty, is no JSON (said after its first
    64 KiB where these show it), is cut off, holds NaN or Infinity, or is larger than 1 GiB.
    """
    return parse_json(path, _content(path))


def _content(path: Path) -> bytes:
    """Read a JSON file after a look at its start and end; raises as `load_json`."""
    head = read_head(path)
    size = path.stat().st_size
    if size <= len(head):
        return head
    _check_head(path, head)
    _check_tail(path, size)
    if size > MAX_BYTES:
        raise PoseliftError(
            f"{path}: {size / 2**30:.1f} GiB of JSON is more than is read at once (1 GiB), "
            "split it or use .npz"
        )
    return _read(path, size)


def load_frames(path: Path, key: str) -> tuple[Any, Any]:
    """Return a JSON file as what is around its list of frames, and the frames.

    The file is a list of frames, or an object that has them under `key`. Returns (None, frames)
    or (the object, frames); (content, None) if it is neither. The frames of a large file come as
    an iterator that parses a few MiB at a time, so that they are never all in memory.

    Raises `PoseliftError` as `load_json`, for large files perhaps only while iterating.
    """
    data = _content(path)
    if len(data) > LARGE and (found := _find_list(data, key)) is not None:
        around, start, end, first = found
        return around, _parts(path, data, key, start, end, first)
    return _frames_of(parse_json(path, data), key)


def _frames_of(content: Any, key: str) -> tuple[Any, Any]:
    """Split parsed content as `load_frames` documents."""
    if isinstance(content, list):
        return None, content
    return content, content.get(key) if isinstance(content, dict) else None


def _find_list(data: bytes, key: str) -> tuple[Any, int, int, bytes] | None:
    """Find a list of objects that the whole file is, or that ends the object it is.

    Returns what is around it, where its elements start and end, and the first key of the first
    element; None if there is no such list, and then the file has to be parsed as a whole.
    """
    opening = re.compile(
        rb'\s*(?:\[|\{.*?"' + re.escape(key.encode()) + rb'"\s*:\s*\[)\s*(?=\{\s*("[^"\\]*"\s*:))',
        re.DOTALL,
    )
    match = opening.match(data[:PEEK])
    tail = re.search(rb"\s*\]\s*\}?\s*$", data[-PEEK:])
    if match is None or tail is None:
        return None
    start, end = match.end(), max(len(data) - PEEK, 0) + tail.start()
    try:  # only if the file without the elements is whole JSON, they are what was looked for
        around = orjson.loads(data[:start] + data[end:])
    except orjson.JSONDecodeError:
        return None
    if around == []:
        around = None
    elif around.get(key) != []:
        return None
    return around, start, end, match[1]


def _parts(path: Path, data: bytes, key: str, start: int, end: int, first: bytes) -> Iterator[Any]:
    """Yield the elements of the list data[start:end], parsed part by part.

    It is cut where an element seems to begin with the key `first`. A part that parses by itself
    is a row of whole elements, so nothing is taken on trust; at the first that does not, the
    file is parsed as a whole.
    """
    border = re.compile(rb"\}(\s*,\s*)\{\s*" + re.escape(first))
    done = 0
    while start < end:
        match = border.search(data, min(start + PART, end), end)
        stop = match.start(1) if match else end
        try:
            part = orjson.loads(b"[" + data[start:stop] + b"]")
        except orjson.JSONDecodeError:
            yield from _frames_of(parse_json(path, data), key)[1][done:]
            return
        yield from part
        done += len(part)
        start = match.end(1) if match else end


def parse_json(path: Path, data: bytes) -> Any:
    """Parse `data`, the content of `path`; raises `PoseliftError` that says what is wrong."""
    data = data.removeprefix(_BOM)
    if not data.strip(_SPACE):
        raise PoseliftError(f"{path}: is empty, expected JSON")
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise PoseliftError(f"{path}: {_explain(data, error)}") from None


def read_head(path: Path) -> bytes:
    """Return up to the first 64 KiB of a file; `PoseliftError` if there is none to read."""
    if not path.exists():
        raise PoseliftError(f"{path}: there is no such file or folder")
    if not path.is_file():
        raise PoseliftError(f"{path}: expected a file, got something else")
    return _read(path, PEEK)


def _read(path: Path, count: int) -> bytes:
    """Read the first `count` bytes."""
    try:
        with path.open("rb") as stream:
            return stream.read(count)
    except OSError as error:
        raise PoseliftError(f"{path}: cannot be read ({error.strerror})") from error


def _explain(data: bytes, error: orjson.JSONDecodeError) -> str:
    """Say in words what the parser met."""
    if "end of data" in error.msg:
        return f"the JSON is cut off after {len(data)} bytes"
    if data.startswith((b"PK\x03\x04", b"\x93NUMPY")):
        return "is NumPy data, not JSON"
    # JSON written by Python's own module may hold these; everywhere else they are an error
    word = _WORDS.match(data, error.pos) if error.pos < len(data) else None
    if word or "infinity" in error.msg:
        what = word.group().decode() if word else "a number too large for a float"
        return f"holds {what} at byte {error.pos}, expected finite numbers (null where missing)"
    return f"is not JSON ({error.msg}, line {error.lineno}, column {error.colno})"


def _check_head(path: Path, head: bytes) -> None:
    """Refuse a file whose first 64 KiB are not how JSON begins."""
    head = head.removeprefix(_BOM)
    cut = len(head)
    while cut and head[cut - 1] >= 0x80:  # do not end inside a UTF-8 character
        cut -= 1
    try:
        orjson.loads(head[:cut])
    except orjson.JSONDecodeError as error:
        # the piece ends too early, of course; anything else is wrong in the file itself,
        # except a number or word that the cut itself has broken
        if "end of data" in error.msg or cut - 64 < error.pos <= cut:
            return
        raise PoseliftError(f"{path}: {_explain(head, error)}") from None
    raise PoseliftError(f"{path}: is not JSON (it ends before the file does)")


def _check_tail(path: Path, size: int) -> None:
    """Refuse a large file that does not end as JSON does, without reading the middle."""
    with path.open("rb") as stream:
        stream.seek(max(0, size - PEEK))
        tail = stream.read(PEEK).rstrip(_SPACE)
    if tail and tail[-1:] not in b"]}":
        reason = "is not JSON (binary data)" if tail[-1:] < b" " else "the JSON is cut off"
        raise PoseliftError(f"{path}: {reason}, expected it to end in '}}' or ']'")
