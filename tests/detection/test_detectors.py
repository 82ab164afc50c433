"""The shipped MoveNet on a real clip, and detectors from files."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from poselift.datasets.pose2sim import load_pose2sim
from poselift.detection import DETECTORS, Detector, Video, open_detector, record
from poselift.detection import movenet as shipped
from poselift.detection.detector import boxes_of
from poselift.detection.movenet import square_around
from poselift.detection.rtm import Rtmlib
from poselift.errors import PoseliftError
from poselift.skeletons import BODY_25, COCO_17, HALPE_26
from poselift.tracking import people_of
from tiny_model import pose_network
from video_samples import colours, write_video


def test_the_shipped_files_are_those_of_the_notice() -> None:
    folder = Path(shipped.__file__).parent / "models"
    notice = (folder / "NOTICE").read_text()
    files = sorted(folder.glob("*.onnx"))
    assert len(files) == 2
    for file in files:
        assert f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}" in notice
    assert "Apache License, Version 2.0" in notice


def test_a_damaged_file_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(shipped.__file__).parent / "models"
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    name = "movenet_multipose.onnx"
    (tmp_path / name).write_bytes((folder / name).read_bytes()[:-1] + b"x")
    monkeypatch.setattr(shipped, "_FOLDER", tmp_path)
    with pytest.raises(PoseliftError, match="the shipped detector is damaged, reinstall poselift"):
        open_detector()
    (tmp_path / name).unlink()
    with pytest.raises(PoseliftError, match="the shipped detector is missing"):
        open_detector()


@pytest.mark.parametrize("name", ["movenet", "multipose"])
def test_movenet_finds_the_participant(shared: Path, name: str) -> None:
    """Against the triangulated markers: the median 2D error over 12 frames (OpenPose: 14)."""
    root = shared / "data" / "pose2sim"
    truth = {clip.name: clip for clip in load_pose2sim(root)}["cam03"]
    with Video(root / "balancing" / "cam03.mp4", trim=(0.0, 0.2)) as video:
        found = record(video, open_detector(name)).detections
    person = people_of(found)[0]
    assert len(person) == 12
    rows = [COCO_17.index(joint) for joint in truth.joints]
    # about the camera's own matrix: focal length, and the middle of the picture for its centre
    size, limbs = np.array(truth.image_size), truth.poses[person.frames]
    pixels = truth.focal * limbs[..., :2] / limbs[..., 2:] + size / 2
    error = np.linalg.norm(person.positions[:, rows] - pixels, axis=2)
    assert np.nanmedian(error) < 35
    assert (person.scores.mean(axis=1) > 0.5).all()


def test_a_square_is_even_and_holds_the_box() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        low = rng.uniform(-100, 1000, 2)
        box = np.concatenate([low, low + rng.uniform(0, 500, 2)]).astype(np.float32)
        square = np.array(square_around(box))
        assert (square % 2 == 0).all()
        assert square[2] - square[0] == square[3] - square[1]
        assert (square[:2] <= box[:2] + 1).all()
        assert (square[2:] >= box[2:] - 1).all()


@pytest.mark.parametrize(("kind", "within"), [("simcc", 1.0), ("heatmaps", 10.0)])
def test_networks_as_mmpose_exports_them(tmp_path: Path, kind: str, within: float) -> None:
    detector = open_detector(str(pose_network(tmp_path / "pose.onnx", kind=kind)))
    assert isinstance(detector, Detector)
    assert detector.skeleton == COCO_17
    video = write_video(tmp_path / "a.mp4", colours(1, 640, 480))
    with Video(video) as opened:
        found = detector.follow(next(iter(opened)), np.array([[100, 100, 220, 260]], np.float32))
    # 128 pixels of the network are the side of the square: 1.25 x 160
    side = square_around(np.array([100, 100, 220, 260], np.float32), 1.25)
    scale = (side[2] - side[0]) / 128
    joint = np.arange(17)
    expected = np.stack([16 + 12 + 2 * joint, 20 + 4 * joint], axis=1) * scale + side[:2]
    np.testing.assert_allclose(found.keypoints[0], expected, atol=within)
    np.testing.assert_allclose(found.scores, 0.8, atol=1e-6)


def test_joints_of_a_file_are_named_not_guessed(tmp_path: Path) -> None:
    path = str(pose_network(tmp_path / "pose.onnx", kind="simcc", joints=26))
    with pytest.raises(PoseliftError, match=r"gives 26 joints, name the joint set \(--skeleton\)"):
        open_detector(path)
    assert open_detector(path, skeleton="halpe_26").skeleton == HALPE_26
    with pytest.raises(PoseliftError, match="gives 26 joints, expected the 25 of body_25"):
        open_detector(path, skeleton="body_25")


def test_what_is_no_detector_is_refused(tmp_path: Path, shared: Path) -> None:
    text = tmp_path / "text.onnx"
    text.write_text("no network")
    nonsense = pose_network(tmp_path / "odd.onnx", kind="nonsense")
    lifter = Path(shipped.__file__).parents[1] / "weights" / "gln.onnx"
    messages = {
        "nothing.onnx": r"detector 'nothing\.onnx' not found, expected movenet, multipose, rtmlib",
        str(text): r"text\.onnx: ",
        str(nonsense): "not a pose network, expected SimCC or heatmaps to come out",
        str(lifter): r"gln\.onnx: is no detector but 'gln', which lifts keypoints",
        str(shared / "cases" / "hostile" / "external_data.onnx"): r"external_data\.onnx: ",
    }
    for name, message in messages.items():
        with pytest.raises(PoseliftError, match=message):
            open_detector(name)
    with pytest.raises(PoseliftError, match="has joints of its own, leave --skeleton out"):
        open_detector("movenet", skeleton="coco_17")


def test_rtmlib_is_used_and_never_downloads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "rtmlib" in DETECTORS
    monkeypatch.setitem(sys.modules, "rtmlib", None)
    with pytest.raises(PoseliftError, match=r"pip install .*\[rtm\]"):
        open_detector("rtmlib")
    module = ModuleType("rtmlib")
    module.Body = SimpleNamespace(  # type: ignore[attr-defined]
        MODE={"balanced": {"det": "https://host/det.zip", "pose": "https://host/pose.zip"}}
    )
    monkeypatch.setitem(sys.modules, "rtmlib", module)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(PoseliftError, match=r"files are not on this machine.*have rtmlib download"):
        open_detector("rtmlib")

    def pose(shown: np.ndarray, bboxes: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
        colours_seen.append(shown[0, 0].tolist())
        middle = np.array([[(b[0] + b[2]) / 2, (b[1] + b[3]) / 2] for b in bboxes])
        return np.repeat(middle[:, None], 17, axis=1), np.full((len(bboxes), 17), 1.5)

    colours_seen: list[list[int]] = []
    solution = SimpleNamespace(det_model=lambda _: [[10, 20, 30, 40]], pose_model=pose)
    detector = Rtmlib(solution)
    path = write_video(tmp_path / "a.mp4", colours(1))
    with Video(path) as video:
        picture = next(iter(video))
        found = detector.find(picture)
        empty = Rtmlib(SimpleNamespace(det_model=lambda _: [], pose_model=pose)).find(picture)
    np.testing.assert_allclose(found.keypoints[0, 0], [20, 30])
    assert found.scores.max() == 1.0
    assert empty.keypoints.shape == (0, 17, 2)
    assert colours_seen[0][0] > 100 > colours_seen[0][2]  # blue first
    with pytest.raises(PoseliftError, match="expected rtmlib's joints as coco_17 or halpe_26"):
        Rtmlib(solution, BODY_25)


def test_boxes_are_of_the_joints_that_were_found() -> None:
    points = np.tile(np.array([[0, 0], [10, 20], [30, 5], [7, 7]], np.float32), (2, 2, 1))
    scores = np.full((2, 8), 0.9, np.float32)
    points[0, 0] = (900, 900)
    scores[0, 0] = 0.1
    scores[1] = 0.1  # nothing is sure: the box of all
    from poselift.detection import Found

    assert boxes_of(Found(points, scores)).tolist() == [[0, 0, 30, 20], [0, 0, 30, 20]]
