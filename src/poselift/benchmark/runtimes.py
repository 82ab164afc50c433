"""What can run a model here. No torch: memory is measured in a process that imports only this."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.lifting.core import BATCH
from poselift.lifting.session import open_model
from poselift.modelfiles.find import find_model

#: Backend and precision.
Runtime = tuple[str, str]


def open_runtime(
    model: str, runtime: Runtime, threads: int
) -> Callable[[Float[np.ndarray, "B *T J 2"]], Float[np.ndarray, "B *T J 3"]]:
    """Open one of `lifting.runtimes(model)`; the function lifts normalised keypoints (float32).

    As `Lifter` does, it gives the network `BATCH` frames a pass, however many there are.
    """
    backend, precision = runtime
    file = find_model(model, precision)
    opened = open_model(file, threads, backend=backend, precision=precision)

    def lift(inputs: Float[np.ndarray, "B *T J 2"]) -> Float[np.ndarray, "B *T J 3"]:
        poses = np.empty((*inputs.shape[:-1], 3), dtype=np.float32)
        for start in range(0, len(inputs), BATCH):
            rows = slice(start, start + BATCH)
            poses[rows] = opened.run(inputs[rows])
        return poses

    return lift


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
