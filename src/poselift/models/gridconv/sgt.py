"""Semantic Grid Transformation: φ and φ⁻¹, fixed or learnt (AutoGrids).

Axes: B batch, J joint, P grid node (row-major), D coordinate.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from poselift.models.gridconv.layout import Layout


class FixedSGT(nn.Module):
    """φ and φ⁻¹ of a given layout (equation 1); nothing to learn."""

    def __init__(self, layout: Layout) -> None:
        """Keep the two matrices as buffers; they follow from the layout, so are not saved."""
        super().__init__()
        self.layout = layout
        forward = torch.from_numpy(layout.assignment).float()
        inverse = torch.from_numpy(layout.inverse).float()
        self.register_buffer("forward_matrix", forward, persistent=False)
        self.register_buffer("inverse_matrix", inverse, persistent=False)

    def matrices(self) -> tuple[Float[Tensor, "P J"], Float[Tensor, "J P"]]:
        """Return S and its inverse."""
        return self.get_buffer("forward_matrix"), self.get_buffer("inverse_matrix")

    def current(self) -> Layout:
        """Return the layout in use."""
        return self.layout


class AutoGrids(nn.Module):
    """SGT that learns its layout: equations (4) and (5), trained jointly with the network.

    `scores` are S^prob. In training, while `noisy` is set, Gumbel noise is added to them; each
    node takes its best joint (one-hot) in the forward pass, and the backward pass goes straight
    through to the scores. In evaluation the best joint without noise is taken.

    With `cover`, a joint that no node picked is given the node that scores highest for it among
    the nodes whose joint also sits elsewhere, so no joint is ever lost. Without `cover` (official
    checkpoints) a lost joint comes out as 0 and a warning names it.
    """

    def __init__(self, start: Layout, *, scale: float, cover: bool = True) -> None:
        """Start from `scale` times the one-hot assignment of `start`.

        `scale` says how firmly the start is held against unit Gumbel noise: with J joints a node
        keeps its joint with probability e^scale / (e^scale + J - 1).
        """
        super().__init__()
        self.rows, self.columns, self.joints = start.rows, start.columns, start.joints
        self.scores = nn.Parameter(torch.from_numpy(start.assignment).float() * scale)
        self.cover = cover
        self.noisy = False
        self.straight_through = True

    def matrices(self) -> tuple[Float[Tensor, "P J"], Float[Tensor, "J P"]]:
        """Return S (with noise and straight-through gradient in training) and its inverse."""
        if not (self.training and self.straight_through):
            return self.as_matrices(self.pick(self.scores.detach()))
        soft: Tensor = self.scores
        if self.noisy:
            soft = soft + gumbel(soft)
        hard = self.pick(soft.detach())
        return invert(hard - soft.detach() + soft)

    def pick(self, soft: Float[Tensor, "P J"]) -> Float[Tensor, "P J"]:
        """One-hot of each row's best joint (equation 5), repaired so that all are held."""
        index = soft.argmax(dim=1)
        if self.cover:
            index = cover_all(index, soft)
        return held(index, self.joints).to(soft.dtype)

    def as_matrices(
        self, assignment: Float[Tensor, "P J"]
    ) -> tuple[Float[Tensor, "P J"], Float[Tensor, "J P"]]:
        """Return a hard assignment and its inverse, warning of joints that no node holds."""
        if not self.cover and not torch.compiler.is_exporting():
            lost = (assignment.sum(dim=0) == 0).nonzero().flatten().tolist()
            if lost:
                warnings.warn(
                    f"no grid node holds joint {', '.join(map(str, lost))}: it comes out as 0",
                    stacklevel=2,
                )
        return invert(assignment)

    def current(self) -> Layout:
        """Return the layout that evaluation uses; `PoseliftError` if it loses a joint."""
        index = self.pick(self.scores.detach()).argmax(dim=1)
        cells = tuple((int(joint),) for joint in index)
        return Layout(self.rows, self.columns, cells, self.joints)


def gumbel(like: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Draw standard Gumbel noise of the shape, type and device of `like`."""
    return -torch.empty_like(like).exponential_().log()


def invert(
    assignment: Float[Tensor, "P J"],
) -> tuple[Float[Tensor, "P J"], Float[Tensor, "J P"]]:
    """Return S and φ⁻¹: its transpose, each joint's copies averaged (1e-8 as the official code)."""
    return assignment, assignment.T / (assignment.sum(dim=0)[:, None] + 1e-8)


def relaxed(
    scores: Float[Tensor, "P J"], noise: Float[Tensor, "P J"], tau: float
) -> Float[Tensor, "P J"]:
    """Soft Gumbel-softmax assignment, softmax((scores + noise) / tau) over joints.

    The branch with noise of the official code, which its training never calls.
    """
    return torch.softmax((scores + noise) / tau, dim=1)


def cover_all(index: Int[Tensor, " P"], soft: Float[Tensor, "P J"]) -> Int[Tensor, " P"]:
    """Give each joint that no node picked the best node whose joint also sits elsewhere.

    On a GPU nothing waits for a value, so a CUDA graph can hold it; the CPU looks, to save work.
    """
    joints = soft.shape[1]
    lost = counts(index, joints) == 0
    if index.is_cuda:
        return repaired(index, soft, lost, range(joints))
    return repaired(index, soft, lost, lost.nonzero().flatten().tolist())


def repaired(
    index: Int[Tensor, " P"],
    soft: Float[Tensor, "P J"],
    lost: Bool[Tensor, " J"],
    order: Iterable[int],
) -> Int[Tensor, " P"]:
    """Place the joints of `order` that are `lost`, one after the other, without branching."""
    nodes, joints = torch.arange(len(index), device=index.device), soft.shape[1]
    for joint in order:
        spare = counts(index, joints)[index] > 1
        node = soft[:, joint].masked_fill(~spare, float("-inf")).argmax()
        index = torch.where((nodes == node) & lost[joint], joint, index)
    return index


def counts(index: Int[Tensor, " P"], joints: int) -> Int[Tensor, " J"]:
    """Return how many nodes hold each joint; unlike `bincount` a CUDA graph can hold it."""
    return held(index, joints).sum(dim=0)


def held(index: Int[Tensor, " P"], joints: int) -> Bool[Tensor, "P J"]:
    """Return which joint each node holds; unlike `one_hot` this never looks at the values."""
    return index[:, None] == torch.arange(joints, device=index.device)
