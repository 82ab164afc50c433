"""One run of all measurements: what `poselift bench` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np
import torch
from torch import nn

from poselift.benchmark.engines import Engine, FileEngine, TorchEngine
from poselift.benchmark.inference import InferenceRow, measure_inference
from poselift.benchmark.machine import machine
from poselift.benchmark.runtimes import Runtime, choose
from poselift.benchmark.training import (
    LossCurves,
    TrainingRow,
    compare_losses,
    measure_training,
    paper_config,
    precisions,
)
from poselift.modelfiles.card import INPUT, read_card
from poselift.models.checkpoint import load_model
from poselift.training.config import TrainingConfig
from poselift.training.environment import process_settings

_PACKAGES = ("poselift", "torch", "onnxruntime", "openvino", "numpy")

#: Batch sizes that are measured unless others are asked for.
BATCHES = {"cpu": (1, 64, 256, 1000), "cuda": (1, 200, 4096)}


@final
@dataclass(frozen=True)
class Options:
    """What to measure and how long; `device` is one that is here (`engines.check_device`)."""

    models: tuple[str, ...]
    backends: tuple[str, ...]
    """Empty: all there are; so with `precisions` and `batches`."""
    precisions: tuple[str, ...]
    batches: tuple[int, ...]
    device: str
    threads: int
    seconds: float
    """For each row, and for each thing that it is compared with."""
    training: bool


@final
@dataclass(frozen=True)
class Report:
    """What was measured."""

    machine: dict[str, str]
    inference: tuple[InferenceRow, ...]
    training: tuple[TrainingRow, ...]
    losses: tuple[LossCurves, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


@final
@dataclass(frozen=True)
class _Opened:
    """One model, ready to be measured."""

    name: str
    architecture: str
    network: nn.Module
    port: tuple[int, ...]
    engine: Engine
    chosen: tuple[Runtime, ...]


def measure(options: Options, progress: Callable[[str], None]) -> Report:
    """Measure all that the options name; `progress` is told what comes next.

    Raises `PoseliftError` before anything is measured if a model is not found or damaged, if a
    backend or precision is not there for it, or if a runtime cannot open it.
    """
    facts = machine(options.threads, _PACKAGES)
    if options.device == "cuda":
        facts["gpu"] = torch.cuda.get_device_name()
    with process_settings(0, options.threads, options.device):
        opened = [_open(model, options) for model in options.models]
        configs = [paper_config(name) for name in dict.fromkeys(one.architecture for one in opened)]
        inference = _measure_inference(opened, options, progress)
        training, losses = _measure_training(configs if options.training else (), options, progress)
    return Report(facts, tuple(inference), tuple(training), tuple(losses))


def _open(model: str, options: Options) -> _Opened:
    """Load a model for the definition path and find what can run it."""
    files = FileEngine(model, options.threads)
    offered = files.runtimes()  # first, as it says best what is wrong with a name
    network, card = load_model(model)
    engine: Engine = files
    if options.device == "cuda":
        engine = TorchEngine(network, options.device)
        offered = engine.runtimes()
    chosen = choose(offered, options.backends, options.precisions, model)
    port = read_card(card, model).ports[INPUT]
    for runtime in chosen:  # what cannot be opened is said now, not after minutes
        engine.open(runtime, np.zeros((1, *port), dtype=np.float32))
    return _Opened(model, card["architecture"], network, port, engine, chosen)


def _measure_inference(
    opened: Sequence[_Opened], options: Options, progress: Callable[[str], None]
) -> list[InferenceRow]:
    """Measure all models at all batch sizes."""
    rows: list[InferenceRow] = []
    for one in opened:
        for batch in options.batches or BATCHES[options.device]:
            progress(f"{one.name}: {batch} frames a call ...")
            rows += measure_inference(
                one.name,
                one.network,
                one.port,
                one.engine,
                one.chosen,
                batch=batch,
                seconds=options.seconds,
            )
    return rows


def _measure_training(
    configs: Sequence[TrainingConfig], options: Options, progress: Callable[[str], None]
) -> tuple[list[TrainingRow], list[LossCurves]]:
    """Measure the trainings of the papers; in the precisions asked for that training has."""
    there = precisions(options.device)
    names = [name for name in there if name in (options.precisions or there)]
    rows: list[TrainingRow] = []
    losses: list[LossCurves] = []
    for config in configs:
        progress(f"training {config.architecture} ...")
        rows += measure_training(config, options.device, names, seconds=options.seconds)
        progress(f"training {config.architecture}: losses of both paths ...")
        losses.append(compare_losses(config, options.device))
    return rows, losses
