"""Graphs that a network may run on: the skeleton's, and the two of GridConv's Table 4.

"Grid versus Graph" of Kang et al., "3D Human Pose Lifting with Grid Convolution", AAAI 2023.
Axes: B sample, J joint, N node of the graph (a joint, or a cell of the grid, row-major), D
coordinate.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from poselift.errors import PoseliftError
from poselift.models.gridconv.layout import handcrafted
from poselift.models.gridconv.sgt import FixedSGT
from poselift.skeletons import Skeleton, get_skeleton

#: "skeleton": joints with the network's own links. "grid_graph" (G_craft): joints, linked where
#: they are neighbours somewhere in the handcrafted grid. "grid" (D_craft): the cells of that grid,
#: each linked with those above, below, left and right.
TOPOLOGIES = ("skeleton", "grid_graph", "grid")


def check_topology(topology: str, skeleton: str) -> None:
    """Refuse an unknown topology or skeleton, and a grid for a skeleton without a layout."""
    if topology not in TOPOLOGIES:
        raise PoseliftError(f"topology: expected one of {', '.join(TOPOLOGIES)}, got {topology!r}")
    joints = get_skeleton(skeleton)
    if topology != "skeleton":
        handcrafted(joints)


def node_links(
    skeleton: Skeleton, topology: str, extra: Iterable[tuple[int, int]] = ()
) -> Bool[np.ndarray, "N N"]:
    """Which nodes are linked: symmetric, no node with itself.

    `extra` are pairs of joints that the network links beside the bones of its own skeleton graph.
    Raises `PoseliftError` if a grid is asked for and the skeleton has no handcrafted layout.
    """
    if topology == "skeleton":
        links = skeleton.adjacency > 0
        for one, other in extra:
            links[one, other] = links[other, one] = True
        return links
    layout = handcrafted(skeleton)
    return layout.cell_links if topology == "grid" else layout.joint_links


def distances(links: Bool[np.ndarray, "N N"]) -> Int[np.ndarray, "N N"]:
    """Links on the shortest way between any two nodes; N where there is none."""
    count = len(links)
    reached = np.eye(count, dtype=bool)
    found = np.where(reached, 0, count)
    for step in range(1, count):
        further = reached | (reached.astype(int) @ links > 0)
        found[further & ~reached] = step
        reached = further
    return found


class NodeMap(nn.Module):
    """How poses reach the nodes of a graph and come back: as they are, or by φ and φ⁻¹."""

    def __init__(self, skeleton: Skeleton, topology: str) -> None:
        """Take the handcrafted layout for the topology "grid"; others place nothing."""
        super().__init__()
        self.sgt = FixedSGT(handcrafted(skeleton)) if topology == "grid" else None

    def to_nodes(self, poses: Float[Tensor, "B J D"]) -> Float[Tensor, "B N D"]:
        """Put joints on the nodes that hold them."""
        return poses if self.sgt is None else _product(self.sgt.matrices()[0], poses)

    def to_joints(self, nodes: Float[Tensor, "B N D"]) -> Float[Tensor, "B J D"]:
        """Take each joint as the mean of the nodes that hold it."""
        return nodes if self.sgt is None else _product(self.sgt.matrices()[1], nodes)


def _product(matrix: Float[Tensor, "I K"], x: Float[Tensor, "B K D"]) -> Float[Tensor, "B I D"]:
    """Matrix product as a sum, which autocast does not round: coordinates need their digits."""
    return torch.sum(matrix[None, :, :, None] * x[:, None], dim=2)
