"""Cameras from files of others, a field of view, or a guess; what does not fit is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from poselift.errors import PoseliftError
from poselift.geometry import from_rotation_vector
from poselift.motion.calibration import Calibration, Lens, parse_map, read_calibration

MATRIX = [[1200.0, 0.0, 640.0], [0.0, 1190.0, 360.0], [0.0, 0.0, 1.0]]

OPENCV = """%YAML:1.0
---
image_width: 1280
image_height: 720
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 1200., 0., 640., 0., 1190., 360., 0., 0., 1. ]
distortion_coefficients: !!opencv-matrix
   rows: 1
   cols: 5
   dt: d
   data: [ -0.2, 0.1, 0.001, -0.002, 0.01 ]
"""

TOML = """
[left]
name = "left"
size = [ 1280.0, 720.0]
matrix = [ [ 1200.0, 0.0, 640.0], [ 0.0, 1190.0, 360.0], [ 0.0, 0.0, 1.0]]
distortions = [ -0.2, 0.1, 0.001, -0.002]
rotation = [ 1.5, 0.2, -0.4]
translation = [ 0.3, 0.9, 2.8]
fisheye = false

[cam_02]
size = [ 640.0, 480.0]
matrix = [ [ 600.0, 0.0, 320.0], [ 0.0, 600.0, 240.0], [ 0.0, 0.0, 1.0]]

[metadata]
adjusted = false
"""


def written(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yml", OPENCV),
        (
            "a.json",
            json.dumps(
                {"K": MATRIX, "dist": [-0.2, 0.1, 0.001, -0.002, 0.01], "image_size": [1280, 720]}
            ),
        ),
        (
            "a.json",
            json.dumps(
                {
                    "cam": {
                        "camera_matrix": {"rows": 3, "data": np.ravel(MATRIX).tolist()},
                        "D": [[-0.2, 0.1, 0.001, -0.002, 0.01]],
                        "width": 1280,
                        "height": 720,
                    }
                }
            ),
        ),
    ],
)
def test_formats_of_one_camera(tmp_path: Path, name: str, text: str) -> None:
    camera = read_calibration(written(tmp_path, name, text))
    assert camera.size == (1280, 720)
    assert camera.focal == (1200.0, 1190.0)
    assert camera.center == (640.0, 360.0)
    assert camera.distortion == (-0.2, 0.1, 0.001, -0.002, 0.01)
    assert camera.rotation is None


def test_one_of_several_by_name_or_by_the_clips(tmp_path: Path) -> None:
    path = written(tmp_path, "calib.toml", TOML)
    named = read_calibration(f"{path}:left")
    assert named.size == (1280, 720)
    assert named.rotation is not None
    np.testing.assert_allclose(named.rotation, from_rotation_vector(np.array([1.5, 0.2, -0.4])))
    assert read_calibration(path, "clips/Cam02_json").size == (640, 480)
    with pytest.raises(PoseliftError, match="2 cameras, expected --calibration FILE:CAMERA"):
        read_calibration(path, "video")
    with pytest.raises(PoseliftError, match=r"no camera 'right', .* one of left, cam_02"):
        read_calibration(f"{path}:right")


def test_pose2sims_own(shared: Path) -> None:
    path = shared / "data/pose2sim/calibration/Calib_qualisys.toml"
    camera = read_calibration(str(path), "cam03_json")
    assert camera.size == (1088, 1920)
    assert camera.focal[0] == pytest.approx(1681.598, abs=1e-3)
    assert camera.rotation is not None


def test_slopes_undo_the_distortion() -> None:
    camera = Calibration(
        (1280, 720), (1200.0, 1190.0), (640.0, 360.0), (-0.2, 0.1, 1e-3, -2e-3, 0.0)
    )
    x, y = slope = np.array([0.3, -0.2])
    r2 = x * x + y * y
    radial = 1 - 0.2 * r2 + 0.1 * r2**2
    bent = radial * slope + [
        2 * 1e-3 * x * y - 2e-3 * (r2 + 2 * x * x),
        1e-3 * (r2 + 2 * y * y) - 2 * 2e-3 * x * y,
    ]
    pixels = bent * camera.focal + camera.center
    np.testing.assert_allclose(camera.slopes(pixels), slope, atol=1e-7)
    both = np.stack([pixels, [np.nan, np.nan]])
    assert np.isnan(camera.slopes(both)[1]).all()


def test_a_field_of_view_and_a_guess() -> None:
    wide = Calibration.of_focal((1920, 1080), fov=90.0)
    assert wide.focal == pytest.approx((960.0, 960.0))
    guess = Calibration.of_focal((1080, 1920))
    assert guess.assumed
    assert guess.focal == (1920.0, 1920.0)
    assert not Calibration.of_focal((1080, 1920), 1500.0).assumed


def test_a_scaled_and_padded_picture() -> None:
    camera = Calibration((1088, 1920), (1680.0, 1680.0), (533.0, 948.0), source="calib")
    scale, shift = parse_map("1080/1088,0,7")
    mapped = camera.mapped(scale, shift).fitting((1080, 1920))
    pixels = np.array([[700.0, 1500.0]])
    np.testing.assert_allclose(mapped.slopes(pixels * scale + shift), camera.slopes(pixels))
    with pytest.raises(PoseliftError, match=r"1088x1920, this one 544x960.*scaled: 0\.5,0,0\)"):
        camera.fitting((544, 960))
    assert camera.fitting(None).size == (1088, 1920)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.toml", "[cam", "cannot be read"),
        ("a.json", "{", "cannot be read"),
        ("a.yml", "a: [1", "cannot be read"),
        ("a.xml", "<a/>", "expected a calibration as .toml"),
        ("a.json", '{"a": 1}', "no camera with a matrix"),
        ("a.json", '{"K": [[1, 0], [0, 1]]}', "expected matrix as 9 numbers"),
        ("a.json", '{"K": "wide"}', "expected matrix as 9 numbers"),
        ("a.json", '{"K": [[0,0,1],[0,1,1],[0,0,1]]}', "fx, fy above 0"),
        ("a.json", '{"K": [[1,0,1],[0,1,1],[0,0,1]], "fisheye": true}', "a fisheye lens"),
        ("a.json", '{"K": [[1,0,1],[0,1,1],[0,0,1]], "D": [1,1,1,1,1,1,1,1]}', "at most 5"),
    ],
)
def test_broken_files(tmp_path: Path, name: str, text: str, says: str) -> None:
    with pytest.raises(PoseliftError, match=says):
        read_calibration(written(tmp_path, name, text))


def test_what_contradicts_itself(tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match="no such calibration file"):
        read_calibration(str(tmp_path / "none.toml"))
    with pytest.raises(PoseliftError, match="expected one of --focal and --fov, got 2"):
        Lens(focal=1000.0, fov=60.0)
    with pytest.raises(PoseliftError, match="give --calibration, too"):
        Lens(calibration_map="1,0,0")
    with pytest.raises(PoseliftError, match="picture's size or a calibration is needed"):
        Lens().camera(None)
    for text in ("1", "a,b,c", "0,0,0", "1/0,0,0", "1,0,nan"):
        with pytest.raises(PoseliftError, match="expected --calibration-map as SCALE,DX,DY"):
            parse_map(text)
    for changes in ({"focal": -1.0}, {"focal": float("nan")}, {"fov": 0.0}, {"fov": 180.0}):
        with pytest.raises(PoseliftError, match="expected a f"):
            Calibration.of_focal((100, 100), **changes)
