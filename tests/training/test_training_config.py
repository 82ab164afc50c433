"""Configs and recipes: the papers' numbers, and each refusal in words."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from poselift.errors import PoseliftError
from poselift.models.registry import build
from poselift.training import (
    Cosine,
    DataSpec,
    Exponential,
    Plateau,
    TrainingConfig,
    Trapezoid,
    make_config,
)

DATA = DataSpec("cmu17", Path("cmu"))
_BOTH = ("paper", "shipped")


def config(**changes: object) -> TrainingConfig:
    values: dict[str, object] = {
        "architecture": "martinez",
        "data": DATA,
        "normalisation": "screen",
        "epochs": 3,
        "batch_size": 8,
        "lr": 1e-3,
        "schedule": Plateau(),
    }
    return TrainingConfig(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"precision": "fp16"}, "--precision: expected one of fp32, bf16, got 'fp16'"),
        ({"loss": "l1"}, "loss: expected one of mse, joint_distance, got 'l1'"),
        ({"normalisation": "none"}, "normalisation: expected one of screen"),
        ({"epochs": 0}, "--epochs: expected at least 1, got 0"),
        ({"batch_size": 1}, "--batch-size: expected at least 2, got 1"),
        ({"seed": -1}, "--seed: expected at least 0, got -1"),
        ({"threads": 0}, "--threads: expected at least 1, got 0"),
        ({"lr": 0.0}, "--lr: expected a number above 0, got 0.0"),
        ({"lr": float("nan")}, "--lr: expected a number above 0, got nan"),
        (
            {"schedule": Trapezoid(1.0, 2.5)},
            "a warm-up of 1 and a decay of 2.5 epochs do not fit into --epochs 3",
        ),
        ({"weight_decay": -0.1}, "weight_decay: expected at least 0, got -0.1"),
        ({"checkpoint_seconds": -1.0}, "checkpoint_seconds: expected at least 0, got -1.0"),
        ({"grad_clip": 0.0}, "grad_clip: expected a number above 0, got 0.0"),
        ({"ema_decay": 1.0}, "ema_decay: expected 0 < decay < 1, got 1.0"),
        ({"schedule": Cosine(warmup=3.0)}, "the warm-up of 3 epochs leaves nothing of --epochs 3"),
        ({"model": {"gumbel_off_epoch": 4.0}}, "gumbel_off_epoch 4.0 lies beyond --epochs 3"),
        ({"model": {"anneal_epochs": 9.0}}, "anneal_epochs 9.0 lies beyond --epochs 3"),
        ({"target": "volume"}, "--target: expected one of pose, pixel_depth, got 'volume'"),
        (
            {
                "data": DataSpec("cmu17", Path("x"), "augmented"),
                "normalisation": "person",
                "target": "pixel_depth",
            },
            "--target pixel_depth needs the camera, which --variant augmented does not keep",
        ),
        (
            {"data": DataSpec("synthetic", variant="augmented")},
            "--variant augmented comes normalised by person: expected that normalisation, "
            "got 'screen'",
        ),
    ],
)
def test_config_refuses(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(PoseliftError, match=re.escape(sentence)):
        config(**changes)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            {"name": "mars"},
            "--data: expected one of cmu17, cmu32, h36m, own, synthetic, cmu17-rendered, or",
        ),
        ({"name": "h36m"}, "--data h36m needs --root, the folder of its files"),
        (
            {"name": "h36m", "root": Path("x"), "variant": "augmented"},
            "--variant augmented: fresh views are made of cmu17, not of h36m",
        ),
        ({"name": "cmu17"}, "--data cmu17 needs --root, the folder of its files"),
        (
            {"name": "synthetic", "root": Path("x"), "variant": "augmented"},
            "--data synthetic reads no files: leave out --root x",
        ),
        (
            {"name": "synthetic"},
            "--data synthetic draws fresh views: expected --variant augmented, got ground_truth",
        ),
        (
            {"name": "cmu17", "root": Path("x"), "variant": "noisy"},
            "--variant: expected one of ground_truth, detected, augmented, pictures, got",
        ),
        (
            {"name": "cmu17", "root": Path("x"), "more": Path("y")},
            "--more adds motions to the fresh views of cmu17 (--variant augmented): "
            "leave out --more y",
        ),
        (
            {"name": "cmu17", "root": Path("x"), "samples": 0},
            "expected at least 1 sample an epoch, got 0",
        ),
    ],
)
def test_data_spec_refuses(arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(PoseliftError, match=re.escape(sentence)):
        DataSpec(**arguments)  # type: ignore[arg-type]


def test_gln_paper() -> None:
    made = make_config("gln", DATA)
    assert (made.batch_size, made.lr, made.epochs, made.loss) == (200, 1e-3, 100, "mse")
    assert made.schedule == Exponential(gamma=0.96, every=10)
    assert made.normalisation == "gridconv"
    network = build(made.architecture, made.model).config
    assert (network.layout, network.dropout) == ("learnable", 0.25)
    assert (network.anneal_epochs, network.gumbel_off_epoch) == (10, 30)


def test_posegraphnet_paper() -> None:
    made = make_config("posegraphnet", DATA)
    assert (made.batch_size, made.lr, made.epochs, made.loss) == (256, 1e-3, 70, "mse")
    assert made.schedule == Plateau(drop=0.1, patience=10)
    assert build(made.architecture, made.model).config.dropout == 0.5


def test_martinez_is_trained_as_the_gln() -> None:
    gln, martinez = make_config("gln", DATA), make_config("martinez", DATA)
    for name in ("batch_size", "lr", "epochs", "schedule", "loss", "normalisation", "data"):
        assert getattr(martinez, name) == getattr(gln, name)


def test_gln_shipped_small() -> None:
    made = make_config("gln", DATA, recipe="shipped-small")
    network = build(made.architecture, made.model).config
    assert (network.channels, network.attention) == (128, "spatial_channel")
    assert network.layout == "handcrafted"
    assert made.schedule == Trapezoid(warmup=0.5, decay=20.0)
    with pytest.raises(PoseliftError, match="--recipe shipped-small is of gln, not of lcn"):
        make_config("lcn", DATA, recipe="shipped-small")


@pytest.mark.parametrize(
    ("architecture", "recipe"),
    [
        *((name, kind) for name in ("gln", "posegraphnet", "martinez", "lcn") for kind in _BOTH),
        ("gln", "shipped-small"),
    ],
)
@pytest.mark.parametrize("epochs", [None, 1, 2])
def test_every_recipe_makes_a_network_of_any_length(
    architecture: str, recipe: str, epochs: int | None
) -> None:
    made = make_config(architecture, DATA, recipe=recipe, epochs=epochs)
    build(made.architecture, made.model)
    assert json.loads(json.dumps(made.as_dict())) == made.as_dict()
    assert epochs in (None, made.epochs)


def test_fresh_views_decide_the_normalisation() -> None:
    assert make_config("gln", DataSpec("synthetic", variant="augmented")).normalisation == "person"


@pytest.mark.parametrize(
    ("architecture", "recipe", "sentence"),
    [
        ("resnet", "paper", "no recipe for 'resnet', expected one of gln, lcn, martinez"),
        ("gln", "best", "--recipe: expected one of paper, shipped, shipped-small, small, got"),
    ],
)
def test_unknown_recipe(architecture: str, recipe: str, sentence: str) -> None:
    with pytest.raises(PoseliftError, match=re.escape(sentence)):
        make_config(architecture, DATA, recipe=recipe)
