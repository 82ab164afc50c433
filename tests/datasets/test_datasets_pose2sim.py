"""The real clip: markers seen by each camera lie on its keypoints."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from poselift.datasets.pose2sim import load_pose2sim
from poselift.errors import PoseliftError
from poselift.evaluation import LIMB_JOINTS
from poselift.skeletons import BODY_25B, H36M_17


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "data" / "pose2sim"


def test_clips_are_described(folder: Path) -> None:
    clips = load_pose2sim(folder)
    assert [clip.name for clip in clips] == ["cam01", "cam03"]
    for clip in clips:
        assert clip.skeleton == BODY_25B
        assert (clip.image_size, clip.fps) == ((1088, 1920), 60)
        assert clip.focal == pytest.approx(1681.4, abs=0.3)
        assert clip.poses.shape == (100, 12, 3)
        assert len(list(clip.keypoints.glob("*.json"))) == 100
        np.testing.assert_array_equal(clip.frames, np.arange(100))
    limbs = {joint for joint in H36M_17.joints if "_" in joint}
    assert set(LIMB_JOINTS) == limbs


def test_markers_project_onto_the_keypoints(folder: Path) -> None:
    for clip, limit in zip(load_pose2sim(folder), (20, 32), strict=True):
        assert clip.poses[..., 2].min() > 2  # in front of the camera
        merged = json.loads((folder / "balancing" / f"{clip.name}_body25b.json").read_text())
        errors = []
        for frame, pose in zip(merged["frames"], clip.poses, strict=True):
            person = frame["associated"][0]
            if person is None:
                continue
            seen = np.array(frame["people"][person]).reshape(25, 3)
            seen = seen[[clip.skeleton.index(joint) for joint in clip.joints]]
            pixels = pose[:, :2] / pose[:, 2:] * clip.focal + np.array(clip.image_size) / 2
            found = seen[:, 2] > 0.3
            errors.extend(np.linalg.norm(pixels - seen[:, :2], axis=1)[found])
        # left at left: exchanged sides would be off by a hip's width, 100 px
        assert np.median(errors) < limit


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "cam_03"', 'name = "cam_30"', "no camera 'cam03', .* one of cam_01"),
        ("rotation = [ 1.68", "turn = [ 1.68", "cam_01: expected size, rotation and translation"),
        ("size = [ 1088.0, 1920.0]", "size = [ 1088.0 ]", "cam_01: expected size as 2 numbers"),
        ("fisheye = false", "fisheye = no", "this calibration cannot be read .*line 8"),
    ],
)
def test_broken_calibration_is_refused(
    folder: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder / "calibration", copy / "calibration")
    shutil.copytree(
        folder / "balancing",
        copy / "balancing",
        ignore=lambda _, names: [name for name in names if name.endswith(".mp4")],
    )
    path = copy / "calibration" / "Calib_qualisys.toml"
    text = path.read_text()
    assert old in text
    path.chmod(0o644)
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(PoseliftError, match=message):
        load_pose2sim(copy)


def test_missing_files_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match=r"balancing\.trc: no such file"):
        load_pose2sim(tmp_path)
    (tmp_path / "balancing").mkdir()
    shutil.copy(folder / "balancing" / "balancing.trc", tmp_path / "balancing")
    with pytest.raises(PoseliftError, match=r"Calib_qualisys\.toml: no such calibration file"):
        load_pose2sim(tmp_path)
    (tmp_path / "calibration").mkdir()
    path = tmp_path / "calibration" / "Calib_qualisys.toml"
    shutil.copy(folder / "calibration" / path.name, path)
    with pytest.raises(PoseliftError, match="cam01_json: expected a folder of OpenPose files"):
        load_pose2sim(tmp_path)
    path.chmod(0o644)
    path.write_bytes(b"\xff\xff")
    with pytest.raises(PoseliftError, match="cannot be read"):
        load_pose2sim(tmp_path)
