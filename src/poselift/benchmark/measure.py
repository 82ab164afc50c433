"""One run of all measurements: what `poselift bench` does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
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
from poselift.training.environment import process_settings
from poselift.training.report import duration

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
class Measurements:
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


def run_benchmark(
    options: Options,
    progress: Callable[[str], None],
    keep: Callable[[Measurements], None] = lambda found: None,
) -> Measurements:
    """Measure all that the options name.

    progress  told what comes next, and how long all of it takes.
    keep      given all that has been measured so far, each time there is more.

    Raises `PoseliftError` before anything is measured if a model is not found or damaged, if a
    backend or precision is not there for it, or if a runtime cannot open it.
    """
    facts = machine(options.threads, _PACKAGES)
    if options.device == "cuda":
        facts["gpu"] = torch.cuda.get_device_name()
    found = Measurements(facts, (), (), ())
    with process_settings(0, options.threads, options.device):
        opened = [_open(model, options) for model in options.models]
        configs = [paper_config(name) for name in dict.fromkeys(one.architecture for one in opened)]
        configs = configs if options.training else []
        batches = options.batches or BATCHES[options.device]
        there = precisions(options.device)
        names = [name for name in there if name in (options.precisions or there)]
        # the definition path, and each runtime with its matrix product
        timed = len(batches) * sum(1 + 2 * len(one.chosen) for one in opened)
        timed += len(configs) * (1 + len(names))
        progress(f"about {duration(1.3 * timed * options.seconds)} in all")
        for one in opened:
            for batch in batches:
                progress(f"{one.name}: {batch} frames a call ...")
                rows = measure_inference(
                    one.name,
                    one.network,
                    one.port,
                    one.engine,
                    one.chosen,
                    batch=batch,
                    seconds=options.seconds,
                )
                found = replace(found, inference=(*found.inference, *rows))
                keep(found)
        for config in configs:
            progress(f"training {config.architecture} ...")
            steps = measure_training(config, options.device, names, seconds=options.seconds)
            found = replace(found, training=(*found.training, *steps))
            keep(found)
            progress(f"training {config.architecture}: losses of both paths ...")
            losses = compare_losses(config, options.device)
            found = replace(found, losses=(*found.losses, losses))
            keep(found)
    return found


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
