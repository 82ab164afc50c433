"""Learning from pictures: detectors and systems, restartable bit for bit, in bounded memory."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_training_loop import Stopper

from picture_samples import (
    TINY_GLN,
    TINY_HRNET,
    Sticks,
    hrnet_config,
    pictures,
    spec,
    system_config,
)
from poselift.errors import PoseliftError
from poselift.models import load_model
from poselift.training import DataSpec, Staged, TrainingConfig, TrainingResult, make_config, train
from poselift.training.picture_recipes import end_to_end
from poselift.training.pictures import HeldOut, PictureSamples, as_fields, part_of
from poselift.training.step import TrainingStep

CPU = torch.device("cpu")


def run(config: TrainingConfig, folder: Path, **options: Any) -> TrainingResult:
    data = options.pop("data", None) or pictures(config=config)
    options.setdefault("export", False)
    return train(config, data, folder, device="cpu", **options)


def outcome(folder: Path) -> tuple[bytes, bytes]:
    return (folder / "model.safetensors").read_bytes(), (folder / "metrics.csv").read_bytes()


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "metrics.csv").read_text().splitlines()))


def test_a_detector_learns_where_joints_are(tmp_path: Path) -> None:
    config = hrnet_config(epochs=6)
    result = run(config, tmp_path / "run")
    errors = [float(row["val_2d_px"]) for row in rows(tmp_path / "run")]
    assert errors[-1] < 0.7 * errors[0]
    assert result.best["val_2d_px"] == min(errors)
    assert "val_mpjpe_mm" not in result.best
    _, card = load_model(tmp_path / "run", architecture="hrnet")
    assert (card["kind"], card["data"]) == ("detector", "sticks")
    assert "normalisation" not in card


def test_a_system_learns_in_stages(tmp_path: Path) -> None:
    """What waits stays as it is, bit for bit, with its batch norms."""
    config, folder = system_config(checkpoint_seconds=0.0), tmp_path / "run"
    kept: dict[int, dict[str, torch.Tensor]] = {}

    class Watcher(Stopper):
        def epoch(self, row: Mapping[str, int | float]) -> None:
            model, _ = load_model(sorted((folder / "checkpoints").glob("last-*"))[-1])
            kept[int(row["epoch"])] = {n: v.clone() for n, v in model.state_dict().items()}

    run(config, folder, reporter=Watcher(10**9))
    # a checkpoint is written at every step, so that the one found is of an epoch's last step
    for stage, still in ((2, "detector."),):
        for name, value in kept[stage].items():
            if name.startswith(still):
                assert torch.equal(value, kept[stage - 1][name]), name
    moved = [n for n, v in kept[3].items() if not torch.equal(v, kept[2][n])]
    assert {name.partition(".")[0] for name in moved} == {"detector", "lifter"}
    found = rows(folder)
    assert [float(row["val_2d_px"]) for row in found][1] == pytest.approx(
        float(found[0]["val_2d_px"])
    )
    assert float(found[2]["val_mpjpe_mm"]) < float(found[0]["val_mpjpe_mm"])


@pytest.mark.parametrize(("looks", "changes"), [(1, {}), (3, {"ema_decay": 0.9}), (5, {})])
def test_resume_continues_bit_for_bit(looks: int, changes: dict[str, Any], tmp_path: Path) -> None:
    """Stopped in each of the stages; a step a look, two steps a stage."""
    config = system_config(**changes)
    run(config, tmp_path / "whole")
    with pytest.raises(InterruptedError):
        run(replace(config, checkpoint_seconds=0.0), tmp_path / "cut", reporter=Stopper(looks))
    run(config, tmp_path / "cut", resume=True)
    assert outcome(tmp_path / "cut") == outcome(tmp_path / "whole")


def test_workers_change_nothing(tmp_path: Path) -> None:
    for workers in (0, 2):
        run(hrnet_config(epochs=1, workers=workers), tmp_path / str(workers))
    assert outcome(tmp_path / "0") == outcome(tmp_path / "2")


class Broken(Sticks):
    def __getitem__(self, index: int) -> dict[str, Any]:
        raise PoseliftError(f"S1/Walking.mp4: frame {index} of it cannot be decoded")


@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_worker_refuses_is_one_sentence(workers: int) -> None:
    samples = PictureSamples(Broken(4), workers)
    with pytest.raises(PoseliftError) as caught:
        list(samples.batches(np.arange(4), 2, CPU))
    assert str(caught.value) == "S1/Walking.mp4: frame 0 of it cannot be decoded"


def test_the_random_generator_of_checkpoints_is_left_alone() -> None:
    before = torch.get_rng_state()
    list(PictureSamples(Sticks(4), 0).batches(np.arange(4), 2, CPU))
    assert torch.equal(torch.get_rng_state(), before)


def test_mixed_precision_takes_a_step() -> None:
    config = system_config({"detector_epochs": 0.0, "lifter_epochs": 0.0}, precision="bf16")
    from poselift.models import build

    step = TrainingStep(build("end_to_end", dict(config.model)), config, "cpu")
    step.prepare(lr=1e-3, epoch=0.0, number=1)
    batch = next(PictureSamples(Sticks(4), 0).batches(np.arange(4), 4, CPU))
    assert torch.isfinite(step(*batch))


def test_a_frozen_detector_is_lifting_alone(tmp_path: Path) -> None:
    run(hrnet_config(epochs=1), tmp_path / "hrnet")
    own = {"detector_epochs": 0.0, "detector_rate": 0.0}
    config = system_config(own, detector=str(tmp_path / "hrnet"), epochs=2)
    run(config, tmp_path / "run")
    detector, _ = load_model(tmp_path / "hrnet")
    system, _ = load_model(tmp_path / "run")
    for name, value in detector.state_dict().items():
        assert torch.equal(system.state_dict()[f"detector.{name}"], value), name


def test_held_out_pictures_are_measured_as_they_are() -> None:
    config = hrnet_config()
    held = HeldOut(Sticks(6), config)
    torch.manual_seed(0)
    from poselift.models import build

    model = build("hrnet", TINY_HRNET)
    first = held.measure(model, CPU)
    assert first == held.measure(model, CPU)
    assert model.training
    # maps of 0: every joint is found in the middle
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    away = [np.linalg.norm(Sticks(6)[i]["keypoints"] - 32, axis=1).mean() for i in range(6)]
    assert held.measure(model, CPU)["val_2d_px"] == pytest.approx(np.mean(away), rel=1e-4)


def test_what_lies_outside_and_what_is_unknown() -> None:
    item = Sticks(1)[0]
    item["keypoints"][3] = (70, 10)
    fields = as_fields({**item, "intrinsics": None})
    assert not fields[2][3]
    assert fields[2].sum() == 16
    assert fields[6] == 0  # focal length
    assert as_fields(item)[6] == 500


def test_part_of_pictures() -> None:
    whole = Sticks(20)
    part = part_of(whole, 5, seed=0, epoch=1)
    assert len(part) == 5
    assert part_of(whole, 50, 0, 0) is whole
    other = part_of(whole, 5, seed=0, epoch=2)
    assert any(not np.array_equal(part[i]["image"], other[i]["image"]) for i in range(5))


def test_recipes() -> None:
    config = make_config("hrnet", spec(), recipe="paper")
    assert (config.epochs, config.batch_size, config.lr, config.model["width"]) == (
        210,
        32,
        1e-3,
        32,
    )
    rates = [config.schedule.factor(epoch, 210, []) for epoch in (0.0, 169.0, 170.0, 200.0)]
    assert rates == pytest.approx([1, 1, 0.1, 0.01])
    lifter = make_config("gln", DataSpec("cmu17", Path("x")))
    config = end_to_end(lifter, spec(), epochs=10)
    assert (config.model["detector_epochs"], config.model["lifter_epochs"]) == (4, 2)
    assert config.model["settings"]["anneal_epochs"] == pytest.approx(0.6)
    assert config.normalisation == config.model["normalisation"] == "gridconv"
    assert end_to_end(lifter, spec(), recipe="small").model["detector"]["width"] == 16
    with pytest.raises(PoseliftError, match="--recipe: expected paper or small for pictures"):
        make_config("hrnet", spec(), recipe="shipped")


def test_stages_of_a_schedule() -> None:
    schedule = Staged((2.0, 2.0), (1.0, 1.0, 0.5), warmup=1.0)
    found = [schedule.factor(at, 8, []) for at in (0.0, 0.1, 0.2, 2.0, 2.2, 3.999, 4.0, 4.4)]
    assert found == pytest.approx([0, 0.5, 1, 0, 1, 0, 0, 0.5], abs=1e-3)
    assert schedule.factor(8.0, 8, []) == pytest.approx(0)
    with pytest.raises(PoseliftError, match="a rate of 0 or more for each of 3 stages"):
        Staged((1.0, 1.0), (1.0,))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: hrnet_config(data=DataSpec("cmu17", Path("x"))),
            "hrnet learns from pictures, not from --data cmu17 with 2D input ground_truth",
        ),
        (
            lambda: hrnet_config(architecture="gln", model=TINY_GLN),
            "gln learns from 2D keypoints, not from --data cmu17-rendered with 2D input pictures",
        ),
        (
            lambda: DataSpec("cmu17", Path("x"), variant="pictures"),
            "pictures are those of --data cmu17-rendered or h36m",
        ),
        (lambda: hrnet_config(workers=-1), "--workers: expected at least 0, got -1"),
        (lambda: hrnet_config(detector="runs/x"), "--detector goes with --end-to-end, not with hr"),
        (lambda: hrnet_config(picture_weights=(1.0, -1.0, 0.0)), "expected three numbers of 0"),
    ],
)
def test_configs_that_are_refused(make: Any, sentence: str) -> None:
    with pytest.raises(PoseliftError, match=sentence):
        make()


def test_a_detector_of_another_width_is_not_resumed(tmp_path: Path) -> None:
    config = hrnet_config(epochs=1)
    run(config, tmp_path / "run")
    wider = replace(config, model={**TINY_HRNET, "width": 8})
    with pytest.raises(PoseliftError, match=r"was started with model\.width 4, not 8"):
        run(wider, tmp_path / "run", resume=True)
    gln = tmp_path / "gln"
    with pytest.raises(PoseliftError, match="expected the name of shipped weights, a folder"):
        run(system_config(detector=str(gln)), tmp_path / "other")
    with pytest.raises(PoseliftError, match="architecture hrnet, found gln"):
        run(system_config(detector="gln"), tmp_path / "other")


def test_a_detector_of_another_size_than_the_system_is_refused(tmp_path: Path) -> None:
    run(hrnet_config(epochs=1), tmp_path / "hrnet")
    config = system_config(
        {"detector": {**TINY_HRNET, "width": 8}}, detector=str(tmp_path / "hrnet")
    )
    with pytest.raises(PoseliftError, match=r"hrnet: expected shape \(8, 32, 3, 3\) for weight"):
        run(config, tmp_path / "run")
