"""Rows of numbers as text, quickly: shortest digits that give the same float back."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from poselift.io import rows


def lines(table: np.ndarray, separator: bytes = b",", missing: bytes = b"") -> list[bytes]:
    """Return each row of a table (N, C) as text, NaN as `missing`.

    float32 is written as float32, so 0.1 is `0.1`; orjson does it 20 times as fast as `%`.
    """
    if not len(table):
        return []
    text = rows.dump(np.ascontiguousarray(table))[2:-2].replace(b"null", missing)
    found = text.replace(b"],[", b"\n")
    return found.replace(b",", separator).split(b"\n") if separator != b"," else found.split(b"\n")


def blocks(count: int, size: int = rows.BLOCK) -> Iterator[slice]:
    """Cut `count` rows into blocks, so that the text of few is held at a time."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
