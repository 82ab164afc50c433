"""Trainings that start from weights."""

from __future__ import annotations

from dataclasses import replace

from poselift.errors import PoseliftError
from poselift.models.checkpoint import load_model
from poselift.training.config import TrainingConfig

#: Phases at the start of a training, which weights that have been trained are past.
PAST = ("anneal_epochs", "gumbel_off_epoch")


def start_from(config: TrainingConfig, source: str) -> TrainingConfig:
    """Return a training by `config` that starts from the weights of `source`.

    source  shipped name, run folder (of a stopped run the best checkpoint), or .onnx file.

    Sizes, layout, dropout and 2D normalisation are those of the weights; temperature and layout of
    a grid stay where they are. All else is the config's. Dropout that weights have not learnt with
    undoes them: the shipped gln-small went from 76 to 119 mm in an epoch at 0.25, to 62 mm without
    (docs/log.md). Raises `PoseliftError` if there are
    no such weights, or they are of another architecture or target.
    """
    _, card = load_model(source, architecture=config.architecture)
    if card.get("target", "pose") != config.target:
        raise PoseliftError(
            f"--init {source}: its network gives {card.get('target', 'pose')}, "
            f"not {config.target}; give --target"
        )
    own = dict(card["config"])
    own |= {name: 0.0 for name in PAST if name in own}
    normalisation = card.get("normalisation", config.normalisation)
    return replace(config, model=own, normalisation=normalisation, init=source)
