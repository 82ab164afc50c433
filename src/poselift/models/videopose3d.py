"""VideoPose3D on single frames: Pavllo et al., "3D human pose estimation in video with temporal
convolutions and semi-supervised training", CVPR 2019, with all filter widths 1.

A convolution over one frame is a linear layer, which leaves a residual network of fully connected
layers. Of PoseAug's edition it has `fixed_root`. Axes: B sample, J joint, C channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from poselift.errors import PoseliftError
from poselift.models.base import LiftingNetwork
from poselift.models.official_layout import SOURCE, OfficialLayout, State, count, rename
from poselift.models.registry import register
from poselift.skeletons import get_skeleton


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
        get_skeleton(self.skeleton)
        if self.channels < 1:
            raise PoseliftError(f"channels: expected at least 1, got {self.channels}")
        if self.blocks < 0:
            raise PoseliftError(f"blocks: expected at least 0, got {self.blocks}")
        if not 0 <= self.dropout < 1:
            raise PoseliftError(f"dropout: expected 0 <= dropout < 1, got {self.dropout}")


class Unit(nn.Module):
    """Linear layer without bias, batch norm, ReLU, dropout."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        """Make the layers."""
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.norm = nn.BatchNorm1d(outputs)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B C"]) -> Float[Tensor, "B C_out"]:
        """One slice of the paper's figure 2."""
        return cast(Tensor, self.dropout(functional.relu(self.norm(self.linear(x)))))


class ResidualBlock(nn.Module):
    """Two units and a residual sum, without activation after the sum."""

    def __init__(self, channels: int, dropout: float) -> None:
        """Make the two units."""
        super().__init__()
        self.first = Unit(channels, channels, dropout)
        self.second = Unit(channels, channels, dropout)

    def forward(self, x: Float[Tensor, "B C"]) -> Float[Tensor, "B C"]:
        """Add the block's output to its input."""
        return cast(Tensor, x + self.second(self.first(x)))


class VideoPose3D(LiftingNetwork):
    """2D joints of one frame in, 3D joints of that frame out."""

    def __init__(self, config: VideoPose3DConfig | None = None) -> None:
        """Make the network."""
        super().__init__()
        self.config = config = config or VideoPose3DConfig()
        skeleton = get_skeleton(config.skeleton)
        self.root = skeleton.root
        self.first = Unit(2 * len(skeleton), config.channels, config.dropout)
        self.blocks = nn.ModuleList(
            ResidualBlock(config.channels, config.dropout) for _ in range(config.blocks)
        )
        self.last = nn.Linear(config.channels, 3 * (len(skeleton) - config.fixed_root))

    def output_layer(self) -> tuple[nn.Module, int]:
        """Return the last linear layer."""
        return self.last, self.config.channels

    def forward(self, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        """Lift normalised 2D joints (missing = 0) to root-relative 3D joints (metres)."""
        x = self.first(keypoints.flatten(1))
        for block in self.blocks:
            x = block(x)
        poses = self.last(x).unflatten(1, (-1, 3))
        if self.config.fixed_root:
            root = torch.zeros_like(poses[:, :1])
            poses = torch.cat([poses[:, : self.root], root, poses[:, self.root :]], dim=1)
        return cast(Tensor, poses)


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
    channels, inputs = weights["first.linear.weight"].shape
    outputs = weights["last.weight"].shape[0]
    skeletons = {34: "h36m_17", 32: "h36m_16"}
    if inputs not in skeletons or outputs not in (3 * inputs // 2, 3 * inputs // 2 - 3):
        raise PoseliftError(
            f"{SOURCE}: expected 17 or 16 joints in, as many or one fewer out, "
            f"found {inputs} values in and {outputs} out"
        )
    config = {
        "skeleton": skeletons[inputs],
        "channels": channels,
        "blocks": count(weights, r"blocks\.(\d+)\."),
        "fixed_root": outputs != 3 * inputs // 2,
    }
    return config, weights


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
