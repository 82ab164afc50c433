"""Official checkpoints of the grid networks: GridConv, D-GridConv, AutoGrids.

They hold no paddings, temperature and grid, and the released layout is 5x5.

O output channel, C input channel, A squeezed channel of an attention predictor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from poselift.errors import PoseliftError
from poselift.models.gridconv.network import GridLiftingNetwork
from poselift.models.gridconv.sgt import AutoGrids
from poselift.models.official_layout import STAGES, OfficialLayout, State, count, rename
from poselift.skeletons import get_skeleton

#: Paddings that the project page trains with, by how its files begin: the kind of 2D input.
_PADDINGS = {"gt": ("circular", "replicate"), "hrnet": ("circular", "zero")}

#: The grid that the official layouts are for.
_GRID = (5, 5)


def gridconv(state: State) -> tuple[dict[str, Any], State]:
    """Convert plain GridConv: the circular branch is called donut, the zero branch tablet."""
    branches = {
        key.replace(".donut_conv.", ".branch1_").replace(".tablet_conv.", ".branch2_"): value
        for key, value in state.items()
    }
    config, weights = _grid_weights(branches)
    return {**config, "attention": "none", "paddings": ("circular", "zero")}, weights


def dgridconv(state: State) -> tuple[dict[str, Any], State]:
    """Convert D-GridConv, with or without AutoGrids."""
    state = dict(state)
    scores = state.pop("sgt_layer.sgt_trans_mat", None)
    config, weights = _grid_weights(state)
    if scores is None:
        return {**config, "paddings": ("circular", "replicate")}, weights
    weights["sgt.scores"] = scores.squeeze(0)
    learnt = {"layout": "learnable", "estimator": "straight_through", "cover": False}
    return {**config, **learnt, "paddings": ("circular", "zero")}, weights


def _grid_weights(state: State) -> tuple[dict[str, Any], State]:
    """Convert what all grid networks share, and read their sizes."""
    named = rename(
        state,
        [
            *STAGES,
            (r"(w|batch_norm|atten_conv)1\.", r"expand.\1."),
            (r"(w|atten_conv)2\.", r"shrink.\1."),
        ],
    )
    weights: State = {}
    for key, value in named.items():
        member, part, name = re.split(r"\.(w|batch_norm|atten_conv)\.", key)
        layer = member if member == "shrink" else f"{member}.layer"
        if part == "batch_norm":
            weights[f"{member}.norm.{name}"] = value
        elif part == "atten_conv":
            inner, converted = attention_weight(name, value)
            weights[f"{layer}.attention.{inner}"] = converted
        elif name.startswith("branch1"):
            other = named[key.replace("branch1", "branch2")]
            weights |= _branches(f"{layer}.conv.", name, value, other)
        elif key.replace("branch2", "branch1") not in named:
            raise KeyError(key.replace("branch2", "branch1"))
    config = {
        "layout": "official",
        "channels": weights["expand.layer.conv.weight"].shape[3],
        "blocks": count(weights, r"blocks\.(\d+)\."),
        "anneal_epochs": 0.0,
    }
    return config, weights


def _branches(prefix: str, name: str, first: Tensor, second: Tensor) -> State:
    """Stack two branches: weights (O, C, 3, 3) become (branch, tap, C, O)."""
    both = torch.stack([first, second])
    if name.endswith("weight"):
        return {f"{prefix}weight": both.permute(0, 3, 4, 2, 1).flatten(1, 2)}
    return {f"{prefix}bias": both}


def attention_weight(name: str, value: Tensor) -> tuple[str, Tensor]:
    """Convert one entry of an attention predictor: 1x1 convolutions become linear maps."""
    new = re.sub(r"^position_fc\.", "position.", re.sub(r"^bn\.", "norm.", name))
    return new, value.flatten(1) if value.ndim == 4 else value


def import_settings(
    config: Mapping[str, Any], weights: State, settings: Mapping[str, Any], name: str
) -> dict[str, Any]:
    """Check settings against what a file called `name` does hold; choose layout and paddings."""
    if config.get("attention") == "none":
        for name in {"temperature", "paddings"} & set(settings):
            raise PoseliftError(
                f"is plain GridConv, without attention and with paddings circular,zero: "
                f"leave out --{name}"
            )
    rows, columns = grid = settings.get("grid", _GRID)
    cells = _cells(weights)
    if cells not in (None, rows * columns):
        raise PoseliftError(
            f"its grid has {cells} cells, not {rows}x{columns}: "
            "give its rows and columns, --grid ROWS,COLUMNS"
        )
    layout = "random" if config["layout"] == "official" and grid != _GRID else config["layout"]
    chosen = {**settings, "grid": grid, "layout": layout}
    if config.get("attention") != "none":
        named = (pair for start, pair in _PADDINGS.items() if name.lower().startswith(start))
        chosen.setdefault("paddings", next(named, config["paddings"]))
    return chosen


def _cells(weights: State) -> int | None:
    """Cells of the grid as the weights tell them; plain GridConv's do not."""
    if "sgt.scores" in weights:
        return weights["sgt.scores"].shape[0]
    predictor = weights.get("expand.layer.attention.position.weight")
    return None if predictor is None else predictor.shape[0] // 9


def import_notes(model: GridLiftingNetwork) -> list[str]:
    """Say where joints lie on the grid otherwise than anyone would expect."""
    if model.config.layout == "random":
        rows, columns = model.config.grid
        return [
            f"joints lie on the {rows}x{columns} grid at random, as no official layout of it is "
            "known: poses mean nothing, only the part from grid to grid is the official network"
        ]
    if not isinstance(model.sgt, AutoGrids):
        return []
    names = get_skeleton(model.config.skeleton).joints
    held = model.sgt.pick(model.sgt.scores.detach()).sum(dim=0)
    lost = [name for name, cells in zip(names, held, strict=True) if cells == 0]
    return [f"the layout lost {', '.join(lost)}: always at 0, the root"] if lost else []


OFFICIAL = (
    OfficialLayout(("w1.donut_conv.weight",), gridconv),
    OfficialLayout(("w1.branch1_weight",), dgridconv),
)
