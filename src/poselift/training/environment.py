"""Where a run computes and what it changes in the process while it lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning_fabric import Fabric

from poselift.errors import PoseliftError

DEVICES = ("auto", "cpu", "cuda")

_PRECISIONS: dict[str, Any] = {"fp32": "32-true", "bf16": "bf16-mixed"}


def make_fabric(device: str, precision: str) -> Fabric:
    """Return Fabric for one device: "cpu", "cuda", or "auto" (CUDA where there is one).

    Raises `PoseliftError` for another name, or if CUDA is asked for and absent.
    """
    if device not in DEVICES:
        raise PoseliftError(f"--device: expected one of {', '.join(DEVICES)}, got {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise PoseliftError("--device cuda: PyTorch finds no CUDA device here")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return Fabric(accelerator=device, devices=1, precision=_PRECISIONS[precision])


@contextmanager
def process_settings(seed: int, threads: int | None) -> Iterator[None]:
    """Seed PyTorch's generators and set its threads; both return to what they were."""
    before = torch.get_num_threads()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if threads is not None:
            torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
