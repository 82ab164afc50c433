"""SemGCN: graph convolutions whose links have learnt weights, and non-local blocks.

Zhao et al., "Semantic Graph Convolutional Networks for 3D Human Pose Regression", CVPR 2019, as
its published code has it. Axes: B sample, J joint, N node of the graph (a joint, or a cell of the
grid), E entry of a mask (a link, or a node with itself), M mask, K group of nodes, S node of a
group, C channel.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from poselift.errors import PoseliftError
from poselift.models.base import LiftingNetwork, check_sizes
from poselift.models.fast import FastDropout, swap
from poselift.models.graphs import NodeMap, check_topology, node_links
from poselift.models.gridconv.layout import handcrafted
from poselift.models.official_layout import SOURCE, OfficialLayout, State, count, rename
from poselift.models.registry import Forms, register
from poselift.skeletons import Skeleton, get_skeleton

MASKS = ("shared", "channelwise")

#: Joints that a non-local block pools into one key, by landmark: the published pairs, which are
#: for 16 joints. A 17th, the neck of Human3.6M (its landmark is nose), joins thorax and head.
GROUPS = (
    ("right_knee", "right_ankle"),
    ("left_knee", "left_ankle"),
    ("right_hip", "left_hip"),
    ("pelvis", "spine"),
    ("thorax", "nose", "head_top"),
    ("right_elbow", "right_wrist"),
    ("left_elbow", "left_wrist"),
    ("left_shoulder", "right_shoulder"),
)


@dataclass(frozen=True)
class SemGCNConfig:
    """Settings of a SemGCN; the defaults are the published network without non-local blocks."""

    skeleton: str = "h36m_17"
    """Joint set of input and output, by name."""
    width: int = 128
    """Channels of every hidden layer."""
    layers: int = 4
    """Residual blocks of two graph convolutions each."""
    nonlocal_blocks: bool = False
    """Put a non-local block after the input layer and after each residual block."""
    mask: str = "shared"
    """Weights of the links: one set a layer ("shared", as published) or one an output channel
    ("channelwise", the paper's equations)."""
    dropout: float = 0.0
    """Probability that one feature of one joint is dropped in training."""
    topology: str = "skeleton"
    """Graph that the network runs on, one of `poselift.models.graphs.TOPOLOGIES`."""

    def __post_init__(self) -> None:
        """Refuse values that make no network, naming the field."""
        check_topology(self.topology, self.skeleton)
        smallest = 2 if self.nonlocal_blocks else 1
        sizes = {"width": (self.width, smallest), "layers": (self.layers, 0)}
        check_sizes(self.skeleton, self.dropout, **sizes)
        if self.mask not in MASKS:
            raise PoseliftError(f"mask: expected one of {', '.join(MASKS)}, got {self.mask!r}")
        if self.nonlocal_blocks:
            node_groups(get_skeleton(self.skeleton), self.topology)


def node_groups(skeleton: Skeleton, topology: str) -> tuple[tuple[int, ...], ...]:
    """Nodes that a non-local block pools: those of `GROUPS`, or the cells that hold them.

    Raises `PoseliftError` for a skeleton with a joint in none of the groups, or none for a group.
    """
    marks = skeleton.landmarks
    joints = [[marks.index(mark) for mark in group if mark in marks] for group in GROUPS]
    if not all(joints) or sum(map(len, joints)) != len(skeleton):
        raise PoseliftError(
            f"nonlocal_blocks: expected a skeleton of the 16 joints of h36m_16, or those and a "
            f"neck, got {skeleton.name}"
        )
    if topology != "grid":
        return tuple(map(tuple, joints))
    cells = handcrafted(skeleton).cells
    return tuple(
        tuple(node for node, held in enumerate(cells) if held[0] in group) for group in joints
    )


class SemanticGraphConvolution(nn.Module):
    """Equation (2), or (3) if `channelwise`, before its activation.

    A node's own features and its neighbours' have a kernel each; one softmax over the node and its
    neighbours weighs both. All scores start at 1, so a layer starts as plain averaging.
    """

    def __init__(
        self, inputs: int, outputs: int, links: Bool[np.ndarray, "N N"], *, channelwise: bool
    ) -> None:
        """Start as the published code; `links` is symmetric, without the nodes themselves."""
        super().__init__()
        linked = torch.from_numpy(links | np.eye(len(links), dtype=bool))
        entries = int(linked.sum())
        places = torch.zeros(linked.shape, dtype=torch.int64, device=linked.device)
        # row-major, as official checkpoints number them
        places[linked] = torch.arange(entries, device=linked.device)
        self.register_buffer("linked", linked, persistent=False)
        self.register_buffer("places", places, persistent=False)
        self.weight = nn.Parameter(torch.empty(2, inputs, outputs))  # own, neighbours'
        self.scores = nn.Parameter(torch.ones(outputs if channelwise else 1, entries))
        # the published code takes the other width where the mask is channel-wise
        bound = (inputs if channelwise else outputs) ** -0.5
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound))
        nn.init.xavier_uniform_(self.weight, gain=1.414)
        self.channelwise = channelwise

    def mask(self) -> Float[Tensor, "M N N"]:
        """Weight of each sender (last axis) for each receiver; rows sum to 1."""
        scores = self.scores[:, self.get_buffer("places")]
        return scores.masked_fill(~self.get_buffer("linked"), -torch.inf).softmax(dim=2)

    def forward(self, x: Float[Tensor, "B N C"]) -> Float[Tensor, "B N C_out"]:
        """Weigh the senders' features for each receiver and map them by the kernels."""
        mask = self.mask()
        own = mask.diagonal(dim1=1, dim2=2)
        around = mask - torch.diag_embed(own)
        out = self._by_channel(x, own, around) if self.channelwise else self._mixed(x, own, around)
        return out + self.bias.to(out.dtype)

    def _mixed(
        self, x: Float[Tensor, "B N C"], own: Float[Tensor, "1 N"], around: Float[Tensor, "1 N N"]
    ) -> Float[Tensor, "B N C_out"]:
        """Mix nodes sample by sample, (2 N, N) by (N, C), then map (B N, 2 C) by both kernels."""
        samples, nodes, channels = x.shape
        matrix = torch.stack([torch.diag_embed(own[0]), around[0]], dim=1).flatten(0, 1)
        # bmm on the expanded matrix: plain matmul would transpose the features
        mixed = torch.bmm(matrix.expand(samples, -1, -1), x)
        flat = mixed.view(samples * nodes, 2 * channels)
        return (flat @ self.weight.flatten(0, 1)).view(samples, nodes, -1)

    def _by_channel(
        self, x: Float[Tensor, "B N C"], own: Float[Tensor, "M N"], around: Float[Tensor, "M N N"]
    ) -> Float[Tensor, "B N C_out"]:
        """Map by both kernels, then mix nodes channel by channel, (N, N) by (N, B)."""
        first, second = (x @ kernel for kernel in self.weight)
        mixed = torch.bmm(around, second.permute(2, 1, 0)).permute(2, 1, 0)
        return first * own.T + mixed


class Unit(nn.Module):
    """Graph convolution, batch norm over batch and nodes, ReLU, dropout."""

    def __init__(self, config: SemGCNConfig, inputs: int, links: Bool[np.ndarray, "N N"]) -> None:
        """Make the layers, `config.width` channels wide."""
        super().__init__()
        self.convolution = SemanticGraphConvolution(
            inputs, config.width, links, channelwise=config.mask == "channelwise"
        )
        self.norm = nn.BatchNorm1d(config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Float[Tensor, "B N C"]) -> Float[Tensor, "B N C_out"]:
        """One unit of Figure 3."""
        y = self.convolution(x)
        y = functional.relu(self.norm(y.flatten(0, 1))).view_as(y)
        return cast(Tensor, self.dropout(y))


class ResidualBlock(nn.Module):
    """Two units and a residual sum, without activation after the sum."""

    def __init__(self, config: SemGCNConfig, links: Bool[np.ndarray, "N N"]) -> None:
        """Make the two units."""
        super().__init__()
        self.first = Unit(config, config.width, links)
        self.second = Unit(config, config.width, links)

    def forward(self, x: Float[Tensor, "B N C"]) -> Float[Tensor, "B N C"]:
        """Add the block's output to its input."""
        return cast(Tensor, x + self.second(self.first(x)))


class NonLocal(nn.Module):
    """Every node looks at every group of nodes; starts as the identity.

    The published code's: the score of a node and a group is a ReLU of a map of query and key side
    by side, divided by the number of groups; no softmax. Keys and values are the largest of each
    group, channel by channel.
    """

    def __init__(self, width: int, groups: tuple[tuple[int, ...], ...]) -> None:
        """Make the maps for `width` channels; keys, queries and values have half of them."""
        super().__init__()
        half, size = width // 2, max(map(len, groups))
        # a smaller group is filled up with its first node, which cannot change its maximum
        table = [(*group, *group[:1] * (size - len(group))) for group in groups]
        self.register_buffer("groups", torch.tensor(table), persistent=False)
        self.query = nn.Linear(width, half)
        self.key = nn.Linear(width, half)
        self.value = nn.Linear(width, half)
        self.score = nn.Linear(2 * half, 1, bias=False)
        self.output = nn.Linear(half, width)
        for linear in (self.query, self.key, self.value, self.score, self.output):
            nn.init.kaiming_normal_(linear.weight)
            if linear.bias is not None:
                nn.init.zeros_(linear.bias)
        self.norm = nn.BatchNorm1d(width)
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Float[Tensor, "B N C"]) -> Float[Tensor, "B N C"]:
        """Add to each node what it takes from the groups."""
        groups: Int[Tensor, "K S"] = self.get_buffer("groups")
        both = torch.cat([self.key(x), self.value(x)], dim=2)
        key, value = both[:, groups].amax(dim=2).chunk(2, dim=2)
        # the map of query and key side by side is the sum of a map of each
        asking, offering = self.score.weight.chunk(2, dim=1)
        asked = functional.linear(self.query(x), asking)
        offered = functional.linear(key, offering).transpose(1, 2)
        taken = torch.bmm(functional.relu(asked + offered) / len(groups), value)
        y = self.output(taken)
        return x + self.norm(y.flatten(0, 1)).view_as(y)


class SemGCN(LiftingNetwork):
    """2D joints in, 3D joints out, by way of the nodes of a graph."""

    def __init__(self, config: SemGCNConfig | None = None) -> None:
        """Make the network, of 267,373 parameters by default."""
        super().__init__()
        self.config = config = config or SemGCNConfig()
        skeleton = get_skeleton(config.skeleton)
        links = node_links(skeleton, config.topology)
        # the most nodes that one output sums over, its own among them
        self.senders = int(links.sum(axis=1).max()) + 1
        self.placement = NodeMap(skeleton, config.topology)
        self.first = Unit(config, 2, links)
        self.blocks = nn.ModuleList(ResidualBlock(config, links) for _ in range(config.layers))
        groups = node_groups(skeleton, config.topology) if config.nonlocal_blocks else ()
        self.nonlocal_blocks = nn.ModuleList(
            NonLocal(config.width, groups) for _ in range(config.layers + 1) if groups
        )
        self.last = SemanticGraphConvolution(
            config.width, 3, links, channelwise=config.mask == "channelwise"
        )

    def output_layer(self) -> tuple[nn.Module, int]:
        """Return the last graph convolution: up to as many senders of all channels as links."""
        return self.last, self.senders * self.config.width

    def forward(self, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        """Lift normalised 2D joints (missing = 0) to root-relative 3D joints (metres)."""
        x = self.first(self.placement.to_nodes(keypoints))
        wide = list(self.nonlocal_blocks) or [nn.Identity()] * (len(self.blocks) + 1)
        x = wide[0](x)
        for block, look in zip(self.blocks, wide[1:], strict=True):
            x = look(block(x))
        return self.placement.to_joints(self.last(x))


_PARTS = {"W": "weight", "e": "scores", "bias": "bias"}


def weights_of(state: State) -> tuple[dict[str, Any], State]:
    """Convert SemGCN; non-local blocks stand between the residual blocks and are counted along."""
    nonlocal_blocks = any(".nonlocal." in key for key in state)
    named = rename(
        {_renumbered(key, nonlocal_blocks): value for key, value in state.items()},
        [
            (r"gconv_input\.0\.", "first."),
            (r"gconv_output\.", "last.gconv."),
            (r"(blocks\.\d+)\.gconv1\.", r"\1.first."),
            (r"(blocks\.\d+)\.gconv2\.", r"\1.second."),
            (r"(nonlocal_blocks\.\d+)\.g\.0\.", r"\1.value."),
            (r"(nonlocal_blocks\.\d+)\.phi\.0\.", r"\1.key."),
            (r"(nonlocal_blocks\.\d+)\.theta\.", r"\1.query."),
            (r"(nonlocal_blocks\.\d+)\.concat_project\.0\.", r"\1.score."),
            (r"(nonlocal_blocks\.\d+)\.W\.0\.", r"\1.output."),
            (r"(nonlocal_blocks\.\d+)\.W\.1\.", r"\1.norm."),
        ],
    )
    weights: State = {}
    for key, value in named.items():
        key = re.sub(r"\.gconv\.(W|e|bias)$", lambda m: f".convolution.{_PARTS[m[1]]}", key)
        key = key.replace(".bn.", ".norm.").replace("last.convolution.", "last.")
        is_map = key.startswith("nonlocal_blocks.") and value.ndim > 1
        weights[key] = value.flatten(1) if is_map else value  # convolutions of size 1
    masks, entries = weights["first.convolution.scores"].shape
    config = {
        "skeleton": _skeleton(entries, nonlocal_blocks),
        "width": weights["first.convolution.weight"].shape[2],
        "layers": count(weights, r"blocks\.(\d+)\."),
        "nonlocal_blocks": nonlocal_blocks,
        "mask": "shared" if masks == 1 else "channelwise",
    }
    return config, weights


def _renumbered(key: str, nonlocal_blocks: bool) -> str:
    """Tell residual blocks and non-local blocks apart, each numbered from 0."""
    key = re.sub(r"^gconv_input\.1\.nonlocal\.", "nonlocal_blocks.0.", key)
    layer = re.match(r"gconv_layers\.(\d+)\.(nonlocal\.)?", key)
    if layer is None:
        return key
    number, rest = int(layer[1]), key[layer.end() :]
    if not nonlocal_blocks:
        return f"blocks.{number}.{rest}"
    block, second = divmod(number, 2)
    if second != (layer[2] is not None):
        raise PoseliftError(f"{SOURCE}: unexpected weight {key!r}")
    return f"nonlocal_blocks.{block + 1}.{rest}" if second else f"blocks.{block}.{rest}"


def _skeleton(entries: int, nonlocal_blocks: bool) -> str:
    """Name the joint set whose bones, both ways, and joints are as many as a mask's entries."""
    if entries == 46:
        return "h36m_16"
    if entries != 49:
        raise PoseliftError(
            f"{SOURCE}: expected masks of 46 or 49 entries (16 or 17 joints), found {entries}"
        )
    if nonlocal_blocks:
        raise PoseliftError(
            f"{SOURCE}: a SemGCN of 17 joints with non-local blocks does not say which joints "
            "they pool, expected 16 joints"
        )
    return "h36m_17"


register(
    "semgcn",
    SemGCN,
    SemGCNConfig,
    forms=Forms(fast=lambda network: swap(network, {nn.Dropout: FastDropout})),
    official=(OfficialLayout(("gconv_input.0.gconv.W",), weights_of),),
)
