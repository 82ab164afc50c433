"""The demo's clip is what its script makes, and is the clip it is meant to be."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from poselift import PoseSequence, load_poses

FOLDER = Path(__file__).resolve().parents[1] / "examples"


@pytest.fixture(scope="module")
def committed() -> PoseSequence:
    return load_poses(FOLDER / "walk.json")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PoseSequence:
    spec = importlib.util.spec_from_file_location("make_clip", FOLDER / "make_clip.py")
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    path = tmp_path_factory.mktemp("clip") / "walk.json"
    script.main(["-o", str(path)])
    return load_poses(path)


def test_the_script_makes_the_clip(made: PoseSequence, committed: PoseSequence) -> None:
    """Written to 0.1 px: another machine's sine may round the other way."""
    np.testing.assert_array_equal(made.visible, committed.visible)
    np.testing.assert_allclose(made.positions, committed.positions, atol=0.11)
    np.testing.assert_allclose(made.scores, committed.scores, atol=0.011)
    assert (made.fps, made.image_size) == (committed.fps, committed.image_size)


def test_the_clip_is_small_whole_and_seen_by_a_detector(committed: PoseSequence) -> None:
    assert (FOLDER / "walk.json").stat().st_size < 400_000
    assert (len(committed), committed.fps, committed.image_size) == (240, 30.0, (1920, 1080))
    inside = (committed.positions >= 0) & (committed.positions <= (1920, 1080))
    assert inside[committed.visible].all()
    assert 0.97 < committed.visible.mean() < 1.0
    steps = np.linalg.norm(np.diff(committed.positions, axis=0), axis=2)
    assert 1 < np.nanmedian(steps) < 15  # it moves, and does not jump


def test_the_person_walks_through_the_picture_and_turns(committed: PoseSequence) -> None:
    at = committed.skeleton.index
    pelvis = committed.positions[:, at("pelvis"), 0]
    assert np.nanmax(pelvis) - np.nanmin(pelvis) > 600
    width = committed.positions[:, at("left_hip"), 0] - committed.positions[:, at("right_hip"), 0]
    assert np.nanmin(width) < -10 < 10 < np.nanmax(width)  # seen from the front and from behind


def test_the_video_is_small_clean_and_has_its_licence() -> None:
    """The spectator's place is blurred in every frame: nothing there is sharper than a cloud."""
    pytest.importorskip("av")
    from poselift.detection import Video

    assert (FOLDER / "balancing.mp4").stat().st_size < 1_000_000
    assert "Copyright (c) 2022, perfanalytics" in (FOLDER / "balancing.LICENSE").read_text()
    with Video(FOLDER / "balancing.mp4") as video:
        assert (video.size, video.fps, video.count) == ((540, 600), 60, 100)
        sharpness = []
        for picture in video:
            place = picture.whole(540, 600)[40:310, :104].astype(float)
            rest = picture.whole(540, 600)[40:310, 300:404].astype(float)
            sharpness.append([abs(np.diff(part, axis=1)).mean() for part in (place, rest)])
    place, rest = np.transpose(sharpness)
    assert len(place) == 100
    assert (place < 2.0).all()
    assert (rest > 2.5).all()


def test_the_video_is_lifted_with_its_calibration() -> None:
    pytest.importorskip("av")
    from poselift import lift_video
    from poselift.motion import Lens, Options

    lens = Lens(calibration=str(FOLDER / "balancing.toml"))
    steps = Options(root=True, lens=lens)
    results = lift_video(FOLDER / "balancing.mp4", trim=(0.0, 0.25), motion=steps)
    assert [len(one.poses_3d) for one in results.people] == [15]
    root = results.people[0].poses_3d.root
    assert root is not None
    assert 2.5 < np.median(root[:, 2]) < 4.5  # the participant is at 3.3 to 3.8 m
