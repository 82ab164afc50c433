"""Results of detectors in memory as detections: attributes are read, nothing is imported.

Each function takes one result a frame, in the order of the frames: a list or a generator.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from poselift.errors import PoseliftError
from poselift.io.entries import COUNTS
from poselift.io.jointsets import resolve
from poselift.io.mend import mend, of_picture
from poselift.io.table import Table
from poselift.poses import Detections
from poselift.skeletons import MEDIAPIPE_33, Skeleton

#: Joint sets by number of keypoints, as detectors have them.
_COUNTS = {**COUNTS, 17: ("coco_17", "h36m_17"), 18: ("openpose_18",), 25: ("body_25", "body_25b")}


def from_rtmlib(
    results: Iterable[tuple[Any, Any]],
    *,
    skeleton: str | Skeleton | None = None,
    fps: float | None = None,
    image_size: tuple[int, int] | None = None,
) -> Detections:
    """Make detections of rtmlib's `keypoints, scores = model(picture)`, a pair for each frame.

    skeleton    joint set, where the number of joints leaves it open.
    fps         frames a second, or None.
    image_size  (width, height) in pixels, or None.

    Raises `PoseliftError` naming the frame for arrays of another shape.
    """
    frames = _Frames("rtmlib", skeleton, fps, image_size)
    for keypoints, scores in results:
        frames.add(keypoints, scores)
    return frames.detections()


def from_mediapipe(
    results: Iterable[Any], image_size: tuple[int, int], *, fps: float | None = None
) -> Detections:
    """Make detections of MediaPipe's pose results, those of Tasks and of Solutions.

    image_size  (width, height) of the pictures in pixels: landmarks are shares of it.

    Raises `PoseliftError` naming the frame for anything but 33 landmarks.
    """
    frames = _Frames("mediapipe", MEDIAPIPE_33, fps, image_size)
    for result in results:
        people = result.pose_landmarks or []
        people = people if isinstance(people, list | tuple) else [people.landmark]
        points = [[(one.x, one.y) for one in person] for person in people]
        scores = [[one.visibility for one in person] for person in people]
        frames.add(np.array(points, np.float64), np.array(scores, np.float64))
    return frames.detections(shares=True)


def from_ultralytics(
    results: Iterable[Any],
    *,
    skeleton: str | Skeleton | None = None,
    fps: float | None = None,
) -> Detections:
    """Make detections of ultralytics' `Results` of a pose model; tracks keep their numbers.

    Raises `PoseliftError` for results without keypoints.
    """
    frames = _Frames("ultralytics", skeleton, fps, None)
    for result in results:
        if result.keypoints is None:
            raise PoseliftError("ultralytics: the results have no keypoints, use a pose model")
        height, width = result.orig_shape
        frames.table.sizes.add([int(width), int(height)], "ultralytics")
        ids = None if result.boxes is None else result.boxes.id
        frames.add(result.keypoints.xy, result.keypoints.conf, ids)
    return frames.detections()


def from_supervision(
    results: Iterable[Any],
    *,
    skeleton: str | Skeleton | None = None,
    fps: float | None = None,
    image_size: tuple[int, int] | None = None,
) -> Detections:
    """Make detections of supervision's `KeyPoints`; `tracker_id` in their data is kept."""
    frames = _Frames("supervision", skeleton, fps, image_size)
    for result in results:
        frames.add(result.xy, result.confidence, (result.data or {}).get("tracker_id"))
    return frames.detections()


def from_mmpose(
    results: Iterable[Any],
    *,
    skeleton: str | Skeleton | None = None,
    fps: float | None = None,
    image_size: tuple[int, int] | None = None,
) -> Detections:
    """Make detections of MMPose: `PoseDataSample`s, or what `MMPoseInferencer` yields."""
    frames = _Frames("mmpose", skeleton, fps, image_size)
    for result in results:
        if isinstance(result, dict):
            people = [one for picture in result["predictions"] for one in picture]
            frames.add(
                np.array([one["keypoints"] for one in people], np.float64),
                np.array([one["keypoint_scores"] for one in people], np.float64),
            )
        else:
            found = result.pred_instances
            frames.add(found.keypoints, found.keypoint_scores)
    return frames.detections()


class _Frames:
    """Detections that grow frame by frame."""

    def __init__(
        self,
        source: str,
        skeleton: str | Skeleton | None,
        fps: float | None,
        image_size: tuple[int, int] | None,
    ) -> None:
        counts = {33: ("mediapipe_33",)} if source == "mediapipe" else _COUNTS
        self.table = Table(source, counts, resolve(skeleton))
        self.table.fps = fps
        if image_size is not None:
            self.table.sizes.add(list(image_size), source)

    def add(self, keypoints: Any, scores: Any, ids: Any = None) -> None:
        """Add a frame: keypoints (P, J, 2), scores (P, J) or None, numbers (P,) or None."""
        number = self.table.frame_count
        self.table.frame_count += 1
        where = f"{self.table.source}, frame {number}"
        points = _array(keypoints)
        if points.size == 0:
            return
        if points.ndim != 3 or points.shape[2] < 2:
            raise PoseliftError(f"{where}: expected persons x joints x 2, got {points.shape}")
        confidence = np.full(points.shape[:2], np.nan) if scores is None else _array(scores)
        if confidence.shape != points.shape[:2]:
            raise PoseliftError(
                f"{where}: expected scores of shape {points.shape[:2]}, got {confidence.shape}"
            )
        numbers = [-1] * len(points) if ids is None else _array(ids).astype(int).tolist()
        rows = np.concatenate([points[..., :2], confidence[..., None]], axis=2)
        for index, (row, identity) in enumerate(zip(rows, numbers, strict=True)):
            self.table.add(number, identity, row.ravel().tolist(), f"{where}, person {index}")

    def detections(self, *, shares: bool = False) -> Detections:
        """Return what was gathered, mended as what is read from files."""
        found = self.table.detections()
        if shares:
            found = of_picture(found, None)
        return mend(found, normalised=False, size=None, ours=False)


def _array(value: Any) -> np.ndarray:
    """Return an array; tensors come from wherever they are."""
    return np.asarray(value.cpu() if callable(getattr(value, "cpu", None)) else value, np.float64)
