"""The networks as the papers define them and the released code lays them out, run eagerly.

These are the reference of every speed: `definition_of` returns a network with the same weights
that computes the same by other steps. Nothing here is merged, planned or folded.

Axes: B sample, C channel, H and W rows and columns of the grid, P grid node, K tap, O output
channel, J joint (I receiving joint), G neighbour group.
"""

from __future__ import annotations

import copy
from typing import TypeVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from poselift.errors import PoseliftError
from poselift.models.gridconv.attention import GridAttention
from poselift.models.gridconv.convolution import GridConv
from poselift.models.gridconv.network import GridBlock, GridLayer, GridLiftingNetwork, GridUnit
from poselift.models.martinez import Martinez
from poselift.models.posegraphnet import (
    GraphConvolution,
    PoseGraphNet,
    ResidualBlock,
    Unit,
    normalise_paper,
)

Norm = TypeVar("Norm", bound=nn.Module)

#: Names of paddings as `torch.nn.functional.pad` knows them.
_PAD = {"circular": "circular", "replicate": "replicate", "zero": "constant"}


def definition_of(network: nn.Module) -> nn.Module:
    """Return a trainable network with copies of the weights that computes the same.

    `network` is a GridLiftingNetwork with grid attention or none, a PoseGraphNet, or a Martinez
    (whose released layout is ours, so it comes back as a copy). Type, device and mode are those of
    `network`. Raises `PoseliftError` for any other network.
    """
    made: nn.Module
    if isinstance(network, GridLiftingNetwork):
        made = GridDefinition(network)
    elif isinstance(network, PoseGraphNet):
        made = GraphDefinition(network)
    elif isinstance(network, Martinez):
        made = copy.deepcopy(network)
    else:
        raise PoseliftError(
            f"there is no definition of a {type(network).__name__} to compare with, "
            "expected a gln, posegraphnet or martinez"
        )
    return made.train(network.training)


class AttentionDefinition(nn.Module):
    """The attention map of D-GridConv from a channels-first grid."""

    def __init__(self, attention: GridAttention) -> None:
        """Copy the three layers and the temperature."""
        super().__init__()
        self.fc = copy.deepcopy(attention.fc)
        self.norm = copy.deepcopy(attention.norm)
        self.position = copy.deepcopy(attention.position)
        self.register_buffer("temperature", attention.get_buffer("temperature").clone())

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K P"]:
        """Mean over the grid, linear, batch norm, ReLU, linear, sigmoid over the temperature."""
        hidden = torch.relu(self.norm(self.fc(x.mean(dim=(2, 3)))))
        logits = self.position(hidden) / self.get_buffer("temperature").to(hidden.dtype)
        return torch.sigmoid(logits).unflatten(1, (9, -1))


class GridLayerDefinition(nn.Module):
    """Equations (6) and (8), branch by branch: pad, unfold, scale, multiply, sum."""

    def __init__(self, layer: GridLayer) -> None:
        """Copy the weights, one matrix (O, C K) and one bias a branch."""
        super().__init__()
        if not (layer.attention is None or isinstance(layer.attention, GridAttention)):
            raise PoseliftError(
                f"there is no definition of {type(layer.attention).__name__} to compare with, "
                "expected attention grid or none"
            )
        conv = layer.conv
        assert isinstance(conv, GridConv)  # one that was frozen for export has no branches left
        self.paddings = conv.paddings
        self.weights = nn.ParameterList(
            branch.detach().permute(2, 1, 0).flatten(1).clone() for branch in conv.weight
        )
        self.biases = None
        if conv.bias is not None:
            self.biases = nn.ParameterList(branch.detach().clone() for branch in conv.bias)
        self.attention = None if layer.attention is None else AttentionDefinition(layer.attention)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B O H W"]:
        """Sum the two branches."""
        factors = None if self.attention is None else self.attention(x)
        return self._branch(0, x, factors) + self._branch(1, x, factors)

    def _branch(
        self, index: int, x: Float[Tensor, "B C H W"], factors: Float[Tensor, "B K P"] | None
    ) -> Float[Tensor, "B O H W"]:
        """One padded grid, its 3x3 patches and one matrix product."""
        padded = functional.pad(x, (1, 1, 1, 1), mode=_PAD[self.paddings[index]])
        patches = functional.unfold(padded, 3)
        if factors is not None:
            by_tap = patches.unflatten(1, (x.shape[1], 9))
            patches = (by_tap * factors[:, None]).flatten(1, 2)
        bias = None if self.biases is None else self.biases[index]
        out = functional.linear(patches.transpose(1, 2), self.weights[index], bias)
        return out.transpose(1, 2).unflatten(2, x.shape[2:])


class GridUnitDefinition(nn.Module):
    """Grid layer, 2D batch norm, ReLU, dropout of whole channels."""

    def __init__(self, unit: GridUnit) -> None:
        """Copy the layer and the batch norm."""
        super().__init__()
        self.layer = GridLayerDefinition(unit.layer)
        self.norm = _batch_norm_2d(unit.norm)
        self.dropout = nn.Dropout2d(unit.dropout)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B O H W"]:
        """Apply the unit."""
        return cast(Tensor, self.dropout(torch.relu(self.norm(self.layer(x)))))


class GridDefinition(nn.Module):
    """A GLN on channels-first grids; φ and φ⁻¹ are the network's own."""

    def __init__(self, network: GridLiftingNetwork) -> None:
        """Copy all weights."""
        super().__init__()
        self.grid = network.config.grid
        self.sgt = copy.deepcopy(network.sgt)
        self.expand = GridUnitDefinition(network.expand)
        self.blocks = nn.ModuleList(
            nn.ModuleList([GridUnitDefinition(block.first), GridUnitDefinition(block.second)])
            for block in network.blocks
            if isinstance(block, GridBlock)
        )
        self.shrink = GridLayerDefinition(network.shrink)

    def forward(self, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        """Lift normalised 2D joints (missing = 0) to root-relative 3D joints."""
        phi, inverse = self.sgt.matrices()
        x = self.expand((phi @ keypoints).transpose(1, 2).unflatten(2, self.grid))
        for block in self.blocks:
            first, second = cast(nn.ModuleList, block)
            x = x + second(first(x))
        return inverse @ self.shrink(x).flatten(2).transpose(1, 2)


class GraphLayerDefinition(nn.Module):
    """Equation (1) of PoseGraphNet: a linear map to all groups, each mixed by its matrix."""

    def __init__(self, layer: GraphConvolution) -> None:
        """Copy the kernels and the bias."""
        super().__init__()
        self.weight = nn.Parameter(layer.weight.detach().clone())
        self.bias = nn.Parameter(layer.bias.detach().clone())

    def forward(
        self, x: Float[Tensor, "B J C"], adjacency: Float[Tensor, "G J J"]
    ) -> Float[Tensor, "B J O"]:
        """Sum over groups what the senders send; one kernel may serve all groups."""
        features = functional.linear(x, self.weight).unflatten(2, (-1, self.bias.shape[0]))
        return torch.matmul(adjacency, features.transpose(1, 2)).sum(dim=1) + self.bias


class GraphUnitDefinition(nn.Module):
    """Graph convolution, batch norm over joints x channels, ReLU, dropout."""

    def __init__(self, unit: Unit) -> None:
        """Copy the layer and the batch norm."""
        super().__init__()
        self.layer = GraphLayerDefinition(unit.convolution)
        self.norm = _batch_norm_1d(unit.norm)
        self.dropout = nn.Dropout(unit.dropout.p)

    def forward(
        self, x: Float[Tensor, "B J C"], adjacency: Float[Tensor, "G J J"]
    ) -> Float[Tensor, "B J O"]:
        """One unit of section 2.1."""
        x = self.layer(x, adjacency)
        x = self.norm(x.flatten(1)).view_as(x)
        return cast(Tensor, self.dropout(torch.relu(x)))


class GraphBlockDefinition(nn.Module):
    """Two units and a residual sum; a convolution for the residual where the widths differ."""

    def __init__(self, block: ResidualBlock) -> None:
        """Copy the units and the residual branch."""
        super().__init__()
        self.first, self.second = (
            GraphUnitDefinition(block.first),
            GraphUnitDefinition(block.second),
        )
        self.residual = self.residual_norm = None
        if block.residual is not None and block.residual_norm is not None:
            self.residual = GraphLayerDefinition(block.residual)
            self.residual_norm = _batch_norm_1d(block.residual_norm)

    def forward(
        self, x: Float[Tensor, "B J C"], adjacency: Float[Tensor, "G J J"]
    ) -> Float[Tensor, "B J O"]:
        """Add the block's output to its input."""
        y = self.second(self.first(x, adjacency), adjacency)
        if self.residual is not None and self.residual_norm is not None:
            x = self.residual(x, adjacency)
            x = self.residual_norm(x.flatten(1)).view_as(x)
        return cast(Tensor, x + y)


class GraphDefinition(nn.Module):
    """A PoseGraphNet; the adjacency is normalised in every forward pass."""

    def __init__(self, network: PoseGraphNet) -> None:
        """Copy all weights."""
        super().__init__()
        self.normalisation = network.config.normalisation
        self.adjacency = nn.Parameter(network.adjacency.detach().clone())
        self.first = GraphUnitDefinition(network.first)
        self.blocks = nn.ModuleList(
            GraphBlockDefinition(block)
            for block in network.blocks
            if isinstance(block, ResidualBlock)
        )
        self.last = GraphLayerDefinition(network.last)

    def forward(self, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        """Lift normalised 2D joints (missing = 0) to root-relative 3D joints."""
        if self.normalisation == "official":
            adjacency = torch.stack([normalise_by_degree(group) for group in self.adjacency])
        else:
            adjacency = normalise_paper(self.adjacency)
        x = self.first(keypoints, adjacency)
        for block in self.blocks:
            x = block(x, adjacency)
        return cast(Tensor, self.last(x, adjacency))


def normalise_by_degree(links: Float[Tensor, "I J"]) -> Float[Tensor, "I J"]:
    """D^-1/2 A D^-1/2 with D of the column sums, filled joint by joint as the released code does.

    A joint whose sum is not positive keeps a zero in D.
    """
    total = links.sum(dim=0)
    degree = torch.zeros_like(links)
    for joint in range(len(links)):
        if total[joint] > 0:
            degree[joint, joint] = total[joint] ** -0.5
    return degree @ links @ degree


def _batch_norm_1d(norm: nn.BatchNorm1d) -> nn.BatchNorm1d:
    """Copy a batch norm as the plain class."""
    made = nn.BatchNorm1d(norm.num_features, norm.eps, norm.momentum)
    return _filled(made, norm)


def _batch_norm_2d(norm: nn.BatchNorm1d) -> nn.BatchNorm2d:
    """Copy a batch norm over flattened nodes as one over grids."""
    made = nn.BatchNorm2d(norm.num_features, norm.eps, norm.momentum)
    return _filled(made, norm)


def _filled(made: Norm, norm: nn.BatchNorm1d) -> Norm:
    """Copy state, type and device."""
    made.to(norm.weight)
    made.load_state_dict(norm.state_dict())
    return made
