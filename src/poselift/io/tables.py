"""Nested JSON lists into arrays: fast where the lists are right, in words where they are not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, final

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError

_NUMBERS = frozenset((int, float))
_OR_NULL = frozenset((int, float, type(None)))


class _Mismatch(Exception):
    """The rows are not nested lists of numbers of the expected shape."""


def number_table(
    rows: Sequence[Any],
    shape: tuple[int, ...],
    where: Callable[[int], str],
    *,
    nullable: bool = False,
) -> Float[np.ndarray, "N ..."]:
    """Turn N equally nested lists of numbers into one float64 array of shape (N, *shape).

    With `nullable` a `null` is NaN. Raises `PoseliftError` that begins with `where(i)` for the
    first row i that is no list of that shape or holds anything but numbers.
    """
    try:
        return _convert(rows, shape, nullable)
    except _Mismatch:
        for index, row in enumerate(rows):
            try:
                _convert([row], shape, nullable)
            except _Mismatch as error:
                raise PoseliftError(f"{where(index)}: {error}") from None
        raise  # pragma: no cover  # a table is wrong only if one of its rows is


def _convert(rows: Sequence[Any], shape: tuple[int, ...], nullable: bool) -> np.ndarray:
    """Check and flatten level by level, with whole levels handled by built-in functions."""
    level = list(rows)
    expected = " x ".join(map(str, shape))
    for size in shape:
        if set(map(type, level)) - {list}:
            wrong = next(item for item in level if type(item) is not list)
            raise _Mismatch(f"expected {expected} numbers in lists, got {_show(wrong)} for a list")
        if set(map(len, level)) - {size}:
            got = next(len(item) for item in level if len(item) != size)
            raise _Mismatch(f"expected {expected} numbers, got a list of {got} for {size}")
        level = list(chain.from_iterable(level))
    allowed = _OR_NULL if nullable else _NUMBERS
    if set(map(type, level)) - allowed:
        wrong = next(item for item in level if type(item) not in allowed)
        raise _Mismatch(f"expected numbers, got {_show(wrong)}")
    return np.array(level, dtype=np.float64).reshape(len(rows), *shape)


def _show(value: Any) -> str:
    """Name a JSON value briefly."""
    if value is None:
        return "null"
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


@final
class RowCollector:
    """Gathers persons frame by frame and turns them into arrays a few thousand at a time.

    The lists of a block are let go once it is an array, so a long clip needs little memory.
    Every row has the keypoints as a nested list of `shape`, optionally scores (J,).
    """

    BLOCK = 4096

    def __init__(self, shape: tuple[int, ...]) -> None:
        """Begin an empty table whose rows have keypoints of `shape`."""
        self.shape = shape
        self.frames: list[int] = []
        self.person_ids: list[int] = []
        self._rows: list[Any] = []
        self._scores: list[Any] = []
        self._where: list[str] = []
        self._blocks: list[np.ndarray] = []
        self._score_blocks: list[np.ndarray] = []

    def add(self, frame: int, person_id: int, row: Any, where: str, scores: Any = None) -> None:
        """Add one person; `where` names the place for messages."""
        self.frames.append(frame)
        self.person_ids.append(person_id)
        self._rows.append(row)
        self._scores.append(scores)
        self._where.append(where)
        if len(self._rows) >= self.BLOCK:
            self._flush()

    def _flush(self) -> None:
        """Convert what has gathered."""
        table = number_table(self._rows, self.shape, self._where.__getitem__)
        joints = self.shape[0]
        given = [i for i, scores in enumerate(self._scores) if scores is not None]
        scores = np.full((len(self._rows), joints), np.nan)
        if given:
            scores[given] = number_table(
                [self._scores[i] for i in given],
                (joints,),
                lambda i: f"{self._where[given[i]]}, scores",
            )
        with np.errstate(over="ignore"):  # infinity is refused by Detections, with the joint
            self._blocks.append(table.astype(np.float32))
            self._score_blocks.append(scores.astype(np.float32))
        self._rows, self._scores, self._where = [], [], []

    def tables(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the keypoints (N, *shape) and scores (N, J), both float32."""
        if self._rows:
            self._flush()
        if not self._blocks:
            return np.empty((0, *self.shape), np.float32), np.empty((0, self.shape[0]), np.float32)
        return np.concatenate(self._blocks), np.concatenate(self._score_blocks)
