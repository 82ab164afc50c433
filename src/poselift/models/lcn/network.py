"""LCN: fully connected layers that only keep the weights between joints a few bones apart.

Ci et al., "Optimizing Network Structure for 3D Human Pose Estimation", ICCV 2019; sizes and
details as its published code has them. Axes: B sample, J joint, N node of the graph (a joint, or a
cell of the grid; O receiving node), C channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from poselift.models.base import LiftingNetwork, check_sizes
from poselift.models.graphs import NodeMap, check_topology, distances, node_links
from poselift.skeletons import Skeleton, get_skeleton

#: A joint hears those at most so many links away.
REACH = 3

#: Slope of the leaky ReLU below 0.
SLOPE = 0.2

#: The largest norm of a layer's whole weight; a longer one is scaled down to it.
MAX_NORM = 1.0


@dataclass(frozen=True)
class LCNConfig:
    """Settings of an LCN; the defaults are the published code's, with our targets."""

    skeleton: str = "h36m_17"
    """Joint set of input and output, by name."""
    width: int = 64
    """Channels of every joint in every hidden layer."""
    blocks: int = 3
    """Residual blocks of two layers each; published are 2 and 3."""
    dropout: float = 0.25
    """Probability that one feature of one joint is dropped in training."""
    add_input: bool = False
    """Add the 2D input to the first two outputs. For targets in the input's own coordinates (u, v,
    and depth in their unit), as published; not for root-relative metres."""
    topology: str = "skeleton"
    """Graph that the network runs on, one of `poselift.models.graphs.TOPOLOGIES`."""

    def __post_init__(self) -> None:
        """Refuse values that make no network, naming the field."""
        check_topology(self.topology, self.skeleton)
        check_sizes(self.skeleton, self.dropout, width=(self.width, 1), blocks=(self.blocks, 0))


def trunk_links(skeleton: Skeleton) -> tuple[tuple[int, int], ...]:
    """Pairs that an LCN links beside the bones: hips and shoulders with the spine, if there."""
    index = {mark: joint for joint, mark in enumerate(skeleton.landmarks)}
    ends = ("left_hip", "right_hip", "left_shoulder", "right_shoulder")
    return tuple((index["spine"], index[end]) for end in ends if {"spine", end} <= index.keys())


class LocalLinear(nn.Module):
    """A fully connected layer over all nodes' channels, masked to nodes that are near.

    As in the published code the norm is that of the whole weight, the masked entries included,
    and is clipped before the mask.
    """

    def __init__(self, inputs: int, outputs: int, near: Bool[np.ndarray, "N N"]) -> None:
        """Start with a normal distribution cut off at two deviations, bias 0."""
        super().__init__()
        nodes = len(near)
        mask = torch.from_numpy(near).float().view(nodes, 1, nodes, 1)
        self.register_buffer("mask", mask, persistent=False)
        self.weight = nn.Parameter(torch.empty(nodes * outputs, nodes * inputs))  # node-major
        self.bias = nn.Parameter(torch.zeros(nodes * outputs))
        # the mask is not counted: each output sums over fewer inputs than this stands for
        deviation = (2 / (nodes * inputs)) ** 0.5
        nn.init.trunc_normal_(self.weight, std=deviation, a=-2 * deviation, b=2 * deviation)

    def kernel(self) -> Float[Tensor, "OC_out NC"]:
        """Return the weight in use: of norm 1 at most, 0 between nodes that are not near."""
        mask = self.get_buffer("mask")
        factor = MAX_NORM / torch.linalg.vector_norm(self.weight).clamp(min=MAX_NORM)
        nodes = len(mask)
        parts = self.weight.view(nodes, -1, nodes, self.weight.shape[1] // nodes)
        return (parts * (mask * factor)).view_as(self.weight)

    def forward(self, x: Float[Tensor, "B N C"]) -> Float[Tensor, "B N C_out"]:
        """Map all nodes' channels at once."""
        out = functional.linear(x.flatten(1), self.kernel(), self.bias)
        return out.unflatten(1, (x.shape[1], -1))


class Unit(nn.Module):
    """Local layer, batch norm over batch and nodes, leaky ReLU, dropout."""

    def __init__(self, config: LCNConfig, inputs: int, near: Bool[np.ndarray, "N N"]) -> None:
        """Make the layers; the batch norm's epsilon is TensorFlow's, as published.

        Not so its momentum of 0.01: the variances here, some 1e-4, would still feel their start at
        1 after a thousand steps, and the network's output comes out a fifth too short.
        """
        super().__init__()
        self.linear = LocalLinear(inputs, config.width, near)
        # weights of norm 1 in all make features so small that the larger epsilon counts
        self.norm = nn.BatchNorm1d(config.width, eps=1e-3)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Float[Tensor, "B N C"]) -> Float[Tensor, "B N C_out"]:
        """One unit of the network."""
        y = self.linear(x)
        y = functional.leaky_relu(self.norm(y.flatten(0, 1)), SLOPE).view_as(y)
        return cast(Tensor, self.dropout(y))


class ResidualBlock(nn.Module):
    """Two units and a residual sum, without activation after the sum."""

    def __init__(self, config: LCNConfig, near: Bool[np.ndarray, "N N"]) -> None:
        """Make the two units."""
        super().__init__()
        self.first = Unit(config, config.width, near)
        self.second = Unit(config, config.width, near)

    def forward(self, x: Float[Tensor, "B N C"]) -> Float[Tensor, "B N C"]:
        """Add the block's output to its input."""
        return cast(Tensor, x + self.second(self.first(x)))


class LCN(LiftingNetwork):
    """2D joints in, 3D joints out, every joint connected with those near it."""

    def __init__(self, config: LCNConfig | None = None) -> None:
        """Make the network, of 7.2 M parameters by default, about half of them masked."""
        super().__init__()
        self.config = config = config or LCNConfig()
        skeleton = get_skeleton(config.skeleton)
        links = node_links(skeleton, config.topology, trunk_links(skeleton))
        near = distances(links) <= REACH
        self.senders = int(near.sum(axis=1).max())
        self.placement = NodeMap(skeleton, config.topology)
        self.first = Unit(config, 2, near)
        self.blocks = nn.ModuleList(ResidualBlock(config, near) for _ in range(config.blocks))
        self.last = LocalLinear(config.width, 3, near)

    def output_layer(self) -> tuple[nn.Module, int]:
        """Return the last layer: up to as many senders of all channels as are near."""
        return self.last, self.senders * self.config.width

    def forward(self, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        """Lift normalised 2D joints (missing = 0) to 3D joints.

        The output is root-relative in metres, or with `add_input` (u, v, depth): the input's
        coordinates and a depth in their unit; the network is trained for the one or the other.
        """
        x = self.first(self.placement.to_nodes(keypoints))
        for block in self.blocks:
            x = block(x)
        poses = self.placement.to_joints(self.last(x))
        if self.config.add_input:
            poses = torch.cat([keypoints + poses[..., :2], poses[..., 2:]], dim=2)
        return poses
