"""Recipes: functions that return a full training config."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from poselift.datasets.registry import get_data_set
from poselift.errors import PoseliftError
from poselift.models.gridconv.layout import grid_for
from poselift.skeletons import H36M_17, get_skeleton
from poselift.training.config import DataSpec, TrainingConfig
from poselift.training.picture_recipes import make_detector_config
from poselift.training.schedules import Exponential, Plateau, Trapezoid

Recipe = Callable[[DataSpec, int | None], TrainingConfig]


def gln_paper(data: DataSpec, epochs: int | None = None) -> TrainingConfig:
    """GridConv, "Implementation details": batch 200, Adam 1e-3, 100 epochs, Gumbel off at 30.

    Squared error of equation (10), learnable SGT, dropout 0.25. The paper does not give the decay
    of the rate; x0.96 after epochs 0, 10, 20, ... is what the released code does, and so is the
    attention temperature that falls over ten epochs. With other `epochs` both phases keep their
    share of the training.
    """
    length = 100 if epochs is None else epochs
    return TrainingConfig(
        architecture="gln",
        model={"dropout": 0.25, **_gln_phases(length)},
        data=data,
        normalisation=_normalisation(data, "gridconv"),
        epochs=length,
        batch_size=200,
        lr=1e-3,
        schedule=Exponential(gamma=0.96, every=10),
        loss="mse",
        recipe="gln_paper",
    )


def posegraphnet_paper(data: DataSpec, epochs: int | None = None) -> TrainingConfig:
    """PoseGraphNet, section 4: batch 256, Adam 1e-3, x0.1 on validation plateau, 70 epochs.

    Mean squared error and dropout 0.5, as printed; the released code uses the joint distance and
    1e-4. Patience 10 is the released code's.
    """
    return TrainingConfig(
        architecture="posegraphnet",
        model={"dropout": 0.5},
        data=data,
        normalisation=_normalisation(data, "screen"),
        epochs=70 if epochs is None else epochs,
        batch_size=256,
        lr=1e-3,
        schedule=Plateau(drop=0.1, patience=10),
        loss="mse",
        recipe="posegraphnet_paper",
    )


def martinez_paper(data: DataSpec, epochs: int | None = None) -> TrainingConfig:
    """Martinez-style MLP by the very recipe of `gln_paper`, for comparison with the GLN."""
    gln = gln_paper(data, epochs)
    return replace(gln, architecture="martinez", model={}, recipe="martinez_paper")


def semgcn_paper(data: DataSpec, epochs: int | None = None) -> TrainingConfig:
    """SemGCN's released code: batch 64, Adam 1e-3, squared error, gradient norm up to 1.

    Its rate falls by x0.96 every 100,000 steps, which are four epochs of Human3.6M.
    """
    return TrainingConfig(
        architecture="semgcn",
        data=data,
        normalisation=_normalisation(data, "screen"),
        epochs=100 if epochs is None else epochs,
        batch_size=64,
        lr=1e-3,
        schedule=Exponential(gamma=0.96, every=4),
        loss="mse",
        grad_clip=1.0,
        recipe="semgcn_paper",
    )


def lcn_paper(data: DataSpec, epochs: int | None = None) -> TrainingConfig:
    """LCN (Ci et al. 2019): batch 200, Adam 1e-3, squared error, 200 epochs.

    Its rate falls by x0.96 every 32,000 steps, which are four epochs of Human3.6M.
    """
    return TrainingConfig(
        architecture="lcn",
        data=data,
        normalisation=_normalisation(data, "screen"),
        epochs=200 if epochs is None else epochs,
        batch_size=200,
        lr=1e-3,
        schedule=Exponential(gamma=0.96, every=4),
        loss="mse",
        recipe="lcn_paper",
    )


def videopose3d_paper(data: DataSpec, epochs: int | None = None) -> TrainingConfig:
    """Single-frame VideoPose3D: batch 1024, Adam 1e-3, x0.95 an epoch, joint distance, 60 epochs.

    Left out of the released code: AMSGrad, mirrored samples, and the batch norms' falling momentum.
    """
    return TrainingConfig(
        architecture="videopose3d",
        data=data,
        normalisation=_normalisation(data, "screen"),
        epochs=60 if epochs is None else epochs,
        batch_size=1024,
        lr=1e-3,
        schedule=Exponential(gamma=0.95, every=1),
        loss="joint_distance",
        recipe="videopose3d_paper",
    )


def stgcn_paper(data: DataSpec, epochs: int | None = None) -> TrainingConfig:
    """Single-frame ST-GCN (Cai et al. 2019): batch 256, Adam 1e-3, x0.95 an epoch, joint distance.

    Left out: the original's mirrored samples and its refinement of poses over time.
    """
    return TrainingConfig(
        architecture="stgcn",
        data=data,
        normalisation=_normalisation(data, "screen"),
        epochs=50 if epochs is None else epochs,
        batch_size=256,
        lr=1e-3,
        schedule=Exponential(gamma=0.95, every=1),
        loss="joint_distance",
        recipe="stgcn_paper",
    )


def shipped(architecture: str, data: DataSpec, epochs: int | None = None) -> TrainingConfig:
    """Return the recipe of the weights in the wheel; the same for every architecture.

    10 million fresh random views, bodies and noisy detections in epochs of 100,000, bf16, running
    mean of the weights, no dropout (no sample is ever seen twice). After a warm-up the rate stays
    where it is until the last fifth, so that a training can be made longer, or be ended at any
    time by a decay that branches off it. Networks that start well at a higher rate learn from
    larger batches, which are faster.
    """
    length = 100 if epochs is None else epochs
    # short phases at the start, whatever the length: what comes after is the same for all
    phases = {"anneal_epochs": min(2.0, length / 10), "gumbel_off_epoch": min(5.0, length * 0.3)}
    own = {"gln": phases}
    batch_size, lr = (256, 1e-3) if architecture == "lcn" else (128, 7e-4)
    return TrainingConfig(
        architecture=architecture,
        model={"dropout": 0.0, **own.get(architecture, {})},
        data=replace(data, variant="augmented"),
        normalisation="person",
        epochs=length,
        batch_size=batch_size,
        lr=lr,
        output_fan=192.0,
        schedule=Trapezoid(warmup=min(0.5, 0.1 * length), decay=length / 5),
        loss="joint_distance",
        grad_clip=1.0,
        ema_decay=0.999,
        precision="bf16",
        checkpoint_seconds=180.0,
        recipe=f"{architecture}_shipped",
    )


def shipped_small(data: DataSpec, epochs: int | None = None) -> TrainingConfig:
    """Return the recipe `shipped` for a grid network of half the width, five times as fast.

    128 channels, the handcrafted layout, and attention by channel and cell (Figure 8's third
    rival), which learns faster than the paper's own here.
    """
    config = shipped("gln", data, epochs)
    model = {
        "dropout": 0.0,
        "anneal_epochs": config.model["anneal_epochs"],
        "channels": 128,
        "attention": "spatial_channel",
        "layout": "handcrafted",
    }
    return replace(config, model=model, batch_size=256, lr=1e-3, recipe="gln_shipped_small")


_PAPER: dict[str, Recipe] = {
    "gln": gln_paper,
    "posegraphnet": posegraphnet_paper,
    "martinez": martinez_paper,
    "semgcn": semgcn_paper,
    "lcn": lcn_paper,
    "videopose3d": videopose3d_paper,
    "stgcn": stgcn_paper,
}

#: Names that `make_config` accepts.
RECIPES = ("paper", "shipped", "shipped-small", "small")


def make_config(
    architecture: str, data: DataSpec, *, recipe: str = "paper", epochs: int | None = None
) -> TrainingConfig:
    """Return the config of one of `RECIPES`, of its own length unless `epochs` is given.

    The network has the joints that the data come in; a grid network of joints for which nobody has
    drawn a grid starts from a random layout on `grid_for` so many, and learns a better one.

    Raises `PoseliftError` for an unknown recipe or an architecture without one.
    """
    check_names(architecture, recipe)
    if architecture == "hrnet":
        return make_detector_config(data, recipe=recipe, epochs=epochs)
    if recipe == "paper":
        return on_joints(_PAPER[architecture](data, epochs))
    if recipe == "shipped":
        return shipped(architecture, data, epochs)
    if recipe == "shipped-small":
        if architecture != "gln":
            raise PoseliftError(f"--recipe shipped-small is of gln, not of {architecture}")
        return shipped_small(data, epochs)
    raise PoseliftError(f"--recipe small is of hrnet and --end-to-end, not of {architecture}")


def check_names(architecture: str, recipe: str) -> None:
    """Refuse a network that has no recipe, and a recipe of no name, before data are looked at."""
    known = [*sorted(_PAPER), "hrnet"]
    if architecture not in known:
        raise PoseliftError(f"no recipe for {architecture!r}, expected one of {', '.join(known)}")
    if recipe not in RECIPES:
        raise PoseliftError(f"--recipe: expected one of {', '.join(RECIPES)}, got {recipe!r}")


def on_joints(config: TrainingConfig) -> TrainingConfig:
    """Return a training whose network has the joints of its data set; as `make_config` says."""
    if config.data.name == "synthetic":
        return config
    text = get_data_set(config.data.name, config.data.root).skeleton
    if text == H36M_17.name:
        return config
    own: dict[str, Any] = {"skeleton": text}
    if config.architecture == "gln":
        own["grid"] = grid_for(len(get_skeleton(text)))
    return replace(config, model={**config.model, **own})


def _gln_phases(epochs: int) -> dict[str, float]:
    """Return when annealing and noise end: after 10 and 30 of 100 epochs, or the same shares."""
    return {"anneal_epochs": epochs / 10, "gumbel_off_epoch": epochs * 3 / 10}


def _normalisation(data: DataSpec, paper: str) -> str:
    """Return the paper's normalisation, or the one that fresh random views come in."""
    return "person" if data.variant == "augmented" else paper
