"""Options of `lift` that make a movement: what they give, and a sentence where they cannot."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from motion_samples import seen, walk
from poselift.io import load, save
from tiny_model import tiny_onnx

Run = Callable[..., tuple[int, str, str]]

MATRIX = [[1200.0, 0, 500.0], [0, 1200.0, 500.0], [0, 0, 1]]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Keypoints of a person who walks."""
    poses_2d, *_ = seen(walk(40)[0])
    save([poses_2d], tmp_path / "walk.json")
    return tmp_path / "walk.json"


@pytest.fixture
def given(tmp_path: Path, clip: Path) -> list[object]:
    model = tmp_path / "tiny.onnx"
    model.write_bytes(tiny_onnx())
    return ["lift", clip, "-o", tmp_path / "out.npz", "--model", model, "--quiet"]


def steps(path: Path) -> list[str]:
    """First words of the history's lines, from the filter on."""
    history = load(path).people[0].poses_3d.history
    words = [line.partition(":")[0] for line in history]
    return words[words.index("lifted") + 1 : -1]


def test_clips_are_smoothed_unless_they_are_not(run: Run, given: list, tmp_path: Path) -> None:
    outputs = []
    for extra in ((), ("--smooth", "none"), ("--smooth", "butterworth:3")):
        status, _, err = run(*given, *extra)
        assert (status, err) == (0, "")
        outputs.append(load(tmp_path / "out.npz").people[0].poses_3d.positions)
    assert steps(tmp_path / "out.npz") == ["smoothed"]
    assert run(*given, "--smooth", "butterworth:40")[::2] == (
        0,
        "poselift: warning: --smooth does nothing, a cut-off of 40 Hz is not below half of the "
        "30 frames/s\n",
    )
    wild = [np.abs(np.diff(one, 2, axis=0)).mean() for one in outputs]
    assert wild[2] < wild[0] < wild[1]


def test_a_world_says_what_it_assumes(run: Run, given: list, tmp_path: Path) -> None:
    status, _, err = run(*given, "--world", "--height", "1.7")
    assert status == 0
    assert err.count("warning: the focal length is not known") == 1
    assert steps(tmp_path / "out.npz") == ["smoothed", "bones", "root", "floor", "world"]
    status, _, err = run(*given, "--root", "--focal", "1200")
    assert (status, err) == (0, "")
    assert steps(tmp_path / "out.npz") == ["smoothed", "bones", "root"]


def test_one_height_for_two_is_warned_of(run: Run, given: list, clip: Path, tmp_path: Path) -> None:
    poses_2d, *_ = seen(walk(40)[0])
    other = replace(poses_2d, positions=poses_2d.positions + np.float32(90), person_id=1)
    save([poses_2d, other], clip)
    status, _, err = run(*given, "--height", "1.7")
    words = "--height is taken for all 2 persons, --person takes one of them"
    assert (status, err) == (0, f"poselift: warning: {words}\n")
    assert run(*given, "--height", "1.7", "--person", "1")[::2] == (0, "")


def test_a_calibration_is_taken_for_lifting_and_placing(
    run: Run, given: list, tmp_path: Path
) -> None:
    calibration = tmp_path / "calib.json"
    calibration.write_text(json.dumps({"K": MATRIX, "image_size": [1000, 1000]}))
    status, _, err = run(*given, "--floor", "10", "--calibration", calibration)
    assert (status, err) == (0, "")
    assert load(tmp_path / "out.npz").meta["camera"]["focal_px"] == [1200.0, 1200.0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--smooth", "kalman"], "expected --smooth as one of none, adaptive, butterworth[:HZ]"),
        (["--bones", "rubber"], "expected --bones as one of none, constant, symmetric"),
        (["--height", "-1.7"], "expected the person's height in metres (1.78)"),
        (["--height", "178"], "expected the person's height in metres (1.78)"),
        (["--floor", "lava"], "expected --floor as one of none, feet, calibration"),
        (["--root", "--fov", "200"], "expected a field of view between 5 and 160 degrees"),
        (["--root", "--focal", "-5"], "expected a focal length above 0 pixels"),
        (["--fov", "60", "--focal", "900"], "expected one of --focal and --fov, got 2"),
        (["--calibration", "no.toml"], "no.toml: no such calibration file"),
        (["--calibration-map", "1,0,0"], "give --calibration, too"),
        (["--floor", "calibration"], "--floor calibration needs a calibration that says how"),
        (["--calibration", "SMALL", "--root"], "the calibrated picture is 640x480, this one 1000x"),
        (["--calibration", "SMALL", "--calibration-map", "x"], "expected --calibration-map as"),
    ],
)
def test_what_cannot_be(
    run: Run, given: list, tmp_path: Path, arguments: list[str], says: str
) -> None:
    small = tmp_path / "small.json"
    small.write_text(json.dumps({"K": MATRIX, "image_size": [640, 480]}))
    status, out, err = run(*given, *(str(small) if a == "SMALL" else a for a in arguments))
    assert status == 2
    assert out == ""
    assert says in err
    assert err.count("poselift: error:") == 1
    assert not (tmp_path / "out.npz").exists()


def test_a_calibration_of_a_scaled_picture(run: Run, given: list, tmp_path: Path) -> None:
    small = tmp_path / "small.json"
    small.write_text(json.dumps({"K": MATRIX, "image_size": [500, 500]}))
    mapped = ("--calibration-map", "2,0,0")
    assert "(for one that was only scaled: 2,0,0)" in run(*given, "--calibration", small)[2]
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"K": MATRIX, "image_size": [500, 400]}))
    assert "only scaled" not in run(*given, "--calibration", other)[2]
    status, _, err = run(*given, "--root", "--calibration", small, *mapped)
    assert (status, err) == (0, "")
    assert load(tmp_path / "out.npz").meta["camera"]["focal_px"] == [2400.0, 2400.0]


@pytest.mark.parametrize("kept", [1, 2, 4])
def test_few_frames_and_every_tenth(run: Run, given: list, clip: Path, kept: int) -> None:
    content = json.loads(clip.read_text())
    for person in content["people"]:
        for name in ("frames", "times", "keypoints", "scores"):
            if name in person:
                person[name] = person[name][:: 10 if kept == 4 else 1][:kept]
    clip.write_text(json.dumps(content))
    status, _, err = run(*given, "--world", "--fov", "60")
    assert (status, err) == (0, "")
