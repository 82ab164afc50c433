"""A table of detections that grows while a source is read, person after person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np

from poselift.errors import PoseliftError
from poselift.io.fields import SizeCheck, read_index
from poselift.io.jointsets import by_count, decide_order
from poselift.io.jsonfile import numbers
from poselift.poses import Detections
from poselift.skeletons import Skeleton

#: Whole-body joint sets begin with a body: how many joints of so many are kept.
_BODIES = {133: 23, 136: 26}


@final
class Table:
    """Persons of frames, turned into arrays a few thousand at a time: lists need much memory.

    source    where the data come from, for messages and the history.
    counts    joint sets of the format by number of joints, its default first.
    skeleton  the joint set that the user or the file names, or None.
    per       numbers a joint: x, y and perhaps its confidence.
    """

    #: Rows that are converted at a time.
    BLOCK = 4096

    def __init__(
        self,
        source: str,
        counts: Mapping[int, tuple[str, ...]],
        skeleton: Skeleton | None = None,
        per: int = 3,
    ) -> None:
        """Begin an empty table."""
        self.source, self.counts, self.skeleton, self.per = source, counts, skeleton, per
        self.sizes = SizeCheck(source)
        self.fps: float | None = None
        self.frame_count = 0
        self.notes: tuple[str, ...] = ()
        #: seconds of each frame, by its number, where the source has time stamps
        self.times: dict[int, float] | None = None
        self._width = self._kept = 0
        self._frames: list[int] = []
        self._ids: list[int] = []
        self._rows: list[Sequence[float]] = []
        self._scores: list[Sequence[float]] = []
        self._blocks: list[tuple[np.ndarray, np.ndarray]] = []

    def name(self, skeleton: Skeleton, where: str) -> None:
        """Take the joint set that the file itself names; refuse another choice of the user's."""
        if self.skeleton not in (None, skeleton):
            raise PoseliftError(
                f"{where}: its joint names are those of {skeleton.name}, not of the chosen skeleton"
            )
        self.skeleton = skeleton

    def add(
        self,
        frame: int,
        person_id: Any,
        row: Sequence[float],
        where: str,
        scores: Sequence[float] | None = None,
    ) -> None:
        """Add a person: `per` numbers for each joint one after the other, and perhaps scores.

        `person_id` is None or -1 where the source does not say. Raises `PoseliftError`, which
        begins with `where`, for a number of joints that is not that of the rows before, or that
        the format does not know.
        """
        if not len(row):
            return  # nobody
        if len(row) != self._width:
            self._check_width(len(row), where)
        if self._kept < self._width:
            row = row[: self._kept]
            scores = None if scores is None else scores[: self._kept // 2]
        if self.per == 2:
            joints = self._kept // 2
            if scores is None:
                scores = [np.nan] * joints
            elif len(scores) != joints:
                raise PoseliftError(
                    f"{where}, scores: expected {joints} numbers, got {len(scores)}"
                )
            self._scores.append(scores)
        self._rows.append(row)
        self._frames.append(frame)
        self._ids.append(
            -1 if person_id is None else read_index(person_id, "person_id", where, lowest=-1)
        )
        if len(self._rows) >= self.BLOCK:
            self._flush()

    def _check_width(self, width: int, where: str) -> None:
        """Refuse a number of values that is no whole joint set, or not that of other rows."""
        if width % self.per:
            what = "x, y, c" if self.per == 3 else "x, y"
            raise PoseliftError(f"{where}: expected {what} for each joint, got {width} numbers")
        joints = width // self.per
        if self._width:
            raise PoseliftError(
                f"{where}: expected {self._width // self.per} joints as in the frames before, "
                f"got {joints}"
            )
        body = _BODIES.get(joints, joints) if joints not in self.counts else joints
        by_count(body, self.skeleton, self.counts, where)
        if body != joints:
            self.notes += (
                f"joints: the first {body} of {joints}, the body without face and hands",
            )
        self._width, self._kept = width, body * self.per

    def _flush(self) -> None:
        """Turn what has gathered into arrays."""
        if not self._rows:
            return
        table = numbers(self._rows).reshape(len(self._rows), -1, self.per)
        scores = table[..., 2] if self.per == 3 else numbers(self._scores)
        self._blocks.append((np.ascontiguousarray(table[..., :2]), np.ascontiguousarray(scores)))
        self._rows, self._scores = [], []

    def take_times(self, times: Mapping[int, float] | Sequence[float] | None) -> None:
        """Take the seconds of each frame, by its number; None leaves them unknown."""
        if times is None or isinstance(times, Mapping):
            self.times = None if times is None else dict(times)
        else:
            self.times = dict(enumerate(times))

    def renumber(self, numbers: Sequence[int]) -> None:
        """Give the rows other frames: `numbers[i]` in place of i."""
        self._frames = [numbers[frame] for frame in self._frames]

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return frames (N,), persons (N,), keypoints (N, J, 2), scores (N, J), by frame.

        Raises `PoseliftError` if there is no person at all.
        """
        self._flush()
        if not self._blocks:
            raise PoseliftError(f"{self.source}: no person in any frame")
        points, scores = (np.concatenate(column) for column in zip(*self._blocks, strict=True))
        self._blocks = []
        frames, ids = (np.array(column, dtype=np.int64) for column in (self._frames, self._ids))
        if (np.diff(frames) < 0).any():
            order = np.argsort(frames, kind="stable")
            frames, ids, points, scores = (a[order] for a in (frames, ids, points, scores))
        return frames, ids, points, scores

    def detections(self, *, zero_is_missing: bool = False) -> Detections:
        """Return the table; raises `PoseliftError` for values that `Detections` refuses.

        Where the number of joints leaves their order open, the poses decide, if they can; a
        choice of the user's that they contradict is refused.

        zero_is_missing  whether a joint with a confidence of 0, or at (0, 0), was not found.
        """
        frames, ids, points, scores = self.arrays()
        if zero_is_missing:
            unseen = (scores <= 0) | (points == 0).all(axis=2)
            points[unseen], scores[unseen] = np.nan, 0.0
        assumed = by_count(points.shape[1], self.skeleton, self.counts, self.source)
        skeleton, notes = assumed, self.notes
        if self.skeleton is None or len(assumed) == 25:
            skeleton, warning = decide_order(points, assumed)
            if self.skeleton is not None and skeleton != assumed:
                raise PoseliftError(
                    f"{self.source}: the {len(assumed)} joints are not in the order of "
                    f"{assumed.name}, they fit {skeleton.name} (--skeleton {skeleton.name})"
                )
            if self.skeleton is None:
                how = "the default for this number" if skeleton == assumed else "as the poses say"
                notes += (warning or f"{len(assumed)} joints taken as {skeleton.name}, {how}",)
        return Detections(
            frames=frames,
            keypoints=points,
            scores=scores,
            person_ids=ids,
            skeleton=skeleton,
            fps=self.fps,
            image_size=self.sizes.size,
            frame_count=max(self.frame_count, int(frames[-1]) + 1),
            source=self.source,
            times=None
            if self.times is None
            else np.array([self.times[f] for f in frames.tolist()]),
            notes=notes,
        )
