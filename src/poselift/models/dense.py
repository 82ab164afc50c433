"""A residual network of fully connected layers, which two of the networks are.

Axes: B sample, J joint, C channel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from poselift.errors import PoseliftError
from poselift.models.base import LiftingNetwork
from poselift.models.official_layout import SOURCE, State, count
from poselift.skeletons import get_skeleton

#: Makes a hidden layer of so many inputs and outputs.
Linear = Callable[[int, int], nn.Linear]


class Unit(nn.Module):
    """Linear layer, batch norm, ReLU, dropout."""

    def __init__(self, linear: nn.Linear, dropout: float) -> None:
        """Take the linear layer and make the others."""
        super().__init__()
        self.linear = linear
        self.norm = nn.BatchNorm1d(linear.out_features)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B C"]) -> Float[Tensor, "B C_out"]:
        """One fully connected unit."""
        return cast(Tensor, self.dropout(functional.relu(self.norm(self.linear(x)))))


class ResidualBlock(nn.Module):
    """Two units and a residual sum, without activation after the sum."""

    def __init__(self, linear: Linear, width: int, dropout: float) -> None:
        """Make the two units."""
        super().__init__()
        self.first = Unit(linear(width, width), dropout)
        self.second = Unit(linear(width, width), dropout)

    def forward(self, x: Float[Tensor, "B C"]) -> Float[Tensor, "B C"]:
        """Add the block's output to its input."""
        return cast(Tensor, x + self.second(self.first(x)))


class DenseNetwork(LiftingNetwork):
    """2D joints in, 3D joints out, every joint connected with every other."""

    def __init__(
        self,
        skeleton: str,
        width: int,
        blocks: int,
        dropout: float,
        *,
        fixed_root: bool,
        linear: Linear,
    ) -> None:
        """Make the network; with `fixed_root` it predicts all joints but the root, which is 0."""
        super().__init__()
        joints = get_skeleton(skeleton)
        self.root, self.fixed_root, self.width = joints.root, fixed_root, width
        self.first = Unit(linear(2 * len(joints), width), dropout)
        self.blocks = nn.ModuleList(ResidualBlock(linear, width, dropout) for _ in range(blocks))
        self.last = nn.Linear(width, 3 * (len(joints) - fixed_root))

    def output_layer(self) -> tuple[nn.Module, int]:
        """Return the last linear layer, which may be on integers and then knows no width."""
        return self.last, self.width

    def forward(self, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        """Lift normalised 2D joints (missing = 0) to root-relative 3D joints (metres)."""
        x = self.first(keypoints.flatten(1))
        for block in self.blocks:
            x = block(x)
        poses = self.last(x).unflatten(1, (-1, 3))
        if self.fixed_root:
            root = torch.zeros_like(poses[:, :1])
            poses = torch.cat([poses[:, : self.root], root, poses[:, self.root :]], dim=1)
        return cast(Tensor, poses)


def official_config(weights: State, width_name: str) -> dict[str, Any]:
    """Return the config that the weights of an official network tell, its width by its name."""
    width, inputs = weights["first.linear.weight"].shape
    outputs = weights["last.weight"].shape[0]
    skeletons = {34: "h36m_17", 32: "h36m_16"}
    if inputs not in skeletons or outputs not in (3 * inputs // 2, 3 * inputs // 2 - 3):
        raise PoseliftError(
            f"{SOURCE}: expected 17 or 16 joints in, as many or one fewer out, "
            f"found {inputs} values in and {outputs} out"
        )
    return {
        "skeleton": skeletons[inputs],
        width_name: width,
        "blocks": count(weights, r"blocks\.(\d+)\."),
        "fixed_root": outputs != 3 * inputs // 2,
    }
