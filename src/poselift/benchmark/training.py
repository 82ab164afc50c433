"""Speed of training: our step beside the definition path's, and the proof that both learn alike.

Axes: B sample, J joint.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from poselift.benchmark.engines import products_in
from poselift.benchmark.timing import Timing, interleaved
from poselift.models.base import Network
from poselift.models.forms import definition_of
from poselift.models.registry import build
from poselift.simulation.augmentation import AugmentedSource
from poselift.training.batches import to_device
from poselift.training.config import DataSpec, TrainingConfig
from poselift.training.losses import joint_loss
from poselift.training.recipes import make_config
from poselift.training.step import StepFunction, TrainingStep, fastest

#: The GridConv paper's schedule and the time it gives for it.
PAPER_SAMPLES, PAPER_HOURS = 1_560_000 * 100, 40.0

#: Steps whose losses are compared.
PROOF_STEPS = 20

_DEFINITION = "definition"


@final
@dataclass(frozen=True)
class TrainingRow:
    """One network and precision."""

    network: str
    precision: str
    batch: int
    steps: int
    samples_per_s: float
    """Of the median step."""
    p50_ms: float
    """Milliseconds a step; so below."""
    quiet_ms: float
    """What a quarter of the steps stay below (`Timing.quiet`)."""
    definition_p50_ms: float
    """The definition path with torch's plain Adam, eager fp32, in the same minutes."""
    definition_quiet_ms: float
    ratio: float
    """`definition_quiet_ms` over `quiet_ms`: how many times faster."""
    paper_schedule_hours: float | None
    """Of the GLN: 100 epochs of 1.56 million samples at this rate; the paper gives 40 h."""


@final
@dataclass(frozen=True)
class LossCurves:
    """Losses of the same first steps, from the same weights on the same samples, in fp32."""

    network: str
    ours: tuple[float, ...]
    definition: tuple[float, ...]
    largest_difference: float
    """Of all steps, relative to the definition's loss."""


def paper_config(architecture: str) -> TrainingConfig:
    """Return the paper's recipe on synthetic people; `PoseliftError` if there is none.

    A learnt layout is the paper's too: the score function takes another forward pass.
    """
    config = make_config(architecture, DataSpec("synthetic", variant="augmented"))
    if "estimator" in config.model:
        config = replace(config, model={**config.model, "estimator": "straight_through"})
    return config


def precisions(device: str) -> tuple[str, ...]:
    """Names of what our step is measured in on a device: on a GPU products of fp32 are TF32."""
    return ("tf32", "bf16") if device == "cuda" else ("fp32", "bf16")


def measure_training(
    config: TrainingConfig, device: str, chosen: Sequence[str], *, seconds: float
) -> list[TrainingRow]:
    """Time the steps of a recipe without clipping and running mean, taking turns.

    seconds  of the definition path and of each of the `chosen` precisions.
    """
    network = _network(config, device)
    inputs, targets = samples(config, 1, device)[0]
    steps = {name: _in_precision(copy.deepcopy(network), config, device, name) for name in chosen}
    steps[_DEFINITION] = definition_step(network, config)
    calls = {name: _bound(step, inputs, targets) for name, step in steps.items()}
    times = interleaved(calls, seconds, torch.cuda.synchronize if device == "cuda" else _nothing)
    return [_row(config, name, times[name], times[_DEFINITION]) for name in chosen]


def compare_losses(config: TrainingConfig, device: str) -> LossCurves:
    """Take `PROOF_STEPS` steps by both paths, without what is random in training."""
    random = {"dropout": 0.0}
    if config.architecture == "gln":
        random["gumbel_off_epoch"] = 0.0
    config = replace(config, model={**config.model, **random}, precision="fp32")
    network = _network(config, device)
    theirs = definition_step(network, config)
    with products_in("fp32"):
        ours = our_step(network, config, device)
        batches = samples(config, PROOF_STEPS, device)
        first, second = (tuple(float(step(*batch)) for batch in batches) for step in (ours, theirs))
    differences = (abs(a - b) / abs(b) for a, b in zip(first, second, strict=True))
    return LossCurves(config.architecture, first, second, max(differences))


def samples(
    config: TrainingConfig, batches: int, device: str
) -> list[tuple[Float[Tensor, "B J 2"], Float[Tensor, "B J 3"]]]:
    """Draw batches of inputs and targets of synthetic people."""
    arrays = AugmentedSource(None, batches * config.batch_size, config.seed).epoch(0)
    where = torch.device(device)
    inputs, targets = (to_device(array, where).split(config.batch_size) for array in arrays)
    return list(zip(inputs, targets, strict=True))


def our_step(network: Network, config: TrainingConfig, device: str) -> StepFunction:
    """Return the step that `poselift train` takes on the device."""
    return fastest(TrainingStep(network, config, device))


def definition_step(network: nn.Module, config: TrainingConfig) -> StepFunction:
    """Return a step of the definition path from a copy of the weights, by torch's plain Adam."""
    model = definition_of(network)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr, weight_decay=config.weight_decay)

    def step(inputs: Tensor, targets: Tensor) -> Tensor:
        with products_in("fp32"):
            loss = joint_loss(config.loss, model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.detach()

    return step


def _network(config: TrainingConfig, device: str) -> Network:
    """Build a fresh network as it stands at the start of a training."""
    network = build(config.architecture, dict(config.model)).to(device).train()
    network.start_step(0.0)
    return network


def _in_precision(network: Network, config: TrainingConfig, device: str, name: str) -> StepFunction:
    """Return our step in a precision."""
    taken = our_step(
        network, replace(config, precision="bf16" if name == "bf16" else "fp32"), device
    )

    def step(inputs: Tensor, targets: Tensor) -> Tensor:
        with products_in(name):
            return taken(inputs, targets)

    return step


def _bound(step: StepFunction, inputs: Tensor, targets: Tensor) -> Callable[[], object]:
    """Return a step on the same samples again and again."""
    return lambda: step(inputs, targets)


def _nothing() -> None:
    """A CPU has done its work when a call returns."""


def _row(config: TrainingConfig, precision: str, ours: Timing, definition: Timing) -> TrainingRow:
    """Put the figures of one precision together."""
    rate = config.batch_size / ours.median
    return TrainingRow(
        network=config.architecture,
        precision=precision,
        batch=config.batch_size,
        steps=len(ours.seconds),
        samples_per_s=rate,
        p50_ms=1e3 * ours.median,
        quiet_ms=1e3 * ours.quiet,
        definition_p50_ms=1e3 * definition.median,
        definition_quiet_ms=1e3 * definition.quiet,
        ratio=definition.quiet / ours.quiet,
        paper_schedule_hours=PAPER_SAMPLES / rate / 3600 if config.architecture == "gln" else None,
    )
