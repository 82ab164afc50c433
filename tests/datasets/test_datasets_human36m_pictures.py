"""Human3.6M's videos as crops with their poses, and each way in which they can be wrong."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

import human36m_samples as samples
from poselift.datasets.human36m_cameras import CAMERA_IDS
from poselift.datasets.human36m_pictures import BOXES, load_human36m_pictures
from poselift.errors import PoseliftError
from video_samples import write_video

#: One sequence of a subject, so that there are few videos.
ONE = {"S8": {"Smoking": 3}}


def frames(count: int) -> list[np.ndarray]:
    """A bright square at (400..440, 500..540) on a ground that is darker in every frame."""
    made = []
    for number in range(count):
        picture = np.full((1000, 1000, 3), 120 - 40 * number, np.uint8)
        picture[500:540, 400:440] = 250
        made.append(picture)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    samples.write_poses(tmp_path, samples.people(ONE))
    videos = tmp_path / "S8" / "Videos"
    videos.mkdir(parents=True)
    for camera in CAMERA_IDS:
        write_video(videos / f"Smoking.{camera}.mp4", frames(3), rate=50)
    return tmp_path


def write_boxes(folder: Path, box: list[float], count: int = 3) -> None:
    views = [np.tile(np.array(box, np.float32), (count, 1))] * 4
    np.savez(folder / BOXES, boxes={"S8": {"Smoking": views}})  # type: ignore[arg-type]


def test_pictures_are_those_of_the_poses(folder: Path) -> None:
    write_boxes(folder, [300, 400, 500, 600])
    pictures = load_human36m_pictures(folder, "val", size=(128, 96), every=1)
    assert len(pictures) == 12  # three frames, four cameras
    again = pickle.loads(pickle.dumps(pictures))  # as workers get it
    for row in (5, 0, 2, 11):
        item = again[row]
        assert item["image"].shape == (128, 96, 3)
        frame = pictures.data.frame[row]
        # the ground of its own frame, the square where the affine says
        assert abs(int(np.median(item["image"])) - (120 - 40 * frame)) < 12
        x, y = (item["crop"] @ [420, 520, 1])[:2]
        assert item["image"][int(y), int(x)].min() > 180
        ones = np.ones((17, 1))
        there = np.concatenate([pictures.data.keypoints[row], ones], axis=1) @ item["crop"].T
        np.testing.assert_allclose(item["keypoints"], there[:, :2], rtol=1e-4)
        assert item["picture_size"] == tuple(pictures.data.image_size[row].astype(int))
    assert len(load_human36m_pictures(folder, "val", every=2)) == 8


def test_what_is_wrong_is_said_in_a_sentence(folder: Path) -> None:
    def says(sentence: str) -> None:
        with pytest.raises(PoseliftError, match=sentence):
            load_human36m_pictures(folder, "val", every=1)

    write_boxes(folder, [1200, 400, 1300, 600])
    says(r"S8 Smoking, camera 54138969, frame 0: its box in .*boxes_h36m.npz \(1200, 400, 1300, 60")
    write_boxes(folder, [300, 400, 300, 600])
    says("or has no area")
    write_boxes(folder, [300, 400, 500, 600], count=2)
    says("S8 Smoking, camera 0: expected 3 boxes, found 2")
    (folder / BOXES).unlink()
    video = folder / "S8" / "Videos" / f"Smoking.{CAMERA_IDS[1]}.mp4"
    write_video(video, frames(2), rate=50)
    says(r"has 2 frames, but there are poses up to frame 2: is it cut off\?")
    video.write_bytes(b"no video")
    says("no video that can be read")
    video.unlink()
    says(r"Smoking.55011271.mp4: no such video; docs/data.md says how to get it and where it be")


def test_a_frame_that_the_file_promised_and_does_not_have(folder: Path) -> None:
    pictures = load_human36m_pictures(folder, "val", every=1)
    object.__setattr__(pictures, "data", pictures.data[np.array([2])])
    moved = pictures.data.frame.copy() + 40
    object.__setattr__(pictures.data, "frame", moved)
    with pytest.raises(PoseliftError, match="ends before frame 42, for which there is a pose"):
        pictures[0]
