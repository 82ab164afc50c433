"""What a detector found: keypoints of persons in frames, before anyone is followed over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from poselift.errors import PoseliftError
from poselift.poses.checks import check_rate, check_size, numbers
from poselift.skeletons import Skeleton


@dataclass(frozen=True, eq=False)
class Detections:
    """All persons of all frames of one source as a flat table; frozen, validated.

    frames      (N,) int64, 0-based frame number of each row, not decreasing.
    keypoints   (N, J, 2) float32 pixels, x right, y down; a missing joint is NaN.
    scores      (N, J) float32 confidence as the source gave it, NaN if unknown.
    person_ids  (N,) int64 as the source gave them, -1 if it did not say.
    skeleton    names the joints.
    fps         frames a second, or None if unknown.
    image_size  (width, height) in pixels, or None if unknown.
    frame_count number of frames of the source, those without a person included.
    source      where the data come from, for messages and the history.
    times       (N,) float64 seconds if the source carries time stamps, else None.
    notes       what was decided while reading, one line each.

    Raises `PoseliftError` that names source, frame and joint if any of this does not hold, and
    if there is no person at all.
    """

    frames: Int[np.ndarray, " N"]
    keypoints: Float[np.ndarray, "N J 2"]
    scores: Float[np.ndarray, "N J"]
    person_ids: Int[np.ndarray, " N"]
    skeleton: Skeleton
    fps: float | None
    image_size: tuple[int, int] | None
    frame_count: int
    source: str
    times: Float[np.ndarray, " N"] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Validate, and make the arrays read-only."""
        keypoints = numbers("keypoints", self.keypoints, np.float32)
        scores = numbers("scores", self.scores, np.float32)
        self._check(keypoints, scores)
        for name, array in (
            ("keypoints", keypoints),
            ("scores", scores),
            ("frames", np.ascontiguousarray(self.frames, dtype=np.int64)),
            ("person_ids", np.ascontiguousarray(self.person_ids, dtype=np.int64)),
        ):
            view = array.view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)
        check_rate(self.fps, f"{self.source}: ")
        check_size(self.image_size, f"{self.source}: ")

    def _check(
        self, keypoints: Float[np.ndarray, "N J 2"], scores: Float[np.ndarray, "N J"]
    ) -> None:
        """Refuse arrays that do not belong together, and values that no detector gives."""
        count = len(keypoints)
        if count == 0:
            raise PoseliftError(f"{self.source}: no person in any frame")
        if keypoints.shape[1] != len(self.skeleton):
            raise PoseliftError(
                f"{self.source}: expected {len(self.skeleton)} joints ({self.skeleton.name}), "
                f"got {keypoints.shape[1]}"
            )
        shapes = {"scores": (scores.shape, keypoints.shape[:2])}
        for name in ("frames", "person_ids", "times"):
            if (array := getattr(self, name)) is not None:
                shapes[name] = (array.shape, (count,))
        for name, (found, expected) in shapes.items():
            if found != expected:
                raise PoseliftError(
                    f"{self.source}: expected {name} of shape {expected}, got {found}"
                )
        x, y = keypoints[..., 0], keypoints[..., 1]
        for bad, reason in (
            (np.isinf(x) | np.isinf(y), "expected finite coordinates, got infinity"),
            (np.isnan(x) != np.isnan(y), "one coordinate is missing, one is not"),
            (np.isinf(scores), "expected a finite score, got infinity"),
        ):
            if bad.any():
                row, joint = np.argwhere(bad)[0]
                raise PoseliftError(
                    f"{self.source}, frame {int(self.frames[row])}, "
                    f"joint {self.skeleton.joints[joint]}: {reason}"
                )
        frames, ids = np.asarray(self.frames), np.asarray(self.person_ids)
        if frames.min() < 0 or (np.diff(frames) < 0).any():
            raise PoseliftError(f"{self.source}: expected frame numbers from 0 on, in order")
        known = np.flatnonzero(ids >= 0)
        order = known[np.lexsort((ids[known], frames[known]))]
        twice = (np.diff(frames[order]) == 0) & (np.diff(ids[order]) == 0)
        if twice.any():
            row = order[np.flatnonzero(twice)[0]]
            raise PoseliftError(
                f"{self.source}, frame {frames[row]}: person {ids[row]} occurs twice"
            )

    def __len__(self) -> int:
        """Return the number of rows N."""
        return len(self.frames)
