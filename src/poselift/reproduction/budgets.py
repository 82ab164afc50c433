"""How long the networks of a table are trained: `smoke`, `small`, `medium` or as published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, final

from poselift.errors import PoseliftError
from poselift.training import Cosine, TrainingConfig

#: Sizes that only show that everything runs.
_SMOKE_SIZES: Mapping[str, Mapping[str, Any]] = {
    "gln": {"channels": 8, "blocks": 1},
    "posegraphnet": {"widths": (8, 8)},
    "martinez": {"width": 16, "blocks": 1},
    "videopose3d": {"channels": 16, "blocks": 1},
    "semgcn": {"width": 8, "layers": 1},
    "lcn": {"width": 4, "blocks": 1},
    "stgcn": {"channels": (4, 4, 8), "pooled": 8},
}

#: The two largest networks have half the published width, which is a quarter of the work.
_SMALL_SIZES: Mapping[str, Mapping[str, Any]] = {
    "gln": {"channels": 128},
    "lcn": {"width": 32},
}


@final
@dataclass(frozen=True)
class Budget:
    """One length of training for all networks of a table alike.

    name         what `--budget` calls it.
    description  what was done, for captions.
    epochs       of `samples` poses each; None: the published schedule of each network.
    samples      poses of an epoch.
    sizes        settings by architecture that make networks smaller than published.
    test_rows    test poses that are measured, evenly spread; None: all.
    search       share of a training in which a layout is learnt; then it stays as it is.
    """

    name: str
    description: str
    epochs: int | None = None
    samples: int | None = None
    sizes: Mapping[str, Mapping[str, Any]] | None = None
    test_rows: int | None = None
    search: float = 0.3

    def shorten(self, config: TrainingConfig) -> TrainingConfig:
        """Return a published recipe cut down to this budget.

        A short training is one of its own: all networks get the same optimiser, loss, number of
        samples and input, whatever their papers say, and no dropout, since no pose comes up often
        enough to be learnt by heart. What a table compares is kept.
        """
        if self.epochs is None:
            return config
        sizes = (self.sizes or {}).get(config.architecture, {})
        model = {**config.model, **sizes, "dropout": 0.0}
        for phase, share in (("anneal_epochs", 0.1), ("gumbel_off_epoch", self.search)):
            if model.get(phase):  # 0 says that there is no such phase
                model[phase] = self.epochs * share
        return replace(
            config,
            model=model,
            data=replace(config.data, samples=self.samples),
            # PoseAug moves cameras, which this one would undo
            normalisation="screen" if config.poseaug else "person",
            epochs=self.epochs,
            batch_size=200,
            lr=1e-3,
            schedule=Cosine(warmup=0.1 * self.epochs),
            loss="joint_distance",
            output_fan=192.0,
            weight_decay=0.0,
            grad_clip=1.0,
            ema_decay=0.999,
            precision="bf16",
            recipe=f"{config.recipe}_{self.name}",
        )


BUDGETS = {
    budget.name: budget
    for budget in (
        Budget(
            "smoke",
            "tiny networks, a few steps: shows that it runs, the numbers mean nothing",
            epochs=3,
            samples=400,
            sizes=_SMOKE_SIZES,
            test_rows=400,
        ),
        Budget(
            "small",
            "200,000 poses for every network (published: about 150 million), GLN and LCN at half "
            "width, one recipe for all",
            epochs=8,
            samples=25_000,
            sizes=_SMALL_SIZES,
        ),
        Budget(
            "medium",
            "one million poses for every network (published: about 150 million), GLN and LCN at "
            "half width, one recipe for all",
            epochs=40,
            samples=25_000,
            sizes=_SMALL_SIZES,
        ),
        Budget("paper", "the published schedule of each network"),
    )
}


def get_budget(name: str) -> Budget:
    """Return a budget by name; `PoseliftError` lists them if there is none."""
    try:
        return BUDGETS[name]
    except KeyError:
        known = ", ".join(BUDGETS)
        raise PoseliftError(f"--budget: expected one of {known}, got {name!r}") from None
