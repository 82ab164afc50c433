"""PoseGraphNet's official state dict, of 17 joints or of 16 without the hip.

Its output is in millimetres, relative to the hip, also where that is not among the joints.
"""

from __future__ import annotations

import re
from typing import Any

import torch

from poselift.errors import PoseliftError
from poselift.models.official_layout import SOURCE, OfficialLayout, State, count, rename
from poselift.models.posegraphnet.network import PoseGraphNet


def posegraphnet(state: State) -> tuple[dict[str, Any], State]:
    """Convert PoseGraphNet: one adjacency for its copies, blocks numbered from 0, not 2."""
    adjacency = state["adj"]
    own: State = {}
    for key, value in state.items():
        if key == "adj" or key.endswith(".adj"):
            if value.shape != adjacency.shape or not torch.equal(value, adjacency):
                raise PoseliftError(f"{SOURCE}: {key!r} differs from 'adj', expected copies of it")
        else:
            block = re.match(r"gcBlock(\d+)\.", key)
            own[f"blocks.{int(block[1]) - 2}.{key[block.end() :]}" if block else key] = value
    joints = adjacency.shape[-1]
    skeletons = {17: "h36m_17", 16: "h36m_16_no_pelvis"}
    if joints not in skeletons:
        raise PoseliftError(f"{SOURCE}: expected a PoseGraphNet of 17 or 16 joints, found {joints}")
    weights = rename(
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
    blocks = count(weights, r"blocks\.(\d+)\.")
    widths = [weights["first.convolution.bias"].shape[0]]
    widths += [weights[f"blocks.{i}.second.convolution.bias"].shape[0] for i in range(blocks)]
    return {"skeleton": skeletons[joints], "widths": widths, "normalisation": "official"}, weights


def to_metres(model: PoseGraphNet) -> list[str]:
    """Scale the output layer of a network that was trained in millimetres; say so."""
    with torch.no_grad():
        for parameter in model.last.parameters():
            parameter.copy_(parameter.double() / 1000)
    return ["weights and bias of the output layer are divided by 1000: millimetres become metres"]


OFFICIAL = (OfficialLayout(("adj",), posegraphnet),)
