"""Nested JSON lists into arrays: fast where the lists are right, in words where they are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, final

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.io.fields import MAX_NUMBER

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


def table_or_none(
    rows: Sequence[Any], shape: tuple[int, ...], *, nullable: bool = False
) -> Float[np.ndarray, "N ..."] | None:
    """Do as `number_table`, but return None where that would raise."""
    try:
        return _convert(rows, shape, nullable)
    except _Mismatch:
        return None


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


def as_lists(array: np.ndarray) -> list[Any]:
    """Return the nested lists that an array was made of, null for NaN."""
    objects = array.astype(object)
    objects[np.isnan(array)] = None
    lists: list[Any] = objects.tolist()
    return lists


def _show(value: Any) -> str:
    """Name a JSON value briefly."""
    if value is None:
        return "null"
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


@dataclass(frozen=True)
class Block:
    """Persons of several frames, as a file gives them.

    frames      frame number of each person.
    person_ids  their numbers, -1 if unknown.
    rows        their keypoints, nested lists.
    scores      their scores, lists, or None if no person has any.
    """

    frames: Sequence[int]
    person_ids: Sequence[int]
    rows: list[Any]
    scores: list[Any] | None = None


@final
class RowCollector:
    """Gathers persons and turns them into arrays a few thousand at a time.

    The lists of a block are let go once it is an array, so a long clip needs little memory.
    Every row has the keypoints as a nested list of `shape`, optionally scores (J,).
    """

    #: Rows that are converted, and rows of arrays that are joined, at a time.
    BLOCK, MERGED = 4096, 1 << 15

    def __init__(self, shape: tuple[int, ...]) -> None:
        """Begin an empty table whose rows have keypoints of `shape`."""
        self.shape = shape
        self._frames: list[int] = []
        self._ids: list[int] = []
        self._rows: list[Any] = []
        self._scores: list[Any] = []
        self._where: list[str] = []
        self._fresh: list[tuple[np.ndarray, ...]] = []
        self._blocks: list[tuple[np.ndarray, ...]] = []

    def add(self, frame: int, person_id: int, row: Any, where: str, scores: Any = None) -> None:
        """Add one person; `where` names the place for messages."""
        self._frames.append(frame)
        self._ids.append(person_id)
        self._rows.append(row)
        self._scores.append(scores)
        self._where.append(where)
        if len(self._rows) >= self.BLOCK:
            self._flush()

    def add_block(self, block: Block) -> bool:
        """Add many persons at once; False, and none is added, if a value is not as expected."""
        points = table_or_none(block.rows, self.shape)
        if points is None:
            return False
        scores = None
        if block.scores is not None:
            scores = table_or_none(block.scores, self.shape[:1])
            if scores is None:
                return False
        self._flush()
        self._keep(block.frames, block.person_ids, points, scores)
        return True

    def _flush(self) -> None:
        """Convert what has gathered one by one."""
        if not self._rows:
            return
        table = number_table(self._rows, self.shape, self._where.__getitem__)
        given = [i for i, scores in enumerate(self._scores) if scores is not None]
        scores = None
        if given:
            scores = np.full((len(self._rows), self.shape[0]), np.nan)
            scores[given] = number_table(
                [self._scores[i] for i in given],
                self.shape[:1],
                lambda i: f"{self._where[given[i]]}, scores",
            )
        self._keep(self._frames, self._ids, table, scores)
        self._frames, self._ids = [], []
        self._rows, self._scores, self._where = [], [], []

    def _keep(
        self,
        frames: Sequence[int],
        person_ids: Sequence[int],
        points: np.ndarray,
        scores: np.ndarray | None,
    ) -> None:
        """Keep the arrays of a block; unknown scores take no memory until the end."""
        with np.errstate(over="ignore"):  # infinity is refused by Detections, with the joint
            if scores is None:
                scores = np.broadcast_to(np.float32(np.nan), (len(points), self.shape[0]))
            arrays = points.astype(np.float32), scores.astype(np.float32, copy=False)
        self._fresh.append(
            (np.array(frames, dtype=np.int64), np.array(person_ids, dtype=np.int64), *arrays)
        )

        if sum(len(block[0]) for block in self._fresh) >= self.MERGED:
            self._merge()

    def _merge(self) -> None:
        """Join small blocks: thousands of them leave holes in memory when they are let go."""
        if self._fresh:
            joined = tuple(map(np.concatenate, zip(*self._fresh, strict=True)))
            self._fresh = []
            self._blocks.append(joined)

    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return frames (N,), persons (N,), keypoints (N, *shape) and scores (N, J).

        The first two are int64, the others float32. Empties the collector.
        """
        self._flush()
        self._merge()
        columns = list(zip(*self._blocks, strict=True))
        self._blocks = []
        columns.reverse()
        tables = []
        while columns:  # one column after the other, so that its blocks are let go
            tables.append(np.concatenate(columns.pop()))
        frames, person_ids, points, scores = tables
        return frames, person_ids, points, scores


def whole_numbers(values: Iterable[Any], lowest: int) -> bool:
    """Tell whether all values are whole numbers from `lowest` on."""
    values = list(values)
    return not set(map(type, values)) - {int} and (
        not values or lowest <= min(values) <= max(values) < MAX_NUMBER
    )


def all_lists(values: Iterable[Any]) -> bool:
    """Tell whether all values are lists."""
    return not set(map(type, values)) - {list}
