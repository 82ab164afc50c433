"""JSON from disk, decoded into types; refused early and in words.

What a file holds is said once, as msgspec types; what is not so is said in one sentence with its
place. Long lists are taken as `msgspec.Raw` items and decoded one after the other, so that a long
clip is never in memory as Python objects. NaN is no JSON but real files have it: where it is met,
it is replaced by a number that nobody else uses (`NAN`), and `numbers` turns that into NaN.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.io.fields import kind, show

#: Bytes at the start (and end) of a file that are looked at before it is read.
PEEK = 1 << 16

#: Larger JSON files are refused: parsing one takes several times its size in memory.
MAX_BYTES = 1 << 30

#: A clip of a gibibyte has fewer objects than this; each takes a hundred bytes of memory.
MAX_OBJECTS = 4_000_000

#: A frame with a thousand persons has far less.
MAX_FRAME_BYTES = 16 << 20

#: Stands for NaN between the text and the arrays: larger than any float32, and no round number.
NAN = -8.98846567431158e307

_BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\b(?:NaN|nan|Infinity|inf)\b')
_PLACE = re.compile(r" - at `\$(.*)`$")
_STEPS = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")

T = TypeVar("T")


def content(path: Path) -> bytes:
    """Return the bytes of a JSON file.

    Raises `PoseliftError` if the file cannot be read, is empty, is no JSON (said after its first
    64 KiB where these show it), is cut off, or is larger than 1 GiB.
    """
    head, size = read_head(path), path.stat().st_size
    if size > len(head):
        _check_ends(path, head.removeprefix(_BOM))
    if size > MAX_BYTES:
        raise PoseliftError(
            f"{path}: {size / 2**30:.1f} GiB of JSON is more than is read at once (1 GiB), "
            "split it or use .npz"
        )
    data = _filled(_read(path, size), str(path))
    if len(data) > MAX_FRAME_BYTES and data.count(b"{") > MAX_OBJECTS:
        raise PoseliftError(
            f"{path}: holds more than {MAX_OBJECTS // 10**6} million JSON objects, which is more "
            "than is read at once, split it or use .npz"
        )
    return data


def frame_content(place: str) -> bytes:
    """Return the bytes of a JSON file that is one frame; raises as `content`."""
    try:
        with open(place, "rb") as stream:
            data = stream.read(PEEK)  # room for 16 MiB each time would cost more than the reading
            if len(data) == PEEK:
                data += stream.read(MAX_FRAME_BYTES + 1 - PEEK)
    except OSError as error:
        raise PoseliftError(f"{place}: cannot be read ({error.strerror})") from error
    if len(data) > MAX_FRAME_BYTES:
        raise PoseliftError(f"{place}: is too large to be one frame (over 16 MiB)")
    return _filled(data, place)


def _filled(data: bytes, where: str) -> bytes:
    """Strip the byte order mark; refuse an empty file."""
    data = data.removeprefix(_BOM)
    if not data.strip(_SPACE):
        raise PoseliftError(f"{where}: is empty, expected JSON")
    return data


def decode(
    data: bytes | msgspec.Raw,
    decoder: msgspec.json.Decoder[T],
    where: str,
    what: str = "an object",
    item: str = "entry",
    *,
    frame: bool = False,
) -> T:
    """Decode JSON.

    where  names the place of the data for messages.
    what   says in messages what the whole is expected to be.
    item   what an element of the outermost list is called: "frame", "person".
    frame  whether this is one frame, which is refused beyond 16 MiB.

    Raises `PoseliftError` that names the place inside and what was found there: no JSON, infinity,
    another type than expected, more nesting than is read.
    """
    if frame and len(memoryview(data)) > MAX_FRAME_BYTES:
        raise PoseliftError(f"{where}: is too large to be one frame (over 16 MiB)")
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise PoseliftError(_mismatch(error, bytes(data), where, what, item)) from None
    except RecursionError:
        raise PoseliftError(f"{where}: is nested too deeply to be read") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        text = bytes(data)
        tolerated = without_nan(text, where)
        if tolerated == text:
            raise PoseliftError(f"{where}: {_explain(text, error)}") from None
    return decode(tolerated, decoder, where, what, item)


def without_nan(data: bytes, where: str) -> bytes:
    """Return JSON with numbers `NAN` in place of NaN; `PoseliftError` if it holds infinity."""

    def replace(match: re.Match[bytes]) -> bytes:
        word = match.group()
        if word[:1] == b'"':
            return word
        if word.lower() != b"nan":
            raise PoseliftError(
                f"{where}: holds {word.decode()} at byte {match.start()}, expected finite numbers "
                "(null where missing)"
            )
        return repr(NAN).encode()

    return _TOKENS.sub(replace, data)


def numbers(values: Sequence[Any]) -> Float[np.ndarray, ...]:
    """Turn evenly nested lists of decoded numbers into float32; `NAN` and None become NaN.

    What overflows becomes infinite, which the containers refuse in words.
    """
    table = np.array(values, dtype=np.float64)
    table[table == NAN] = np.nan
    with np.errstate(over="ignore"):
        return table.astype(np.float32)


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


# What is wrong, in words


def _mismatch(error: Exception, data: bytes, where: str, what: str, item: str) -> str:
    """Say what a decoder met that it did not expect."""
    text = str(error)
    place = match[1] if (match := _PLACE.search(text)) else ""
    steps = [int(index) if index else key for key, index in _STEPS.findall(place)]
    outer = next((step for step in steps if isinstance(step, int)), None)
    if outer is not None:  # of a list of numbers alone, one of them
        alone = steps.index(outer) == len(steps) - 1 and "float" in text.partition("got")[0]
        item = "number" if alone else item
        where = f"{where}, {item} {outer}"
    if "missing required field" in text:
        return f'{where}: expected "{text.split("`")[1]}"'
    try:
        value = msgspec.json.decode(data)
        for step in steps:
            value = value[step]
    except (msgspec.DecodeError, UnicodeDecodeError, LookupError, TypeError, RecursionError):
        return f"{where}: holds a number too large for a float"
    key = next((step for step in reversed(steps) if isinstance(step, str)), "entry")
    if "out of range" in text:
        return f"{where}: holds a number too large for a float"
    wanted = text.split("`")[1].split(" | ")
    if "float" in wanted and steps and isinstance(steps[-1], int):
        return f"{where}: expected numbers, got {show(value)}"
    if "int" in wanted:
        return f"{where}: expected {key} as a whole number, got {show(value)}"
    if "float" in wanted:
        return f"{where}: expected {key} as a number, got {show(value)}"
    if "object" in wanted:
        return f"{where}: expected {'an object' if steps else what}, got {kind(value)}"
    if "array" in wanted and not steps:
        return f"{where}: expected {what}, got {kind(value)}"
    if "array" in wanted and isinstance(steps[-1], str):
        return f'{where}: expected "{key}" as a list, got {kind(value)}'
    return f'{where}: expected "{key}" to hold {_plural(wanted[0])}, got {show(value)}'


def _plural(wanted: str) -> str:
    return {"array": "lists", "str": "text", "bool": "truth values"}.get(wanted, wanted)


def _explain(data: bytes, error: Exception) -> str:
    """Say in words what makes the text no JSON."""
    if "truncated" in str(error):
        return f"the JSON is cut off after {len(data)} bytes"
    if data.startswith((b"PK\x03\x04", b"\x93NUMPY")):
        return "is NumPy data, not JSON"
    found = re.search(r"(.*) \(byte (\d+)\)", str(error).removeprefix("JSON is malformed: "))
    if found is None:
        return "is not JSON (text that is not UTF-8)"
    before = data[: int(found[2])]
    line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
    return f"is not JSON ({found[1]}, line {line}, column {column})"


# Before a file is read whole


def _check_ends(path: Path, head: bytes) -> None:
    """Refuse a file of which the first or last 64 KiB are not how JSON begins or ends."""
    cut = len(head)
    while cut and head[cut - 1] >= 0x80:  # do not end inside a UTF-8 character
        cut -= 1
    try:
        msgspec.json.decode(without_nan(head[:cut], str(path)), type=msgspec.Raw)
        raise PoseliftError(f"{path}: is not JSON (it ends before the file does)")
    except RecursionError:
        raise PoseliftError(f"{path}: is nested too deeply to be read") from None
    except msgspec.DecodeError as error:
        # the piece ends too early, of course; anything else is wrong in the file itself,
        # except a number or word that the cut itself has broken
        found = re.search(r"\(byte (\d+)\)", str(error))
        if found is not None and int(found[1]) <= cut - 64:
            raise PoseliftError(f"{path}: {_explain(head, error)}") from None
    tail = _read(path, PEEK, max(0, path.stat().st_size - PEEK)).rstrip(_SPACE)
    if tail and tail[-1:] not in b"]}":
        reason = "is not JSON (binary data)" if tail[-1:] < b" " else "the JSON is cut off"
        raise PoseliftError(f"{path}: {reason}, expected it to end in '}}' or ']'")


def read_head(path: Path) -> bytes:
    """Return up to the first 64 KiB of a file; `PoseliftError` if there is none to read."""
    if not path.exists():
        raise PoseliftError(f"{path}: there is no such file or folder")
    if not path.is_file():
        raise PoseliftError(f"{path}: expected a file, got something else")
    return _read(path, PEEK)


def _read(path: Path, count: int, start: int = 0) -> bytes:
    """Read `count` bytes from `start` on, or as many as there are."""
    try:
        with path.open("rb") as stream:
            stream.seek(start)
            return stream.read(count)
    except OSError as error:
        raise PoseliftError(f"{path}: cannot be read ({error.strerror})") from error
