"""What containers are made of, checked in words: arrays, a rate, the size of pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from poselift.errors import PoseliftError, quoted


def numbers(name: str, values: Any, kind: type[np.generic]) -> np.ndarray:
    """Return an array of numbers of that type, contiguous; what is too large becomes infinite.

    Raises `PoseliftError` for what is no array of numbers.
    """
    try:
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(values, dtype=kind)
    except (TypeError, ValueError, OverflowError):
        raise PoseliftError(
            f"expected {name} as an array of numbers, got {quoted(values)}"
        ) from None


def check_rate(fps: Any, where: str = "") -> None:
    """Refuse frames a second that are no number above 0; None says that they are not known."""
    known = isinstance(fps, int | float | np.integer | np.floating)
    if fps is not None and not (known and 0 < fps < float("inf")):
        raise PoseliftError(f"{where}expected fps above 0, got {quoted(fps)}")


def check_size(image_size: Any, where: str = "") -> None:
    """Refuse a size that is no (width, height) above 0; None says that it is not known."""
    if image_size is None:
        return
    sides = image_size if isinstance(image_size, tuple | list | np.ndarray) else ()
    numeric = all(isinstance(side, int | float | np.integer | np.floating) for side in sides)
    if len(sides) != 2 or not numeric or not all(side > 0 for side in sides):
        raise PoseliftError(f"{where}expected a positive image size, got {quoted(image_size)}")
