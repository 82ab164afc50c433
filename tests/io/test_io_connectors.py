"""Results of detectors in memory: objects that have the attributes of each library's."""

from __future__ import annotations

from types import SimpleNamespace as Thing
from typing import Any

import numpy as np
import pytest

from io_samples import in_order, walker
from poselift.errors import PoseliftError
from poselift.io import (
    from_mediapipe,
    from_mmpose,
    from_rtmlib,
    from_supervision,
    from_ultralytics,
)
from poselift.skeletons import MEDIAPIPE_33

CLIP = walker(4)
SCORES = np.full((4, 17), 0.8)


def same(found: Any, ids: int = -1) -> None:
    np.testing.assert_allclose(found.keypoints, CLIP.astype(np.float32), atol=1e-3)
    np.testing.assert_allclose(found.scores, SCORES, atol=1e-6)
    assert found.frames.tolist() == [0, 1, 2, 3]
    assert (found.frame_count, found.skeleton.name) == (5, "coco_17")
    assert set(found.person_ids.tolist()) == {ids}


NOBODY = np.empty((0, 17, 2))


def test_rtmlib() -> None:
    results = [(one[None], score[None]) for one, score in zip(CLIP, SCORES, strict=True)]
    found = from_rtmlib([*results, (NOBODY, np.empty((0, 17)))], fps=25.0, image_size=(640, 480))
    same(found)
    assert (found.fps, found.image_size) == (25, (640, 480))
    with pytest.raises(PoseliftError, match="rtmlib, frame 0: expected persons x joints x 2"):
        from_rtmlib([(CLIP[0], SCORES[0])])
    with pytest.raises(PoseliftError, match=r"frame 0: expected scores of shape \(4, 17\)"):
        from_rtmlib([(CLIP, SCORES[:2])])


class Tensor:
    """An array on another device."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    def cpu(self) -> np.ndarray:
        return self._values


def test_ultralytics() -> None:
    results = [
        Thing(
            keypoints=Thing(xy=Tensor(one[None]), conf=Tensor(score[None])),
            boxes=Thing(id=Tensor(np.array([7.0]))),
            orig_shape=(480, 640),
        )
        for one, score in zip(CLIP, SCORES, strict=True)
    ]
    nobody = Thing(keypoints=Thing(xy=NOBODY, conf=None), boxes=None, orig_shape=(480, 640))
    found = from_ultralytics(iter([*results, nobody]))
    same(found, ids=7)
    assert found.image_size == (640, 480)
    with pytest.raises(PoseliftError, match="use a pose model"):
        from_ultralytics([Thing(keypoints=None)])


def test_supervision() -> None:
    results = [
        Thing(xy=one[None], confidence=score[None], data={"tracker_id": np.array([3])})
        for one, score in zip(CLIP, SCORES, strict=True)
    ]
    same(from_supervision([*results, Thing(xy=NOBODY, confidence=None, data={})]), ids=3)


def test_mmpose() -> None:
    samples = [
        Thing(pred_instances=Thing(keypoints=one[None], keypoint_scores=score[None]))
        for one, score in zip(CLIP, SCORES, strict=True)
    ]
    nobody = Thing(pred_instances=Thing(keypoints=NOBODY, keypoint_scores=np.empty((0, 17))))
    same(from_mmpose([*samples, nobody]))
    yielded = [
        {"predictions": [[{"keypoints": one.tolist(), "keypoint_scores": score.tolist()}]]}
        for one, score in zip(CLIP, SCORES, strict=True)
    ]
    same(from_mmpose([*yielded, {"predictions": [[]]}]))


def test_mediapipe() -> None:
    points = in_order(CLIP, MEDIAPIPE_33)
    points = np.where(np.isnan(points), CLIP[:, :1] + 1.5, points)
    people = [
        [Thing(x=x / 640, y=y / 480, visibility=0.8) for x, y in one.tolist()] for one in points
    ]
    tasks = [Thing(pose_landmarks=[one]) for one in people]
    solutions = [Thing(pose_landmarks=Thing(landmark=one)) for one in people]
    for results in ([*tasks, Thing(pose_landmarks=[])], [*solutions, Thing(pose_landmarks=None)]):
        found = from_mediapipe(results, (640, 480))
        np.testing.assert_allclose(found.keypoints, points, atol=1e-3)
        assert (found.frame_count, found.image_size) == (5, (640, 480))
