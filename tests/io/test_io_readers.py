"""Readers of other programs' files: a small file of each layout gives the poses it was made of."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from io_samples import walker, write
from poselift.errors import PoseliftError
from poselift.io import find_format, load, read_detections
from poselift.poses import Results
from poselift.skeletons import COCO_17
from reader_samples import (
    BVH,
    CASES,
    COUNT,
    IDS,
    SIZE,
    alphapose,
    clip,
    coco,
    deeplabcut,
    detectron,
    mediapipe_list,
    mediapipe_long,
    mediapipe_people,
    moving,
    npy,
    yolo_list,
    yolo_txt,
    yolo_txt_tracked,
)


@pytest.mark.parametrize(("make", "name", "skeleton", "options"), CASES, ids=IDS)
def test_each_layout_gives_the_poses_it_was_made_of(
    tmp_path: Path, make: Callable[[Path], Path], name: str, skeleton: str, options: dict[str, Any]
) -> None:
    path = make(tmp_path)
    assert find_format(path).name == name
    found = read_detections(path, **options)
    assert found.skeleton.name == skeleton
    assert found.frames.tolist() == [0, 1, 2, 3]
    assert found.frame_count == COUNT
    seen = slice(0, 17) if skeleton == "coco_23" else slice(None)
    np.testing.assert_allclose(found.keypoints[:, seen], clip(skeleton)[:, seen], atol=2e-3)


@pytest.mark.parametrize("make", [mediapipe_list, mediapipe_long, yolo_txt])
def test_without_the_pictures_size_shares_of_it_are_refused(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    path = make(tmp_path)
    with pytest.raises(PoseliftError, match=r"0\.\.1 of the picture, say its size \(--size\)"):
        read_detections(path)
    normalised = read_detections(path, normalised=True, image_size=SIZE)
    np.testing.assert_array_equal(
        normalised.keypoints, read_detections(path, image_size=SIZE).keypoints
    )


def test_trackers_numbers_and_times_are_kept(tmp_path: Path) -> None:
    assert read_detections(alphapose(tmp_path, walker(4), idx=[[5]])).person_ids.tolist() == [5] * 4
    assert read_detections(yolo_list(tmp_path)).person_ids.tolist() == [1] * 4
    labels = read_detections(yolo_txt_tracked(tmp_path), image_size=SIZE)
    assert labels.person_ids.tolist() == [4] * 4
    timed = read_detections(mediapipe_people(tmp_path), image_size=SIZE)
    assert timed.fps == 25.0
    assert timed.times is not None
    np.testing.assert_allclose(timed.times, [0, 0.04, 0.08, 0.12])


def test_pictures_keep_their_numbers_and_sizes(tmp_path: Path) -> None:
    entries = json.loads(alphapose(tmp_path, walker(4)).read_text())
    for number, entry in zip((90, 92, 10, 91), entries, strict=True):
        entry["image_id"] = f"v_{number}.png"
    found = read_detections(write(tmp_path / "b.json", entries))
    assert found.frames.tolist() == [10, 90, 91, 92]
    np.testing.assert_allclose(found.keypoints[0], walker(4)[2], atol=1e-3)
    assert read_detections(coco(tmp_path)).image_size == SIZE
    assert read_detections(detectron(tmp_path)).image_size == SIZE


def test_irregular_times_mean_no_frame_rate(tmp_path: Path) -> None:
    content = json.loads(mediapipe_people(tmp_path).read_text())
    for frame, stamp in zip(content["frames"], (0, 40, 130, 150), strict=True):
        frame["timestamp_ms"] = stamp
    found = read_detections(write(tmp_path / "b.json", content), image_size=SIZE)
    assert found.fps is None
    assert any("irregular" in note for note in found.notes)


def _several_clips(path: Path) -> Path:
    one = walker(COUNT).astype(np.float32)
    content = {"S1": {"Walking": [one, one], "Eating": [one]}}
    np.savez(path / "a.npz", positions_2d=np.array(content, dtype=object))
    return path / "a.npz"


def _no_landmarks(path: Path) -> Path:
    return write(path / "a.json", [{"pose_landmarks": None}, {"pose_landmarks": []}])


def _wrong_width(path: Path) -> Path:
    labels = yolo_txt(path)
    (labels / "clip_9.txt").write_text("0 0.5 0.5 0.1 0.1 0.2 0.3\n")
    return labels


def _word(path: Path) -> Path:
    labels = yolo_txt(path)
    (labels / "clip_2.txt").write_text("0 0.5 x 0.1\n")
    return labels


def _no_picture(path: Path) -> Path:
    content = json.loads(coco(path).read_text())
    content["annotations"][2]["image_id"] = 1
    return write(path / "a.json", content)


def _no_body(path: Path) -> Path:
    text = deeplabcut(path).read_text()
    for joint in COCO_17.joints:
        text = text.replace(f"{joint},", f"wing of {joint},")
    (path / "a.csv").write_text(text)
    return path / "a.csv"


def _mixed(path: Path) -> Path:
    entries = json.loads(alphapose(path, walker(4)).read_text())
    return write(path / "a.json", [*entries[:3], entries[3] | {"image_id": 7}])


REFUSED: list[tuple[Callable[[Path], Path], str]] = [
    (_several_clips, "expected one clip, got 3: S1, Walking, camera 0, S1, Walking, camera 1"),
    (_no_landmarks, "no person in any frame"),
    (_wrong_width, r"17 or 26 joints in each line, got 7, 56 numbers"),
    (_word, r"clip_2\.txt, line 1: expected numbers"),
    (_no_picture, "annotation 2: there is no image 1"),
    (_no_body, "no known skeleton has joints of these names: wing of nose"),
    (_mixed, "looks like alphapose and coco-results, say which it is"),
    (npy, "does not say which joints it has"),
]


@pytest.mark.parametrize(("make", "match"), REFUSED)
def test_what_cannot_be_read_is_said(
    tmp_path: Path, make: Callable[[Path], Path], match: str
) -> None:
    with pytest.raises(PoseliftError, match=match):
        read_detections(make(tmp_path), image_size=SIZE)


def test_pictures_by_name_and_by_number_do_not_mix(tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match="entry 3: expected image_id as in the entries before"):
        read_detections(_mixed(tmp_path), format="alphapose")


# 3D


@pytest.mark.parametrize("suffix", [".trc", ".c3d"])
def test_markers_come_back(tmp_path: Path, suffix: str) -> None:
    if suffix == ".c3d":
        pytest.importorskip("ezc3d")
    (before,) = moving().people
    moving().save(tmp_path / f"a{suffix}")
    found = load(tmp_path / f"a{suffix}")
    assert isinstance(found, Results)
    after = found.people[0].poses_3d
    assert (after.skeleton.name, after.fps) == ("h36m_17", 25.0)
    assert after.axes.startswith("world")
    placed = before.poses_3d.placed * (1, -1, -1)
    np.testing.assert_allclose(after.placed, placed, atol=2e-4)
    np.testing.assert_allclose(after.times, before.poses_3d.times, atol=1e-6)


def test_bvh_is_read_in_metres_with_its_joints(tmp_path: Path) -> None:
    (tmp_path / "a.bvh").write_text(BVH)
    found = load(tmp_path / "a.bvh")
    assert isinstance(found, Results)
    one = found.people[0].poses_3d
    assert one.skeleton.joints == ("Hips", "Spine", "Spine_end", "LeftUpLeg", "LeftLeg")
    assert one.skeleton.landmarks[3:] == ("left_hip", "left_knee")
    assert (one.fps, one.times[1]) == (25.0, 0.04)
    np.testing.assert_allclose(one.placed[0, 4], (0.1, 0.1, 0.0), atol=1e-6)
    np.testing.assert_allclose(one.placed[1, 2], (0.05 - 0.9, 0.9, 0.0), atol=1e-6)
    assert any("units: cm" in step for step in one.history)


def test_bvh_becomes_a_model_that_moves(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    (tmp_path / "a.bvh").write_text(BVH.replace("Frames: 2", "Frames: 3"))
    status, out, err = run("convert", tmp_path / "a.bvh", "-o", tmp_path / "a.npz")
    assert (status, "announces 3 frames, 2 come" in err) == (0, True)
    assert "1 person, 2 frames" in out
    assert isinstance(load(tmp_path / "a.npz"), Results)


def test_markers_of_no_known_body_stay_themselves(tmp_path: Path) -> None:
    text = (
        "PathFileType\t4\t(X/Y/Z)\ta.trc\n"
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\n"
        "50\t50\t2\t2\tmm\t50\t1\nFrame#\tTime\tBall\t\t\tBat\t\t\n\t\tX1\tY1\tZ1\tX2\tY2\tZ2\n"
        "1\t0\t\t\t\t1000\t500\t0\n2\t0.02\t100\t200\t300\t1000\t500\t0\n"
    )
    (tmp_path / "a.trc").write_text(text)
    found = load(tmp_path / "a.trc")
    assert isinstance(found, Results)
    one = found.people[0].poses_3d
    assert (one.skeleton.joints, one.frames.tolist()) == (("Ball", "Bat"), [0, 1])
    np.testing.assert_allclose(one.placed[:, 1], [[1, 0.5, 0]] * 2, atol=1e-6)
    assert np.isnan(one.placed[0, 0]).all()


def test_a_number_that_is_none_is_named(tmp_path: Path) -> None:
    numbers = [1.0, 2.0, 0.5] * 17
    entries = [{"image_id": "0.jpg", "category_id": 1, "keypoints": [*numbers], "score": 1}]
    entries[0]["keypoints"][4] = None
    (tmp_path / "a.json").write_text(json.dumps(entries))
    with pytest.raises(PoseliftError, match="entry 0, number 4: expected numbers, got null"):
        load(tmp_path / "a.json")
