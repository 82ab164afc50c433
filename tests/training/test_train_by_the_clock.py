"""`scripts/train_by_the_clock.py`, on poses that a data set need not be there for."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from poselift.lifting import Lifter
from poselift.simulation.augmentation import AugmentedSource
from poselift.simulation.synthetic import random_poses

SCRIPT = Path(__file__).parents[2] / "scripts" / "train_by_the_clock.py"


def run(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, SCRIPT, "train", *map(str, arguments), "--device", "cpu"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    poses = random_poses(np.random.default_rng(0), 200)
    inputs, targets = AugmentedSource(None, 64, 1).epoch(0)
    np.savez_compressed(
        tmp_path / "poses.npz",
        poses=np.round(poses * 1e4).astype(np.int16),
        chance=np.full(200, 1 / 200),
        inputs=inputs,
        targets=targets,
        words=np.frombuffer(b"people nobody has seen", np.uint8),
    )
    return tmp_path / "poses.npz"


def test_a_few_seconds_leave_a_network_that_lifts(pack: Path, tmp_path: Path) -> None:
    run_folder = tmp_path / "lcn"
    options = ("--network", "lcn", "--samples", 64, "--batch-size", 16, "--workers", 1)
    done = run(pack, run_folder, *options, "--minutes", 0.05)
    assert done.returncode == 0, done.stderr
    assert "8 steps lose the same" in done.stdout
    weights = load_file(run_folder / "model.safetensors")
    large = [array for array in weights.values() if array.ndim > 1]
    assert large
    assert all(array.dtype == np.float16 for array in large)
    card = Lifter(run_folder).card
    assert card.content["data"] == "people nobody has seen"
    # the rate fell to nothing: a decay was branched off
    last = (run_folder / "metrics.csv").read_text().splitlines()[-1].split(",")
    assert float(last[3]) < 0.2e-3


def test_bad_input_is_one_sentence(pack: Path, tmp_path: Path) -> None:
    for arguments, words in (
        ((tmp_path / "none.npz", tmp_path / "a"), "none.npz: no such file"),
        ((pack, tmp_path / "b", "--recipe", "paper"), "no decay that could be branched off"),
    ):
        done = run(*arguments)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith("error: ")
        assert words in done.stderr
