"""PoseGraphNet: a graph convolution network with a learned adjacency for each neighbour group.

Banik, Mendoza García and Knoll, "3D Human Pose Regression using Graph Convolutional Network",
ICIP 2021; section numbers below refer to it. Axes: B sample, J joint (I receiving joint), C
channel, G neighbour group (0 self, 1 parent, 2 child). An adjacency entry [g, i, j] is the weight
of sender j for receiver i.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from poselift.errors import PoseliftError
from poselift.models.base import LiftingNetwork
from poselift.skeletons import Skeleton, get_skeleton

#: Neighbour groups: the joint itself, its neighbour nearer the root, its neighbours farther away.
GROUPS = ("self", "parent", "child")
NORMALISATIONS = ("official", "paper")


@dataclass(frozen=True)
class PoseGraphNetConfig:
    """Settings of a PoseGraphNet; the defaults are the paper's network of 1.247 M parameters."""

    skeleton: str = "h36m_17"
    """Joint set of input and output, by name."""
    widths: tuple[int, ...] = (256, 256, 256, 256)
    """Channels after the input layer and after each residual block, for each neighbour group."""
    dropout: float = 0.5
    """Probability that one feature of one joint is dropped in training."""
    normalisation: str = "official"
    """How the adjacency is normalised: "paper" keeps all links (`normalise_paper`), "official" is
    the published code's (`normalise_official`). The default measured better: 111.0 against 113.9 mm
    validation MPJPE after 200,000 samples, one seed (`scripts/compare_adjacency.py --epochs 2`)."""

    def __post_init__(self) -> None:
        """Refuse values that make no network, naming the field."""
        get_skeleton(self.skeleton)
        if not self.widths or min(self.widths) < 1:
            raise PoseliftError(f"widths: expected one or more positive widths, got {self.widths}")
        if not 0 <= self.dropout < 1:
            raise PoseliftError(f"dropout: expected 0 <= dropout < 1, got {self.dropout}")
        if self.normalisation not in NORMALISATIONS:
            raise PoseliftError(
                f"normalisation: expected one of {', '.join(NORMALISATIONS)}, "
                f"got {self.normalisation!r}"
            )


def neighbour_groups(skeleton: Skeleton) -> Float[np.ndarray, "3 J J"]:
    """Split a skeleton's links, self loops included, into the groups of section 2.1 (0 or 1).

    Entry [g, receiver, sender]: group 0 the joint itself, 1 its parent, 2 its children.
    """
    depth = skeleton.depth
    links = skeleton.adjacency
    sender_is_nearer = depth[None, :] < depth[:, None]
    return np.stack(
        [np.eye(len(skeleton)), links * sender_is_nearer, links * sender_is_nearer.T]
    ).astype(np.float32)


def normalise_official(adjacency: Float[Tensor, "G I J"]) -> Float[Tensor, "G I J"]:
    """Normalise as the published code does: column sums on both sides, group by group.

    The groups are not symmetric, so this erases every link into a joint whose own column is empty
    (limb ends in the parent group, the root in the child group). A column whose sum is not
    positive gets weight zero and gradient exactly zero.
    """
    total = adjacency.sum(dim=1)
    alive = total > 0
    factor = torch.where(alive, torch.where(alive, total, 1.0).rsqrt(), 0.0)
    return factor[:, :, None] * adjacency * factor[:, None, :]


def normalise_paper(adjacency: Float[Tensor, "G I J"]) -> Float[Tensor, "G I J"]:
    """Normalise "symmetrically with the degree matrices" (section 2.1) and keep all links.

    A group's matrix is not symmetric, so a receiver counts with its row degree and a sender with
    its column degree: D_row^-1/2 A D_col^-1/2. Degrees are sums of absolute values, as learned
    entries may turn negative, and at least 1: joints without a link in a group then stay finite
    and can grow one. No group amplifies: the largest singular value never exceeds 1.
    """
    size = adjacency.abs()
    receiver = size.sum(dim=2).clamp(min=1.0).rsqrt()
    sender = size.sum(dim=1).clamp(min=1.0).rsqrt()
    return receiver[:, :, None] * adjacency * sender[:, None, :]


class GraphConvolution(nn.Module):
    """Equation (1) before its activation: a kernel for each group, mixed by the adjacency.

    With `shared`, one kernel serves all groups (the residual branch of the published code).
    """

    def __init__(self, inputs: int, outputs: int, *, shared: bool = False) -> None:
        """Start with Xavier uniform weights over the stacked kernels (section 3.2), bias 0."""
        super().__init__()
        self.shared = shared
        kernels = 1 if shared else len(GROUPS)
        self.weight = nn.Parameter(torch.empty(kernels * outputs, inputs))  # group-major rows
        self.bias = nn.Parameter(torch.zeros(outputs))
        nn.init.xavier_uniform_(self.weight)

    def forward(
        self, x: Float[Tensor, "B J C"], adjacency: Float[Tensor, "G J J"]
    ) -> Float[Tensor, "B J C_out"]:
        """Map each joint's channels for all groups, then sum over senders and groups."""
        features = functional.linear(x, self.weight).unflatten(2, (-1, len(self.bias)))
        return torch.matmul(adjacency, features.transpose(1, 2)).sum(dim=1) + self.bias


class JointBatchNorm(nn.BatchNorm1d):
    """Batch norm with statistics of its own for each joint and channel (index joint * C + c)."""

    def forward(self, input: Float[Tensor, "B J C"]) -> Float[Tensor, "B J C"]:
        """Normalise over the batch."""
        return super().forward(input.flatten(1)).view(input.shape)


class Unit(nn.Module):
    """Graph convolution, batch norm, ReLU, dropout."""

    def __init__(self, joints: int, inputs: int, outputs: int, dropout: float) -> None:
        """Make the layers; `inputs` and `outputs` are channels."""
        super().__init__()
        self.convolution = GraphConvolution(inputs, outputs)
        self.norm = JointBatchNorm(joints * outputs)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Float[Tensor, "B J C"], adjacency: Float[Tensor, "G J J"]
    ) -> Float[Tensor, "B J C_out"]:
        """One unit of section 2.1."""
        return cast(
            Tensor, self.dropout(functional.relu(self.norm(self.convolution(x, adjacency))))
        )


class ResidualBlock(nn.Module):
    """Two units and a residual sum, without activation after the sum."""

    def __init__(self, joints: int, inputs: int, outputs: int, dropout: float) -> None:
        """Make the units, and a convolution for the residual where the widths differ."""
        super().__init__()
        self.first = Unit(joints, inputs, outputs, dropout)
        self.second = Unit(joints, outputs, outputs, dropout)
        self.residual: GraphConvolution | None = None
        self.residual_norm: JointBatchNorm | None = None
        if inputs != outputs:
            self.residual = GraphConvolution(inputs, outputs, shared=True)
            self.residual_norm = JointBatchNorm(joints * outputs)

    def forward(
        self, x: Float[Tensor, "B J C"], adjacency: Float[Tensor, "G J J"]
    ) -> Float[Tensor, "B J C_out"]:
        """Add the block's output to its input."""
        y = self.second(self.first(x, adjacency), adjacency)
        if self.residual is not None and self.residual_norm is not None:
            x = self.residual_norm(self.residual(x, adjacency))
        return x + y


class PoseGraphNet(LiftingNetwork):
    """2D joints in, 3D joints out, both on the skeleton of the config."""

    def __init__(self, config: PoseGraphNetConfig | None = None) -> None:
        """Make the network; its adjacency starts as the skeleton's links."""
        super().__init__()
        self.config = config = config or PoseGraphNetConfig()
        skeleton = get_skeleton(config.skeleton)
        joints, widths = len(skeleton), config.widths
        # one parameter shared by all layers, not normalised: that happens in every forward pass
        self.adjacency = nn.Parameter(torch.from_numpy(neighbour_groups(skeleton)))
        self.first = Unit(joints, 2, widths[0], config.dropout)
        self.blocks = nn.ModuleList(
            ResidualBlock(joints, inputs, outputs, config.dropout)
            for inputs, outputs in pairwise(widths)
        )
        self.last = GraphConvolution(widths[-1], 3)

    def output_layer(self) -> tuple[nn.Module, int]:
        """Return the last graph convolution: three groups of the last width."""
        return self.last, 3 * self.config.widths[-1]

    def normalised_adjacency(self) -> Float[Tensor, "G J J"]:
        """Return the matrices that every layer mixes joints with."""
        if self.config.normalisation == "official":
            return normalise_official(self.adjacency)
        return normalise_paper(self.adjacency)

    def forward(self, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        """Lift normalised 2D joints (missing = 0) to root-relative 3D joints.

        The unit of the output is that of the targets (metres here, millimetres in the official
        checkpoints).
        """
        adjacency = self.normalised_adjacency()
        x = self.first(keypoints, adjacency)
        for block in self.blocks:
            x = cast(ResidualBlock, block)(x, adjacency)
        return cast(Tensor, self.last(x, adjacency))
