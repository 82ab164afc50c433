"""Linking detections into persons over time, for files that do not number their persons.

What is beyond doubt (in reach of each other in frames that follow one another, nobody else near)
is linked for the whole clip at once; only where such a chain ends or begins, or where persons are
near each other, an assignment on similarity with motion prediction decides (`matching`).

Axes: N detection, J joint, T frame, P pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from poselift.errors import PoseliftError
from poselift.poses import Detections
from poselift.tracking.matching import (
    MAX_GAP_S,
    MEASURED_S,
    MIN_COMMON,
    Seen,
    match,
    middles,
    reach,
    sizes,
    velocity,
)

#: Frames a second assumed where a file does not say; only the gates depend on it.
DEFAULT_FPS = 30.0

#: A person may be missing in this many frames of a file that has few of them.
MAX_GAP_FRAMES = 3

#: A pair is beyond doubt if every other candidate is this many times as far, and out of this many
#: times the reach.
CLEARLY, APART = 2.0, 1.5

#: More persons in a frame than any detector gives: the file is not what it seems.
MAX_PEOPLE = 500

#: Pairs of detections that are compared at a time. Bounds the memory.
_BLOCK = 1 << 14


def link(detections: Detections) -> Int[np.ndarray, " N"]:
    """Return a person number for each detection.

    Numbers that the source gives are kept. One without between others, where the person of a
    number stands who is not otherwise there, is that person. Others without one are linked over
    time and get numbers that no person of the source has, counted up in the order of appearance; a
    number is never given to a second person. Raises `PoseliftError` for more than 500 persons in a
    frame.
    """
    ids = detections.person_ids.copy()
    unknown = np.flatnonzero(ids < 0)
    if 0 < len(unknown) < len(ids):
        _give_back(detections, ids)
        unknown = np.flatnonzero(ids < 0)
    if len(unknown):
        first = int(ids.max()) + 1 if (ids >= 0).any() else 0
        ids[unknown] = first + _Linker.of(detections, unknown).numbers()
    return ids


def _give_back(detections: Detections, ids: Int[np.ndarray, " N"]) -> None:
    """Number, in place, detections that the source's tracker has missed between two others.

    A person who is seen with a number before and after, within the longest gap, and not in this
    frame, is whoever is in reach of both; nearest pairs first.
    """
    linker = _Linker.of(detections, np.arange(len(ids)))
    frames, unknown = linker.frames, np.flatnonzero(ids < 0)
    pairs: list[tuple[float, int, int]] = []
    for person in np.unique(ids[ids >= 0]):
        rows = np.flatnonzero(ids == person)
        place = np.searchsorted(frames[rows], frames[unknown])
        inside = (place > 0) & (place < len(rows))
        one, before, after = unknown[inside], rows[place[inside] - 1], rows[place[inside]]
        free = (frames[before] < frames[one]) & (frames[after] > frames[one])
        one, before, after = one[free], before[free], after[free]
        if not len(one):
            continue
        gaps = linker.times[one] - linker.times[before], linker.times[after] - linker.times[one]
        fars = linker.distance(before, one), linker.distance(one, after)
        near = np.ones(len(one), dtype=bool)
        for gap, far in zip(gaps, fars, strict=True):
            near &= (gap <= linker.max_gap) & (far <= reach(gap))
        pairs += [
            (float(fars[0][i] + fars[1][i]), int(one[i]), int(person)) for i in np.flatnonzero(near)
        ]
    taken: set[tuple[int, int]] = set()
    for _, row, person in sorted(pairs):
        if ids[row] < 0 and (int(frames[row]), person) not in taken:
            ids[row] = person
            taken.add((int(frames[row]), person))


@dataclass(frozen=True)
class _Linker:
    """Detections (sorted by frame) and what is needed to compare them."""

    points: Float[np.ndarray, "N J 2"]
    frames: Int[np.ndarray, " N"]
    times: Float[np.ndarray, " N"]
    sizes: Float[np.ndarray, " N"]
    middles: Float[np.ndarray, "N 2"]
    max_gap: float

    @classmethod
    def of(cls, detections: Detections, rows: Int[np.ndarray, " N"]) -> _Linker:
        """Take the rows of a table and measure the persons."""
        frames, points = detections.frames[rows], detections.keypoints[rows]
        number, count = np.unique(frames, return_counts=True)
        if count.max() > MAX_PEOPLE:
            raise PoseliftError(
                f"{detections.source}, frame {number[count.argmax()]}: expected at most "
                f"{MAX_PEOPLE} persons, got {count.max()}"
            )
        size, middle = np.empty(len(points)), np.empty((len(points), 2))
        for start in range(0, len(points), _BLOCK):
            part = slice(start, start + _BLOCK)
            size[part], middle[part] = sizes(points[part]), middles(points[part])
        if detections.times is None:
            times = frames / (detections.fps or DEFAULT_FPS)
        else:
            times = detections.times[rows]
        steps = np.diff(times[np.searchsorted(frames, number)])
        usual = float(np.median(steps)) if len(steps) else 0.0
        return cls(points, frames, times, size, middle, max(MAX_GAP_S, MAX_GAP_FRAMES * usual))

    def numbers(self) -> Int[np.ndarray, " N"]:
        """Return the person of each detection, counted from 0 in the order of appearance."""
        after = self._sure_links()
        chain = _chains(after)
        heads = np.flatnonzero(np.bincount(after[after >= 0], minlength=len(after)) == 0)
        tails = np.flatnonzero(after < 0)
        last = np.empty(len(heads), dtype=np.int64)  # last detection of each chain
        last[chain[tails]] = tails
        return self._join(heads, last, after)[chain]

    def distance(
        self, one: Int[np.ndarray, " P"], other: Int[np.ndarray, " P"]
    ) -> Float[np.ndarray, " P"]:
        """Return how far pairs of detections are apart, in sizes of the larger of the two.

        The median over the common joints: a wrong joint or two does not matter.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            apart = self.points[one] - self.points[other]
            joints = np.hypot(apart[..., 0], apart[..., 1])
            middle = self.middles[one] - self.middles[other]
            few = (~np.isnan(joints)).sum(axis=1) < MIN_COMMON
            length = np.where(few, np.hypot(middle[:, 0], middle[:, 1]), _median(joints))
            far: np.ndarray = length / np.maximum(self.sizes[one], self.sizes[other])
        return np.nan_to_num(far, nan=np.inf, posinf=np.inf)

    def _sure_links(self) -> Int[np.ndarray, " N"]:
        """Return the detection that continues each one beyond doubt, or -1."""
        after = np.full(len(self.frames), -1, dtype=np.int64)
        for one, other in self._neighbours():
            far = self.distance(one, other)
            gap = self.times[other] - self.times[one]
            gate = reach(gap)
            sure = (far <= gate) & (gap <= self.max_gap)
            sure &= _clear_best(one, far, APART * gate) & _clear_best(other, far, APART * gate)
            after[one[sure]] = other[sure]
        return after

    def _neighbours(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield all pairs of detections in frames that follow one another, in blocks."""
        _, start, count = np.unique(self.frames, return_index=True, return_counts=True)
        pairs = count[:-1] * count[1:]
        block = np.cumsum(pairs) // _BLOCK
        for frames in np.split(np.arange(len(pairs)), np.flatnonzero(np.diff(block)) + 1):
            if len(frames) == 0:
                continue
            which = np.repeat(frames, pairs[frames])
            offset = np.cumsum(pairs[frames]) - pairs[frames]
            within = np.arange(len(which)) - np.repeat(offset, pairs[frames])
            width = count[which + 1]
            yield start[which] + within // width, start[which + 1] + within % width

    def _join(
        self,
        heads: Int[np.ndarray, " M"],
        last: Int[np.ndarray, " M"],
        after: Int[np.ndarray, " N"],
    ) -> Int[np.ndarray, " M"]:
        """Join chains across gaps and doubts; return the person of each of the M chains.

        `heads` and `last` are the first and last detection of each chain, in order of the heads.
        """
        before = np.full(len(after), -1)
        linked = np.flatnonzero(after >= 0)
        before[after[linked]] = linked
        person = np.full(len(heads), -1, dtype=np.int64)
        ends: dict[int, int] = {}  # person -> its last detection so far
        total = 0
        starts = np.flatnonzero(np.diff(self.frames[heads], prepend=-1))
        for chains in np.split(np.arange(len(heads)), starts[1:]):
            first = heads[chains[0]]
            oldest = self.times[first] - self.max_gap - 1e-6
            ends = {who: row for who, row in ends.items() if self.times[row] >= oldest}
            free = [who for who, row in ends.items() if self.frames[row] < self.frames[first]]
            lost = np.array([ends[who] for who in free], dtype=np.int64)
            for row, column in self._match(lost, heads[chains], before):
                person[chains[column]] = free[row]
                before[heads[chains[column]]] = lost[row]
            for chain in chains:
                if person[chain] < 0:
                    person[chain], total = total, total + 1
                ends[int(person[chain])] = int(last[chain])
        return person

    def _match(
        self,
        lost: Int[np.ndarray, " L"],
        found: Int[np.ndarray, " F"],
        before: Int[np.ndarray, " N"],
    ) -> list[tuple[int, int]]:
        """Assign detections that begin a chain to the last ones of persons lost sight of."""
        if not len(lost):
            return []
        earlier = lost.copy()
        for _ in range(60):  # as far back as velocities are measured
            step = before[earlier]
            back = (step >= 0) & (self.times[lost] - self.times[step] <= MEASURED_S + 1e-6)
            if not back.any():
                break
            earlier = np.where(back, step, earlier)
        moving = velocity(
            self.points[earlier], self.points[lost], self.times[lost] - self.times[earlier]
        )
        ago = self.times[found[0]] - self.times[lost]
        return match(Seen(self.points[lost], moving, ago), self.points[found], self.max_gap)


def _median(values: Float[np.ndarray, "*batch J"]) -> Float[np.ndarray, "*batch"]:
    """Lower median over the last axis without the NaN; NaN if there is nothing else."""
    ordered = np.sort(values, axis=-1)  # NaN go last
    middle = np.maximum((~np.isnan(values)).sum(axis=-1) - 1, 0) // 2
    found: np.ndarray = np.take_along_axis(ordered, middle[..., None], axis=-1)[..., 0]
    return found


def _clear_best(
    group: Int[np.ndarray, " P"], far: Float[np.ndarray, " P"], apart: Float[np.ndarray, " P"]
) -> Bool[np.ndarray, " P"]:
    """Tell for each pair whether it is by far the nearest of its group, all others `apart`."""
    best = np.zeros(len(group), dtype=bool)
    order = np.lexsort((far, group))
    head = np.diff(group[order], prepend=-1) != 0
    rival = np.full(len(group), np.inf)
    rival[:-1] = np.where(head[1:], np.inf, far[order][1:])
    best[order] = head & (rival > np.maximum(CLEARLY * far[order], apart[order]))
    return best


def _chains(after: Int[np.ndarray, " N"]) -> Int[np.ndarray, " N"]:
    """Number the chains that the links make, in the order of their first detections."""
    root = np.arange(len(after))
    linked = np.flatnonzero(after >= 0)
    root[after[linked]] = linked
    while True:  # pointer jumping: each round doubles the reach
        further = root[root]
        if np.array_equal(further, root):
            break
        root = further
    return np.unique(root, return_inverse=True)[1].reshape(-1).astype(np.int64)
