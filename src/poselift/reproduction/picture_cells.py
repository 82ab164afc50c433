"""Cells that learn from pictures: how they are trained at each budget, and how they are measured.

A system's detector is trained first, alone, once for a seed; every system of that seed starts from
it. In the budgets below `paper` pictures are drawn once and kept in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float

from poselift.datasets.rendered import load_rendered
from poselift.errors import PoseliftError
from poselift.models.end_to_end import EndToEnd
from poselift.models.hrnet import soft_argmax
from poselift.models.hrnet.network import HRNetConfig, small
from poselift.models.registry import config_to_dict
from poselift.reproduction.measure import Result, result_of
from poselift.skeletons import H36M_17
from poselift.training import DataSpec, TrainingConfig, TrainingData, make_config
from poselift.training.picture_loss import Pictures, as_floats
from poselift.training.picture_recipes import end_to_end
from poselift.training.pictures import (
    HeldOut,
    PictureSamples,
    PictureSet,
    PictureSource,
    open_pictures,
)

#: The data set, and what its cells call their input.
DATA, PICTURES = "cmu17-rendered", "pictures"

#: Held-out and test pictures that are asked of the network at once.
_BATCH = 50


@final
@dataclass(frozen=True)
class PictureBudget:
    """How long detector and systems are trained.

    detector   settings of the HRNet.
    lifters    settings by architecture of smaller lifters.
    train, val, test  pictures; train None: fresh ones in every epoch.
    epochs     of the detector alone; of the lifter alone and of both: `lifting`, `both`.
    precision  as of `TrainingConfig`.
    """

    detector: Mapping[str, Any]
    lifters: Mapping[str, Mapping[str, Any]]
    train: int | None
    val: int
    test: int
    epochs: int
    lifting: int
    both: int
    precision: str = "bf16"


_SMALL = {**config_to_dict(small()), "bottlenecks": 1, "blocks": 1}
_TINY = {**_SMALL, "size": [64, 64], "width": 4, "stem": 8}

PICTURE_BUDGETS = {
    "smoke": PictureBudget(
        _TINY,
        {"gln": {"channels": 8, "blocks": 1}, "martinez": {"width": 16, "blocks": 1}}
        | {"videopose3d": {"channels": 16, "blocks": 1}, "semgcn": {"width": 8, "layers": 1}}
        | {"stgcn": {"channels": (4, 4, 8), "pooled": 8}},
        train=64,
        val=16,
        test=16,
        epochs=1,
        lifting=1,
        both=1,
        precision="fp32",
    ),
    "small": PictureBudget(
        _SMALL,
        {"gln": {"channels": 64, "score_scale": 10.0}},
        train=4000,
        val=200,
        test=800,
        epochs=4,
        lifting=1,
        both=2,
    ),
    "paper": PictureBudget(
        config_to_dict(HRNetConfig(size=(256, 256))),
        {},
        train=None,
        val=1000,
        test=10_000,
        epochs=60,
        lifting=20,
        both=40,
    ),
}


def plan_of(budget: str) -> PictureBudget:
    """Return what a budget means for pictures; `PoseliftError` lists those that there are."""
    if budget not in PICTURE_BUDGETS:
        known = ", ".join(PICTURE_BUDGETS)
        raise PoseliftError(f"--budget: expected one of {known} for pictures, got {budget!r}")
    return PICTURE_BUDGETS[budget]


def picture_config(
    architecture: str,
    settings: Mapping[str, Any],
    *,
    root: Path,
    budget: str,
    seed: int,
    threads: int | None,
    detector: Path,
) -> TrainingConfig:
    """Return the training of a cell: "hrnet", or "end_to_end" with settings of its own.

    settings  of a system: `lifter` (architecture), `detector_rate`, `through`.
    detector  run folder of the detector that a system starts from.

    All lifters have one schedule, as in the other tables, and the squared error of equation (10).
    """
    plan = plan_of(budget)
    spec = DataSpec(DATA, root, variant=PICTURES, samples=plan.train)
    shared: dict[str, Any] = {
        "seed": seed,
        "threads": threads,
        "precision": plan.precision,
        "batch_size": 32,
    }
    if architecture == "hrnet":
        config = make_config("hrnet", spec, recipe="small", epochs=plan.epochs)
        return replace(config, model=dict(plan.detector), **shared)
    own = dict(settings)
    lifter = make_config(own.pop("lifter", "gln"), DataSpec("cmu17", root))
    sizes = {"dropout": 0.0, **plan.lifters.get(lifter.architecture, {})}
    lifter = replace(lifter, model={**lifter.model, **sizes}, normalisation="person")
    length = plan.lifting + plan.both
    config = end_to_end(lifter, spec, recipe="small", epochs=length)
    phases = {"anneal_epochs": 0.1, "gumbel_off_epoch": 0.3}
    inner = {
        **config.model["settings"],
        **{k: share * length for k, share in phases.items() if config.model["settings"].get(k)},
    }
    model = {
        **config.model,
        "detector": dict(plan.detector),
        "settings": inner,
        "detector_epochs": 0.0,
        "lifter_epochs": float(plan.lifting),
        **own,
    }
    stages = replace(config.schedule, stages=(0.0, float(plan.lifting)))  # type: ignore[type-var]
    return replace(
        config, model=model, schedule=stages, output_fan=192.0, detector=str(detector), **shared
    )


@final
@dataclass(frozen=True, eq=False)
class Kept:
    """Pictures in memory: columns of `PictureSet`, a row a picture."""

    columns: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.columns["image"])

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return a picture."""
        return {name: column[index] for name, column in self.columns.items()}

    @classmethod
    def of(cls, pictures: PictureSet) -> Kept:
        """Make all pictures now."""
        items = [pictures[index] for index in range(len(pictures))]
        names = ("image", "keypoints", "poses", "crop", "picture_size", "intrinsics", "action")
        return cls({name: np.array([item[name] for item in items]) for name in names})


@final
@dataclass(eq=False)
class Drawn:
    """The pictures of a budget by split, each drawn when it is first asked for."""

    root: Path
    budget: str
    splits: dict[str, Kept] = field(default_factory=dict)

    def split(self, name: str) -> Kept:
        """Return the pictures of "train", "val" or "test"."""
        if name not in self.splits:
            plan = plan_of(self.budget)
            count = getattr(plan, name)
            if count is None:
                raise PoseliftError(f"--budget {self.budget} draws its pictures anew")
            side = int(plan.detector["size"][0])
            self.splits[name] = Kept.of(load_rendered(self.root, name, size=side, count=count))
        return self.splits[name]

    def data(self, config: TrainingConfig) -> TrainingData:
        """Return what a training sees: kept pictures, or fresh ones in every epoch."""
        if plan_of(self.budget).train is None:
            return open_pictures(config)
        train, held = self.split("train"), self.split("val")
        return TrainingData(
            PictureSource(partial(_same, train)),
            HeldOut(held, replace(config, workers=0)),
            H36M_17.name,
            f"{DATA} train, {len(train):,} pictures",
        )


def _same(pictures: PictureSet, epoch: int) -> PictureSet:
    """Return the same pictures in every epoch."""
    return pictures


def measure_system(network: EndToEnd, card: Mapping[str, Any], test: Kept) -> Result:
    """Measure a system on test pictures, each once, not mirrored; 2D in pixels of the crop."""
    poses, away = predict_pictures(network, test)
    truth, joints = test.columns["poses"], H36M_17.joints
    result = result_of(
        poses,
        truth.astype(np.float32),
        test.columns["action"],
        joints,
        network,
        card,
        f"{DATA} test",
    )
    by_joint = {name: float(away[:, i].mean()) for i, name in enumerate(joints)}
    return replace(result, error_2d=float(away.mean()), by_joint_2d=by_joint)


@torch.no_grad()
def predict_pictures(
    network: EndToEnd, test: Kept
) -> tuple[Float[np.ndarray, "N J 3"], Float[np.ndarray, "N J"]]:
    """Return poses (metres, the root at 0) and how far keypoints are off (pixels of the crop)."""
    network = network.eval()
    poses, away = [], []
    count, config = len(test), network.detector.config
    size = max(n for n in range(1, min(_BATCH, count) + 1) if count % n == 0)
    samples = PictureSamples(test, 0)
    for batch in samples.batches(np.arange(count), size, torch.device("cpu")):
        given = Pictures(*batch)
        found = network(as_floats(given.image), given.crop, given.size, given.focal)
        keypoints = soft_argmax(found.heatmaps, config.temperature, config.size)
        poses.append((found.poses - found.poses[:, :1]).numpy())
        away.append(torch.linalg.vector_norm(keypoints - given.keypoints, dim=-1).numpy())
    return np.concatenate(poses), np.concatenate(away)
