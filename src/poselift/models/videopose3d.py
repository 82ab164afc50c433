"""VideoPose3D on single frames: Pavllo et al., "3D human pose estimation in video with temporal
convolutions and semi-supervised training", CVPR 2019, with all filter widths 1.

A convolution over one frame is a linear layer, which leaves a residual network of fully connected
layers. Of PoseAug's edition it has `fixed_root`. Axes: B sample, J joint, C channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from poselift.errors import PoseliftError
from poselift.models.base import check_sizes
from poselift.models.dense import DenseNetwork, official_config
from poselift.models.official_layout import SOURCE, OfficialLayout, State, rename
from poselift.models.registry import register


@dataclass(frozen=True)
class VideoPose3DConfig:
    """Settings of the network; the defaults are the paper's four blocks, 8.494 M parameters."""

    skeleton: str = "h36m_17"
    """Joint set of input and output, by name."""
    channels: int = 1024
    """Channels of every hidden layer."""
    blocks: int = 4
    """Residual blocks of two layers each: one fewer than the official list of filter widths."""
    dropout: float = 0.25
    """Probability that a feature is dropped in training."""
    fixed_root: bool = False
    """Predict all joints but the root, and put the root back as exactly 0 (PoseAug's edition)."""

    def __post_init__(self) -> None:
        """Refuse values that make no network, naming the field."""
        check_sizes(
            self.skeleton, self.dropout, channels=(self.channels, 1), blocks=(self.blocks, 0)
        )


def _linear(inputs: int, outputs: int) -> nn.Linear:
    """Make a linear layer without bias: a slice of the paper's figure 2."""
    return nn.Linear(inputs, outputs, bias=False)


class VideoPose3D(DenseNetwork):
    """2D joints of one frame in, 3D joints of that frame out."""

    def __init__(self, config: VideoPose3DConfig | None = None) -> None:
        """Make the network."""
        config = config or VideoPose3DConfig()
        super().__init__(
            config.skeleton,
            config.channels,
            config.blocks,
            config.dropout,
            fixed_root=config.fixed_root,
            linear=_linear,
        )
        self.config = config


def weights_of(state: State) -> tuple[dict[str, Any], State]:
    """Convert VideoPose3D: convolutions over one frame become linear maps."""
    weights: State = {}
    renamed = rename(
        state,
        [
            (r"expand_conv\.", "first.linear."),
            (r"expand_bn\.", "first.norm."),
            (r"layers_(conv|bn)\.(\d+)\.", r"layers.\2.\1."),
            (r"shrink\.", "last."),
        ],
    )
    for key, value in renamed.items():
        if value.ndim == 3:
            if value.shape[2] != 1:
                raise PoseliftError(
                    f"{SOURCE}: expected a single-frame network (filter width 1), "
                    f"found filter width {value.shape[2]}"
                )
            value = value.squeeze(2)
        weights[_in_blocks(key)] = value
    return official_config(weights, "channels"), weights


def _in_blocks(key: str) -> str:
    """Name a hidden layer by its block: the official list counts layers through."""
    if not key.startswith("layers."):
        return key
    _, number, part, name = key.split(".", 3)
    half = ("first", "second")[int(number) % 2]
    member = {"conv": "linear", "bn": "norm"}[part]
    return f"blocks.{int(number) // 2}.{half}.{member}.{name}"


register(
    "videopose3d",
    VideoPose3D,
    VideoPose3DConfig,
    official=(OfficialLayout(("expand_conv.weight",), weights_of),),
)
