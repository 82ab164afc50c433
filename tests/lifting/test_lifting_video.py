"""`lift_video` and `open_camera`: the same poses as lifting what was detected, live or not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import poselift
from io_samples import walker
from poselift.detection import Video, record
from poselift.errors import PoseliftError
from poselift.lifting import Lifter
from poselift.motion import Options, Smoothing
from poselift.tracking import people_of
from tiny_model import tiny_onnx
from video_samples import Scripted, colours, write_video


@pytest.fixture(scope="module")
def lifter(tmp_path_factory: pytest.TempPathFactory) -> Lifter:
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    path.write_bytes(tiny_onnx())
    return Lifter(path)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clip") / "gym.mp4", colours(12, 640, 480), 50)


def detector() -> Scripted:
    one, other = walker(12, x=200, speed=2, scale=1.5), walker(12, x=500, speed=-1)
    return Scripted([np.stack(pair) for pair in zip(one, other, strict=True)])


def test_a_video_is_lifted_as_its_keypoints_are(clip: Path, lifter: Lifter) -> None:
    raw = Options(smooth=Smoothing.parse("none"))
    results = poselift.lift_video(clip, model=lifter, detector=detector(), motion=raw)
    with Video(clip) as video:
        people = people_of(record(video, detector()).detections)
    assert [one.poses_3d for one in results.people] == [lifter(one) for one in people]
    assert results.people[0].poses_3d.fps == 50
    assert results.meta["video"] == "gym.mp4"
    smooth = poselift.lift_video(clip, model=lifter, detector=detector(), trim=(0.0, 0.2))
    assert len(smooth.people[0].poses_3d) == 10
    assert any("smoothed: adaptive" in line for line in smooth.people[0].poses_3d.history)


def test_pictures_without_a_rate_are_taken_as_30_a_second(tmp_path: Path, lifter: Lifter) -> None:
    from PIL import Image

    for number, picture in enumerate(colours(3, 640, 480)):
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
    results = poselift.lift_video(tmp_path, model=lifter, detector=detector())
    assert (results.people[0].poses_3d.fps, len(results.people[0].poses_3d)) == (30, 3)


def test_a_camera_gives_frames_with_numbered_people(clip: Path, lifter: Lifter) -> None:
    with poselift.open_camera(clip, model=lifter, detector=detector()) as camera:
        frames = list(camera)
        assert camera.dropped + len(frames) == 12
        assert camera.rate > 1
        seen = camera.recording()
    assert frames[-1].picture.index == 11  # the newest is never the one that is dropped
    assert frames[0].picture.taken > 1e9
    for frame in frames:
        assert [one.number for one in frame.people] == [0, 1]
        for one in frame.people:
            assert one.pose.shape == (17, 3)
            assert np.isfinite(one.pose).all()
    # the first frame has no past, so nothing is filtered yet
    expected = lifter.lift(
        frames[0].people[0].keypoints[None], image_size=(640, 480), skeleton="coco_17"
    )
    np.testing.assert_allclose(frames[0].people[0].pose, expected[0], atol=1e-5)
    assert [len(one) for one in people_of(seen.detections)] == [len(frames)] * 2


def test_a_camera_that_is_not_there_is_said() -> None:
    with pytest.raises(PoseliftError, match="camera:97: there is no such camera"):
        poselift.open_camera(97)
