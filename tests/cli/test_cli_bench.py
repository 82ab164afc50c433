"""`poselift bench` and what it is made of. No time is held against a limit here."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

import poselift.benchmark.measure as measure_module
from poselift.benchmark import memory
from poselift.benchmark.ceiling import matrix_product
from poselift.benchmark.engines import FileEngine, TorchEngine
from poselift.benchmark.flops import ceiling_shape, useful_flops
from poselift.benchmark.inference import InferenceRow, measure_inference
from poselift.benchmark.measure import Measurements
from poselift.benchmark.report import as_markdown
from poselift.benchmark.runtimes import choose
from poselift.benchmark.timing import ROUNDS, Timing, interleaved
from poselift.benchmark.training import (
    PROOF_STEPS,
    compare_losses,
    measure_training,
    paper_config,
    precisions,
    samples,
)
from poselift.cli import app
from poselift.errors import PoseliftError
from poselift.models import (
    GLNConfig,
    GridLiftingNetwork,
    Martinez,
    MartinezConfig,
    PoseGraphNet,
    PoseGraphNetConfig,
)
from poselift.training import TrainingConfig
from poselift.training.environment import process_settings
from tiny_model import tiny_onnx

QUICK = ["--seconds", "0.05", "--batch", "1", "--no-training"]


def poselift(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["bench", *map(str, arguments)])


def tables(text: str) -> list[list[list[str]]]:
    """Cells of all Markdown tables; every row of one has as many as its head."""
    found = []
    for part in text.split("\n\n"):
        if part.startswith("|"):
            rows = [line.strip("|").split("|") for line in part.strip().splitlines()]
            assert len({len(row) for row in rows}) == 1, part
            found.append([[cell.strip() for cell in row] for row in rows])
    return found


def tiny_training(architecture: str) -> TrainingConfig:
    small = {
        "gln": {"channels": 4, "blocks": 1},
        "posegraphnet": {"widths": [4, 4], "dropout": 0.5},
    }
    config = paper_config(architecture)
    return replace(config, model={**config.model, **small[architecture]}, batch_size=8)


@pytest.mark.parametrize("load", [0.1, 2.0])
def test_the_command_measures_and_writes(
    load: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load))
    out = tmp_path / "out.json"
    result = poselift(
        *("--model", "posegraphnet", "--precision", "fp32", "--threads", 1, "--json", out), *QUICK
    )
    assert result.exit_code == 0, result.output
    busy = "poselift: warning: the machine was busy (load 2.0), ratios may be off; "
    progress, _, warning = result.stderr.partition("poselift: warning")
    assert re.match(r"about \d+ s in all\nposegraphnet: \d+ frames a call \.\.\.\n", progress)
    assert warning == (
        busy.removeprefix("poselift: warning") + "measure again when it is quiet\n"
        if load > 1
        else ""
    )
    report = json.loads(out.read_text("utf-8"))
    assert set(report) == {"machine", "inference", "training", "losses"}
    assert report["training"] == report["losses"] == []
    assert report["machine"]["threads"] == "1"
    for name in ("cpu", "cores", "load", "python", "poselift", "torch", "onnxruntime", "numpy"):
        assert report["machine"][name]
    assert report["inference"]
    for row in report["inference"]:
        assert set(row) == set(InferenceRow.__dataclass_fields__)
        assert row["model"] == "posegraphnet"
        for name, value in row.items():
            assert isinstance(value, str) or value is None or value > 0, name
        assert row["ratio"] == pytest.approx(row["definition_quiet_ms"] / row["quiet_ms"])
        assert row["quiet_ms"] <= row["p50_ms"] <= row["p99_ms"]
        assert (row["peak_mb"] is not None) == (sys.platform == "linux")
    rows, comparison = tables(result.stdout)
    assert len(rows) == 2 + len(report["inference"])
    assert [row[0] for row in comparison[2:]] == [
        "posegraphnet, batch 1, best",
        "posegraphnet, batch 1, full precision",
    ]


def test_a_stopped_measurement_keeps_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = measure_module.measure_inference

    def stopped(*given: Any, batch: int, **more: Any) -> Any:
        if batch == 2:
            raise KeyboardInterrupt
        return real(*given, batch=batch, **more)

    monkeypatch.setattr(measure_module, "measure_inference", stopped)
    out = tmp_path / "out.json"
    options = ("--model", "posegraphnet", "--precision", "fp32", "--threads", 1, "--json", out)
    result = poselift(*options, *QUICK, "--batch", "2")
    assert result.exit_code == 130
    assert result.stderr.endswith("stopped, measured so far:\nposelift: error: interrupted\n")
    assert {row["batch"] for row in json.loads(out.read_text())["inference"]} == {1}
    assert "posegraphnet, batch 1, best" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--device", "tpu"], "--device tpu: not available here, available: cpu"),
        (["--precision", "fp8"], "--precision fp8: not available for model gln here, available: "),
        (["--backend", "abacus"], "--backend abacus: not available for model gln here, available"),
        (["--model", "gnl"], "model 'gnl' not found, expected 'gln' or 'gln-small' or "),
        (["--model", "gln", "--model", "gln"], "--model gln is given twice"),
        (["--batch", "0"], "--batch: expected at least 1 frame, got 0"),
        (["--threads", "0"], "--threads: expected at least 1, got 0"),
        (["--seconds", "0"], "--seconds: expected a time above 0, got 0"),
        (["--seconds", "nan"], "--seconds: expected a time above 0, got nan"),
        (["--json", "out.txt"], "out.txt: cannot write '.txt', expected one of .json"),
    ],
)
def test_bad_options_are_one_sentence(arguments: list[str], sentence: str) -> None:
    result = poselift(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"poselift: error: {sentence}"), result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there() -> None:
    result = poselift("--device", "cuda")
    assert result.exit_code == 2
    assert result.stderr == "poselift: error: --device cuda: not available here, available: cpu\n"


def test_a_model_without_a_definition(tmp_path: Path) -> None:
    path = tmp_path / "tiny.onnx"
    path.write_bytes(tiny_onnx())
    result = poselift("--model", path, *QUICK)
    assert result.exit_code == 2
    assert f"{path}: unknown architecture 'tiny', expected one of gln" in result.stderr


def test_without_torch_it_says_what_to_install() -> None:
    program = "import sys; sys.modules['torch'] = None; from poselift.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "bench"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == (
        "poselift: error: `poselift bench` needs torch, "
        'install it with: pip install ".[train]" (in the folder of poselift\'s pyproject.toml)\n'
    )


def test_options_choose_among_what_there_is() -> None:
    offered = (("a", "fp32"), ("a", "int8"), ("b", "bf16"))
    assert choose(offered, [], [], "m") == offered
    assert choose(offered, ["a"], [], "m") == offered[:2]
    assert choose(offered, [], ["int8", "bf16"], "m") == offered[1:]
    with pytest.raises(PoseliftError, match=r"precision bf16: .*available: a fp32, a int8, b bf16"):
        choose(offered, ["a"], ["bf16"], "m")


def test_functions_take_turns() -> None:
    order: list[str] = []
    calls = {name: (lambda name=name: order.append(name)) for name in "ab"}
    times = interleaved(calls, 1e-9)
    assert order == ["a", "b"] * (1 + ROUNDS)
    assert {name: len(found.seconds) for name, found in times.items()} == {"a": 5, "b": 5}


def test_the_first_of_several_calls_does_not_count() -> None:
    count = 0

    def call() -> None:
        nonlocal count
        count += 1

    found = interleaved({"a": call}, 0.005)["a"]
    assert len(found.seconds) == count - 1 - ROUNDS


def test_percentiles_are_those_of_calls() -> None:
    found = Timing((4.0, 1.0, 3.0, 2.0))
    assert (found.median, found.quiet, found.percentile(99.0)) == (2.5, 2.0, 4.0)
    assert Timing((7.0,)).percentile(99.0) == Timing((7.0,)).quiet == 7.0


@pytest.mark.parametrize(
    ("network", "flops", "shape"),
    [
        # 225 products of 2 x 4 and of 4 x 3; attention 2 -> 16 -> 225 and 4 -> 16 -> 225;
        # 17 joints to 25 nodes and back; what 25 members of groups give, put in its place
        (
            GridLiftingNetwork(GLNConfig(channels=4, blocks=0, paddings=("circular", "zero"))),
            2
            * (
                225 * (2 * 4 + 4 * 3)
                + (2 + 225) * 16
                + (4 + 225) * 16
                + 17 * 25 * (2 + 3)
                + 25 * 25 * (4 + 3)
            ),
            (3, 16, 225),
        ),
        # 17 joints: 3 mixtures of 17 senders, 3 x 2 -> 5; then 5 -> 3 x 3 mixed over 3 x 17
        (
            PoseGraphNet(PoseGraphNetConfig(widths=(5,))),
            2 * 17 * (3 * 17 * 2 + 6 * 5 + 5 * 9 + 3 * 17 * 3),
            (51, 51, 3),
        ),
        (
            Martinez(MartinezConfig(width=8, blocks=1)),
            2 * (34 * 8 + 2 * 8 * 8 + 8 * 51),
            (3, 8, 51),
        ),
    ],
    ids=["gln", "posegraphnet", "martinez"],
)
def test_operations_counted_by_hand(
    network: torch.nn.Module, flops: int, shape: tuple[int, int, int]
) -> None:
    assert useful_flops(network) == flops
    assert ceiling_shape(network, 3) == shape


def test_products_of_unknown_networks_are_refused() -> None:
    with pytest.raises(PoseliftError, match="cannot describe a Linear"):
        ceiling_shape(torch.nn.Linear(2, 3), 1)


def test_the_plain_product_of_each_runtime() -> None:
    for precision in ("fp32", "int8"):
        product = matrix_product(("onnxruntime", precision), (6, 8, 4), 1)
        assert product is not None
        (out,) = product()  # type: ignore[misc]
        assert out.shape == (6, 4)
        assert np.isfinite(out).all()
        assert out.std() > 0
    assert matrix_product(("abacus", "fp32"), (6, 8, 4), 1) is None


def test_the_plain_product_of_openvino() -> None:
    pytest.importorskip("openvino")
    for precision in ("fp32", "bf16"):
        product = matrix_product(("openvino", precision), (6, 8, 4), 1)
        assert product is not None
        out = product()
        assert isinstance(out, np.ndarray)
        assert out.shape == (6, 4)
        assert out.std() > 0


def test_the_torch_engine_lifts_as_the_network_does() -> None:
    """What runs on a GPU, here on the CPU, where nothing is captured."""
    network = PoseGraphNet(PoseGraphNetConfig(widths=(8, 8))).eval()
    engine = TorchEngine(network, "cpu")
    inputs = np.random.default_rng(0).normal(size=(3, 17, 2)).astype(np.float32)
    with torch.no_grad():
        wanted = network(torch.from_numpy(inputs))
    for runtime, tolerance in zip(engine.runtimes(), (1e-6, 0.05), strict=True):
        out = engine.open(runtime, inputs)()
        assert (out - wanted).abs().max() <= tolerance * wanted.abs().max()
    before = torch.get_float32_matmul_precision()
    rows = measure_inference(
        "m", network, (17, 2), engine, engine.runtimes(), batch=3, seconds=0.01
    )
    assert [(row.backend, row.precision) for row in rows] == [("torch", "fp32"), ("torch", "bf16")]
    assert all(row.ceiling_fraction is not None and row.peak_mb is None for row in rows)
    assert torch.get_float32_matmul_precision() == before
    assert precisions("cuda") == ("tf32", "bf16")


def test_memory_is_known_on_linux_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    assert FileEngine("posegraphnet", 1).peak_mb(("onnxruntime", "fp32"), (1, 17, 2)) is None


@pytest.mark.parametrize("architecture", ["gln", "posegraphnet"])
def test_training_is_measured_and_proven(architecture: str) -> None:
    config = tiny_training(architecture)
    with process_settings(0, 1, "cpu"):
        rows = measure_training(config, "cpu", precisions("cpu"), seconds=0.02)
        curves = compare_losses(config, "cpu")
    assert [row.precision for row in rows] == ["fp32", "bf16"]
    for row in rows:
        assert (row.network, row.batch) == (architecture, 8)
        assert min(row.steps, row.samples_per_s, row.quiet_ms, row.ratio) > 0
        hours = row.paper_schedule_hours
        assert (hours is None) == (architecture != "gln")
        assert hours is None or hours == pytest.approx(1.56e8 / row.samples_per_s / 3600)
    assert len(curves.ours) == len(curves.definition) == PROOF_STEPS
    assert curves.ours[-1] < curves.ours[0]
    assert curves.ours[0] == pytest.approx(curves.definition[0], rel=1e-5)
    # rounding only, but Adam divides by gradients that may be next to nothing
    assert curves.largest_difference < 1e-2
    text = as_markdown(Measurements({"cpu": "chip"}, (), tuple(rows), (curves,)))
    _, training, comparison = tables(text)
    assert [row[1] for row in training[2:]] == ["fp32", "bf16"]
    assert [row[0] for row in comparison[2:]] == [f"training {architecture}, batch 8"] * 2
    assert "20 steps in fp32 on the same samples by both paths" in text


def test_samples_are_the_same_each_time() -> None:
    config = tiny_training("gln")
    first, second = samples(config, 2, "cpu"), samples(config, 2, "cpu")
    assert [tuple(batch[0].shape) for batch in first] == [(8, 17, 2)] * 2
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])


def test_what_is_not_known_is_a_dash() -> None:
    row = InferenceRow(
        "m", "b", "int8", 64, 9, 1e3, 64.0, 70.0, 60.0, 700.0, 600.0, 10.0, 12.3, None, None, None
    )
    shown = as_markdown(Measurements({}, (row,), (), ()))
    rows, comparison = tables(shown)
    assert rows[2][-3:] == ["-", "-", "-"]
    assert comparison[2] == ["m, batch 64, best", "b int8", "1067 frames/s", "107 frames/s", "10.0"]
    assert len(comparison) == 3
