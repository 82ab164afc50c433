"""Results of detectors in memory as detections: attributes are read, nothing is imported.

Each function takes one result a frame, in the order of the frames: a list or a generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from poselift.errors import PoseliftError, expect
from poselift.io.entries import COUNTS
from poselift.io.jointsets import resolve
from poselift.io.mend import mend, of_picture
from poselift.io.table import Table
from poselift.poses import Detections
from poselift.poses.checks import check_size
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

    def take(result: Any) -> _Found:
        keypoints, scores = result
        return keypoints, scores, None

    frames.gather(results, take, "a pair of keypoints and scores")
    return frames.detections()


def from_mediapipe(
    results: Iterable[Any], image_size: tuple[int, int], *, fps: float | None = None
) -> Detections:
    """Make detections of MediaPipe's pose results, those of Tasks and of Solutions.

    image_size  (width, height) of the pictures in pixels: landmarks are shares of it.

    Raises `PoseliftError` naming the frame for anything but 33 landmarks.
    """
    frames = _Frames("mediapipe", MEDIAPIPE_33, fps, image_size)

    def take(result: Any) -> _Found:
        people = result.pose_landmarks or []
        people = people if isinstance(people, list | tuple) else [people.landmark]
        points = [[(one.x, one.y) for one in person] for person in people]
        scores = [[one.visibility for one in person] for person in people]
        return np.array(points, np.float64), np.array(scores, np.float64), None

    frames.gather(results, take, "a pose result with pose_landmarks")
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

    def take(result: Any) -> _Found:
        if result.keypoints is None:
            raise PoseliftError("ultralytics: the results have no keypoints, use a pose model")
        height, width = result.orig_shape
        frames.table.sizes.add([int(width), int(height)], "ultralytics")
        ids = None if result.boxes is None else result.boxes.id
        return result.keypoints.xy, result.keypoints.conf, ids

    frames.gather(results, take, "Results of a pose model")
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

    def take(result: Any) -> _Found:
        return result.xy, result.confidence, (result.data or {}).get("tracker_id")

    frames.gather(results, take, "KeyPoints")
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

    def take(result: Any) -> _Found:
        if isinstance(result, dict):
            people = [one for picture in result["predictions"] for one in picture]
            points = np.array([one["keypoints"] for one in people], np.float64)
            return points, np.array([one["keypoint_scores"] for one in people], np.float64), None
        found = result.pred_instances
        return found.keypoints, found.keypoint_scores, None

    frames.gather(results, take, "a PoseDataSample, or what MMPoseInferencer yields")
    return frames.detections()


#: Keypoints, scores and numbers of the persons of a frame, as a detector holds them.
_Found = tuple[Any, Any, Any]


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
            check_size(image_size, f"{source}: ")
            self.table.sizes.add(list(image_size), source)

    def gather(self, results: Iterable[Any], take: Callable[[Any], _Found], words: str) -> None:
        """Add what `take` finds in each frame's result, which is to be `words`."""
        source = self.table.source
        expect(results, Iterable, f"{source}'s results as a list, one a frame")
        for result in results:
            where = f"{source}, frame {self.table.frame_count}"
            try:
                keypoints, scores, ids = take(result)
                points = _array(keypoints)
                rest = [None if one is None else _array(one) for one in (scores, ids)]
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                kind = type(result).__name__
                raise PoseliftError(f"{where}: expected {words}, got {kind} ({error})") from error
            self._add(where, points, *rest)

    def _add(
        self,
        where: str,
        points: np.ndarray,
        confidence: np.ndarray | None,
        ids: np.ndarray | None,
    ) -> None:
        """Add a frame: keypoints (P, J, 2), scores (P, J) or None, numbers (P,) or None."""
        number = self.table.frame_count
        self.table.frame_count += 1
        if points.size == 0:
            return
        if points.ndim != 3 or points.shape[2] < 2:
            raise PoseliftError(f"{where}: expected persons x joints x 2, got {points.shape}")
        if confidence is None:
            confidence = np.full(points.shape[:2], np.nan)
        if confidence.shape != points.shape[:2]:
            raise PoseliftError(
                f"{where}: expected scores of shape {points.shape[:2]}, got {confidence.shape}"
            )
        numbers = [-1] * len(points) if ids is None else ids.astype(int).tolist()
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
