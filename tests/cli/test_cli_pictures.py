"""Detectors and systems as typed: trained, exported, and used on a video; what is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from typer.testing import CliRunner, Result

import poselift.datasets.rendered as rendered
from picture_samples import TINY_GLN, TINY_HRNET, Sticks
from poselift.cli import app
from poselift.detection import Detector, Video, open_detector
from poselift.detection.crops import crop_person
from poselift.detection.trained import Trained
from poselift.errors import PoseliftError
from poselift.lifting import Lifter
from poselift.models import EndToEnd, HRNet, load_model, save_model
from poselift.models.end_to_end import flip_test
from poselift.models.hrnet import soft_argmax
from poselift.models.hrnet.network import HRNetConfig, as_input
from poselift.training import recipes
from poselift.training.picture_loss import Pictures, as_floats
from poselift.training.pictures import PictureSamples
from tiny_model import tiny_onnx
from video_samples import colours, write_video

DATA = ["--data", "cmu17-rendered", "--root", "unused", "--threads", "1", "--workers", "0"]
SHORT = ["--samples", "32", "--epochs", "1"]


def poselift(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refusal(*arguments: object) -> str:
    result = poselift(*arguments)
    assert result.exit_code == 2, result.output
    return " ".join(result.stderr.split())


class Reseeded(Sticks):
    def reseeded(self, seed: int) -> Reseeded:
        return Reseeded(self.count, seed, self.size)


def drawn(root: Path, split: str, size: int = 128, seed: int = 0, count: int = 0) -> Reseeded:
    return Reseeded(count, seed + len(split), size)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`runs/hrnet` and `runs/e2e`, by the commands of the docs, on sticks and tiny networks."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rendered, "load_rendered", drawn)
        tiny = HRNetConfig(**TINY_HRNET)
        patch.setattr("poselift.training.picture_recipes.small", lambda: tiny)
        made = "poselift.training.recipes.shipped_small"
        patch.setattr(made, small_gln())
        first = poselift(
            "train", "hrnet", "--recipe", "small", "--out", folder / "hrnet", *DATA, *SHORT
        )
        assert first.exit_code == 0, first.output
        second = poselift(
            *("train", "gln", "--end-to-end", "--detector", folder / "hrnet", "--recipe", "small"),
            *("--out", folder / "e2e", *DATA, "--samples", "32", "--epochs", "3"),
        )
        assert second.exit_code == 0, second.output
    return folder, first, second


def small_gln() -> Any:
    """The recipe of a small GLN with a tiny one."""
    original = recipes.shipped_small
    return lambda data, epochs=None: replace(original(data, epochs), model=dict(TINY_GLN))


def test_commands_say_what_they_made(runs: Any) -> None:
    folder, first, second = runs
    words = " ".join(first.output.split())
    assert "finished, validation 2D error" in words
    assert "px at epoch 1; wrote" in words
    assert "validation MPJPE" in second.output
    assert "2D error" in second.output
    for file in ("hrnet/model.onnx", "e2e/model.onnx", "e2e/lifter/model.onnx"):
        assert (folder / file).is_file()


def batch(count: int = 3) -> Pictures:
    samples = PictureSamples(Sticks(count), 0)
    return Pictures(*next(samples.batches(np.arange(count), count, torch.device("cpu"))))


def test_one_file_from_crop_to_pose_is_the_network(runs: Any) -> None:
    folder, *_ = runs
    network, _ = load_model(folder / "e2e")
    assert isinstance(network, EndToEnd)
    given = batch()
    inputs = (as_floats(given.image), given.crop, given.size, given.focal)
    with torch.no_grad():
        poses, keypoints, heatmaps = network(*inputs)
    session = onnxruntime.InferenceSession(str(folder / "e2e" / "model.onnx"))
    names = [port.name for port in session.get_inputs()]
    assert names == ["image", "crop", "size", "focal"]
    assert [port.name for port in session.get_outputs()] == ["poses", "keypoints", "heatmaps"]
    found = session.run(None, {n: one.numpy() for n, one in zip(names, inputs, strict=True)})
    np.testing.assert_allclose(found[0], (poses - poses[:, :1]).numpy(), atol=1e-5)
    np.testing.assert_allclose(found[1], keypoints.numpy(), atol=0.01)
    np.testing.assert_allclose(found[2], heatmaps.numpy(), atol=1e-5)
    again, _ = load_model(folder / "e2e" / "model.onnx")  # weights under their own names
    for name, value in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


@pytest.mark.usefixtures("untrained")
def test_the_lifter_of_a_system_is_opened_as_any_other(runs: Any) -> None:
    folder, *_ = runs
    lifter = Lifter(folder / "e2e")
    keypoints = np.stack([Sticks(4)[i]["keypoints"] * 4 for i in range(4)])
    lifted = lifter.lift(keypoints, image_size=(640, 480), skeleton="h36m_17")
    assert lifted.shape == (4, 17, 3)
    with pytest.raises(PoseliftError, match="is a detector, which goes with --detector"):
        Lifter(folder / "hrnet")
    with pytest.raises(PoseliftError, match="goes from pictures to poses; what lifts keypoints"):
        Lifter(folder / "e2e" / "model.onnx")
    shutil.rmtree(folder / "e2e" / "lifter")
    assert poselift("export", folder / "e2e").exit_code == 0  # which makes both
    assert (folder / "e2e" / "lifter" / "model.onnx").is_file()


@pytest.mark.parametrize("name", ["hrnet", "e2e"])
@pytest.mark.parametrize("flip", [False, True])
def test_a_run_is_a_detector_of_videos(runs: Any, name: str, flip: bool, tmp_path: Path) -> None:
    """The NumPy path on the exported file against the torch chain on the same crop."""
    folder, *_ = runs
    detector = open_detector(str(folder / name))
    assert isinstance(detector, Detector)
    assert (detector.name, detector.skeleton.name) == (name, "h36m_17")
    detector = Trained(str(folder / name), flip=flip)
    box = np.array([100, 60, 260, 300], np.float32)
    with Video(write_video(tmp_path / "a.mp4", colours(1, 640, 480))) as video:
        picture = next(iter(video))
        found = detector.follow(picture, box[None])
        shown, crop = crop_person(picture, box, (64, 64))
        assert detector.follow(picture, np.zeros((0, 4), np.float32)).scores.shape == (0, 17)
    network, _ = load_model(folder / name)
    image = as_floats(torch.from_numpy(shown.copy())[None])
    if isinstance(network, EndToEnd):
        size, focal = torch.tensor([[640.0, 480.0]]), torch.zeros(1)
        ask = flip_test if flip else lambda model, *inputs: model(*inputs)
        with torch.no_grad():
            keypoints = ask(network, image, torch.from_numpy(crop)[None], size, focal).keypoints
        np.testing.assert_allclose(found.keypoints, keypoints.numpy(), atol=0.01)
    assert found.keypoints.shape == (1, 17, 2)
    assert ((found.scores >= 0) & (found.scores <= 1)).all()


def test_a_crop_holds_the_box_and_its_affine_says_where(tmp_path: Path) -> None:
    box = np.array([100.0, 50, 160, 290], np.float32)
    with Video(write_video(tmp_path / "a.mp4", colours(1, 640, 480))) as video:
        image, crop = crop_person(next(iter(video)), box, (256, 192))
    assert image.shape == (256, 192, 3)
    corners = np.array([[100, 50, 1], [160, 290, 1]]) @ crop.T
    assert (corners[:, :2] >= 0).all()
    assert (corners[:, :2] <= [192, 256]).all()
    np.testing.assert_allclose((crop @ [130, 170, 1])[:2], [96, 128], atol=2)
    # the clip's red grows along x: 255 x / 640
    red = image[128, :, 0].astype(float)
    assert (red[170] - red[20]) / 150 == pytest.approx(255 / 640 / crop[0, 0], rel=0.2)


def test_a_lifter_is_no_detector(tmp_path: Path) -> None:
    path = tmp_path / "lifter.onnx"
    path.write_bytes(tiny_onnx())
    with pytest.raises(PoseliftError, match=r"is no detector but .*, which lifts keypoints"):
        open_detector(str(path))
    with pytest.raises(PoseliftError, match=r"holds no model\.onnx, is it a run folder"):
        open_detector(str(tmp_path))


def test_a_detector_is_exported_with_halves_and_not_on_integers(runs: Any, tmp_path: Path) -> None:
    folder, *_ = runs
    made = poselift("export", folder / "hrnet", "-o", tmp_path / "half.onnx", "--fp16")
    assert made.exit_code == 0, made.output
    open_detector(str(tmp_path / "half.onnx"))
    said = refusal("export", folder / "hrnet", "--precision", "int8", "-o", tmp_path / "8.onnx")
    assert "--precision int8 is for lifters, hrnet is none" in said
    with pytest.raises(PoseliftError, match="has joints of its own, leave --skeleton out"):
        open_detector(str(folder / "hrnet"), skeleton="coco_17")


def test_a_released_checkpoint_is_imported_as_a_detector(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = HRNet(HRNetConfig(**{**TINY_HRNET, "skeleton": "coco_17"})).eval()
    torch.save(network.state_dict(), tmp_path / "pose_hrnet_w4_64x64.pth")
    made = poselift("import", "hrnet", tmp_path / "pose_hrnet_w4_64x64.pth", "-o", tmp_path / "run")
    assert made.exit_code == 0, made.output
    assert "hrnet, pictures of persons (official training)" in " ".join(made.output.split())
    assert "size 64,64" in made.output
    detector = open_detector(str(tmp_path / "run"))
    assert isinstance(detector, Trained)
    shown = (np.random.default_rng(0).random((64, 64, 3)) * 255).astype(np.uint8)
    with torch.no_grad():
        maps = network(as_input(as_floats(torch.from_numpy(shown)[None])))
    np.testing.assert_allclose(detector.heatmaps(shown), maps[0].numpy(), atol=1e-4)
    assert soft_argmax(maps, 0.07, (64, 64)).shape == (1, 17, 2)
    said = refusal("import", "hrnet", tmp_path / "run", "-o", tmp_path / "x", "--size", "256")
    assert "expected --size as two values" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "gln", "--detector", "runs/hrnet"], "--detector goes with --end-to-end"),
        (["train", "gln", "--detector-rate", "0.1"], "--detector-rate goes with --end-to-end"),
        (
            ["train", "hrnet", "--end-to-end", "--data", "cmu17-rendered"],
            "--end-to-end wants a lifter (gln), hrnet is its",
        ),
        (["train", "hrnet", "--variant", "detected"], "leave out --variant detected"),
        (
            ["train", "gln", "--end-to-end", "--data", "cmu17"],
            "pictures are those of --data",
        ),
        (["train", "gln", "--recipe", "small"], "--recipe small is of hrnet and --end-to-end"),
        (
            ["train", "gln", "--end-to-end", "--detector", "nowhere", "--data", "cmu17-rendered"],
            "nowhere: expected the name of shipped weights, a folder with",
        ),
    ],
)
def test_what_is_refused(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    said = refusal(*arguments, "--root", tmp_path, "--out", tmp_path / "run")
    assert sentence in said
    assert not (tmp_path / "run").exists()


def test_a_run_without_its_export_says_what_makes_one(tmp_path: Path) -> None:
    save_model(tmp_path / "run", HRNet(HRNetConfig(**TINY_HRNET)), {"kind": "detector"})
    with pytest.raises(PoseliftError, match=r"holds no model\.onnx, make it with `poselift export"):
        open_detector(str(tmp_path / "run"))
