"""The official grid networks: GridConv, D-GridConv, AutoGrids.

O output channel, C input channel, A squeezed channel of an attention predictor.
"""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor

from poselift.models.official.keys import STAGES, State, count, rename


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
    learnt = {"layout": "learnable", "cover": False, "paddings": ("circular", "zero")}
    return {**config, **learnt}, weights


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
