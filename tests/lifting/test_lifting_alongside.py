"""Lifting while detecting goes on: the poses that lifting afterwards gives, or none at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from io_samples import walker
from poselift.detection import Watched
from poselift.lifting import Lifter
from poselift.lifting.alongside import Alongside
from poselift.poses import Detections
from poselift.skeletons import COCO_17
from poselift.tracking import people_of
from tiny_model import tiny_onnx

SIZE = (640, 480)


@pytest.fixture(scope="module")
def lifter(tmp_path_factory: pytest.TempPathFactory) -> Lifter:
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    path.write_bytes(tiny_onnx())
    return Lifter(path, threads=1)


def watched(along: Alongside, frames: int = 90, **changes: Any) -> Detections:
    """Let two people be detected, the second from frame 10 on, and return their table."""
    one, other = walker(frames, x=200, speed=1, scale=1.5), walker(frames, x=500, speed=-1)
    one[5, 3:9] = np.nan
    table: list[tuple[int, np.ndarray]] = []
    for frame in range(frames):
        points = np.stack([one[frame], other[frame]][: 1 + (frame >= 10)]).astype(np.float32)
        points = points * changes.get("scale", 1.0)
        scores = np.full(points.shape[:2], 0.8, np.float32)
        scores[:, 4] = 0.0  # an ear that is not found
        along.add(frame + 3, Watched(points, scores, np.arange(len(points))))
        table += [(frame + 3, row) for row in points]
    keypoints = np.stack([row for _, row in table])
    scores = np.full(keypoints.shape[:2], 0.8, np.float32)
    scores[:, 4] = 0.0
    return Detections(
        frames=np.array([frame for frame, _ in table]),
        keypoints=keypoints,
        scores=scores,
        person_ids=np.full(len(table), -1),
        skeleton=COCO_17,
        fps=30.0,
        image_size=SIZE,
        frame_count=frames + 3,
        source="a test",
    )


@pytest.mark.parametrize("focal", [None, 700.0])
def test_poses_are_those_that_lifting_afterwards_gives(lifter: Lifter, focal: float | None) -> None:
    with Alongside(lifter, COCO_17, SIZE, focal) as along:
        people = people_of(watched(along))
    assert [len(one) for one in people] == [90, 80]
    ready = along.ready(people)
    assert ready is not None
    for one, poses in zip(people, ready, strict=True):
        np.testing.assert_allclose(poses, lifter(one, focal=focal).positions, atol=1e-6)
    results = lifter.lift_people(people, focal=focal, ready=ready)
    assert np.array_equal(results.people[1].poses_3d.positions, ready[1])
    assert along.ready(people[1:]) is not None  # of some of them
    assert along.ready([one[10:20] for one in people]) is not None


def test_what_is_refused_is_left_to_the_lifting_afterwards(lifter: Lifter) -> None:
    with Alongside(lifter, COCO_17, SIZE) as along:
        people = people_of(watched(along, scale=9.0))  # far outside of the picture
    assert along.ready(people) is None


def test_detections_that_it_has_not_seen(lifter: Lifter) -> None:
    with Alongside(lifter, COCO_17, SIZE) as along:
        watched(along, 40)
    with Alongside(lifter, COCO_17, SIZE) as other:
        people = people_of(watched(other, 50))
    assert along.ready(people) is None
    along._frames.append(99)  # Ctrl-C came between the two lists
    assert along.ready(people[:0]) is None


def test_a_network_of_several_frames_waits(tmp_path: Path) -> None:
    (tmp_path / "tiny.onnx").write_bytes(tiny_onnx({"frames": 3}))
    with Alongside(Lifter(tmp_path / "tiny.onnx"), COCO_17, SIZE) as along:
        people = people_of(watched(along, 40))
    assert along.ready(people) is None
