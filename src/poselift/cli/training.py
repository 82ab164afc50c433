"""What the options of `poselift train` say, the data and the config, and how a run ended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from poselift.errors import PoseliftError

if TYPE_CHECKING:
    from poselift.cli.pictures import System
    from poselift.training import TrainingConfig, TrainingResult

Recipe = Annotated[
    str,
    typer.Option(
        "--recipe",
        help="paper; shipped: how the weights in the package were made; shipped-small: that for a "
        "smaller gln; small: of hrnet and --end-to-end, for a CPU.",
    ),
]
Variant = Annotated[
    str | None,
    typer.Option(
        "--variant",
        help="2D input: ground_truth (default of cmu17), detected (of your own, if there is any), "
        "or augmented: fresh random views in every epoch.",
    ),
]
Target = Annotated[
    str,
    typer.Option(
        "--target",
        help="What the network gives: pose (metres), or pixel_depth, which needs the camera and "
        "the root's position to become metres (the papers' §).",
    ),
]


def data_spec(
    data: str,
    root: Path | None,
    variant: str | None,
    recipe: str,
    samples: int | None,
    detections: str | None,
) -> Any:
    """Return the data that the options name; what fresh views need follows from the others.

    One's own data are taken with the 2D that came with them, if there is any.
    """
    from poselift.datasets.registry import get_data_set, is_folder, named
    from poselift.training import DataSpec

    if is_folder(data):
        data, root = named(data, root)
    shipped = recipe.startswith("shipped")
    fresh = data == "synthetic" or shipped
    if variant is None:
        variant = "augmented" if fresh else "ground_truth"
        if data == "own" and not fresh:
            variant = next(iter(get_data_set(data, root).kinds))
    if shipped and variant != "augmented":
        raise PoseliftError(f"--recipe {recipe} draws fresh views: leave out --variant {variant}")
    if detections is not None and (data != "h36m" or variant != "detected"):
        raise PoseliftError("--detections is for --data h36m --variant detected")
    spec = DataSpec(name=data, root=root, variant=variant, samples=samples)
    return spec if detections is None else replace(spec, detections=detections)


def config_of(
    architecture: str,
    spec: Any,
    recipe: str,
    epochs: int | None,
    system: System,
    estimator: str | None,
    **given: Any,
) -> TrainingConfig:
    """Return the recipe's config with the options that were given in place of its own."""
    from poselift.models.gridconv import ESTIMATORS
    from poselift.training import make_config

    if system.end_to_end:
        config = system.config(architecture, spec, recipe, epochs)
    else:
        config = make_config(architecture, spec, recipe=recipe, epochs=epochs)
    if estimator is not None:
        if "estimator" not in config.model:
            raise PoseliftError(f"--estimator: {architecture} by {recipe} learns no layout")
        if estimator not in ESTIMATORS:
            known = ", ".join(ESTIMATORS)
            raise PoseliftError(f"--estimator: expected one of {known}, got {estimator!r}")
        config = replace(config, model={**config.model, "estimator": estimator})
    return replace(config, **{name: value for name, value in given.items() if value is not None})


def ending(result: TrainingResult, out: Path, epochs: int) -> str:
    """Say how a run ended."""
    from poselift.training.checkpoint import words_of

    epoch = result.best["epoch"]
    where = f"at epoch {epoch}" if epoch else "by the weights of --init, which no epoch betters"
    best = f"validation {words_of(result.best)} {where}"
    if result.moved is not None:
        best += f", {result.moved[0]} of {result.moved[1]} nodes of the layout moved"
    if result.was_finished:
        return f"finished before ({epochs} epochs, {best}), nothing to resume"
    return f"finished, {best}; wrote {out / 'model.onnx'}"
