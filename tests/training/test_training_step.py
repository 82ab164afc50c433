"""A step taken plainly and a recorded one: the same numbers, bit for bit, whatever varies."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

from poselift.models.gridconv import patches, sgt
from poselift.models.registry import build
from poselift.training import TrainingConfig
from poselift.training.environment import process_settings
from poselift.training.step import CapturedStep, Recorder, TrainingStep, fastest
from training_fixtures import TINY, Fresh, tiny_config

STEPS = 20
EXTRAS = {"ema_decay": 0.9, "grad_clip": 0.05, "weight_decay": 1e-3, "output_fan": 24.0}


class Calls(Recorder):
    """Records by keeping the function: what is left of a graph is its fixed buffers."""

    def __init__(self) -> None:
        self.recorded = 0

    def warm(self, function: Callable[[], Tensor]) -> Tensor:
        return function()

    def record(self, function: Callable[[], Tensor]) -> Callable[[], Tensor]:
        self.recorded += 1
        return function


class Tape(Calls):
    """Records the tensor operations and repeats just these, as a graph does.

    What the step reads in Python stays as it was while recording; looking at a value is refused.
    The recording has taken the first step already.
    """

    def record(self, function: Callable[[], Tensor]) -> Callable[[], Tensor]:
        self.recorded += 1
        first: list[Tensor] = []

        def once() -> Tensor:
            loss = function()
            first.append(loss)
            return loss

        tape = make_fx(once)()

        @torch.no_grad()  # the operations of the backward pass are on the tape themselves
        def replay() -> Tensor:
            return first.pop() if first else tape()

        return replay


def settings(architecture: str, dropout: float, **changes: object) -> TrainingConfig:
    architecture, _, estimator = architecture.partition(" ")
    phases: dict[str, object] = {}
    if architecture == "gln":
        phases = {"gumbel_off_epoch": 1.5, "blocks": 0, "estimator": estimator}
    model = {**TINY[architecture], **phases, "dropout": dropout}
    return tiny_config(architecture, model=model, **changes)  # type: ignore[arg-type]


def assert_same_weights(one: TrainingStep, other: TrainingStep) -> None:
    for mine, yours in ((one.model, other.model), (one.average, other.average)):
        assert mine is not None
        assert yours is not None
        ours, theirs = mine.state_dict(), yours.state_dict()
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def taken(config: TrainingConfig, recorder: Recorder | None) -> tuple[list[float], TrainingStep]:
    """Take steps of 16 samples over two epochs and a half, at a falling rate."""
    with process_settings(0, 1, "cpu"):
        step = TrainingStep(build(config.architecture, dict(config.model)), config, "cpu")
        take = fastest(step) if recorder is None else CapturedStep(step, recorder)
        inputs, targets = map(torch.from_numpy, Fresh(0, 16 * STEPS).epoch(0))
        losses = []
        for number in range(STEPS):
            rows = slice(16 * number, 16 * number + 16)
            step.prepare(lr=1e-2 / (1 + number), epoch=number / 8, number=number + 1)
            losses.append(take(inputs[rows], targets[rows]))
        return torch.stack(losses).tolist(), step


@pytest.fixture
def never_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the CPU do as a GPU does where it may look at values to save or check something."""

    def cover_all(index: Tensor, soft: Tensor) -> Tensor:
        joints = soft.shape[-1]
        return sgt.repaired(index, soft, sgt.counts(index, joints) == 0, range(joints))

    monkeypatch.setattr(sgt, "cover_all", cover_all)
    monkeypatch.setattr(nn.functional, "one_hot", lambda index, count: 1 * sgt.held(index, count))


@pytest.mark.usefixtures("never_looks")
@pytest.mark.parametrize("recorder", [Calls, Tape])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    ("architecture", "dropout", "recordings"),
    [
        ("gln straight_through", 0.0, 2),
        ("gln straight_through", 0.3, 2),
        ("gln score_function", 0.3, 2),
        ("posegraphnet", 0.3, 1),
        ("martinez", 0.0, 1),
    ],
)
def test_recorded_steps_are_the_plain_ones(
    monkeypatch: pytest.MonkeyPatch,
    architecture: str,
    dropout: float,
    recordings: int,
    precision: str,
    recorder: type[Calls],
) -> None:
    # what a CPU compiles is no operation of torch's, which a tape holds; a GPU has none of it
    monkeypatch.setattr(patches, "compiled", lambda x: False)
    config = settings(architecture, dropout, precision=precision, **EXTRAS)
    expected, plain = taken(config, None)
    records = recorder()
    losses, step = taken(config, records)
    assert losses == expected
    assert len(set(losses)) == STEPS
    assert records.recorded == recordings  # again when the noise ends, and only then
    assert_same_weights(step, plain)


@given(st.integers(0, 10_000), st.booleans())
def test_repairing_without_looking_is_the_same(seed: int, enough: bool) -> None:
    scores = torch.randn(9 if enough else 5, 7, generator=torch.Generator().manual_seed(seed))
    scores[:, 0] += 2.0
    index = scores.argmax(dim=1)
    lost = sgt.counts(index, 7) == 0
    assert torch.equal(sgt.repaired(index, scores, lost, range(7)), sgt.cover_all(index, scores))


def test_another_size_of_batch_is_recorded_anew() -> None:
    config = settings("martinez", 0.0)
    step = TrainingStep(build("martinez", dict(config.model)), config, "cpu")
    records = Calls()
    take = CapturedStep(step, records)
    for size in (16, 16, 16, 16, 8, 8):
        take(*map(torch.from_numpy, Fresh(0, size).epoch(0)))
    assert records.recorded == 2


class Refusing(Calls):
    """A device that records nothing."""

    def record(self, function: Callable[[], Tensor]) -> Callable[[], Tensor]:
        raise RuntimeError("operation not permitted when stream is capturing\nCUDA kernel errors")


def test_a_device_that_cannot_record_trains_all_the_same() -> None:
    config = settings("gln score_function", 0.3, **EXTRAS)
    expected, plain = taken(config, None)
    with pytest.warns(UserWarning, match="^training without a CUDA graph, slower: operation not"):
        losses, step = taken(config, Refusing())
    assert losses == expected
    assert_same_weights(step, plain)


def test_on_the_cpu_the_step_itself_is_fastest() -> None:
    config = settings("martinez", 0.0)
    step = TrainingStep(build("martinez", dict(config.model)), config, "cpu")
    assert fastest(step) is step


def test_tf32_only_on_a_gpu_and_only_meanwhile() -> None:
    before = torch.get_float32_matmul_precision()
    with process_settings(0, None, "cuda"):
        assert torch.get_float32_matmul_precision() == "high"
    with process_settings(0, None, "cpu"):
        assert torch.get_float32_matmul_precision() == before
    assert torch.get_float32_matmul_precision() == before
