"""An official checkpoint file as a network of ours that speaks metres, with its card."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, final

from torch import nn

from poselift.errors import PoseliftError
from poselift.geometry import NORMALISATIONS
from poselift.models.gridconv.official import import_notes, import_settings
from poselift.models.hrnet.official import detector_settings
from poselift.models.official import from_official, translate
from poselift.models.official.files import Checkpoint, read_checkpoint
from poselift.models.official_layout import SOURCE, State
from poselift.models.posegraphnet.official import to_metres
from poselift.models.registry import describe
from poselift.poses import AXES_3D

Complete = Callable[[Mapping[str, Any], State, Mapping[str, Any], str], dict[str, Any]]


@final
@dataclass(frozen=True)
class Kind:
    """An official code.

    architecture   what its networks are called here.
    project        where it is published.
    licence        of the project; weights may be under another.
    normalisation  of the 2D input in its training; None of a detector.
    settings       completes what its checkpoints do not hold: from config, weights, settings given
                   and the file's name.
    finish         changes the filled network where that is needed; returns notes for the card.
    """

    architecture: str
    project: str
    licence: str
    normalisation: str | None
    settings: (
        Callable[[Mapping[str, Any], State, Mapping[str, Any], str], dict[str, Any]] | None
    ) = None
    finish: Callable[[Any], list[str]] | None = None


KINDS = {
    "osvai-gridconv": Kind(
        "gln", "OSVAI/GridConv", "Apache-2.0", "gridconv", import_settings, import_notes
    ),
    "posegraphnet": Kind("posegraphnet", "baniks/PoseGraphNet", "MIT", "screen", finish=to_metres),
    "semgcn": Kind("semgcn", "garyzhao/SemGCN or jfzhang95/PoseAug", "Apache-2.0 or MIT", "screen"),
    "videopose3d": Kind(
        "videopose3d",
        "facebookresearch/VideoPose3D or its edition in jfzhang95/PoseAug",
        "CC BY-NC 4.0",
        "screen",
    ),
    "martinez": Kind(
        "martinez", "garyzhao/SemGCN or jfzhang95/PoseAug", "Apache-2.0 or MIT", "screen"
    ),
    "stgcn": Kind("stgcn", "jfzhang95/PoseAug", "MIT", "screen"),
    "hrnet": Kind(
        "hrnet", "leoxiaobin/deep-high-resolution-net.pytorch", "MIT", None, detector_settings
    ),
}

#: Settings that only some kinds have a use for.
_OF_KINDS = {
    **dict.fromkeys(("temperature", "paddings", "grid"), "osvai-gridconv"),
    **dict.fromkeys(("skeleton", "size"), "hrnet"),
}


def import_official(
    path: str | os.PathLike[str],
    kind: str,
    *,
    temperature: float | None = None,
    paddings: tuple[str, str] | None = None,
    grid: tuple[int, int] | None = None,
    normalisation: str | None = None,
    skeleton: str | None = None,
    size: tuple[int, int] | None = None,
) -> tuple[nn.Module, dict[str, Any]]:
    """Read an official checkpoint; return the network in evaluation mode, and its card.

    kind           one of `KINDS`; a file of another one is refused.
    temperature    of GridConv's attention; None is the official 30, in training and evaluation.
    paddings       of GridConv's two branches; None is what the project page says for files called
                   gt... (circular + replicate) and hrnet... (circular + zero), else the networks'
                   own: circular + replicate for D-GridConv, circular + zero for AutoGrids.
    grid           GridConv's rows and columns; None is 5x5. Only 5x5 has a known handcrafted
                   layout: on another, joints that no AutoGrids places are put at random.
    normalisation  of the 2D input; None is that of the official training.
    skeleton       joints of HRNet's maps, by name; None is coco_17 where there are 17.
    size           height and width of HRNet's crops; None is what the file's name says, as
                   ..._256x192, else 256x192.

    The network gives metres, root-relative: PoseGraphNet's millimetres are scaled in its output
    layer. The card lacks a name; its `assumed` says which values were defaults of the above, its
    `notes` what was changed, in words. Raises `PoseliftError` naming the file if it cannot be
    read, is of another kind, does not fit a network key by key, or if a value makes no sense.
    """
    if kind not in KINDS:
        raise PoseliftError(f"unknown kind {kind!r}, expected one of {', '.join(KINDS)}")
    if normalisation not in (None, *NORMALISATIONS):
        known = ", ".join(NORMALISATIONS)
        raise PoseliftError(f"--normalisation: expected one of {known}, got {normalisation!r}")
    given: dict[str, Any] = {"temperature": temperature, "paddings": paddings, "grid": grid}
    given.update(skeleton=skeleton, size=size)
    if normalisation is not None and KINDS[kind].normalisation is None:
        raise PoseliftError(f"--normalisation is for lifters, {kind} is a detector")
    settings = {name: value for name, value in given.items() if value is not None}
    _check_settings(kind, settings)
    file = read_checkpoint(path)
    try:
        model = _network(file.state, kind, settings, Path(path).name)
    except PoseliftError as error:
        raise PoseliftError(f"{path}: {str(error).removeprefix(f'{SOURCE}: ')}") from None
    except (IndexError, ValueError, RuntimeError):  # sizes that only make sense together
        raise PoseliftError(f"{path}: the shapes of its weights make no {kind} network") from None
    facts = KINDS[kind]
    notes = [] if facts.finish is None else facts.finish(model)
    config = describe(model)[1]
    if facts.normalisation is None:
        source = _source(Path(path).name, kind, file)
        return model, _detector_card(model, source, {} if size else {"size": config["size"]})
    assumed = {} if normalisation else {"normalisation": facts.normalisation}
    if config.get("attention", "none") != "none":
        assumed |= {name: config[name] for name in ("temperature", "paddings") if not given[name]}
    chosen = normalisation or facts.normalisation
    return model, _card(model, chosen, _source(Path(path).name, kind, file), assumed, notes)


def _check_settings(kind: str, settings: Mapping[str, Any]) -> None:
    """Refuse settings that a kind has no use for, and numbers that are none."""
    for name in settings:
        if _OF_KINDS[name] != kind:
            raise PoseliftError(f"--{name} is for {_OF_KINDS[name]}, not for {kind}")
    temperature = settings.get("temperature", 1.0)
    if not (math.isfinite(temperature) and temperature > 0):
        raise PoseliftError(f"--temperature: expected a number above 0, got {temperature}")


def _network(state: State, kind: str, settings: Mapping[str, Any], name: str) -> nn.Module:
    """Build the network that the weights are of, and fill it."""
    architecture, config, weights = translate(state)
    if architecture != KINDS[kind].architecture:
        names = {one.architecture: name for name, one in KINDS.items()}
        other = names.get(architecture, architecture)
        raise PoseliftError(f"expected a network of {kind}, found one of {other}")
    complete = KINDS[kind].settings
    if complete is not None:
        settings = complete(config, weights, settings, name)
    return from_official(state, settings=settings)


def _source(name: str, kind: str, file: Checkpoint) -> dict[str, Any]:
    """Say where weights come from."""
    return {
        "file": name,
        "sha256": file.sha256,
        "project": KINDS[kind].project,
        "licence": KINDS[kind].licence,
        "recorded": file.recorded,
    }


def _detector_card(
    model: nn.Module, source: Mapping[str, Any], assumed: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the card of a detector without a name."""
    architecture, config = describe(model)
    return {
        "architecture": architecture,
        "config": config,
        "skeleton": config["skeleton"],
        "kind": "detector",
        "data": "pictures of persons (official training)",
        "source": source,
        "assumed": assumed,
        "notes": [],
        "software": f"poselift {version('poselift')}",
    }


def _card(
    model: nn.Module,
    normalisation: str,
    source: Mapping[str, Any],
    assumed: Mapping[str, Any],
    notes: list[str],
) -> dict[str, Any]:
    """Return the model card without a name."""
    architecture, config = describe(model)
    return {
        "architecture": architecture,
        "config": config,
        "skeleton": config["skeleton"],
        "normalisation": normalisation,
        "units": "m",
        "axes": AXES_3D,
        "data": "Human3.6M (official training)",
        "source": source,
        "assumed": assumed,
        "notes": notes,
        "software": f"poselift {version('poselift')}",
    }
