"""Where a run computes and what it changes in the process while it lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from poselift.errors import PoseliftError
from poselift.lifting.session import threads_for

DEVICES = ("auto", "cpu", "cuda")


def choose_device(name: str) -> str:
    """Return "cpu" or "cuda" for one of `DEVICES`; "auto" is CUDA where there is one.

    Raises `PoseliftError` for another name, or if CUDA is asked for and absent.
    """
    if name not in DEVICES:
        raise PoseliftError(f"--device: expected one of {', '.join(DEVICES)}, got {name!r}")
    if name == "cuda" and not torch.cuda.is_available():
        raise PoseliftError("--device cuda: PyTorch finds no CUDA device here")
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name


@contextmanager
def process_settings(seed: int, threads: int | None, device: str) -> Iterator[None]:
    """Seed PyTorch's generators and set its threads; on "cuda" let fp32 products use TF32.

    threads  as `threads_for` takes them; None is one for each core that is free.

    All of it returns to what it was.
    """
    before, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.set_num_threads(threads_for(threads))
        if device == "cuda":
            torch.set_float32_matmul_precision("high")
        try:
            yield
        finally:
            torch.set_num_threads(before)
            if device == "cuda":
                torch.set_float32_matmul_precision(precision)
