"""`poselift train` and `poselift eval`, as typed: what they leave, print and refuse."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import poselift.scoring.run as scoring
import poselift.training.sources as sources
from poselift.cli import app
from poselift.datasets import cmu
from poselift.datasets.cmu import load_cmu17
from poselift.datasets.lifting_data import LiftingData
from poselift.datasets.pose2sim import load_pose2sim
from poselift.datasets.robustness import KINDS
from poselift.errors import PoseliftError
from poselift.evaluation import mpjpe
from poselift.lifting import Lifter
from poselift.poses import PoseSequence
from poselift.scoring.run import lift_data, score_lifting_data
from poselift.skeletons import H36M_16, H36M_17
from poselift.training import DataSpec, make_config, open_data
from tiny_model import tiny_onnx

OPTIONS = ["--data", "synthetic", "--epochs", "1", "--samples", "256", "--threads", "1"]


def poselift(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refusal(*arguments: object) -> str:
    result = poselift(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    return result.stderr


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Result]]:
    """A run of one short epoch, and what the command printed."""
    folder = tmp_path_factory.mktemp("cli") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "_HELD_OUT_SAMPLES", 64)
        result = poselift("train", "martinez", "--out", folder, *OPTIONS)
        assert result.exit_code == 0, result.output
        yield folder, result


def some_data(count: int = 8, cameras: int = 2) -> LiftingData:
    """Poses seen by cameras of different size and focal length."""
    rng = np.random.default_rng(0)
    poses = rng.normal(scale=0.3, size=(count, 17, 3)).astype(np.float32)
    poses -= poses[:, :1]
    number = np.arange(count, dtype=np.int64)
    camera = number % cameras
    size = np.array([[1000, 1002], [640, 480]], np.float32)[camera]
    focal = np.array([1145, 600], np.float32)[camera]
    slopes = poses[..., :2] / (poses[..., 2:] + 5)
    zeros = np.zeros(count, np.int64)
    return LiftingData(
        keypoints=slopes * focal[:, None, None] + size[:, None] / 2,
        poses=poses,
        image_size=size,
        root=np.tile(np.array([0, 0, 5], np.float32), (count, 1)),
        intrinsics=np.column_stack([focal, focal, size / 2]),
        subject=zeros,
        action=np.array(["walk", "jump"])[number // 4 % 2],
        camera=camera,
        frame=number,
        clip=zeros,
        clips=("none",),
        skeleton=H36M_17,
        name="some data",
    )


def test_train_leaves_what_lifter_opens(trained: tuple[Path, Result]) -> None:
    folder, result = trained
    lines = result.stdout.splitlines()
    assert re.fullmatch(
        r"\d+ steps to the end of 1 epochs on \d+ threads? of the CPU, about \d+ s", lines[0]
    )
    assert lines[1].startswith("epoch 1/1  train loss")
    finished = rf"{folder}: finished, validation MPJPE \S+ mm at epoch 1; wrote {folder}/model.onnx"
    assert re.fullmatch(finished, lines[2])
    lifter = Lifter(folder)
    assert lifter.card.architecture == "martinez"
    assert lifter.card.normalisation == "person"
    assert lifter.card.content["recipe"]["recipe"] == "martinez_paper"
    assert lifter.card.content["samples_seen"] == 200


def test_a_seed_below_zero_is_a_usage_error() -> None:
    result = poselift("train", "gln", "--root", "x", "--out", "y", "--seed", "-1")
    assert result.exit_code == 2
    assert "--seed" in result.output


@pytest.mark.usefixtures("untrained")
def test_a_stopped_run_is_used_by_its_best_checkpoint(
    trained: tuple[Path, Result], tmp_path: Path
) -> None:
    """What a kill leaves: no files of the end. The command makes the model once, and says so."""
    stopped = tmp_path / "run"
    shutil.copytree(trained[0], stopped)
    for path in stopped.glob("model*"):
        path.unlink()
    clip = Path(__file__).parents[2] / "examples" / "walk.json"
    said = []
    for number in range(2):
        result = poselift("lift", clip, "--model", stopped, "-o", tmp_path / f"{number}.npz")
        assert result.exit_code == 0, result.output
        said.append(result.stderr)
    best = f"{stopped}: stopped before its end, its best checkpoint counts: epoch 1, validation"
    assert all(best in text for text in said)
    assert (stopped / "checkpoints" / "best-1" / "model.onnx").is_file()
    assert not (stopped / "model.onnx").exists()
    np.testing.assert_array_equal(Lifter(stopped, threads=1).card.content["metrics"]["epoch"], 1)


def test_train_again(trained: tuple[Path, Result]) -> None:
    folder, _ = trained
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    sentence = refusal("train", "martinez", "--out", folder, *OPTIONS)
    assert sentence == (
        f"poselift: error: {folder}: exists and is not empty; continue that run with --resume "
        "or choose another --out\n"
    )
    result = poselift("train", "martinez", "--out", folder, *OPTIONS, "--resume")
    assert result.exit_code == 0
    assert re.fullmatch(
        rf"{folder}: finished before \(1 epochs, validation MPJPE \S+ mm at epoch 1\), "
        r"nothing to resume\n",
        result.stdout,
    )
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    sentence = refusal("train", "martinez", "--out", folder, *OPTIONS, "--resume", "--seed", "1")
    assert "was started with seed 0, not 1" in sentence


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("resnet", "--root", "x"), "no recipe for 'resnet', expected one of gln, lcn, martinez"),
        (("gln",), "--data cmu17 needs --root"),
        (
            ("gln", "--data", "mars"),
            "--data: expected one of cmu17, cmu32, h36m, own, synthetic, cmu17-rendered, or",
        ),
        (("gln", "--data", "h36m"), "--data h36m needs --root"),
        (("gln", "--data", "synthetic", "--root", "x"), "--data synthetic reads no files"),
        (("gln", "--root", "x", "--recipe", "best"), "--recipe: expected one of paper, shipped"),
        (("gln", "--root", "x", "--variant", "noisy"), "--variant: expected one of ground_truth"),
        (
            ("gln", "--root", "x", "--recipe", "shipped", "--variant", "detected"),
            "--recipe shipped draws fresh views: leave out --variant detected",
        ),
        (
            ("gln", "--root", "x", "--detections", "cpn"),
            "--detections is for --data h36m --variant detected",
        ),
        (("gln", "--root", "x", "--epochs", "0"), "--epochs: expected at least 1, got 0"),
        (("gln", "--root", "x", "--batch-size", "1"), "--batch-size: expected at least 2, got 1"),
        (("gln", "--root", "x", "--lr", "0"), "--lr: expected a number above 0, got 0.0"),
        (("gln", "--root", "x", "--threads", "0"), "--threads: expected at least 1, got 0"),
        (("gln", "--root", "x", "--precision", "fp8"), "--precision: expected one of fp32, bf16"),
        (("gln", "--root", "x", "--device", "tpu"), "--device: expected one of auto, cpu, cuda"),
        (("gln", "--root", "x", "--more", "y"), "--more adds motions to the fresh views of cmu17"),
        (("gln", "--root", "x", "--decay", "3"), "--decay N goes with --from RUN"),
        (
            ("gln", "--root", "x", "--decay", "3", "--from", "y"),
            "--decay branches off a training by --recipe shipped, this one is exponential",
        ),
        (
            ("gln", "--root", "x", "--recipe", "shipped", "--decay", "3", "--from", "y"),
            "y: nothing to resume here, no config.json found",
        ),
        (("gln", "--root", "x", "--resume"), "nothing to resume here, no config.json found"),
        (("gln", "--root", "x"), "x: expected the CMU data folder, but it has no INDEX.csv"),
    ],
)
def test_train_refuses(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    message = refusal("train", *arguments, "--out", "run")
    assert sentence in message
    assert message.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_cmu17_for_training(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips_of = cmu.clips_of
    monkeypatch.setattr(cmu, "clips_of", lambda root, split: clips_of(root, split)[:1])
    root = shared / "data" / "cmu"
    for variant in ("ground_truth", "detected", "augmented"):
        config = make_config("gln", DataSpec("cmu17", root, variant, samples=300))
        data = open_data(config)
        inputs, targets = data.source.epoch(0)
        assert len(inputs) == len(targets) >= 300
        assert np.isfinite(inputs).all()
        assert np.abs(targets[:, 0]).max() < 1e-6
        assert np.linalg.norm(targets, axis=2).max() < 2.0  # metres
        assert data.skeleton == "h36m_17"
        assert "cmu17 train" in data.description
        again = open_data(config)
        np.testing.assert_array_equal(again.source.epoch(0)[0], inputs)
        np.testing.assert_array_equal(again.validation.inputs, data.validation.inputs)


@pytest.mark.parametrize("normalisation", ["screen", "gridconv", "person"])
def test_targets_are_turned_with_the_inputs(normalisation: str) -> None:
    data = some_data()
    made = sources.as_network_sees(data, normalisation)
    length = np.linalg.norm(data.poses, axis=2)
    np.testing.assert_allclose(np.linalg.norm(made.targets, axis=2), length, atol=1e-6)
    if normalisation == "person":  # what is straight ahead projects like the inputs
        seen = made.targets[..., :2] / (made.targets[..., 2:] + 5)
        ratio = (seen * made.inputs).sum(axis=(1, 2)) / (seen**2).sum(axis=(1, 2))
        np.testing.assert_allclose(seen * ratio[:, None, None], made.inputs, atol=0.05)


def test_missing_joints_become_zero() -> None:
    data = some_data()
    keypoints = data.keypoints.copy()
    keypoints[2, 5] = np.nan
    gap = LiftingData(**{**vars(data), "keypoints": keypoints})
    assert (sources.as_network_sees(gap, "screen").inputs[2, 5] == 0).all()


def test_eval_prints_and_writes(
    trained: tuple[Path, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = trained
    monkeypatch.setattr(cmu, "load_cmu17", lambda root, split, variant, seed=0: some_data())
    onnx, outputs = folder / "model.onnx", (tmp_path / "a.json", tmp_path / "a.csv")
    result = poselift(
        *("eval", "--model", folder, "--model", onnx, "--root", "x", "--variant", "detected"),
        *("--json", outputs[0], "--csv", outputs[1]),
    )
    assert result.exit_code == 0, result.output
    title = "some data: 17 joints, the root at 0 and counted"
    for words in (title, "some data, by action", "some data, by joint", "left_wrist", "P-MPJPE"):
        assert words in result.stdout
    content = json.loads(outputs[0].read_text())
    averages = content["tables"][title]
    assert averages[str(folder)] == averages[str(onnx)]
    assert set(averages[str(folder)]) == {
        "MPJPE (mm, mean over frames)",
        "MPJPE (mm, mean of action means)",
        "P-MPJPE (mm, mean over frames)",
        "P-MPJPE (mm, mean of action means)",
    }
    assert content["models"][str(folder)]["weights_sha256"] == Lifter(folder).weights_sha256
    rows = list(csv.DictReader(outputs[1].read_text().splitlines()))
    for row in rows:
        assert content["tables"][row["table"]][row["row"]][row["column"]] == float(row["value"])
    by_joint = content["tables"]["some data, by joint"]["pelvis"]
    assert by_joint[f"{folder}: MPJPE (mm, root-aligned, mean over frames)"] == 0


@pytest.mark.usefixtures("untrained")
def test_eval_agrees_with_the_definition(trained: tuple[Path, Result]) -> None:
    data, lifter = some_data(), Lifter(trained[0])
    predicted = lift_data(lifter, data)
    for row in range(len(data)):  # each with its own camera
        width, height = data.image_size[row]
        alone = lifter.lift(
            data.keypoints[row : row + 1],
            image_size=(int(width), int(height)),
            skeleton="h36m_17",
            focal=float(data.focal[row]),
        )
        np.testing.assert_allclose(predicted[row], alone[0], atol=1e-5)
    table = score_lifting_data({"a": lifter}, data).tables[0]
    expected = 1000 * np.linalg.norm(predicted - data.poses, axis=2).mean()
    assert dict(table.rows)["a"][0] == pytest.approx(expected, rel=1e-5)


def test_eval_says_what_it_leaves_out(trained: tuple[Path, Result]) -> None:
    data = some_data()
    keypoints = data.keypoints.copy()
    keypoints[3, 4:] = np.nan
    gap = LiftingData(**{**vars(data), "keypoints": keypoints})
    scores = score_lifting_data({"a": Lifter(trained[0])}, gap)
    assert scores.notes == (
        "a: 1 of 8 frames of some data show too few joints to be lifted and are left out",
    )
    assert dict(scores.tables[1].rows)["all actions, mean over frames"][0] == 7


@pytest.mark.parametrize("normalisation", ["screen", "gridconv", "person"])
def test_eval_of_any_normalisation(normalisation: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(tiny_onnx({"normalisation": normalisation}))
    assert np.isfinite(lift_data(Lifter(path), some_data())).all()


def test_eval_of_other_joints(trained: tuple[Path, Result]) -> None:
    data = some_data()
    fewer = LiftingData(
        **{
            **vars(data),
            "keypoints": data.keypoints[:, :16],
            "poses": data.poses[:, :16],
            "skeleton": H36M_16,
        }
    )
    with pytest.raises(PoseliftError, match="expected a model of h36m_16, run lifts h36m_17"):
        lift_data(Lifter(trained[0]), fewer)


def test_eval_pose2sim(trained: tuple[Path, Result], shared: Path) -> None:
    root = shared / "data" / "pose2sim"
    result = poselift("eval", "--model", trained[0], "--data", "pose2sim", "--root", root)
    assert result.exit_code == 0, result.output
    assert "P-MPJPE (mm, similarity-aligned, 12 limb joints, mean over frames)" in result.stdout
    values = {
        name: float(re.search(rf"{name}\D+?([\d.]+)", result.stdout)[1])  # type: ignore[index]
        for name in ("cam01 ", "cam03 ", "mean of cameras")
    }
    mean = (values["cam01 "] + values["cam03 "]) / 2
    assert values["mean of cameras"] == pytest.approx(mean, abs=0.11)


def test_pose2sim_of_a_perfect_lifter(
    trained: tuple[Path, Result], shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = shared / "data" / "pose2sim"
    waiting = load_pose2sim(root)
    load = scoring.load_poses

    def perfect(_: Lifter, sequence: PoseSequence, *, human: bool) -> PoseSequence:
        """Give the markers themselves, turned by half a circle and of twice the size."""
        clip = waiting.pop(0)
        poses = np.zeros((len(sequence), 17, 3), np.float32)
        columns = [H36M_17.index(joint) for joint in clip.joints]
        poses[:, columns] = clip.poses[sequence.frames] * np.array([-2, -2, 2], np.float32)
        return sequence.to_skeleton(H36M_17).as_3d(poses, "known")

    monkeypatch.setattr(scoring, "load_poses", lambda *a, **options: load(*a, **options)[:90])
    monkeypatch.setattr(Lifter, "__call__", perfect)
    scores = scoring.score_pose2sim({"perfect": Lifter(trained[0])}, root)
    for _, (error,) in scores.tables[0].rows:
        assert error == pytest.approx(0.0, abs=1e-2)
    _, strict = scores.tables
    assert "filtered track" in strict.title
    # the filter moves single frames, and no frame by more than this
    for row, (value,) in strict.rows:
        assert value == 0.0 if "above 120 mm" in row else 1 < value < 15, row
    assert len(strict.rows) == 5
    assert scores.notes == tuple(
        f"perfect: 10 of 100 frames of {camera} have no pose or no markers and are left out"
        for camera in ("cam01", "cam03")
    )


def test_eval_robustness_prints_the_goals(
    trained: tuple[Path, Result], shared: Path, tmp_path: Path
) -> None:
    root, table = shared / "data", tmp_path / "table.json"
    result = poselift(
        *("eval", "--model", trained[0], "--data", "robustness", "--split", "val"),
        *("--root", root, "--json", table, "--no-flip"),
    )
    assert result.exit_code == 0, result.output
    goals, kinds = json.loads(table.read_text())["tables"].values()
    for row in ("true 2D, MPJPE (mm)", "arm missing, rise of MPJPE over visible joints (%)"):
        assert row in result.stdout
        assert row in goals
    assert list(kinds) == list(KINDS)
    name = str(trained[0])
    each = [row["P-MPJPE (mm)"] for row in kinds.values()]
    assert goals["mean over all kinds, P-MPJPE (mm)"][name] == pytest.approx(np.mean(each))
    exact = goals["true 2D, MPJPE (mm)"][name]
    data = load_cmu17(root / "cmu", "val")
    assert exact == pytest.approx(
        1000 * mpjpe(lift_data(Lifter(trained[0], flip=False), data), data.poses), rel=1e-4
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--data", "coco"),
            "--data: expected one of cmu17, cmu17-rendered, cmu32, h36m, 3dhp, pose2sim, robust",
        ),
        (("--data", "pose2sim", "--split", "val"), "has one part only: leave out --split val"),
        (("--data", "pose2sim", "--variant", "both"), "leave out --variant both"),
        (("--data", "robustness", "--variant", "both"), "--variant is for --data cmu17"),
        (("--data", "robustness", "--metrics", "mpjpe"), "robustness has a table of its own"),
        (("--data", "robustness", "--split", "train"), "unknown split 'train' of frozen 2D"),
        (("--variant", "all"), "--variant: expected one of both, ground_truth, detected"),
        (("--model", "{run}"), "is given twice"),
        (("--split", "holdout"), "unknown split 'holdout', expected one of train, val, test"),
        ((), "expected the CMU data folder, but it has no INDEX.csv"),
        (("--json", "a.txt"), "a.txt: cannot write '.txt', expected one of .json"),
        (("--csv", "a.json"), "a.json: cannot write '.json', expected one of .csv"),
        (("--model", "nothing"), "model 'nothing' not found"),
    ],
)
def test_eval_refuses(
    arguments: tuple[str, ...],
    sentence: str,
    trained: tuple[Path, Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [argument.format(run=trained[0]) for argument in arguments]
    message = refusal("eval", "--model", trained[0], "--root", tmp_path, *given)
    assert sentence in message
    assert message.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_eval_needs_no_torch() -> None:
    code = (
        "import sys, poselift.cli, poselift.scoring.protocols, poselift.datasets.cmu; "
        "assert not {'torch', 'lightning_fabric', 'onnx', 'h5py'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
