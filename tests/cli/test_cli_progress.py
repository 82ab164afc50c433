"""How far long commands are, where no terminal shows a bar; and a reader that goes away."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_cli_eval import some_data
from typer.testing import CliRunner, Result

from poselift.cli import app, progress
from poselift.datasets import registry
from poselift.lifting import Lifter
from poselift.scoring import robust
from tiny_model import tiny_onnx

EXAMPLE = Path(__file__).parents[2] / "examples" / "walk.json"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_lifting_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ("--model", "posegraphnet", "--smooth", "none")
    assert run("lift", EXAMPLE, "-o", tmp_path / "a.npz", *options).stderr == ""  # it was quick
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    lines = run("lift", EXAMPLE, "-o", tmp_path / "a.npz", *options).stderr.splitlines()
    for line, done in zip(lines, (*range(32, 240, 32), 240), strict=True):
        left = r"\d:\d\d:\d\d left"
        assert re.fullmatch(rf"lifting: {done} of 240 poses, [\d,]+ poses/s, {left}", line)
    assert run("lift", EXAMPLE, "-o", tmp_path / "a.npz", "--quiet", *options).stderr == ""


def test_without_a_total_what_is_done_is_counted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    with progress.counting("detecting", None, "frames", quiet=False) as advance:
        assert advance is not None
        advance(2)
    assert re.fullmatch(r"detecting: 2 frames, [\d,]+ frames/s\n", capsys.readouterr().err)


def test_measuring_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = some_data("cmu17 test")
    changed = replace(registry.DATA_SETS["cmu17"], load=lambda root, part, say: data)
    monkeypatch.setitem(registry.DATA_SETS, "cmu17", changed)
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    model = tmp_path / "tiny.onnx"
    model.write_bytes(tiny_onnx({"normalisation": "screen"}))
    done = run("eval", "--model", model, "--root", tmp_path, "--variant", "detected")
    assert done.exit_code == 0, done.stderr
    count = len(data)
    assert f"cmu17 test: lifting by {model}, {count} of {count} poses\n" in done.stderr


def test_robustness_says_at_which_kind_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, model = some_data("cmu17 val, true"), tmp_path / "tiny.onnx"
    model.write_bytes(tiny_onnx({"normalisation": "screen"}))
    kind = robust.Kind("true", data, np.ones(data.keypoints.shape[:2], dtype=bool))

    def measure(one: robust._Measured, kind: robust.Kind, poses: np.ndarray) -> None:
        one.kinds[kind.name] = (1.0, 1.0, None)

    monkeypatch.setattr(robust, "KINDS", ("true",))
    monkeypatch.setattr(robust, "load_kinds", lambda root, split: [kind])
    monkeypatch.setattr(robust, "_measure", measure)
    said: list[str] = []
    robust.score_robustness({"a": Lifter(model, threads=1)}, tmp_path, "val", said.append)
    count = len(data)
    assert said[-1] == f"cmu17 val, true (1 of 1): lifting by a, {count} of {count} poses"


@pytest.mark.parametrize("arguments", [("formats",), ("reproduce", "--list")])
def test_a_reader_that_goes_away_is_no_error(arguments: tuple[str, ...]) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "poselift", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    assert child.stderr.read() == b""
    assert child.wait(timeout=60) == 141  # as a shell expects of SIGPIPE
    child.stderr.close()
