"""The loop: deterministic, restartable bit for bit, and honest about failure."""

from __future__ import annotations

import csv
import json
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file, save_file
from torch import nn

import poselift.training.loop as loop
import poselift.training.step as step_module
from poselift.errors import PoseliftError
from poselift.models.checkpoint import load_model
from poselift.models.martinez import Martinez, MartinezConfig
from poselift.models.registry import build
from poselift.training import (
    Cosine,
    FixedSource,
    Plateau,
    Reporter,
    TrainingConfig,
    TrainingResult,
    train,
)
from poselift.training.checkpoint import newest_folder, replace_folder
from poselift.training.environment import process_settings
from poselift.training.losses import joint_loss, validate
from poselift.training.records import locked
from poselift.training.report import BarReporter, LineReporter, duration, reporter_for
from poselift.training.step import TrainingStep, step_seconds
from training_fixtures import Fresh, killable_config, tiny_config, tiny_data

CPU = torch.device("cpu")


def run(config: TrainingConfig, folder: Path, **options: object) -> TrainingResult:
    data = options.pop("data", None) or tiny_data()
    options.setdefault("export", False)
    return train(config, data, folder, device="cpu", **options)  # type: ignore[arg-type]


def outcome(folder: Path) -> list[bytes]:
    """What a run leaves: weights, metrics and, where one is learnt, its layouts."""
    names = ("model.safetensors", "metrics.csv", "layouts.json")
    return [(folder / name).read_bytes() for name in names if (folder / name).exists()]


class Stopper(Reporter):
    """Stops a run at its n-th look at the losses, as if the process had died there."""

    def __init__(self, looks: int) -> None:
        self.left = looks

    def start(self, epochs: int, steps: int, done: int, seconds: float, where: str) -> None:
        self.begun = (epochs, steps, done)
        assert 0 < seconds < 600

    def step(self, epoch: int, step: int, loss: float, lr: float, rate: float) -> None:
        self.left -= 1
        if self.left < 0:
            raise InterruptedError

    def epoch(self, row: Mapping[str, int | float]) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.mark.parametrize("architecture", ["gln", "martinez"])
def test_it_learns_and_leaves_a_loadable_run_folder(architecture: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    config = tiny_config(architecture, epochs=6)
    result = run(config, folder)
    rows = list(csv.DictReader((folder / "metrics.csv").read_text().splitlines()))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [int(row["samples"]) for row in rows] == [64 * n for n in range(1, 7)]
    errors = [float(row["val_mpjpe_mm"]) for row in rows]
    assert errors[-1] < errors[0]
    assert result.best["val_mpjpe_mm"] == min(errors)
    model, card = load_model(folder)
    again = validate(model, tiny_data().validation, config.loss, CPU)
    assert again["val_mpjpe_mm"] == pytest.approx(min(errors), rel=1e-6)
    assert card["name"] == "run"
    assert card["normalisation"] == "screen"
    assert card["data"] == "random numbers"
    assert card["samples_seen"] == result.best["samples"]
    assert card["metrics"] == json.loads(json.dumps(result.best))
    assert card["recipe"]["schedule"] == {"kind": "exponential", "gamma": 0.9, "every": 1}
    assert "unused" not in (folder / "model.json").read_text()  # the place of the data
    assert not list((folder / "checkpoints").glob(".*"))
    assert list((folder / "tensorboard").iterdir())


def test_same_seed_same_numbers_other_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run(tiny_config(seed=seed), tmp_path / name)
    assert outcome(tmp_path / "a") == outcome(tmp_path / "b")
    assert outcome(tmp_path / "a")[0] != outcome(tmp_path / "c")[0]


def test_it_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    torch.manual_seed(5)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    run(tiny_config("martinez", epochs=1), tmp_path / "run")
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("looks", "changes"),
    [
        (6, {}),
        (13, {"ema_decay": 0.9, "grad_clip": 0.5}),
        (4, {"precision": "bf16"}),
        (9, {"schedule": Plateau(patience=0), "architecture": "martinez"}),
        (1, {"schedule": Cosine(warmup=1.5), "weight_decay": 1e-3, "loss": "joint_distance"}),
    ],
)
def test_resume_continues_bit_for_bit(
    looks: int, changes: dict[str, object], tmp_path: Path
) -> None:
    config = tiny_config(**changes)  # type: ignore[arg-type]
    run(config, tmp_path / "whole")
    # a checkpoint at each step, so that the loss of some of them is not yet in the history
    stopped = replace(config, checkpoint_seconds=0.0)
    with pytest.raises(InterruptedError):
        run(stopped, tmp_path / "cut", reporter=Stopper(looks))
    assert not (tmp_path / "cut" / "model.safetensors").exists()
    reporter = Stopper(1000)
    run(config, tmp_path / "cut", resume=True, reporter=reporter)
    assert reporter.begun == (4, 16, looks)
    assert outcome(tmp_path / "cut") == outcome(tmp_path / "whole")


def test_resume_after_sigkill_continues_bit_for_bit(tmp_path: Path) -> None:
    config, folder = killable_config(), tmp_path / "killed"
    calm = replace(config, checkpoint_seconds=60.0)
    run(calm, tmp_path / "whole")
    for _ in range(2):
        script = Path(__file__).parents[1] / "training_fixtures.py"
        before = newest_folder(folder / "checkpoints", "last")
        with subprocess.Popen([sys.executable, str(script), str(folder)]) as child:
            try:
                while newest_folder(folder / "checkpoints", "last") in (None, before):
                    assert child.poll() is None, "the run ended before it could be killed"
                    time.sleep(0.005)
                time.sleep(random.random() / 10)
            finally:
                child.send_signal(signal.SIGKILL)
        assert child.returncode == -signal.SIGKILL
    result = run(calm, folder, resume=True)
    assert not result.was_finished
    assert outcome(folder) == outcome(tmp_path / "whole")


def test_resume_of_a_finished_run_says_so(tmp_path: Path) -> None:
    config = tiny_config("martinez", epochs=1)
    first = run(config, tmp_path / "run")
    before = outcome(tmp_path / "run")
    second = run(config, tmp_path / "run", resume=True)
    assert (first.was_finished, second.was_finished) == (False, True)
    assert second.best == first.best
    assert outcome(tmp_path / "run") == before


def test_resume_publishes_what_a_kill_at_the_end_left_out(tmp_path: Path) -> None:
    config = tiny_config("martinez", epochs=1)
    run(config, tmp_path / "run")
    before = outcome(tmp_path / "run")
    (tmp_path / "run" / "model.json").unlink()
    assert not run(config, tmp_path / "run", resume=True).was_finished
    assert outcome(tmp_path / "run") == before


def _occupied(folder: Path) -> tuple[TrainingConfig, bool]:
    (folder / "notes.txt").write_text("mine")
    return tiny_config("martinez"), False


def _empty(folder: Path) -> tuple[TrainingConfig, bool]:
    return tiny_config("martinez"), True


def _other(folder: Path) -> tuple[TrainingConfig, bool]:
    config = tiny_config("martinez", epochs=1)
    folder.rmdir()
    run(config, folder)
    return replace(config, lr=0.5), True


def _begun_from_weights(folder: Path) -> tuple[TrainingConfig, bool]:
    config, resume = _other(folder)
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "init": "runs/first"}))
    return config, resume


def _other_schedule(folder: Path) -> tuple[TrainingConfig, bool]:
    config = tiny_config("martinez", epochs=1)
    folder.rmdir()
    run(config, folder)
    return replace(config, schedule=Plateau()), True


def _broken(folder: Path) -> tuple[TrainingConfig, bool]:
    (folder / "config.json").write_text("[1")
    return tiny_config("martinez"), True


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (_occupied, "exists and is not empty; continue that run with --resume or choose another"),
        (_empty, "nothing to resume here, no config.json found"),
        (_other, "was started with lr 0.01, not 0.5; resume it with the same settings"),
        (_begun_from_weights, "with the same settings (--init runs/first among them) or choose"),
        (_other_schedule, "was started with schedule.drop None, not 0.1"),
        (_broken, "config.json: not a run's config ("),
    ],
)
def test_folders_that_are_refused(
    prepare: Callable[[Path], tuple[TrainingConfig, bool]], sentence: str, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    config, resume = prepare(folder)
    before = sorted(folder.rglob("*"))
    with pytest.raises(PoseliftError, match=re.escape(sentence)):
        run(config, folder, resume=resume)
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("name", ["training.json", "training.safetensors", "model.safetensors"])
def test_a_damaged_checkpoint_is_refused(name: str, tmp_path: Path) -> None:
    config = tiny_config("martinez", checkpoint_seconds=0.0)
    with pytest.raises(InterruptedError):
        run(config, tmp_path / "run", reporter=Stopper(3))
    last = newest_folder(tmp_path / "run" / "checkpoints", "last")
    assert last is not None
    (last / name).write_bytes(b"{}")
    with pytest.raises(PoseliftError, match=re.escape(str(last))):
        run(config, tmp_path / "run", resume=True)


def stopped(folder: Path, looks: int = 3) -> Path:
    """A run that died at a look; its last checkpoint."""
    with pytest.raises(InterruptedError):
        run(tiny_config("martinez", checkpoint_seconds=0.0), folder, reporter=Stopper(looks))
    last = newest_folder(folder / "checkpoints", "last")
    assert last is not None
    return last


@pytest.mark.parametrize("hashed", [True, False])
@pytest.mark.parametrize("lost", ["optimizer/", "optimizer/2/exp_avg", "random/", "average/"])
def test_a_checkpoint_is_complete_or_refused(lost: str, hashed: bool, tmp_path: Path) -> None:
    """With the hash, and without it as in checkpoints of before, where the parts are missed."""
    config = tiny_config("martinez", checkpoint_seconds=0.0, ema_decay=0.9)
    with pytest.raises(InterruptedError):
        run(config, tmp_path / "run", reporter=Stopper(3))
    last = newest_folder(tmp_path / "run" / "checkpoints", "last")
    assert last is not None
    tensors = load_file(last / "training.safetensors")
    kept = {name: value for name, value in tensors.items() if not name.startswith(lost)}
    assert len(kept) < len(tensors)
    save_file(kept, last / "training.safetensors")
    if not hashed:
        facts = json.loads((last / "training.json").read_text())
        del facts["tensors_sha256"]
        (last / "training.json").write_text(json.dumps(facts))
    with pytest.raises(PoseliftError, match="SHA-256" if hashed else "not a checkpoint to resume"):
        run(config, tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epoch", -1),
        ("epoch", "two"),
        ("epoch", 10**15),
        ("step", 3.5),
        ("step", 99),
        ("batch", True),
        ("batch", 1000),
        ("seconds", None),
        ("loss_sum", [1]),
        ("history", {}),
        ("history", [{"epoch": 1}]),
    ],
)
def test_progress_that_no_training_can_have_is_refused(
    name: str, value: object, tmp_path: Path
) -> None:
    last = stopped(tmp_path / "run")
    facts = json.loads((last / "training.json").read_text())
    (last / "training.json").write_text(json.dumps({**facts, name: value}))
    with pytest.raises(PoseliftError, match=f"not a checkpoint to resume from|{last.parents[1]}"):
        run(tiny_config("martinez"), tmp_path / "run", resume=True)


def test_metrics_after_a_stop_at_the_last_step_of_an_epoch(tmp_path: Path) -> None:
    """The epoch's row has the rate of that step, as in a run that was not stopped."""
    config = tiny_config("martinez", schedule=Cosine(), checkpoint_seconds=0.0)
    run(config, tmp_path / "whole")
    with pytest.raises(InterruptedError):
        run(config, tmp_path / "cut", reporter=Stopper(4))
    last = newest_folder(tmp_path / "cut" / "checkpoints", "last")
    assert last is not None
    facts = json.loads((last / "training.json").read_text())
    assert (facts["epoch"], facts["batch"]) == (0, 4) or facts["epoch"] == 1
    run(config, tmp_path / "cut", resume=True)
    assert outcome(tmp_path / "cut") == outcome(tmp_path / "whole")


def test_one_process_trains_in_a_folder(tmp_path: Path) -> None:
    config = tiny_config("martinez")
    with locked(tmp_path / "run"), pytest.raises(PoseliftError, match="another process trains"):
        run(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    run(config, tmp_path / "run")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (42.0, "42 s"),
        (90.0, "2 min"),
        (3599.0, "1 h 0 min"),
        (12000.0, "3 h 20 min"),
        (200_000.0, "2 d 7 h"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


class Poisoned(Fresh):
    """Samples that blow the loss up in the second epoch."""

    def epoch(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        inputs, targets = super().epoch(index)
        if index == 1:
            targets[:] = np.inf
        return inputs, targets


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path: Path) -> None:
    config = tiny_config("martinez", checkpoint_seconds=0.0)
    data = replace(tiny_data(), source=Poisoned(0))
    sentence = "training stopped: the loss is inf at epoch 2, step 5; the last good checkpoint is "
    with pytest.raises(PoseliftError, match=re.escape(sentence)) as caught:
        run(config, tmp_path / "run", data=data)
    last = newest_folder(tmp_path / "run" / "checkpoints", "last")
    assert str(last) in str(caught.value)
    assert last is not None
    assert json.loads((last / "training.json").read_text())["step"] == 4
    assert all(value.isfinite().all() for value in load_file(last / "model.safetensors").values())
    assert len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) == 2


def test_weights_that_are_not_finite_are_never_a_checkpoint(tmp_path: Path) -> None:
    # the last step of a run may spoil the weights without any loss to show it
    config = tiny_config("martinez", epochs=1, lr=1e39, batch_size=64, checkpoint_seconds=0.0)
    with pytest.raises(PoseliftError, match="a weight is not finite at epoch 1, step 1; the last"):
        run(config, tmp_path / "run")
    last = newest_folder(tmp_path / "run" / "checkpoints", "last")
    assert last is not None
    assert all(value.isfinite().all() for value in load_file(last / "model.safetensors").values())


def test_too_large_a_batch(tmp_path: Path) -> None:
    sentence = "--batch-size 65 is more than the 64 samples of an epoch"
    with pytest.raises(PoseliftError, match=sentence):
        run(tiny_config("martinez", batch_size=65), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("device", ["tpu", "cuda"])
def test_device_refused(device: str, tmp_path: Path) -> None:
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(PoseliftError, match="--device"):
        train(tiny_config("martinez"), tiny_data(), tmp_path / "run", device=device)
    assert not (tmp_path / "run").exists()


def test_best_is_chosen_on_validation_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = iter([3.0, 1.0, 2.0, 1.0])
    seen = []

    def score(model: nn.Module, *_: object) -> dict[str, float]:
        seen.append({name: value.clone() for name, value in model.state_dict().items()})
        return {"val_loss": 1.0, "val_mpjpe_mm": next(errors)}

    monkeypatch.setattr(loop, "validate", score)
    result = run(tiny_config("martinez"), tmp_path / "run")
    assert result.best["epoch"] == 2
    kept = load_file(tmp_path / "run" / "model.safetensors")
    assert all(torch.equal(kept[name], value) for name, value in seen[1].items())


def test_networks_are_told_the_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []
    network = type(build("gln", {"channels": 4, "blocks": 0}))
    monkeypatch.setattr(network, "start_step", lambda self, epoch: told.append(epoch))
    run(tiny_config(epochs=2), tmp_path / "run")
    # before them, the copy whose steps are timed
    assert told[1:] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75]


def test_running_mean_of_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights: list[torch.Tensor] = []
    means: list[torch.Tensor] = []
    update = TrainingStep._update_average

    def spy(self: TrainingStep, average: nn.Module) -> None:
        update(self, average)
        weights.append(self.model.get_parameter("last.bias").detach().clone())
        means.append(average.get_parameter("last.bias").detach().clone())

    monkeypatch.setattr(TrainingStep, "_update_average", spy)
    run(tiny_config("martinez", ema_decay=0.5, epochs=1), tmp_path / "run")
    del weights[:-4], means[:-4]  # of the copy whose steps are timed
    assert len(means) == 4
    for step in (2, 3, 4):
        decay = min(0.5, step / (step + 9))
        expected = decay * means[step - 2] + (1 - decay) * weights[step - 1]
        torch.testing.assert_close(means[step - 1], expected)


@pytest.mark.parametrize(("name", "value"), [("mse", 25 / 3), ("joint_distance", 5.0)])
def test_losses_by_hand(name: str, value: float) -> None:
    predicted = torch.zeros(2, 17, 3, dtype=torch.bfloat16)
    target = torch.tensor([3.0, 0.0, 4.0]).expand(2, 17, 3)
    assert joint_loss(name, predicted, target) == pytest.approx(value)


def test_validation_moves_the_root_to_zero_and_counts_it() -> None:
    model = Martinez(MartinezConfig(width=8, blocks=1))
    inputs, _ = Fresh(0).epoch(0)
    with torch.no_grad():
        predicted = model.eval()(torch.from_numpy(inputs)).numpy()
    shifted = predicted + np.float32(7.0)
    shifted[:, 5] += np.array([0.017, 0.0, 0.0], np.float32)
    score = validate(model, FixedSource(inputs, shifted), "mse", CPU)
    assert score["val_mpjpe_mm"] == pytest.approx(1.0, rel=1e-3)
    assert not model.training


def test_sources_refuse_gaps() -> None:
    inputs, targets = Fresh(0).epoch(0)
    inputs[3, 2] = np.nan
    with pytest.raises(PoseliftError, match="sample 3: expected finite inputs"):
        FixedSource(inputs, targets)


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def whole(folder: Path) -> None:
        (folder / "a").write_text("1")

    def half(folder: Path) -> None:
        (folder / "a").write_text("2")
        raise OSError(28, "No space left on device")

    first = replace_folder(tmp_path, "last", whole)
    with pytest.raises(PoseliftError, match=r"cannot be written .*No space left"):
        replace_folder(tmp_path, "last", half)
    assert newest_folder(tmp_path, "last") == first
    assert [path.name for path in tmp_path.iterdir()] == ["last-1"]
    second = replace_folder(tmp_path, "last", whole)
    assert [path.name for path in tmp_path.iterdir()] == [second.name] == ["last-2"]


def test_plain_lines_without_a_terminal(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        reporter = reporter_for(Console(file=stream))
        assert isinstance(reporter, LineReporter)
        run(tiny_config("martinez", epochs=2), tmp_path / "run", reporter=reporter)
    lines = (tmp_path / "log").read_text().splitlines()
    assert len(lines) == 3
    assert re.fullmatch(
        r"8 steps to the end of 2 epochs on \d+ threads? of the CPU, about \d+ s", lines[0]
    )
    assert re.fullmatch(
        r"epoch 2/2  train loss \S+  validation loss \S+  MPJPE \S+ mm  lr \S+", lines[2]
    )
    assert "\x1b" not in "".join(lines)


def test_lines_between_epochs_where_they_are_long(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        reporter = LineReporter(Console(file=stream), interval=0.0)
        run(tiny_config("martinez", epochs=1), tmp_path / "run", reporter=reporter)
    line = (tmp_path / "log").read_text().splitlines()[1]
    assert re.fullmatch(r"epoch 1/1  step 4/4  loss \S+  lr 0.01  \S+ samples/s  1 s left", line)


def test_the_time_left_is_not_reckoned_by_the_first_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("poselift.training.report.time.monotonic", lambda: clock[0])
    with (tmp_path / "log").open("w") as stream:
        reporter = LineReporter(Console(file=stream, width=200))
        reporter.start(1, 1016, 0, 1016 * 2.0, "2 threads of the CPU")
        for seconds, step in ((7200, 16), (40, 36), (40, 56), (300, 76)):
            clock[0] += seconds
            reporter.step(0, step, 0.1, 1e-3, 100.0)
    said = [line.rsplit("  ", 1)[1] for line in (tmp_path / "log").read_text().splitlines()[1:]]
    # by the forecast, then by the steps since the first look, in the end by the last minutes
    assert said == [f"{1000 * 2 // 60} min left", "33 min left", "32 min left", "3 h 55 min left"]


def test_the_time_of_a_step_is_not_that_of_the_first_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, taken = [0.0], iter((90, 60, 30, 0.1, 0.1, 0.7, 0.1, 0.1, 50))

    class Step:
        device = torch.device("cpu")

        def __init__(self, *_: object) -> None:
            pass

        def prepare(self, **_: object) -> None:
            pass

        def __call__(self, *_: object) -> float:
            clock[0] += next(taken)
            return 0.0

    monkeypatch.setattr(step_module, "TrainingStep", Step)
    monkeypatch.setattr("poselift.training.step.time.monotonic", lambda: clock[0])
    config = tiny_config("martinez", epochs=1)
    network = build("martinez", dict(config.model))
    assert step_seconds(network, config, "cpu") == pytest.approx(0.1)


@pytest.mark.parametrize(("load", "threads"), [(0.0, 2), (1.2, 1), (9.0, 1)])
def test_trainings_take_the_cores_that_are_free(
    load: float, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poselift.lifting.session.physical_cores", lambda: 2)
    monkeypatch.setattr("os.getloadavg", lambda: (load, load, load))
    before = torch.get_num_threads()
    with process_settings(0, None, "cpu"):
        assert torch.get_num_threads() == threads
    with process_settings(0, 10**6, "cpu"):
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == before


def test_a_bar_on_a_terminal(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        console = Console(file=stream, force_terminal=True, width=120)
        reporter = reporter_for(console)
        assert isinstance(reporter, BarReporter)
        run(tiny_config("martinez", epochs=2), tmp_path / "run", reporter=reporter)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", (tmp_path / "log").read_text())
    assert re.match(
        r"8 steps to the end of 2 epochs on \d+ threads? of the CPU, about \d+ s\n", text
    )
    assert "epoch 2/2" in text
    assert "8/8 steps" in text
    assert "samples/s" in text
