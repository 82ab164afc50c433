"""Checkpoints of the official research codes, loaded into our networks.

| code | recognised by | becomes |
| --- | --- | --- |
| PoseGraphNet | `adj` | `PoseGraphNet`, official normalisation; output in millimetres |
| Martinez (SemGCN, PoseAug editions) | `w1.weight` | `Martinez` |
| GridConv | `w1.donut_conv.weight` | `GridLiftingNetwork` without attention |
| D-GridConv | `w1.branch1_weight` | `GridLiftingNetwork`, official layout |
| AutoGrids | the same and `sgt_layer.sgt_trans_mat` | `GridLiftingNetwork`, learnable layout |

Such checkpoints hold no settings: paddings, temperature and dropout are not in them, so they are
arguments here. Axes as in the networks' own files; O output channel, A squeezed channel.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from poselift.errors import PoseliftError
from poselift.models.checkpoint import fill
from poselift.models.registry import build

State = dict[str, Tensor]
_SOURCE = "official checkpoint"


def from_official(
    state: Mapping[str, np.ndarray | Tensor],
    architecture: str | None = None,
    *,
    settings: Mapping[str, object] | None = None,
) -> nn.Module:
    """Build the network that an official state dict belongs to and fill it, in evaluation mode.

    state         official key -> weight; a `module.` prefix (data parallel training) is dropped.
    architecture  refuse the checkpoint if it is not for this one of our architectures.
    settings      fields of our config that a checkpoint does not hold, e.g.
                  `{"paddings": ("circular", "zero"), "temperature": 30.0, "grid": (7, 4)}`.
                  Otherwise the official defaults: circular + replicate (circular + zero for
                  plain GridConv and AutoGrids), temperature 30 throughout, a 5x5 grid.

    Every key must be used and every weight filled; raises `PoseliftError` naming the key where
    that fails, or if the layout is none of those above.
    """
    name, config, weights = translate(state)
    if architecture not in (None, name):
        raise PoseliftError(f"{_SOURCE}: expected one for {architecture}, found one for {name}")
    model = build(name, {**config, **(settings or {})})
    if name == "gln":
        own = model.state_dict()
        weights |= {key: own[key] for key in own if key.endswith(".temperature")}
    fill(model, weights, _SOURCE)
    return model.eval()


def translate(state: Mapping[str, np.ndarray | Tensor]) -> tuple[str, dict[str, Any], State]:
    """Return architecture, config and weights under our names of an official state dict.

    Gradients by official key can be translated in the same way. Raises `PoseliftError` naming the
    key if one is unexpected or missing, or if the layout is none of those above.
    """
    tensors = {key.removeprefix("module."): torch.as_tensor(value) for key, value in state.items()}
    name, convert = _recognise(tensors)
    try:
        config, weights = convert(tensors)
    except KeyError as error:
        raise PoseliftError(f"{_SOURCE}: weight {error} is missing") from None
    return name, config, weights


def _recognise(state: State) -> tuple[str, Callable[[State], tuple[dict[str, Any], State]]]:
    """Tell which network a state dict is for."""
    if "adj" in state:
        return "posegraphnet", _posegraphnet
    if "w1.weight" in state:
        return "martinez", _martinez
    if "w1.donut_conv.weight" in state:
        return "gln", _gridconv
    if "w1.branch1_weight" in state:
        return "gln", _dgridconv
    raise PoseliftError(
        f"{_SOURCE}: its keys are those of none of PoseGraphNet, Martinez, GridConv, D-GridConv "
        "and AutoGrids"
    )


def _rename(state: State, rules: list[tuple[str, str]]) -> State:
    """Rename keys by the first rule whose pattern matches from the start."""
    renamed: State = {}
    for key, value in state.items():
        for pattern, replacement in rules:
            new, count = re.subn(f"^{pattern}", replacement, key)
            if count:
                renamed[new] = value
                break
        else:
            raise PoseliftError(f"{_SOURCE}: unexpected weight {key!r}")
    return renamed


def _posegraphnet(state: State) -> tuple[dict[str, Any], State]:
    """Convert PoseGraphNet: one adjacency for its copies, blocks numbered from 0, not 2."""
    adjacency = state["adj"]
    own: State = {}
    for key, value in state.items():
        if key == "adj" or key.endswith(".adj"):
            if value.shape != adjacency.shape or not torch.equal(value, adjacency):
                raise PoseliftError(f"{_SOURCE}: {key!r} differs from 'adj', expected copies of it")
        else:
            block = re.match(r"gcBlock(\d+)\.", key)
            own[f"blocks.{int(block[1]) - 2}.{key[block.end() :]}" if block else key] = value
    joints = adjacency.shape[-1]
    if joints != 17:
        # the official 16-joint poses leave out the hip: a joint set that we have no name for
        raise PoseliftError(f"{_SOURCE}: expected a PoseGraphNet of 17 joints, found {joints}")
    weights = _rename(
        own,
        [
            (r"gc1\.weight\.weight$", "first.convolution.weight"),
            (r"gc1\.bias$", "first.convolution.bias"),
            (r"bn1\.", "first.norm."),
            (r"gc4\.weight\.weight$", "last.weight"),
            (r"gc4\.bias$", "last.bias"),
            (r"(blocks\.\d+)\.gc1\.(?:weight\.)?", r"\1.first.convolution."),
            (r"(blocks\.\d+)\.gc2\.(?:weight\.)?", r"\1.second.convolution."),
            (r"(blocks\.\d+)\.bn1\.", r"\1.first.norm."),
            (r"(blocks\.\d+)\.bn2\.", r"\1.second.norm."),
            (r"(blocks\.\d+)\.residual_gc\.(?:weight\.)?", r"\1.residual."),
            (r"(blocks\.\d+)\.residual_bn\.", r"\1.residual_norm."),
        ],
    )
    weights["adjacency"] = adjacency.squeeze(0)
    count = _count(weights, r"blocks\.(\d+)\.")
    widths = [weights["first.convolution.bias"].shape[0]]
    widths += [weights[f"blocks.{i}.second.convolution.bias"].shape[0] for i in range(count)]
    return {"skeleton": "h36m_17", "widths": widths, "normalisation": "official"}, weights


def _count(state: State, pattern: str) -> int:
    """Number of numbered members among the keys: the largest number plus one."""
    found = (re.match(pattern, key) for key in state)
    return max((int(match[1]) + 1 for match in found if match), default=0)


#: Residual stages of the Martinez and grid networks; both name their parts alike.
_STAGES = [
    (r"linear_stages\.(\d+)\.(w|batch_norm|atten_conv)1\.", r"blocks.\1.first.\2."),
    (r"linear_stages\.(\d+)\.(w|batch_norm|atten_conv)2\.", r"blocks.\1.second.\2."),
]


def _martinez(state: State) -> tuple[dict[str, Any], State]:
    """Convert the fully connected baseline."""
    weights = _rename(
        state,
        [
            *_STAGES,
            (r"w1\.", "first.w."),
            (r"batch_norm1\.", "first.batch_norm."),
            (r"w2\.", "last."),
        ],
    )
    weights = {
        key.replace(".w.", ".linear.").replace(".batch_norm.", ".norm."): value
        for key, value in weights.items()
    }
    width, inputs = weights["first.linear.weight"].shape
    outputs = weights["last.weight"].shape[0]
    skeletons = {34: "h36m_17", 32: "h36m_16"}
    if inputs not in skeletons or outputs not in (3 * inputs // 2, 3 * inputs // 2 - 3):
        raise PoseliftError(
            f"{_SOURCE}: expected 17 or 16 joints in, as many or one fewer out, "
            f"found {inputs} values in and {outputs} out"
        )
    config = {
        "skeleton": skeletons[inputs],
        "width": width,
        "blocks": _count(weights, r"blocks\.(\d+)\."),
        "fixed_root": outputs != 3 * inputs // 2,
    }
    return config, weights


def _gridconv(state: State) -> tuple[dict[str, Any], State]:
    """Convert plain GridConv: the circular branch is called donut, the zero branch tablet."""
    branches = {
        key.replace(".donut_conv.", ".branch1_").replace(".tablet_conv.", ".branch2_"): value
        for key, value in state.items()
    }
    config, weights = _grid_weights(branches)
    return {**config, "attention": "none", "paddings": ("circular", "zero")}, weights


def _dgridconv(state: State) -> tuple[dict[str, Any], State]:
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
    named = _rename(
        state,
        [
            *_STAGES,
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
        "blocks": _count(weights, r"blocks\.(\d+)\."),
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
