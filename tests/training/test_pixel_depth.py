"""Pixels and depth in place of poses: exact there and back, in training and in evaluation."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from poselift import Lifter, PoseliftError
from poselift.cli.export import export
from poselift.datasets.lifting_data import LiftingData
from poselift.geometry import (
    H36M_S1_CAMERAS,
    NORMALISATIONS,
    Camera,
    PixelDepth,
    normalise,
)
from poselift.scoring.run import lift_data, score_lifting_data
from poselift.skeletons import H36M_17
from poselift.training import TrainingData, train
from poselift.training.losses import validate
from poselift.training.sources import as_network_sees
from tiny_model import tiny_onnx
from training_fixtures import seen, tiny_config

CAMERAS = tuple(H36M_S1_CAMERAS.values())
CPU = torch.device("cpu")


def way_of(data: LiftingData, normalisation: str) -> tuple[PixelDepth, np.ndarray, np.ndarray]:
    """The way, the network's inputs, and the poses in the network's space."""
    pose = normalise(data.keypoints, normalisation, data.image_size, data.focal)
    way = PixelDepth.of(pose, data.root, data.intrinsics, data.image_size, data.focal)
    return way, pose.inputs, pose.to_network(data.poses)


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_there_and_back(normalisation: str) -> None:
    way, inputs, poses = way_of(seen(), normalisation)
    outputs = way.from_metres(poses)
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(way.to_metres(outputs), poses, atol=1e-5)
    np.testing.assert_allclose(way[3:5].to_metres(outputs[3:5]), poses[3:5], atol=1e-5)
    # what is to be predicted of a joint's place is what the network is fed, where that is exact
    np.testing.assert_allclose(outputs[..., :2], inputs, atol=2e-5)
    np.testing.assert_array_equal(outputs[..., 2], poses[..., 2])


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_far_outside_of_the_picture_nothing_is_clamped(normalisation: str) -> None:
    data = seen()
    poses = data.poses.copy()
    poses[:, 5] = [11.0, -9.0, 0.1]  # slopes beyond 1, where `Camera.project` clamps
    slopes = (poses + data.root[:, None])[:, 5, :2] / (poses + data.root[:, None])[:, 5, 2:]
    assert (np.abs(slopes) > 1).any(axis=1).all()
    way, _, poses = way_of(replace(data, poses=poses), normalisation)
    np.testing.assert_allclose(way.to_metres(way.from_metres(poses)), poses, atol=1e-5)


def test_screen_known_by_hand() -> None:
    camera = Camera(size=(1000, 1000), focal=(1000.0, 1000.0), center=(520.0, 490.0))
    point = np.array([[[0.5, -0.25, 5.0]]])
    pixel = camera.project(point)
    pose = normalise(pixel, "screen", camera.size)
    lens = np.array([[*camera.focal, *camera.center]])
    way = PixelDepth.of(pose, np.array([[0.5, -0.25, 4.0]]), lens, camera.size)
    # pixel (620, 440) in the unit of half a width, a metre behind the root
    metres, outputs = np.array([[[0.0, 0.0, 1.0]]]), np.array([[[0.24, -0.12, 1.0]]])
    np.testing.assert_allclose(way.from_metres(metres), outputs, atol=1e-12)
    np.testing.assert_allclose(way.to_metres(outputs), metres, atol=1e-12)


def test_points_behind_the_camera_are_refused() -> None:
    data = seen()
    poses = data.poses.copy()
    poses[2, 7, 2] = -9.0
    way, _, _ = way_of(data, "screen")
    with pytest.raises(PoseliftError, match=r"row 2: expected all joints before .* joint 7 lies"):
        way.from_metres(poses)


class Knowing(nn.Module):
    """A network that returns what it is told, whatever it is fed."""

    def __init__(self, outputs: np.ndarray) -> None:
        super().__init__()
        self.outputs = torch.from_numpy(outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.outputs


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_validation_is_in_millimetres(normalisation: str) -> None:
    data = seen()
    made = as_network_sees(data, normalisation, "pixel_depth")
    perfect = validate(Knowing(made.targets), made, "mse", CPU)
    assert perfect["val_mpjpe_mm"] < 0.01
    assert perfect["val_loss"] == 0
    deeper = made.targets.copy()
    deeper[:, 5, 2] += 0.17
    along = np.linalg.norm((data.poses + data.root[:, None])[:, 5], axis=1)
    straight = as_network_sees(data, normalisation)
    depth = (straight.targets + made.pixel_depth.root[:, None])[:, 5, 2]  # type: ignore[union-attr]
    expected = 1000 * (0.17 * along / depth).mean() / 17  # it moves along its viewing ray
    found = validate(Knowing(deeper), made, "mse", CPU)["val_mpjpe_mm"]
    assert found == pytest.approx(expected, rel=1e-3)


def test_data_without_the_root_are_refused() -> None:
    data = seen()
    root = data.root.copy()
    root[4, 1] = np.nan
    sentence = "some data: expected the root's position in camera space, frame 4 of none has none"
    with pytest.raises(PoseliftError, match=sentence):
        as_network_sees(replace(data, root=root), "screen", "pixel_depth")


def test_a_run_says_what_it_gives_and_is_evaluated_in_metres(tmp_path: Path) -> None:
    data = seen(64)
    config = tiny_config("martinez", target="pixel_depth", normalisation="gridconv", epochs=2)
    made = as_network_sees(data, "gridconv", "pixel_depth")
    folder = tmp_path / "run"
    result = train(
        config, TrainingData(made, made, "h36m_17", "random"), folder, device="cpu", export=False
    )
    assert json.loads((folder / "model.json").read_text())["target"] == "pixel_depth"
    export(str(folder), None, False, "fp32")
    lifter = Lifter(folder, flip=False)
    table = score_lifting_data({"a": lifter}, data).tables[0]
    assert dict(table.rows)["a"][0] == pytest.approx(result.best["val_mpjpe_mm"], rel=1e-4)


# the use half


def lifter_of(folder: Path, *, flip: bool = True, **card: str) -> Lifter:
    path = folder / "model.onnx"
    path.write_bytes(tiny_onnx({"target": "pixel_depth", **card}, gain=0.1))
    return Lifter(path, threads=1, flip=flip)


class Truth:
    """In a lifter's place: gives pixel and depth of known poses and of their mirror images."""

    def __init__(self, data: LiftingData, normalisation: str) -> None:
        width = data.image_size[:, 0]
        root, lens = data.root.copy(), data.intrinsics.copy()
        root[:, 0] *= -1
        lens[:, 2] = width - lens[:, 2]
        flipped = data.keypoints[:, H36M_17.flip_order].copy()
        flipped[..., 0] = width[:, None] - flipped[..., 0]
        mirrored = replace(
            data,
            keypoints=flipped,
            poses=H36M_17.flip(data.poses),
            root=root,
            intrinsics=lens,
        )
        sides = [as_network_sees(side, normalisation, "pixel_depth") for side in (data, mirrored)]
        self.inputs = np.concatenate([side.inputs for side in sides])
        self.outputs = np.concatenate([side.targets for side in sides])

    def run(self, inputs: np.ndarray) -> np.ndarray:
        gap = np.abs(inputs[:, None] - self.inputs[None]).max(axis=(2, 3))
        assert gap.min(axis=1).max() < 1e-4
        return self.outputs[gap.argmin(axis=1)]


@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_a_perfect_network_is_perfect_in_metres(
    normalisation: str, flip: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = seen()
    lifter = lifter_of(tmp_path, normalisation=normalisation, flip=flip)
    monkeypatch.setattr(
        type(lifter._model.network), "run", staticmethod(Truth(data, normalisation).run)
    )
    np.testing.assert_allclose(lift_data(lifter, data), data.poses, atol=2e-5)


def test_mirroring_the_picture_mirrors_the_pose(tmp_path: Path) -> None:
    lifter = lifter_of(tmp_path, normalisation="person")
    data = seen()[np.arange(24) % 4 == 0]
    width, height = CAMERAS[0].size
    fx, fy, cx, cy = data.intrinsics[0].tolist()
    straight = lifter.lift(
        data.keypoints,
        image_size=(width, height),
        skeleton="h36m_17",
        root=data.root,
        intrinsics=(fx, fy, cx, cy),
    )
    mirrored = lifter.lift(
        H36M_17.flip(data.keypoints, width=float(width)),
        image_size=(width, height),
        skeleton="h36m_17",
        root=data.root * [-1, 1, 1],
        intrinsics=(fx, fy, width - cx, cy),
    )
    np.testing.assert_allclose(H36M_17.flip(mirrored), straight, atol=1e-4)
    assert (straight[:, 0] == 0).all()


def test_frames_left_out_and_batches(tmp_path: Path) -> None:
    lifter = lifter_of(tmp_path, normalisation="screen")
    data = seen(100)[np.arange(100) % 4 == 1]
    options = {
        "image_size": CAMERAS[1].size,
        "skeleton": "h36m_17",
        "intrinsics": data.intrinsics[0],
    }
    whole = lifter.lift(data.keypoints, root=data.root, **options)
    keypoints = data.keypoints.copy()
    keypoints[3, 2:] = np.nan
    gap = lifter.lift(keypoints, root=data.root, **options)
    assert np.isnan(gap[3]).all()
    kept = np.arange(25) != 3
    np.testing.assert_allclose(gap[kept], whole[kept], atol=1e-5)


def test_without_a_root_it_is_refused_everywhere(tmp_path: Path) -> None:
    from poselift import PoseSequence

    lifter = lifter_of(tmp_path, normalisation="screen")
    points = seen(4).keypoints
    sequence = PoseSequence.from_2d(points, H36M_17, image_size=(1000, 1000))
    sentence = re.escape(
        "model tiny gives pixels and depth relative to the root: it needs the root's position and "
        "the camera's intrinsics, as Lifter.lift(root=..., intrinsics=...) takes them"
    )
    for call in (
        lambda: lifter(sequence),
        lambda: lifter.lift(points, image_size=(1000, 1000), skeleton="h36m_17"),
        lambda: lifter.lift_people([sequence]),
        lambda: lifter.live(image_size=(1000, 1000), skeleton="h36m_17"),
        lambda: lifter.stream([points], image_size=(1000, 1000), skeleton="h36m_17"),
    ):
        with pytest.raises(PoseliftError, match=sentence):
            call()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"root": None}, "expected root and intrinsics together, got only one of them"),
        (
            {"root": [[0, 0, 5]]},
            "expected root of shape (4, 3), metres in camera space, got (1, 3)",
        ),
        (
            {"root": [[0, 0, 5], [0, 0, -5], [0, 0, 5], [0, 0, 5]]},
            "frame 1: expected a root before the camera (z above 0 m), got [ 0  0 -5]",
        ),
        (
            {"intrinsics": [1000, 1000]},
            "expected intrinsics as (fx, fy, cx, cy) in pixels, got [1000, 1000]",
        ),
        (
            {"intrinsics": [0, 1, 2, 3]},
            "expected intrinsics as (fx, fy, cx, cy) in pixels, got [0, 1, 2, 3]",
        ),
    ],
)
def test_lifting_refuses(changes: dict[str, object], sentence: str, tmp_path: Path) -> None:
    lifter = lifter_of(tmp_path, normalisation="screen")
    given: dict[str, object] = {
        "root": np.tile([0.0, 0.0, 5.0], (4, 1)),
        "intrinsics": [1000, 1000, 500, 500],
    }
    with pytest.raises(PoseliftError, match=re.escape(sentence)):
        lifter.lift(
            seen(4).keypoints,
            image_size=(1000, 1000),
            skeleton="h36m_17",
            **{**given, **changes},
        )


def test_a_model_of_poses_makes_no_use_of_a_root(tmp_path: Path) -> None:
    lifter = lifter_of(tmp_path, target="pose")
    with pytest.raises(PoseliftError, match="makes no use of root and intrinsics, leave them out"):
        lifter.lift(
            seen(4).keypoints,
            image_size=(1000, 1000),
            skeleton="h36m_17",
            root=seen(4).root,
            intrinsics=seen(4).intrinsics[0],
        )


def test_an_unknown_target_in_a_card(tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match="gives the target 'volume', expected one of pose, pix"):
        lifter_of(tmp_path, target="volume")
