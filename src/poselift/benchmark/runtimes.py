"""What can run a model here. No torch: memory is measured in a process that imports only this."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from poselift.errors import PoseliftError
from poselift.lifting.session import open_model
from poselift.lifting.weights import find_model

#: Backend and precision.
Runtime = tuple[str, str]


def runtimes(model: str) -> tuple[Runtime, ...]:
    """List what can run `model` on this machine; `PoseliftError` if there is no such model."""
    find_model(model)
    return (("onnxruntime", "fp32"),)


def open_runtime(model: str, runtime: Runtime, threads: int) -> Callable[[np.ndarray], np.ndarray]:
    """Open one of `runtimes(model)`; the function takes (B, J, 2) float32 to (B, J, 3)."""
    return open_model(find_model(model), threads).run


def choose(
    offered: Sequence[Runtime], backends: Sequence[str], precisions: Sequence[str], model: str
) -> tuple[Runtime, ...]:
    """Return those of `offered` that the options name; none named means all.

    Raises `PoseliftError` for a name that none of them has, with what there is.
    """
    kept = tuple(offered)
    for flag, place, names in (("--backend", 0, backends), ("--precision", 1, precisions)):
        for name in names:
            if name not in {runtime[place] for runtime in kept}:
                there = ", ".join(" ".join(runtime) for runtime in offered)
                raise PoseliftError(
                    f"{flag} {name}: not available for model {model} here, available: {there}"
                )
        kept = tuple(runtime for runtime in kept if not names or runtime[place] in names)
    return kept
