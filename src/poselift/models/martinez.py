"""The fully connected baseline of Martinez et al., "A simple yet effective baseline for 3d human
pose estimation", ICCV 2017, as its PyTorch editions in SemGCN and PoseAug have it.

Unlike the original there is no max-norm limit on the weights. Axes: B sample, J joint, C channel.
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
from poselift.models.official_layout import SOURCE, STAGES, OfficialLayout, State, count, rename
from poselift.models.registry import register
from poselift.skeletons import get_skeleton


@dataclass(frozen=True)
class MartinezConfig:
    """Settings of the baseline; the defaults are the usual network of 4.297 M parameters."""

    skeleton: str = "h36m_17"
    """Joint set of input and output, by name."""
    width: int = 1024
    """Channels of every hidden layer."""
    blocks: int = 2
    """Residual blocks of two layers each."""
    dropout: float = 0.5
    """Probability that a feature is dropped in training."""
    fixed_root: bool = False
    """Predict all joints but the root, and put the root back as exactly 0."""

    def __post_init__(self) -> None:
        """Refuse values that make no network, naming the field."""
        get_skeleton(self.skeleton)
        if self.width < 1:
            raise PoseliftError(f"width: expected at least 1, got {self.width}")
        if self.blocks < 0:
            raise PoseliftError(f"blocks: expected at least 0, got {self.blocks}")
        if not 0 <= self.dropout < 1:
            raise PoseliftError(f"dropout: expected 0 <= dropout < 1, got {self.dropout}")


class Unit(nn.Module):
    """Linear layer, batch norm, ReLU, dropout."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        """Make the layers, with Kaiming normal weights."""
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        nn.init.kaiming_normal_(self.linear.weight)
        self.norm = nn.BatchNorm1d(outputs)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B C"]) -> Float[Tensor, "B C_out"]:
        """One fully connected unit."""
        return cast(Tensor, self.dropout(functional.relu(self.norm(self.linear(x)))))


class ResidualBlock(nn.Module):
    """Two units and a residual sum, without activation after the sum."""

    def __init__(self, width: int, dropout: float) -> None:
        """Make the two units."""
        super().__init__()
        self.first = Unit(width, width, dropout)
        self.second = Unit(width, width, dropout)

    def forward(self, x: Float[Tensor, "B C"]) -> Float[Tensor, "B C"]:
        """Add the block's output to its input."""
        return cast(Tensor, x + self.second(self.first(x)))


class Martinez(LiftingNetwork):
    """2D joints in, 3D joints out, every joint connected with every other."""

    def __init__(self, config: MartinezConfig | None = None) -> None:
        """Make the network."""
        super().__init__()
        self.config = config = config or MartinezConfig()
        skeleton = get_skeleton(config.skeleton)
        predicted = len(skeleton) - config.fixed_root
        self.root = skeleton.root
        self.first = Unit(2 * len(skeleton), config.width, config.dropout)
        self.blocks = nn.ModuleList(
            ResidualBlock(config.width, config.dropout) for _ in range(config.blocks)
        )
        self.last = nn.Linear(config.width, 3 * predicted)
        nn.init.kaiming_normal_(self.last.weight)

    def output_layer(self) -> tuple[nn.Module, int]:
        """Return the last linear layer."""
        return self.last, self.config.width

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
    """Convert the fully connected baseline."""
    weights = rename(
        state,
        [
            *STAGES,
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
            f"{SOURCE}: expected 17 or 16 joints in, as many or one fewer out, "
            f"found {inputs} values in and {outputs} out"
        )
    config = {
        "skeleton": skeletons[inputs],
        "width": width,
        "blocks": count(weights, r"blocks\.(\d+)\."),
        "fixed_root": outputs != 3 * inputs // 2,
    }
    return config, weights


register(
    "martinez",
    Martinez,
    MartinezConfig,
    official=(OfficialLayout(("w1.weight",), weights_of),),
)
