"""JSON from disk, refused early and in words: big files that are no JSON are never read whole."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson

from poselift.errors import PoseliftError

#: Bytes at the start (and end) of a file that are looked at before it is read.
PEEK = 1 << 16

#: Larger JSON files are refused: parsing one takes several times its size in memory.
MAX_BYTES = 1 << 30

_BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"
_WORDS = re.compile(rb"-?\b(NaN|Infinity|nan|inf)\b")


def load_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises `PoseliftError` if the file cannot be read, is empty, is no JSON (said after its first
    64 KiB where these show it), is cut off, holds NaN or Infinity, or is larger than 1 GiB.
    """
    return parse_json(path, content_of(path))


def content_of(path: Path) -> bytes:
    """Read a JSON file after `check_json`; raises as `load_json`."""
    check_json(path)
    return _read(path, path.stat().st_size)


def check_json(path: Path) -> None:
    """Refuse what its start, end and size show to be no JSON file; raises as `load_json`."""
    head = read_head(path)
    size = path.stat().st_size
    if size <= len(head):
        return
    _check_head(path, head)
    _check_tail(path)
    if size > MAX_BYTES:
        raise PoseliftError(
            f"{path}: {size / 2**30:.1f} GiB of JSON is more than is read at once (1 GiB), "
            "split it or use .npz"
        )


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


def read_tail(path: Path) -> bytes:
    """Return up to the last 64 KiB of a file."""
    return _read(path, PEEK, max(0, path.stat().st_size - PEEK))


def _read(path: Path, count: int, start: int = 0) -> bytes:
    """Read `count` bytes from `start` on, or as many as there are."""
    try:
        with path.open("rb") as stream:
            stream.seek(start)
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


def _check_tail(path: Path) -> None:
    """Refuse a large file that does not end as JSON does, without reading the middle."""
    tail = read_tail(path).rstrip(_SPACE)
    if tail and tail[-1:] not in b"]}":
        reason = "is not JSON (binary data)" if tail[-1:] < b" " else "the JSON is cut off"
        raise PoseliftError(f"{path}: {reason}, expected it to end in '}}' or ']'")
