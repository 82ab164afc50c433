"""Recipes of what learns from pictures: HRNet alone, and a detector and a lifter as one system."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from poselift.errors import PoseliftError
from poselift.models.checkpoint import load_model
from poselift.models.hrnet.network import HRNetConfig, small
from poselift.models.registry import config_to_dict
from poselift.training.config import DataSpec, TrainingConfig
from poselift.training.schedules import Cosine, Staged, Steps

#: Names of recipes from pictures.
PICTURE_RECIPES = ("paper", "small")

#: Shares of a training that the detector alone, the lifter, and both together take.
_SHARES = (0.4, 0.2, 0.4)


def make_detector_config(
    data: DataSpec, *, recipe: str = "paper", epochs: int | None = None
) -> TrainingConfig:
    """Return a training of HRNet alone.

    "paper" is HRNet-W32 by the paper's schedule: Adam 1e-3, x0.1 at 170 and 200 of 210 epochs,
    batch 32 (a GPU's share there), squared error of the maps; square crops of 256 pixels where the
    pictures are square crops. Left out: its ImageNet start, turned, scaled and mirrored crops.
    "small" is a network of a quarter of that width on crops of 128 pixels, which two cores train in
    minutes: it learns keypoints beside maps (Sun et al. 2018), which is faster.
    """
    _check_recipe(recipe)
    square = data.name == "cmu17-rendered"
    if recipe == "small":
        return TrainingConfig(
            architecture="hrnet",
            model=config_to_dict(small()),
            data=data,
            normalisation="screen",
            epochs=20 if epochs is None else epochs,
            batch_size=32,
            lr=2e-3,
            schedule=Cosine(warmup=min(0.5, 0.1 * (epochs or 20))),
            ema_decay=0.99,
            recipe="hrnet_small",
        )
    return TrainingConfig(
        architecture="hrnet",
        model=config_to_dict(HRNetConfig(size=(256, 256) if square else (256, 192))),
        data=data,
        normalisation="screen",
        epochs=210 if epochs is None else epochs,
        batch_size=32,
        lr=1e-3,
        schedule=Steps(at=(170 / 210, 200 / 210)),
        picture_weights=(1.0, 0.0, 0.0),
        recipe="hrnet_paper",
    )


def end_to_end(
    lifter: TrainingConfig,
    data: DataSpec,
    *,
    recipe: str = "paper",
    epochs: int | None = None,
    detector: str | None = None,
    detector_rate: float | None = None,
) -> TrainingConfig:
    """Return a training of a detector and a lifter in three stages; the paper gives no recipe.

    The detector alone, by its maps; the lifter on what that finds, by equation (10); both, by the
    sum of both losses. Each stage has a warm-up and half a cosine of its own.

    lifter         config of the lifter by its own recipe: its network and normalisation count.
    recipe         size of a detector that is not given: "paper" (W32) or "small".
    epochs         of all stages together; None: 60, or 20 of "small".
    detector       run folder of a trained detector; the first stage is then left out.
    detector_rate  factor on its learning rate in the last stage, None: 0.5; 0 leaves it frozen.

    Raises `PoseliftError` if there is no such detector.
    """
    _check_recipe(recipe)
    own = config_to_dict(small() if recipe == "small" else HRNetConfig(size=(256, 256)))
    if detector is not None:
        own = load_model(detector, architecture="hrnet")[1]["config"]
    length = (60 if recipe == "paper" else 20) if epochs is None else epochs
    first, second, third = _SHARES if detector is None else (0.0, *_SHARES[1:])
    part = length / (first + second + third)
    stages = (first * part, second * part)
    settings = _within_a_system(lifter)
    for name, share in (("anneal_epochs", 0.1), ("gumbel_off_epoch", 0.3)):
        if settings.get(name):  # the lifter's own phases, within its two stages
            settings[name] = share * (length - stages[0])
    model = {
        "detector": dict(own),
        "lifter": lifter.architecture,
        "settings": settings,
        "normalisation": lifter.normalisation,
        "detector_epochs": stages[0],
        "lifter_epochs": stages[1],
        "detector_rate": 0.5 if detector_rate is None else detector_rate,
    }
    return replace(
        lifter,
        architecture="end_to_end",
        model=model,
        data=data,
        epochs=length,
        batch_size=32,
        lr=1e-3,
        schedule=Staged(stages, (1.0, 1.0, 0.5), warmup=0.5),
        loss="mse",
        ema_decay=0.99,
        grad_clip=None,
        output_fan=None,
        precision="fp32",
        checkpoint_seconds=60.0,
        detector=detector,
        recipe=f"end_to_end_{recipe}",
    )


def _within_a_system(lifter: TrainingConfig) -> dict[str, Any]:
    """Return the settings of a lifter's network; layouts are compared where it learns alone."""
    settings = dict(lifter.model)
    if "estimator" in settings:
        settings["estimator"] = "straight_through"
    return settings


def _check_recipe(recipe: str) -> None:
    """Refuse recipes of other networks."""
    if recipe not in PICTURE_RECIPES:
        known = " or ".join(PICTURE_RECIPES)
        raise PoseliftError(f"--recipe: expected {known} for pictures, got {recipe!r}")
