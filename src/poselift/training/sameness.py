"""Whether a resumed run has the data that it began with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from poselift.errors import PoseliftError
from poselift.training.sources import FixedSource, PartSource, TrainingData

#: Other machines round otherwise; other data are farther off than this.
_CLOSE = 1e-4


def facts_of(data: TrainingData) -> dict[str, float]:
    """Return what tells data apart, of parts that are the same in every epoch.

    The number of samples, and the mean sizes of what a network is given and asked for: enough to
    see another description, or files that came or went.
    """
    facts: dict[str, float] = {}
    source = data.source.whole if isinstance(data.source, PartSource) else data.source
    for name, part in (("training", source), ("validation", data.validation)):
        if isinstance(part, FixedSource):
            facts[f"{name} samples"] = float(len(part.inputs))
            for kind, array in (("inputs", part.inputs), ("poses", part.targets)):
                facts[f"{name} {kind}"] = float(np.abs(array).mean(dtype=np.float64))
    return facts


def check_same(folder: Path, before: Mapping[str, float], now: Mapping[str, float]) -> None:
    """Refuse to go on with other data; runs of before this was kept have nothing to compare."""
    for name, value in now.items():
        kept = before.get(name, value)
        if math.isclose(kept, value, rel_tol=_CLOSE):
            continue
        what = f"{kept:g} {name} then, {value:g} now"
        if not name.endswith("samples"):
            what = f"the {name} are others"
        raise PoseliftError(
            f"{folder}: was trained on other data ({what}): --resume goes on with what a run began "
            "with, a new one may start from its weights (--init)"
        )
