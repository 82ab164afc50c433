"""Persons from picture to picture: looked for now and then, followed in crops in between."""

from __future__ import annotations

from typing import NamedTuple, final

import numpy as np
from jaxtyping import Float, Int

from poselift.detection.detector import MIN_SCORE, Detector, Found, boxes_of
from poselift.detection.picture import Picture
from poselift.errors import PoseliftError
from poselift.tracking import Tracker
from poselift.tracking.matching import twins

#: Seconds between two looks at the whole picture while all persons are in sight.
LOOK_S = 0.5

#: Frames to the next look after one that found nobody new for somebody lost; doubled each time.
_FIRST_WAIT = 1


class Watched(NamedTuple):
    """Persons of one picture, with their numbers (P,)."""

    keypoints: Float[np.ndarray, "P J 2"]
    scores: Float[np.ndarray, "P J"]
    persons: Int[np.ndarray, " P"]


@final
class Watcher:
    """Turns pictures, given one after the other, into numbered persons.

    detector  finds and follows.
    every     frames between two looks at the whole picture, or None for half a second.

    A look also comes when a person was lost or nobody is in sight, at once and then ever more
    seldom, up to `every`.
    """

    def __init__(self, detector: Detector, *, every: int | None = None) -> None:
        """Start without persons."""
        self.detector = detector
        if every is not None and not (isinstance(every, int) and every > 0):
            raise PoseliftError(f"expected every as a number of frames above 0, got {every!r}")
        self._every = every
        self._tracker = Tracker()
        self._looked: Picture | None = None
        self._wait = _FIRST_WAIT
        self._complete = False

    def __call__(self, picture: Picture) -> Watched:
        """Return the persons of the next picture."""
        expected = self._tracker.expected(picture.time)
        followed = Found(*_nobody(len(self.detector.skeleton)))
        if expected:
            poses = np.stack(list(expected.values()))
            # a low score on all joints: the box is around all of them
            followed = self._follow(picture, boxes_of(Found(poses, np.ones(poses.shape[:2]))))
        complete = bool(expected) and len(followed.scores) == len(expected)
        if self._is_time_to_look(picture, complete):
            followed = self._look(picture, followed)
        self._complete = complete
        persons = self._tracker.update(picture.time, followed.keypoints)
        return Watched(followed.keypoints, followed.scores, persons)

    def _is_time_to_look(self, picture: Picture, complete: bool) -> bool:
        """Tell whether to look at the whole picture."""
        last = self._looked
        if last is None or (self._complete and not complete):  # the beginning, or just lost
            self._wait = _FIRST_WAIT
            self._looked = picture
            return True
        if self._every is not None:
            due = picture.index - last.index >= self._every
        else:
            due = picture.time - last.time >= LOOK_S - 1e-6
        if not complete and picture.index - last.index >= self._wait:
            due, self._wait = True, 2 * self._wait
        if due:
            self._looked = picture
        return due

    def _look(self, picture: Picture, followed: Found) -> Found:
        """Add those persons of the whole picture who are not yet followed."""
        found = self.detector.find(picture)
        if not len(found.scores):
            return followed
        new = self._follow(picture, boxes_of(found))
        return _distinct(Found(*(np.concatenate(pair) for pair in zip(followed, new, strict=True))))

    def _follow(self, picture: Picture, boxes: Float[np.ndarray, "P 4"]) -> Found:
        """Return the persons in boxes who are there, each once."""
        found = self.detector.follow(picture, boxes)
        there = found.scores.mean(axis=1) >= MIN_SCORE
        return _distinct(Found(found.keypoints[there], found.scores[there]))


def _nobody(joints: int) -> tuple[np.ndarray, np.ndarray]:
    """Return no persons."""
    return np.zeros((0, joints, 2), np.float32), np.zeros((0, joints), np.float32)


def _distinct(found: Found) -> Found:
    """Leave out persons who are another one's twin; the first of each stays."""
    if len(found.scores) < 2:
        return found
    same = np.tril(twins(found.keypoints), -1)
    keep: list[int] = []
    for row in range(len(same)):
        if not same[row, keep].any():
            keep.append(row)
    return Found(found.keypoints[keep], found.scores[keep])
