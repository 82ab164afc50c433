"""Semantic Grid Transformation: φ and φ⁻¹, fixed or learnt (AutoGrids).

Axes: B batch, G group of poses, J joint, P grid node (row-major), D coordinate.
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


#: How AutoGrids learns its scores.
ESTIMATORS = ("score_function", "straight_through")

#: Poses of a batch that share a drawn layout.
GROUP = 4


class AutoGrids(nn.Module):
    """SGT that learns its layout: equations (4) and (5), trained jointly with the network.

    `scores` are S^prob. In evaluation each node takes its best joint (one-hot). In training, while
    `noisy` is set, Gumbel noise is added to them first, by one of `ESTIMATORS`:

    straight_through  one layout a step; the backward pass goes straight through to the scores, as
                      in the paper. After the noise they go on learning.
    score_function    a layout for every `GROUP` poses of a step (`group_matrices`); no gradient
                      passes through. `credit` compares each group's error with what the same poses
                      have under another layout. After the noise the best layout stays as it is.

    With `cover`, a joint that no node picked is given the node that scores highest for it among
    the nodes whose joint also sits elsewhere, so no joint is ever lost. Without `cover` (official
    checkpoints) a lost joint comes out as 0 and a warning names it.
    """

    def __init__(
        self,
        start: Layout,
        *,
        scale: float,
        cover: bool = True,
        estimator: str = "straight_through",
    ) -> None:
        """Start from `scale` times the one-hot assignment of `start`.

        `scale` says how firmly the start is held against unit Gumbel noise: with J joints a node
        keeps its joint with probability e^scale / (e^scale + J - 1).
        """
        super().__init__()
        self.estimator = estimator
        self.drawn: Tensor | None = None
        self.rows, self.columns, self.joints = start.rows, start.columns, start.joints
        self.scores = nn.Parameter(torch.from_numpy(start.assignment).float() * scale)
        self.cover = cover
        self.noisy = False
        self.straight_through = True

    def matrices(self) -> tuple[Float[Tensor, "P J"], Float[Tensor, "J P"]]:
        """Return S (with noise and straight-through gradient in training) and its inverse."""
        learns = self.estimator == "straight_through" and self.straight_through
        if not (self.training and learns):
            return self.as_matrices(self.pick(self.scores.detach()))
        soft: Tensor = self.scores
        if self.noisy:
            soft = soft + gumbel(soft)
        hard = self.pick(soft.detach())
        return invert(hard - soft.detach() + soft)

    @property
    def draws(self) -> bool:
        """Whether groups of poses go through layouts of their own now."""
        return self.training and self.noisy and self.estimator == "score_function"

    def group_matrices(
        self, poses: int, *, again: bool = False
    ) -> tuple[Float[Tensor, "B P J"], Float[Tensor, "B J P"]]:
        """Return S and its inverse for each of a batch's `poses`, a layout for every `GROUP`.

        again  give each group the layout that the next one had in the last call, in place of a
               newly drawn one; the last group has the first one's.
        """
        if again:
            assert self.drawn is not None  # a call without it came before
            index = self.drawn.roll(-1, 0)
        else:
            index = self.drawn = self.draw(-(-poses // GROUP))
        assignment, inverse = invert(held(index, self.joints).to(self.scores.dtype))
        return (
            assignment.repeat_interleave(GROUP, 0)[:poses],
            inverse.repeat_interleave(GROUP, 0)[:poses],
        )

    @torch.no_grad()
    def draw(self, count: int, generator: torch.Generator | None = None) -> Int[Tensor, "G P"]:
        """Draw layouts, the joint of each node, from the scores; each holds every joint."""
        scores = self.scores.detach().repeat(count, 1, 1)
        soft = scores + gumbel(scores, generator)
        return cover_all(soft.argmax(dim=-1), soft)

    @torch.no_grad()
    def credit(self, own: Float[Tensor, " B"], other: Float[Tensor, " B"]) -> None:
        """Set the gradient of the scores by the errors of a batch's poses (REINFORCE with pairs).

        own    under the layout that `group_matrices` drew for them.
        other  under the next group's.

        The gradient of a drawn layout's log-probability is its one-hot matrix less the
        probabilities, which cancel between two layouts. So half the difference of the two errors
        times that of the two matrices is the gradient of the expected error, and how hard the
        poses are cancels. Differences are divided by their deviation over the groups.
        """
        assert self.drawn is not None  # the batch went through drawn layouts
        group = torch.arange(len(own), device=own.device) // GROUP
        zeros = own.new_zeros(len(self.drawn))
        sizes = zeros.index_add(0, group, torch.ones_like(own))
        difference = zeros.index_add(0, group, own - other) / sizes
        weight = difference / difference.std(correction=0).clamp_min(1e-12)
        picked = held(self.drawn, self.joints).to(self.scores.dtype)
        change = 0.5 * (picked - picked.roll(-1, 0))
        mean = (weight.to(change.dtype)[:, None, None] * change).mean(dim=0)
        self.scores.grad = mean

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


def gumbel(
    like: Float[Tensor, "*shape"], generator: torch.Generator | None = None
) -> Float[Tensor, "*shape"]:
    """Draw standard Gumbel noise of the shape, type and device of `like`."""
    return -torch.empty_like(like).exponential_(generator=generator).log()


def invert(
    assignment: Float[Tensor, "*G P J"],
) -> tuple[Float[Tensor, "*G P J"], Float[Tensor, "*G J P"]]:
    """Return S and φ⁻¹: its transpose, each joint's copies averaged (1e-8 as the official code)."""
    return assignment, assignment.mT / (assignment.sum(dim=-2)[..., None] + 1e-8)


def relaxed(
    scores: Float[Tensor, "P J"], noise: Float[Tensor, "P J"], tau: float
) -> Float[Tensor, "P J"]:
    """Soft Gumbel-softmax assignment, softmax((scores + noise) / tau) over joints.

    The branch with noise of the official code, which its training never calls.
    """
    return torch.softmax((scores + noise) / tau, dim=1)


def cover_all(index: Int[Tensor, "*G P"], soft: Float[Tensor, "*G P J"]) -> Int[Tensor, "*G P"]:
    """Give each joint that no node picked the best node whose joint also sits elsewhere.

    On a GPU nothing waits for a value, so a CUDA graph can hold it; the CPU looks, to save work.
    """
    joints = soft.shape[-1]
    lost = counts(index, joints) == 0
    if index.is_cuda:
        return repaired(index, soft, lost, range(joints))
    anywhere = lost.flatten(0, -2).any(dim=0) if lost.ndim > 1 else lost
    return repaired(index, soft, lost, anywhere.nonzero().flatten().tolist())


def repaired(
    index: Int[Tensor, "*G P"],
    soft: Float[Tensor, "*G P J"],
    lost: Bool[Tensor, "*G J"],
    order: Iterable[int],
) -> Int[Tensor, "*G P"]:
    """Place the joints of `order` that are `lost`, one after the other, without branching."""
    nodes, joints = torch.arange(index.shape[-1], device=index.device), soft.shape[-1]
    for joint in order:
        spare = counts(index, joints).gather(-1, index) > 1
        node = soft[..., joint].masked_fill(~spare, float("-inf")).argmax(dim=-1, keepdim=True)
        index = torch.where((nodes == node) & lost[..., joint, None], joint, index)
    return index


def counts(index: Int[Tensor, "*G P"], joints: int) -> Int[Tensor, "*G J"]:
    """Return how many nodes hold each joint; unlike `bincount` a CUDA graph can hold it."""
    return held(index, joints).sum(dim=-2)


def held(index: Int[Tensor, "*G P"], joints: int) -> Bool[Tensor, "*G P J"]:
    """Return which joint each node holds; unlike `one_hot` this never looks at the values."""
    return index[..., None] == torch.arange(joints, device=index.device)
