"""Two ways to run a network: exported files on the CPU, and torch on a device.

Axes: B sample, J joint.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from poselift.benchmark.ceiling import Shape, matrix_product
from poselift.benchmark.memory import peak_memory_mb
from poselift.benchmark.runtimes import Runtime, open_runtime
from poselift.errors import PoseliftError
from poselift.lifting import runtimes
from poselift.models.forms import frozen
from poselift.training.step import CudaRecorder

DEVICES = ("cpu", "cuda")

#: Calls before a CUDA graph is captured, in which libraries set themselves up.
_WARM_UP = 3


def check_device(name: str) -> str:
    """Return one of `DEVICES`; `PoseliftError` with those there are if it is not one of them."""
    there = DEVICES if torch.cuda.is_available() else DEVICES[:1]
    if name not in there:
        raise PoseliftError(f"--device {name}: not available here, available: {', '.join(there)}")
    return name


@contextmanager
def products_in(precision: str) -> Iterator[None]:
    """Let a GPU use TF32 in products of float32, unless `precision` is "fp32"."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest" if precision == "fp32" else "high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


class Engine(ABC):
    """Opens what is measured, for one model."""

    device: torch.device

    @abstractmethod
    def runtimes(self) -> tuple[Runtime, ...]:
        """List what can run the model here."""

    @abstractmethod
    def open(self, runtime: Runtime, inputs: Float[np.ndarray, "B *T J 2"]) -> Callable[[], object]:
        """Return a function that lifts `inputs` once."""

    @abstractmethod
    def product(self, runtime: Runtime, shape: Shape) -> Callable[[], object] | None:
        """Return a function that multiplies matrices of `shape` once, if one is known."""

    @abstractmethod
    def peak_mb(self, runtime: Runtime, shape: tuple[int, ...]) -> float | None:
        """Return the peak memory of running inputs of `shape`, in MB, where it can be known."""

    def settle(self) -> None:
        """Return when the device has done all that was started."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


@final
class FileEngine(Engine):
    """The runtimes that `Lifter` uses, on the CPU."""

    def __init__(self, model: str, threads: int) -> None:
        """Open nothing yet."""
        self._model, self._threads = model, threads
        self.device = torch.device("cpu")

    def runtimes(self) -> tuple[Runtime, ...]:
        """List what can run the model here; `PoseliftError` if there is no such model."""
        return runtimes(self._model)

    def open(self, runtime: Runtime, inputs: Float[np.ndarray, "B *T J 2"]) -> Callable[[], object]:
        """Open the model's file."""
        run = open_runtime(self._model, runtime, self._threads)
        return lambda: run(inputs)

    def product(self, runtime: Runtime, shape: Shape) -> Callable[[], object] | None:
        """Multiply by the same runtime."""
        return matrix_product(runtime, shape, self._threads)

    def peak_mb(self, runtime: Runtime, shape: tuple[int, ...]) -> float | None:
        """Measure in a process of its own."""
        return peak_memory_mb(self._model, runtime, threads=self._threads, shape=shape)


@final
class TorchEngine(Engine):
    """The network in torch, as a CUDA graph where there is a GPU, eagerly on a CPU."""

    def __init__(self, network: nn.Module, device: str) -> None:
        """Copy the network to the device."""
        self.device = torch.device(device)
        self._network = frozen(network).to(self.device)

    def runtimes(self) -> tuple[Runtime, ...]:
        """TF32 is of GPUs only."""
        full = "tf32" if self.device.type == "cuda" else "fp32"
        return (("torch", full), ("torch", "bf16"))

    def open(self, runtime: Runtime, inputs: Float[np.ndarray, "B *T J 2"]) -> Callable[[], Tensor]:
        """Run in the precision; the result of a call may be overwritten by the next."""
        batch = torch.from_numpy(inputs).to(self.device)
        return self._repeatable(lambda: self._network(batch), runtime[1])

    def product(self, runtime: Runtime, shape: Shape) -> Callable[[], Tensor]:
        """Multiply in the precision."""
        left = torch.randn(shape[:2], device=self.device)
        right = torch.randn(shape[1:], device=self.device)
        if runtime[1] == "bf16":
            left, right = left.bfloat16(), right.bfloat16()
        return self._repeatable(lambda: left @ right, runtime[1])

    def peak_mb(self, runtime: Runtime, shape: tuple[int, ...]) -> float | None:
        """Peak of what torch allocates on the GPU during a call, weights included."""
        if self.device.type != "cuda":
            return None
        torch.cuda.reset_peak_memory_stats(self.device)
        self.open(runtime, np.zeros(shape, dtype=np.float32))()
        return torch.cuda.max_memory_allocated(self.device) / 1e6

    def _repeatable(self, function: Callable[[], Tensor], precision: str) -> Callable[[], Tensor]:
        """Return `function` in a precision, captured as a graph where there is a GPU."""

        def once() -> Tensor:
            with torch.inference_mode(), products_in(precision), self._autocast(precision):
                return function()

        if self.device.type != "cuda":
            return once
        recorder = CudaRecorder(self.device)
        for _ in range(_WARM_UP):
            recorder.warm(once)
        return recorder.record(once)

    def _autocast(self, precision: str) -> contextlib.AbstractContextManager[object]:
        """Mixed precision; without its cache of weights, which a graph cannot hold."""
        if precision != "bf16":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16, cache_enabled=False)
