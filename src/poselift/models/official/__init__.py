"""Checkpoints of the official research codes, loaded into our networks.

| code | recognised by | becomes |
| --- | --- | --- |
| PoseGraphNet | `adj` | `PoseGraphNet`, official normalisation; millimetres from the hip |
| Martinez (SemGCN, PoseAug editions) | `w1.weight` | `Martinez` |
| VideoPose3D, single-frame | `expand_conv.weight` | `VideoPose3D` |
| ST-GCN (PoseAug edition) | `data_bn.weight` | `STGCN`; of 16 joints behind `stgcn.` |
| SemGCN | `gconv_input.0.gconv.W` | `SemGCN` |
| GridConv | `w1.donut_conv.weight` | `GridLiftingNetwork` without attention |
| D-GridConv | `w1.branch1_weight` | `GridLiftingNetwork`, official layout |
| HRNet | `stage4.0.branches.3.0.conv1.weight` | `HRNet`, its keys as they are |
| AutoGrids | the same and `sgt_layer.sgt_trans_mat` | `GridLiftingNetwork`, learnable layout |

Such checkpoints hold no settings: paddings, temperature and dropout are not in them, so they are
arguments here. Axes as in the networks' own files; O output channel, A squeezed channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from poselift.errors import PoseliftError
from poselift.models.checkpoint import fill
from poselift.models.official_layout import SOURCE, Convert, State
from poselift.models.registry import build, entries


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
        raise PoseliftError(f"{SOURCE}: expected one for {architecture}, found one for {name}")
    model = build(name, {**config, **(settings or {})})
    own = model.state_dict()  # temperatures are settings, which checkpoints do not hold
    weights |= {key: own[key] for key in own if key.endswith(".temperature")}
    fill(model, weights, SOURCE)
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
        raise PoseliftError(f"{SOURCE}: weight {error} is missing") from None
    return name, config, weights


def _recognise(state: State) -> tuple[str, Convert]:
    """Tell which network a state dict is for."""
    for name, entry in entries():
        for layout in entry.official:
            if any(mark in state for mark in layout.marks):
                return name, layout.convert
    raise PoseliftError(
        f"{SOURCE}: its keys are those of none of PoseGraphNet, Martinez, VideoPose3D, ST-GCN, "
        "SemGCN, GridConv, D-GridConv, AutoGrids and HRNet"
    )
