"""ST-GCN on single frames, as PoseAug has it: 17 joints, or 16 behind a wrapper.

G neighbour group, O output channel, C input channel.
"""

from __future__ import annotations

from typing import Any

from poselift.errors import PoseliftError
from poselift.models.official.keys import SOURCE, State, count, rename
from poselift.models.stgcn import GROUPS

#: Prefix of all keys behind the wrapper for 16 joints.
WRAPPER = "stgcn."


def stgcn(state: State) -> tuple[dict[str, Any], State]:
    """Convert ST-GCN: 1x1 convolutions become linear maps."""
    wrapped = any(key.startswith(WRAPPER) for key in state)
    layer = r"st_gcn_(networks|pool)\.(\d+)\."
    weights = rename(
        {key.removeprefix(WRAPPER): value for key, value in state.items()},
        [
            (r"data_bn\.", "input_norm."),
            (layer + r"gcn\.conv\.weight", r"\1_layers.\2.convolution.linear.weight"),
            (layer + r"gcn\.conv\.bias", r"\1_layers.\2.convolution.bias"),
            (layer + r"tcn\.0\.", r"\1_layers.\2.norm."),
            (layer + r"tcn\.3\.", r"\1_layers.\2.linear."),
            (layer + r"tcn\.4\.", r"\1_layers.\2.linear_norm."),
            (layer + r"residual\.0\.", r"\1_layers.\2.residual."),
            (layer + r"residual\.1\.", r"\1_layers.\2.residual_norm."),
            (r"conv4\.0\.", "whole.linear."),
            (r"conv4\.1\.", "whole.norm."),
            (r"conv2\.0\.", "merge.linear."),
            (r"conv2\.1\.", "merge.norm."),
            (r"non_local\.theta\.", "non_local.query."),
            (r"non_local\.phi\.", "non_local.key."),
            (r"non_local\.g\.", "non_local.value."),
            (r"non_local\.W\.0\.", "non_local.back."),
            (r"non_local\.W\.1\.", "non_local.norm."),
            (r"fcn\.1\.", "last."),
        ],
    )
    weights = {
        key.replace("networks_layers.", "joint_layers.").replace("pool_layers.", "part_layers."): (
            value.flatten(1) if value.ndim == 4 else value
        )
        for key, value in weights.items()
    }
    for key, value in weights.items():
        if key.endswith("convolution.bias"):
            outputs = len(weights[key.replace("convolution", "linear")])
            if len(value) != GROUPS * outputs:
                raise PoseliftError(
                    f"{SOURCE}: expected a single-frame network ({GROUPS} neighbour groups), "
                    f"found {len(value)} kernels of {outputs} channels"
                )
            weights[key] = value.unflatten(0, (GROUPS, outputs))
        elif key.endswith("convolution.linear.weight"):  # (G O, C) becomes (O, G C)
            weights[key] = value.unflatten(0, (GROUPS, -1)).transpose(0, 1).flatten(1)
    layers = count(weights, r"joint_layers\.(\d+)\.")
    config = {
        "skeleton": "h36m_16" if wrapped else "h36m_17",
        "channels": [weights[f"joint_layers.{i}.linear.bias"].shape[0] for i in range(layers)],
        "pooled": weights["whole.linear.bias"].shape[0],
    }
    return config, weights
