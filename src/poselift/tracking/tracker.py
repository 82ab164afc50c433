"""Persons over time as the frames come: numbers for those in each new frame."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import final

import numpy as np
from jaxtyping import Float, Int

from poselift.tracking.matching import MAX_GAP_S, MEASURED_S, Seen, match, velocity


@dataclass
class _Track:
    """A person: poses of the last moments with their times, the newest last."""

    poses: deque[tuple[float, np.ndarray]] = field(default_factory=deque)


@final
class Tracker:
    """Numbers persons from 0 in the order of appearance; a number is never given twice.

    A person unseen for up to `max_gap` seconds keeps the number. The rule is that of `link`, which
    knows the whole clip; here only the past is known.
    """

    def __init__(self, max_gap: float = MAX_GAP_S) -> None:
        """Start without persons."""
        self._max_gap = max_gap
        self._tracks: dict[int, _Track] = {}
        self._total = 0

    def update(self, time: float, keypoints: Float[np.ndarray, "B J 2"]) -> Int[np.ndarray, " B"]:
        """Return the number of each person of a frame; `time` in seconds, later than before."""
        for number, track in list(self._tracks.items()):
            if time - track.poses[-1][0] > self._max_gap:
                del self._tracks[number]
        numbers = np.full(len(keypoints), -1, dtype=np.int64)
        known = list(self._tracks)
        if known and len(keypoints):
            for row, column in match(self._seen(time), keypoints, self._max_gap):
                numbers[column] = known[row]
        for row, pose in enumerate(keypoints):
            if numbers[row] < 0:
                numbers[row], self._total = self._total, self._total + 1
                self._tracks[int(numbers[row])] = _Track()
            poses = self._tracks[int(numbers[row])].poses
            poses.append((time, pose))
            while time - poses[0][0] > MEASURED_S + 1e-6:
                poses.popleft()
        return numbers

    def expected(self, time: float) -> dict[int, Float[np.ndarray, "J 2"]]:
        """Return where the persons of the newest frame will be at a time, by number."""
        if not self._tracks:
            return {}
        newest = max(track.poses[-1][0] for track in self._tracks.values())
        seen = self._seen(time)
        return {
            number: seen.keypoints[row] + (seen.velocity[row] * seen.ago[row]).astype(np.float32)
            for row, (number, track) in enumerate(self._tracks.items())
            if track.poses[-1][0] == newest
        }

    def _seen(self, time: float) -> Seen:
        """Return the persons as they were last seen."""
        first, last = ([track.poses[end] for track in self._tracks.values()] for end in (0, -1))
        before, now = (np.stack([pose for _, pose in one]) for one in (first, last))
        at = np.array([when for when, _ in last])
        since = at - np.array([when for when, _ in first])
        return Seen(now, velocity(before, now, since), time - at)
