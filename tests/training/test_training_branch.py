"""A training without a fixed end: made longer, and decays that branch off it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from poselift.errors import PoseliftError
from poselift.training import TrainingConfig, Trapezoid, branch_off, train
from poselift.training.checkpoint import newest_folder
from training_fixtures import tiny_config, tiny_data


def config(epochs: int, decay: float, **changes: object) -> TrainingConfig:
    return tiny_config("martinez", schedule=Trapezoid(0.5, decay), epochs=epochs, **changes)


def run(made: TrainingConfig, folder: Path, *, resume: bool = False) -> bytes:
    train(made, tiny_data(), folder, device="cpu", resume=resume, export=False)
    return (folder / "model.safetensors").read_bytes() + (folder / "metrics.csv").read_bytes()


def test_a_branch_is_the_run_that_was_to_end_there(tmp_path: Path) -> None:
    whole = run(config(4, 2.0), tmp_path / "whole")
    run(config(2, 0.0), tmp_path / "long")  # as far as a run without end has come
    before = {path: path.read_bytes() for path in (tmp_path / "long").rglob("*") if path.is_file()}
    branch = branch_off(config(1000, 200.0), tmp_path / "long", tmp_path / "branch", 2)
    assert (branch.epochs, branch.schedule) == (4, Trapezoid(0.5, 2.0))
    assert run(branch, tmp_path / "branch", resume=True) == whole
    after = {path: path.read_bytes() for path in (tmp_path / "long").rglob("*") if path.is_file()}
    assert after == before


def test_a_branch_is_resumed_to_its_own_end(tmp_path: Path) -> None:
    run(config(2, 0.0), tmp_path / "long")
    first = branch_off(config(1000, 0.0), tmp_path / "long", tmp_path / "branch", 3)
    run(config(4, 0.0), tmp_path / "long", resume=True)  # the training goes on meanwhile
    again = branch_off(config(1000, 0.0), tmp_path / "long", tmp_path / "branch", 3, resume=True)
    assert again == first
    run(again, tmp_path / "branch", resume=True)
    assert len((tmp_path / "branch" / "metrics.csv").read_text().splitlines()) == 6


def test_a_training_is_made_longer_while_its_rate_is_constant(tmp_path: Path) -> None:
    whole = run(config(5, 1.0), tmp_path / "whole")
    run(config(2, 0.0), tmp_path / "part")
    assert run(config(5, 1.0), tmp_path / "part", resume=True) == whole


@pytest.mark.parametrize(
    ("started", "now", "sentence"),
    [
        (config(2, 1.0), config(5, 1.0), "2 epochs are begun, so a decay that was to begin after "),
        (config(3, 0.0), config(4, 2.0), "cannot begin after 2; give its own --epochs, or branch"),
        (config(2, 0.0), config(4, 0.0, lr=0.5), "was started with lr 0.01, not 0.5"),
    ],
)
def test_an_end_that_comes_too_late_is_refused(
    started: TrainingConfig, now: TrainingConfig, sentence: str, tmp_path: Path
) -> None:
    run(started, tmp_path / "run")
    with pytest.raises(PoseliftError, match=re.escape(sentence)):
        run(now, tmp_path / "run", resume=True)


def test_branches_that_are_refused(tmp_path: Path) -> None:
    long, taken = tmp_path / "long", tmp_path / "taken"
    run(config(3, 1.0), long)
    taken.mkdir()
    (taken / "notes.txt").write_text("mine")
    for made, source, folder, decay, sentence in (
        (config(9, 0.0), long, tmp_path / "new", 0, "--decay: expected at least 1 epoch, got 0"),
        (config(9, 0.0), taken, tmp_path / "new", 1, "nothing to resume here, no config.json"),
        (config(9, 0.0), long, taken, 1, "exists and is not empty"),
        (config(9, 0.0, lr=0.5), long, tmp_path / "new", 1, "was started with lr 0.01, not 0.5"),
        (config(9, 0.0), long, tmp_path / "new", 1, "is in its own decay, which began after 2 epo"),
        (
            tiny_config("martinez"),
            long,
            tmp_path / "new",
            1,
            "--decay branches off a training by --recipe shipped, this one is exponential",
        ),
    ):
        with pytest.raises(PoseliftError, match=re.escape(sentence)):
            branch_off(made, source, folder, decay)
        assert not (tmp_path / "new").exists()
    last = newest_folder(long / "checkpoints", "last")
    assert last is not None
    for path in last.iterdir():
        path.unlink()
    last.rmdir()
    with pytest.raises(PoseliftError, match="has no checkpoint to branch off"):
        branch_off(config(9, 0.0), long, tmp_path / "new", 1)
