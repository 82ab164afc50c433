"""ST-GCN on single frames: Cai et al., "Exploiting spatial-temporal relationships for 3D pose
estimation via graph convolutional networks", ICCV 2019, in PoseAug's edition.

Axes: B sample, J joint, P node of a graph (I receiving node), C channel, O output channel, G
neighbour group (0 self, 1 sender farther from the centre, 2 sender nearer, 3 the same joint of the
other side). An adjacency entry [g, i, p] is the weight of sender p for receiver i; the official
arrays have the sender first.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from poselift.errors import PoseliftError
from poselift.models.base import LiftingNetwork
from poselift.models.fast import FastDropout, swap
from poselift.models.official_layout import SOURCE, OfficialLayout, State, count, rename
from poselift.models.posegraphnet.fast import FastJointBatchNorm
from poselift.models.posegraphnet.network import JointBatchNorm
from poselift.models.registry import Forms, register
from poselift.skeletons import H36M_16, H36M_17, Skeleton

#: The five body parts as a graph: the limbs hang on the trunk.
PARTS = Skeleton(
    "body_parts", ("left_arm", "right_arm", "left_leg", "right_leg", "trunk"), (4, 4, 4, 4, -1)
)

#: Neighbour groups.
GROUPS = 4

#: Epsilon of the input batch norm: the official code hands its momentum to the wrong argument.
INPUT_EPSILON = 0.1

#: Published dropout of the graph layers, of the whole body's feature, and of all after it.
GRAPH_DROPOUT, WHOLE_DROPOUT, LATE_DROPOUT = 0.05, 0.25, 0.1

#: The joint of `h36m_17` that `h36m_16` lacks, and those that it is taken to lie between.
_ADDED, _BETWEEN = "neck", ("thorax", "head")


@dataclass(frozen=True)
class STGCNConfig:
    """Settings of the network; the defaults are the official 3.628 M parameters."""

    skeleton: str = "h36m_17"
    """Joint set of input and output: "h36m_17", or "h36m_16", whose missing neck is put in between
    thorax and head and taken out again."""
    channels: tuple[int, ...] = (128, 128, 256)
    """Channels after each graph layer on the joints."""
    pooled: int = 512
    """Channels of the graph layers on body parts and of the whole body."""
    dropout: float | None = None
    """Probability that a feature is dropped in training, one for all layers; null for the
    published 0.05 in graph layers, 0.25 for the whole body, 0.1 after it."""

    def __post_init__(self) -> None:
        """Refuse values that make no network, naming the field."""
        if self.skeleton not in (H36M_17.name, H36M_16.name):
            raise PoseliftError(
                f"skeleton: expected {H36M_17.name} or {H36M_16.name} for an ST-GCN, "
                f"got {self.skeleton!r}"
            )
        if not self.channels or min(self.channels) < 1:
            raise PoseliftError(
                f"channels: expected one or more positive widths, got {self.channels}"
            )
        if self.pooled < 1:
            raise PoseliftError(f"pooled: expected at least 1, got {self.pooled}")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise PoseliftError(f"dropout: expected 0 <= dropout < 1, got {self.dropout}")


def part_joints(skeleton: Skeleton) -> list[list[int]]:
    """Return the joints of each of `PARTS`, by name: limbs, and all that is no limb."""
    limbs = {"arm": ("shoulder", "elbow", "wrist"), "leg": ("hip", "knee", "ankle")}
    found = []
    for part in PARTS.joints[:-1]:
        side, _, limb = part.partition("_")
        found.append([skeleton.index(f"{side}_{joint}") for joint in limbs[limb]])
    taken = {joint for part in found for joint in part}
    return [*found, [joint for joint in range(len(skeleton)) if joint not in taken]]


def neighbour_groups(skeleton: Skeleton, centre: str) -> Float[np.ndarray, "4 I P"]:
    """Split what each joint hears into the groups of section 3.2; each row of all sums to 1.

    Joints hear themselves, the ends of their bones, and the same joint of the other side; near and
    far is by the number of bones to the joint `centre`.
    """
    own, bones = np.eye(len(skeleton)), skeleton.adjacency
    opposite = own[skeleton.flip_order] - np.diag(skeleton.flip_order == np.arange(len(skeleton)))
    distance = _bones_to(skeleton, skeleton.index(centre))
    sender_is_farther = distance[None, :] > distance[:, None]
    groups = np.stack([own, bones * sender_is_farther, bones * sender_is_farther.T, opposite])
    return (groups / groups.sum(axis=(0, 2))[:, None]).astype(np.float32)


def _bones_to(skeleton: Skeleton, centre: int) -> Float[np.ndarray, " J"]:
    """Count the bones between each joint and `centre`."""
    distance = np.full(len(skeleton), np.inf)
    reached, bones = np.eye(len(skeleton))[centre], 0
    while not np.isfinite(distance).all():
        distance[(reached > 0) & np.isinf(distance)] = bones
        reached, bones = reached + skeleton.adjacency @ reached, bones + 1
    return distance


class NodeBatchNorm(nn.BatchNorm1d):
    """Batch norm of channels over batch and nodes."""

    def forward(self, input: Float[Tensor, "B P C"]) -> Float[Tensor, "B P C"]:
        """Normalise."""
        return super().forward(input.flatten(0, 1)).view(input.shape)


class GraphConvolution(nn.Module):
    """A kernel and a bias for each group, mixed by fixed weights and summed (equation 2)."""

    def __init__(self, inputs: int, outputs: int, groups: Float[np.ndarray, "4 I P"]) -> None:
        """Start the kernels as PyTorch starts a 1x1 convolution of `inputs` channels."""
        super().__init__()
        self.linear = nn.Linear(GROUPS * inputs, outputs, bias=False)  # kernels side by side
        self.bias = nn.Parameter(torch.empty(GROUPS, outputs))
        nn.init.uniform_(self.linear.weight, -(inputs**-0.5), inputs**-0.5)
        nn.init.uniform_(self.bias, -(inputs**-0.5), inputs**-0.5)
        mix = torch.from_numpy(groups).transpose(0, 1)
        self.register_buffer("mix", mix.flatten(0, 1), persistent=False)

    def forward(self, x: Float[Tensor, "B P C"]) -> Float[Tensor, "B P O"]:
        """Mix the nodes for each group, (I G, P) by (P, C), then map the channels of all groups.

        The biases go through the adjacency too: a receiver adds that of each group by its share.
        """
        samples, nodes, channels = x.shape
        mix = self.get_buffer("mix")
        # bmm on the expanded matrix: plain matmul would transpose the features
        mixed = torch.bmm(mix.expand(samples, -1, -1), x)
        out: Tensor = self.linear(mixed.view(samples, nodes, GROUPS * channels))
        shares = mix.sum(dim=1).view(nodes, GROUPS)
        return out + (shares @ self.bias).to(out.dtype)


class GraphLayer(nn.Module):
    """Graph convolution and linear map, each with batch norm; residual sum, then ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        groups: Float[np.ndarray, "4 I P"],
        dropout: float,
        *,
        residual: bool = True,
    ) -> None:
        """Make the layers, and a linear map for the residual where the widths differ."""
        super().__init__()
        self.convolution = GraphConvolution(inputs, outputs, groups)
        self.norm = NodeBatchNorm(outputs)
        self.linear = nn.Linear(outputs, outputs)
        self.linear_norm = NodeBatchNorm(outputs)
        self.dropout = nn.Dropout(dropout)
        self.has_residual = residual
        self.residual: nn.Linear | None = None
        self.residual_norm: NodeBatchNorm | None = None
        if residual and inputs != outputs:
            self.residual = nn.Linear(inputs, outputs)
            self.residual_norm = NodeBatchNorm(outputs)

    def forward(self, x: Float[Tensor, "B P C"]) -> Float[Tensor, "B P O"]:
        """Apply the layer."""
        y = self.dropout(functional.relu(self.norm(self.convolution(x))))
        y = self.dropout(self.linear_norm(self.linear(y)))
        if self.residual is not None and self.residual_norm is not None:
            x = self.residual_norm(self.residual(x))
        return functional.relu(y + x if self.has_residual else y)


class Unit(nn.Module):
    """Linear map of each node's channels, batch norm, ReLU, dropout."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        """Make the layers."""
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.norm = NodeBatchNorm(outputs)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B P C"]) -> Float[Tensor, "B P O"]:
        """Apply the unit."""
        return cast(Tensor, self.dropout(functional.relu(self.norm(self.linear(x)))))


class NonLocal(nn.Module):
    """Every joint hears every other by the softmax of their embeddings' product, unscaled.

    Starts as the identity: the last batch norm starts at 0.
    """

    def __init__(self, channels: int) -> None:
        """Make query, key and value, of half the channels, and the map back."""
        super().__init__()
        self.query = nn.Linear(channels, channels // 2)
        self.key = nn.Linear(channels, channels // 2)
        self.value = nn.Linear(channels, channels // 2)
        self.back = nn.Linear(channels // 2, channels)
        self.norm = NodeBatchNorm(channels)
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Float[Tensor, "B J C"]) -> Float[Tensor, "B J C"]:
        """Add what is heard to the input."""
        scores = torch.bmm(self.query(x), self.key(x).transpose(1, 2))
        heard = torch.bmm(scores.softmax(dim=2), self.value(x))
        return x + cast(Tensor, self.norm(self.back(heard)))


class STGCN(LiftingNetwork):
    """2D joints in, 3D joints out, by way of body parts and the whole body."""

    def __init__(self, config: STGCNConfig | None = None) -> None:
        """Make the network; its graphs are fixed and follow from the skeleton."""
        super().__init__()
        self.config = config = config or STGCNConfig()
        given = config.dropout
        graph, whole, late = (
            published if given is None else given
            for published in (GRAPH_DROPOUT, WHOLE_DROPOUT, LATE_DROPOUT)
        )
        joints, parts = neighbour_groups(H36M_17, "spine"), neighbour_groups(PARTS, "trunk")
        width, pooled = config.channels[-1], config.pooled
        self.input_norm = JointBatchNorm(2 * len(H36M_17), eps=INPUT_EPSILON)
        self.joint_layers = nn.ModuleList(
            GraphLayer(inputs, outputs, joints, graph, residual=i > 0)
            for i, (inputs, outputs) in enumerate(pairwise((2, *config.channels)))
        )
        self.part_layers = nn.ModuleList(
            GraphLayer(inputs, pooled, parts, graph) for inputs in (width, pooled)
        )
        self.whole = Unit(pooled, pooled, whole)
        self.merge = Unit(2 * pooled, width, late)
        self.non_local = NonLocal(2 * width)
        self.dropout = nn.Dropout(late)
        self.last = nn.Linear(2 * width, 3)
        members = part_joints(H36M_17)
        self.sizes = [len(part) for part in members]
        # joints in the order of the parts, and the part of each joint
        joint_order = np.concatenate(members)
        owner = np.repeat(np.arange(len(members)), self.sizes)[joint_order.argsort()]
        self.register_buffer("order", torch.from_numpy(joint_order), persistent=False)
        self.register_buffer("owner", torch.from_numpy(owner), persistent=False)

    def output_layer(self) -> tuple[nn.Module, int]:
        """Return the last linear layer, which works joint by joint."""
        return self.last, self.last.in_features

    def forward(self, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        """Lift normalised 2D joints (missing = 0) to root-relative 3D joints (metres)."""
        x = self.input_norm(self._with_neck(keypoints))
        for layer in self.joint_layers:
            x = layer(x)
        by_part = x.index_select(1, self.get_buffer("order")).split(self.sizes, dim=1)
        parts = torch.stack([part.amax(dim=1) for part in by_part], dim=1)
        for layer in self.part_layers:
            parts = layer(parts)
        whole = self.whole(parts.amax(dim=1, keepdim=True))
        merged = self.merge(torch.cat([whole.expand(parts.shape), parts], dim=2))
        x = torch.cat([x, merged.index_select(1, self.get_buffer("owner"))], dim=2)
        return self._without_neck(cast(Tensor, self.last(self.dropout(self.non_local(x)))))

    def _with_neck(self, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B 17 2"]:
        """Put the neck in between thorax and head where the joint set has none."""
        if self.config.skeleton == H36M_17.name:
            return keypoints
        first, second = (keypoints[:, H36M_16.index(joint)] for joint in _BETWEEN)
        place = H36M_17.index(_ADDED)
        neck = ((first + second) / 2)[:, None]
        return torch.cat([keypoints[:, :place], neck, keypoints[:, place:]], dim=1)

    def _without_neck(self, poses: Float[Tensor, "B 17 3"]) -> Float[Tensor, "B J 3"]:
        """Take out the neck that `_with_neck` put in."""
        if self.config.skeleton == H36M_17.name:
            return poses
        place = H36M_17.index(_ADDED)
        return torch.cat([poses[:, :place], poses[:, place + 1 :]], dim=1)


#: Prefix of all keys behind the wrapper for 16 joints.
WRAPPER = "stgcn."


def weights_of(state: State) -> tuple[dict[str, Any], State]:
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


register(
    "stgcn",
    STGCN,
    STGCNConfig,
    forms=Forms(
        fast=lambda network: swap(
            network, {nn.Dropout: FastDropout, JointBatchNorm: FastJointBatchNorm}
        )
    ),
    official=(OfficialLayout(("data_bn.weight", f"{WRAPPER}data_bn.weight"), weights_of),),
)
