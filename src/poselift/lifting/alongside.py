"""Lifting in a thread of its own while detecting goes on, for networks of single frames.

What a frame becomes does not depend on who is who, so poses are made of detections as they come,
and given to the persons once these have been followed over time.

Axes: N detection, T frame of a person, J joint.
"""

from __future__ import annotations

from collections.abc import Sequence
from queue import Queue
from threading import Thread
from typing import final

import numpy as np
from jaxtyping import Float

from poselift.detection import Watched
from poselift.errors import PoseliftError
from poselift.lifting.core import BATCH
from poselift.lifting.lifter import Lifter
from poselift.poses import PoseSequence
from poselift.skeletons import Skeleton

#: Detections lifted at once; with their mirror images they fill one pass through the network.
_TOGETHER = BATCH // 2

#: Such parcels that may wait; then detecting waits, too. Bounds the memory.
_WAITING = 8


@final
class Alongside:
    """Takes the persons of frame after frame (`add`), then gives poses to people (`ready`).

    lifter    lifts; if its network is one of several frames nothing is done here.
    skeleton  joints of the detections.
    size      (width, height) of the pictures.
    focal     as in `Lifter.__call__`.

    What is refused here is lifted, and refused with its frame, by `Lifter.lift_people` later. Close
    it, or use `with`.
    """

    def __init__(
        self, lifter: Lifter, skeleton: Skeleton, size: tuple[int, int], focal: float | None = None
    ) -> None:
        """Start the thread."""
        self._lifter, self._skeleton, self._size, self._focal = lifter, skeleton, size, focal
        self._useful = lifter.card.frames == 1
        self._frames: list[int] = []
        self._parcel: list[tuple[np.ndarray, np.ndarray]] = []
        self._todo: Queue[tuple[np.ndarray, np.ndarray] | None] = Queue(_WAITING)
        self._points: list[np.ndarray] = []
        self._poses: list[np.ndarray] = []
        self._thread = Thread(target=self._run, name="poselift-lifting", daemon=True)
        self._thread.start()

    def add(self, frame: int, found: Watched) -> None:
        """Take the persons of the next frame."""
        if not self._useful or not len(found.scores):
            return
        self._frames += [frame] * len(found.scores)
        self._parcel.append((found.keypoints, found.scores))
        if sum(len(scores) for _, scores in self._parcel) >= _TOGETHER:
            self._send()

    def _send(self) -> None:
        """Hand over what has come together."""
        points, scores = (np.concatenate(part) for part in zip(*self._parcel, strict=True))
        self._parcel = []
        self._todo.put((points, scores))

    def _run(self) -> None:
        """Lift parcel after parcel; after one that is refused only empty the queue."""
        while (parcel := self._todo.get()) is not None:
            if not self._useful:
                continue
            points, scores = parcel
            try:
                sequence = PoseSequence.from_2d(
                    points,
                    self._skeleton,
                    scores=scores,
                    frames=np.arange(len(points)),
                    image_size=self._size,
                )
                poses = self._lifter(sequence, focal=self._focal).positions
            except PoseliftError:
                self._useful = False
                continue
            self._points.append(sequence.positions)
            self._poses.append(poses)

    def ready(self, people: Sequence[PoseSequence]) -> list[Float[np.ndarray, "_ J 3"]] | None:
        """Return the poses of people made of these detections, or None if they are not there.

        To be called when all frames were added.
        """
        self.close()
        if not self._useful or not self._poses:
            return None
        frames = np.array(self._frames)
        points, poses = np.concatenate(self._points), np.concatenate(self._poses)
        if len(frames) != len(poses):  # Ctrl-C came in between
            return None
        out = []
        for person in people:
            first = np.searchsorted(frames, person.frames)
            most = np.searchsorted(frames, person.frames, side="right")
            row = np.full(len(person), -1)
            for step in range(int((most - first).max(initial=0))):
                at = np.minimum(first + step, len(frames) - 1)
                same = points[at] == person.positions
                same |= np.isnan(points[at]) & np.isnan(person.positions)
                mine = same.all(axis=(1, 2)) & (first + step < most)
                row[mine & (row < 0)] = at[mine & (row < 0)]
            if (row < 0).any():
                return None
            out.append(poses[row])
        return out

    def close(self) -> None:
        """Lift what is left and end the thread."""
        if self._thread.is_alive():
            if self._parcel:
                self._send()
            self._todo.put(None)
            self._thread.join()

    def __enter__(self) -> Alongside:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()
