"""Fields that several formats share: frame rate, image size, numbers of frames and persons."""

from __future__ import annotations

import sys
from typing import Any

from poselift.errors import PoseliftError

#: Numbers of frames and persons stay below this, so that sums of them fit into 64 bits.
MAX_NUMBER = 1 << 52


def read_fps(value: Any, where: str) -> float | None:
    """Return frames a second, or None for null; `PoseliftError` for anything but a number > 0."""
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 < value <= sys.float_info.max:
        raise PoseliftError(f"{where}: expected fps as a number above 0, got {show(value)}")
    return float(value)


def read_size(value: Any, where: str) -> tuple[int, int] | None:
    """Return (width, height) in pixels, or None for null; `PoseliftError` for anything else."""
    if value is None:
        return None
    good = isinstance(value, list) and len(value) == 2
    if not good or not all(
        type(v) in (int, float) and v == v and 0 < v < MAX_NUMBER and v == int(v) for v in value
    ):
        raise PoseliftError(
            f"{where}: expected image_size as [width, height] in pixels, got {show(value)}"
        )
    return int(value[0]), int(value[1])


def read_index(value: Any, what: str, where: str, lowest: int = 0) -> int:
    """Return a whole number of at least `lowest`; `PoseliftError` naming `what` otherwise."""
    if type(value) is not int or not lowest <= value < MAX_NUMBER:
        raise PoseliftError(
            f"{where}: expected {what} as a whole number from {lowest} on, got {show(value)}"
        )
    return value


def read_list(value: Any, what: str, where: str) -> list[Any]:
    """Return a list; `PoseliftError` naming `what` otherwise."""
    if not isinstance(value, list):
        raise PoseliftError(f"{where}: expected {what} as a list, got {kind(value)}")
    return value


def read_object(value: Any, where: str, what: str = "an object") -> dict[str, Any]:
    """Return a JSON object; `PoseliftError` otherwise."""
    if not isinstance(value, dict):
        raise PoseliftError(f"{where}: expected {what}, got {kind(value)}")
    return value


def show(value: Any) -> str:
    """Name a JSON value briefly."""
    if value is None or isinstance(value, (dict, list)):
        return kind(value)
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def kind(value: Any) -> str:
    """Name the JSON type of a value."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a truth value"}
    return "null" if value is None else names.get(type(value), "a number")


class SizeCheck:
    """Collects the image sizes that a source states and refuses two different ones."""

    def __init__(self, source: str) -> None:
        """Begin with no size known."""
        self.source = source
        self.size: tuple[int, int] | None = None
        self._where = source

    def add(self, value: Any, where: str) -> None:
        """Take note of a size (or null) found at `where`."""
        size = read_size(value, where)
        if size is None:
            return
        if self.size is not None and size != self.size:
            raise PoseliftError(
                f"{where}: image size {size[0]}x{size[1]} differs from "
                f"{self.size[0]}x{self.size[1]} in {self._where}, expected one size in a clip"
            )
        if self.size is None:
            self.size, self._where = size, where
