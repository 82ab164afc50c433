"""Our own JSON: facts about a clip, and for each person long columns, one entry a frame.

The columns stay text until they are asked for and become arrays a few thousand frames at a time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from jaxtyping import Float, Int

from poselift.errors import PoseliftError
from poselift.io.fields import MAX_NUMBER, kind, show
from poselift.io.jsonfile import content, decode, numbers

#: Frames that become arrays at a time.
_BLOCK = 4096

_Column = msgspec.Raw | msgspec.UnsetType


class OwnPerson(msgspec.Struct):
    """A person of a file of keypoints or of results."""

    person_id: Any = None
    frames: _Column = msgspec.UNSET
    frame: _Column = msgspec.UNSET
    times: _Column = msgspec.UNSET
    time_s: _Column = msgspec.UNSET
    keypoints: _Column = msgspec.UNSET
    poses_2d: _Column = msgspec.UNSET
    poses_3d: _Column = msgspec.UNSET
    scores: _Column = msgspec.UNSET
    root: _Column = msgspec.UNSET
    root_std: _Column = msgspec.UNSET
    contacts: _Column = msgspec.UNSET
    filled: _Column = msgspec.UNSET


class OwnFile(msgspec.Struct):
    """A file of keypoints or of results."""

    format: Any = msgspec.UNSET
    version: Any = msgspec.UNSET
    units: Any = msgspec.UNSET
    axes: Any = msgspec.UNSET
    skeleton: Any = msgspec.UNSET
    joint_names: Any = msgspec.UNSET
    edges: Any = msgspec.UNSET
    fps: Any = msgspec.UNSET
    image_size: Any = msgspec.UNSET
    frame_count: Any = msgspec.UNSET
    meta: Any = msgspec.UNSET
    people: list[OwnPerson] | msgspec.UnsetType = msgspec.UNSET


_FILE = msgspec.json.Decoder(OwnFile)
_ROWS = msgspec.json.Decoder(list[msgspec.Raw])
_WHOLE = msgspec.json.Decoder(list[int])
# by number of axes behind the frames, and whether null is allowed
_BLOCKS: dict[tuple[int, bool], Any] = {
    (0, False): msgspec.json.Decoder(list[float]),
    (0, True): msgspec.json.Decoder(list[float | None]),
    (1, True): msgspec.json.Decoder(list[list[float | None]]),
    (2, True): msgspec.json.Decoder(list[list[list[float | None]]]),
}


def load_own(path: Path) -> tuple[dict[str, Any], list[OwnPerson]]:
    """Return the facts of a file of ours, and its people; raises `PoseliftError`."""
    found = decode(content(path), _FILE, str(path), item="person")
    if isinstance(found.people, msgspec.UnsetType):
        raise PoseliftError(f'{path}: expected "people" as a list, got null')
    facts = {key: v for key, v in msgspec.structs.asdict(found).items() if v is not msgspec.UNSET}
    return facts, found.people


def whole(column: _Column, what: str, where: str) -> Int[np.ndarray, " T"]:
    """Turn a column of whole numbers from 0 on into int64; `PoseliftError` otherwise."""
    if (text := given(column)) is None:
        raise PoseliftError(f'{where}: expected "{what}" as a list, got null')
    try:
        values = _WHOLE.decode(text)
    except (msgspec.DecodeError, RecursionError):
        values = [-1]
    if values and not 0 <= min(values) <= max(values) < MAX_NUMBER:
        raise PoseliftError(f"{where}: expected {what} as whole numbers from 0 on")
    return np.array(values, dtype=np.int64)


def array(
    column: _Column, shape: tuple[int, ...], count: int, where: str, *, nullable: bool = True
) -> Float[np.ndarray, "T ..."]:
    """Turn a column into (count, *shape): float32, or float64 for time stamps (no shape).

    With `nullable` null is NaN. Raises `PoseliftError` that names the entry that is no list of
    that shape, or holds anything but numbers.
    """
    if (text := given(column)) is None:
        raise PoseliftError(f"{where}: expected the values as a list, got null")
    size = int(np.prod(shape, dtype=np.int64))
    # more commas than there are numbers: not taken apart into a hundred million pieces
    if len(memoryview(text)) > 1 << 24 and bytes(text).count(b",") > count * max(size, 1):
        raise PoseliftError(f"{where}: expected {count} entries, one a frame, got more")
    rows = decode(text, _ROWS, where, "the values as a list")
    if len(rows) != count:
        raise PoseliftError(f"{where}: expected {count} entries, one a frame, got {len(rows)}")
    decoder = _BLOCKS[len(shape), nullable]
    table = np.empty((count, *shape), dtype=np.float32 if shape else np.float64)
    for start in range(0, count, _BLOCK):
        part = rows[start : start + _BLOCK]
        try:
            values = decoder.decode(b"[" + b",".join(part) + b"]")
            block = numbers(values) if shape else np.array(values, dtype=np.float64)
            if block.shape != (len(part), *shape):
                raise ValueError("another shape")
        except (msgspec.DecodeError, ValueError, RecursionError):
            _explain(part, start, shape, where, nullable)
            last = start + len(part) - 1
            raise PoseliftError(
                f"{where}[{start}] to [{last}]: holds a number too large for a float"
            ) from None
        table[start : start + _BLOCK] = block
    return table


def given(column: _Column) -> msgspec.Raw | None:
    """Return a column, None if it is not there or null."""
    if isinstance(column, msgspec.UnsetType) or bytes(memoryview(column)[:4]) == b"null":
        return None
    return column


def _explain(
    rows: list[msgspec.Raw], start: int, shape: tuple[int, ...], where: str, nullable: bool
) -> None:
    """Raise in words for the first row that is not as it should be."""
    for index, row in enumerate(rows, start):
        place = f"{where}[{index}]"
        value = decode(row, msgspec.json.Decoder(Any), place)
        if (wrong := _wrong(value, shape, nullable)) is not None:
            expected = " x ".join(map(str, shape)) + " numbers" * bool(shape) or "numbers"
            raise PoseliftError(f"{place}: expected {wrong.format(expected=expected)}")


def _wrong(value: Any, shape: tuple[int, ...], nullable: bool) -> str | None:
    """Say what is wrong with nested lists of numbers, None if nothing is."""
    if not shape:
        good = type(value) in (int, float) or (nullable and value is None)
        return None if good else f"numbers, got {show(value)}"
    if not isinstance(value, list):
        return f"{{expected}} in lists, got {kind(value)} for a list"
    if len(value) != shape[0]:
        return f"{{expected}}, got a list of {len(value)} for {shape[0]}"
    return next((w for one in value if (w := _wrong(one, shape[1:], nullable))), None)
