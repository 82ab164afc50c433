"""Speed of inference: each runtime beside the definition path and the matrix-product ceiling.

Axes: B sample, J joint.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import nn

from poselift.benchmark.engines import Engine, products_in
from poselift.benchmark.flops import ceiling_shape, useful_flops
from poselift.benchmark.runtimes import Runtime
from poselift.benchmark.timing import Timing, interleaved
from poselift.models.forms import definition_of

_DEFINITION = ("definition", "fp32")


@final
@dataclass(frozen=True)
class InferenceRow:
    """One model, runtime and batch size."""

    model: str
    backend: str
    precision: str
    batch: int
    calls: int
    frames_per_s: float
    """Of the median call."""
    p50_ms: float
    """Milliseconds a call, of all its frames; so below."""
    p99_ms: float
    quiet_ms: float
    """What a quarter of the calls stay below (`Timing.quiet`)."""
    definition_p50_ms: float
    """The definition path (official layout, eager torch, fp32) in the same minutes."""
    definition_quiet_ms: float
    ratio: float
    """`definition_quiet_ms` over `quiet_ms`: how many times faster."""
    gflops: float
    """Useful operations a second while it is quiet, in 10^9 (`useful_flops`)."""
    ceiling_gflops: float | None
    """Those of one plain matrix product of the network's size, where one is known."""
    ceiling_fraction: float | None
    peak_mb: float | None


def measure_inference(
    model: str,
    network: nn.Module,
    port: tuple[int, ...],
    engine: Engine,
    chosen: Sequence[Runtime],
    *,
    batch: int,
    seconds: float,
) -> list[InferenceRow]:
    """Measure all `chosen` runtimes of one model at one batch size, taking turns.

    network  holds the model's weights, for the definition path.
    port     shape of its input, without the batch axis.
    seconds  of each runtime, of the definition path and of each matrix product.
    """
    rng = np.random.default_rng(0)
    inputs = rng.normal(scale=0.3, size=(batch, *port)).astype(np.float32)
    shape = ceiling_shape(network, batch)
    calls: dict[tuple[str, Runtime], Callable[[], object]] = {
        ("run", _DEFINITION): definition_call(network, inputs, engine.device)
    }
    for runtime in chosen:
        calls["run", runtime] = engine.open(runtime, inputs)
        product = engine.product(runtime, shape)
        if product is not None:
            calls["product", runtime] = product
    times = interleaved(calls, seconds, engine.settle)
    return [
        _row(
            (model, runtime, batch),
            times["run", runtime],
            times["run", _DEFINITION],
            batch * useful_flops(network),
            _gflops(times.get(("product", runtime)), 2 * int(np.prod(shape))),
            engine.peak_mb(runtime, inputs.shape),
        )
        for runtime in chosen
    ]


def definition_call(
    network: nn.Module, inputs: np.ndarray, device: torch.device
) -> Callable[[], object]:
    """Return a function that lifts (B, J, 2) once by the definition path."""
    definition = definition_of(copy.deepcopy(network).to(device).eval())
    batch = torch.from_numpy(inputs).to(device)

    def once() -> object:
        with torch.inference_mode(), products_in("fp32"):
            return definition(batch)

    return once


def _gflops(time: Timing | None, flops: int) -> float | None:
    """Operations a second, in 10^9."""
    return None if time is None else flops / time.quiet / 1e9


def _row(
    what: tuple[str, Runtime, int],
    ours: Timing,
    definition: Timing,
    flops: int,
    ceiling: float | None,
    peak_mb: float | None,
) -> InferenceRow:
    """Put the figures of one runtime together."""
    model, (backend, precision), batch = what
    gflops = flops / ours.quiet / 1e9
    return InferenceRow(
        model=model,
        backend=backend,
        precision=precision,
        batch=batch,
        calls=len(ours.seconds),
        frames_per_s=batch / ours.median,
        p50_ms=1e3 * ours.median,
        p99_ms=1e3 * ours.percentile(99.0),
        quiet_ms=1e3 * ours.quiet,
        definition_p50_ms=1e3 * definition.median,
        definition_quiet_ms=1e3 * definition.quiet,
        ratio=definition.quiet / ours.quiet,
        gflops=gflops,
        ceiling_gflops=ceiling,
        ceiling_fraction=None if ceiling is None else gflops / ceiling,
        peak_mb=peak_mb,
    )
