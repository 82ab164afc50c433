"""Grid networks at speed: the merged-tap plan (see `plan.py`) in place of `GridConv`'s branches.

`FastGridConv` and `FastGridUnit` take over the weights of a network for training and evaluation,
`FrozenGridConv` those of one that learns no more.

Axes: B batch, P grid node, K tap, C input channel, O output channel, E product
(node and weight block) of a group.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from poselift.models.fast import swap
from poselift.models.gridconv import patches
from poselift.models.gridconv.convolution import GridConv
from poselift.models.gridconv.network import GridLayer, GridLiftingNetwork, GridUnit
from poselift.models.gridconv.plan import NodeGroup, plan
from poselift.models.gridconv.sgt import AutoGrids, FixedSGT


def fast(network: nn.Module) -> None:
    """Let a network's grid convolutions run by the plan, in place."""
    for conv in swap(network, {GridConv: FastGridConv, GridUnit: FastGridUnit}):
        if isinstance(conv, FastGridConv):
            conv.plan = Plan(conv.grid, conv.paddings)


def freeze(network: nn.Module) -> None:
    """Merge every grid convolution of a fast network, in place, once and for all.

    A network in evaluation merges its branches and folds its batch norms in every call, since its
    weights may have changed; for single frames that takes longer than the rest.
    """
    for module in list(network.modules()):
        if isinstance(module, FastGridUnit) and isinstance(module.layer.conv, FastGridConv):
            module.layer.conv = FrozenGridConv(module.layer.conv, module.norm)
    for module in list(network.modules()):
        if isinstance(module, GridLayer) and isinstance(module.conv, FastGridConv):
            module.conv = FrozenGridConv(module.conv, None)


def fix_layout(network: GridLiftingNetwork) -> None:
    """Put in a learnt layout as it stands, in place.

    Choosing it from the scores branches on their values where it repairs lost joints, which no
    graph can hold. Without repair (official checkpoints) the choice is a plain argmax, and may
    have lost joints, which no `Layout` has.
    """
    if isinstance(network.sgt, AutoGrids) and network.sgt.cover:
        network.sgt = FixedSGT(network.layout()).to(network.sgt.scores).eval()


@final
class GroupTables(nn.Module):
    """Index tables of one group of nodes, as buffers that follow the module to its device.

    members  nodes of the group; `count` of them.
    width    weight blocks, so products a node.
    whole    the group holds all nodes of the grid, in order.
    """

    def __init__(self, group: NodeGroup, nodes: int) -> None:
        """Turn a group of the plan of a grid with `nodes` nodes into tables."""
        super().__init__()
        sources = torch.tensor(group.sources).flatten()
        taps = torch.tensor([tap for _, tap in group.blocks])
        own = torch.tensor(group.nodes)
        select = nn.functional.one_hot(sources, nodes).float()
        tables = {
            "nodes": own,
            "sources": sources,
            "blocks": torch.tensor([block * 9 + tap for block, tap in group.blocks]),
            # column of the (tap, node) attention map that scales each product
            "columns": (taps[None, :] * nodes + own[:, None]).flatten(),
        }
        self.is_difference = group.minus is not None
        if group.minus is not None:
            minus = torch.tensor(group.minus).flatten()
            tables["minus"] = minus
            select = select - nn.functional.one_hot(minus, nodes)
        self.members, self.count, self.width = group.nodes, len(group.nodes), len(group.blocks)
        self.whole = group.nodes == tuple(range(nodes))
        for name, table in {**tables, "select": select}.items():
            self.register_buffer(name, table, persistent=False)

    def indices(self) -> tuple[Tensor, Tensor | None, Tensor]:
        """Return the node of each product, the one it takes away, and its column of the scale."""
        minus = self.get_buffer("minus") if self.is_difference else None
        return self.get_buffer("sources"), minus, self.get_buffer("columns")

    def patches(
        self, x: Float[Tensor, "B P C"], scale: Float[Tensor, "B KP"] | None
    ) -> Float[Tensor, "B E C"]:
        """Gather the patches of the group's nodes and scale them."""
        found = x.index_select(1, self.get_buffer("sources"))
        if self.is_difference:
            found = found - x.index_select(1, self.get_buffer("minus"))
        if scale is None:
            return found
        return found * scale.index_select(1, self.get_buffer("columns")).unsqueeze(-1)

    def kernel(self, blocks: Float[Tensor, "27 C O"]) -> Float[Tensor, "EC O"]:
        """Stack the group's weight blocks: the matrix that all its patches are multiplied by."""
        return blocks.index_select(0, self.get_buffer("blocks")).flatten(0, 1)


@final
class Plan(nn.Module):
    """The plan of a grid and a pair of paddings: what its groups gather, and where it goes."""

    def __init__(self, grid: tuple[int, int], paddings: tuple[str, str]) -> None:
        """Make the plan's tables."""
        super().__init__()
        nodes = grid[0] * grid[1]
        self.groups = nn.ModuleList(GroupTables(group, nodes) for group in plan(*grid, paddings))
        # adds what the groups beside a whole one give to the grid's nodes
        rows = [node for table in self.tables() if not table.whole for node in table.members]
        spread = nn.functional.one_hot(torch.tensor(rows, dtype=torch.int64), nodes)
        self.register_buffer("spread", spread.T.float(), persistent=False)

    def tables(self) -> list[GroupTables]:
        """Return the plan's index tables, one entry a group."""
        return cast(list[GroupTables], list(self.groups))

    def assemble(self, outs: Sequence[Float[Tensor, "B _ O"]]) -> Float[Tensor, "B P O"]:
        """Add up what the groups, in the order of `tables`, give to each node."""
        pairs = list(zip(self.tables(), outs, strict=True))
        rest = [out for table, out in pairs if not table.whole]
        parts = [out for table, out in pairs if table.whole]
        if rest:
            parts.append(self.get_buffer("spread").to(rest[0].dtype) @ torch.cat(rest, dim=1))
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    def multiply(
        self,
        x: Float[Tensor, "B P C"],
        attention: Float[Tensor, "B K P"] | None,
        kernels: Sequence[Float[Tensor, "_ O"]],
    ) -> Float[Tensor, "B P O"]:
        """Gather, scale, multiply each group by its weights; what ONNX gets."""
        scale = None if attention is None else attention.flatten(1)
        outs = []
        for table, kernel in zip(self.tables(), kernels, strict=True):
            patch = table.patches(x, scale).reshape(-1, table.count, kernel.shape[0])
            outs.append(patch @ kernel)
        return self.assemble(outs)


@final
class FastGridConv(GridConv):
    """A grid convolution by a plan, which `fast` gives it."""

    plan: Plan

    def forward(
        self,
        x: Float[Tensor, "B P C"],
        attention: Float[Tensor, "B K P"] | None = None,
        norm: nn.BatchNorm1d | None = None,
    ) -> Float[Tensor, "B P O"]:
        """Convolve; `norm`, a batch norm at rest that follows, is folded into the weights."""
        blocks, bias = self._merged(norm)
        low = _autocast_type(x)
        if low is not None:
            x, blocks = x.to(low), blocks.to(low)
            attention = None if attention is None else attention.to(low)
        # without gradient a GPU gathers by index; a CPU's loops are the quickest always
        planned = torch.is_grad_enabled() or patches.compiled(x)
        if planned and not torch.compiler.is_exporting():
            scale = None if attention is None else attention.flatten(1)
            out: Tensor = _Planned.apply(x, scale, blocks, self.plan)
        else:
            kernels = [table.kernel(blocks) for table in self.plan.tables()]
            out = self.plan.multiply(x, attention, kernels)
        # before a batch norm a bias needs no more digits than the features have
        return out if bias is None else out + bias.to(out.dtype)

    def _merged(
        self, norm: nn.BatchNorm1d | None
    ) -> tuple[Float[Tensor, "27 C O"], Float[Tensor, " O"] | None]:
        """Return the weight blocks W1, W2, W1 + W2, tap by tap, and the sum of the biases."""
        weight: Tensor = self.weight
        bias = None if self.bias is None else self.bias.sum(dim=0)
        if norm is not None:
            factor, shift = affine(norm)
            weight = weight * factor
            bias = shift if bias is None else bias * factor + shift
        return torch.cat([weight, weight.sum(dim=0, keepdim=True)]).flatten(0, 1), bias

    def frozen(
        self, norm: nn.BatchNorm1d | None
    ) -> tuple[list[Float[Tensor, "_ O"]], Float[Tensor, " O"]]:
        """Return each group's weights, (EC, O), and the bias, with `norm` folded in."""
        with torch.no_grad():
            blocks, bias = self._merged(norm)
            kernels = [table.kernel(blocks) for table in self.plan.tables()]
        return kernels, blocks.new_zeros(blocks.shape[2]) if bias is None else bias


@final
class FrozenGridConv(nn.Module):
    """A grid convolution for inference: merged once, batch norm folded in, nothing to learn."""

    def __init__(self, conv: FastGridConv, norm: nn.BatchNorm1d | None) -> None:
        """Take the weights of `conv` and of the batch norm in evaluation that follows it."""
        super().__init__()
        self.plan = conv.plan
        kernels, bias = conv.frozen(norm)
        self.kernels = nn.ParameterList(nn.Parameter(k, requires_grad=False) for k in kernels)
        self.register_buffer("bias", bias)

    def forward(
        self,
        x: Float[Tensor, "B P C"],
        attention: Float[Tensor, "B K P"] | None = None,
        norm: nn.BatchNorm1d | None = None,
    ) -> Float[Tensor, "B P O"]:
        """Convolve; `norm` is in the weights already."""
        kernels, bias = list(self.kernels), self.get_buffer("bias")
        low = _autocast_type(x)
        if low is not None:
            x, bias, kernels = x.to(low), bias.to(low), [kernel.to(low) for kernel in kernels]
            attention = None if attention is None else attention.to(low)
        return self.plan.multiply(x, attention, kernels) + bias


@final
class FastGridUnit(GridUnit):
    """A unit that in evaluation folds its batch norm into the convolution's weights."""

    def forward(self, x: Float[Tensor, "B P C"]) -> Float[Tensor, "B P O"]:
        """Apply the unit."""
        if self.training:
            return super().forward(x)
        x, factors = self.layer.attend(x)
        return torch.relu(self.layer.conv(x, factors, self.norm))


def affine(norm: nn.BatchNorm1d) -> tuple[Float[Tensor, " O"], Float[Tensor, " O"]]:
    """Return factor and shift of a batch norm in evaluation."""
    assert norm.running_mean is not None  # it tracks them
    assert norm.running_var is not None
    factor = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return factor, norm.bias - norm.running_mean * factor


def _autocast_type(x: Tensor) -> torch.dtype | None:
    """Return the type that autocast computes in, or None without autocast."""
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None


class _Planned(torch.autograd.Function):
    """The planned convolution with a backward that gathers too: nothing is scattered at random."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor | None, blocks: Tensor, plan: Plan) -> Tensor:
        outs, found = [], []
        for table in plan.tables():
            patch = _gather(table, x, scale).view(-1, table.width * x.shape[2])
            outs.append((patch @ table.kernel(blocks)).view(len(x), table.count, -1))
            found.append(patch)
        ctx.save_for_backward(x, scale, blocks, *found)
        ctx.plan = plan
        return plan.assemble(outs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, Tensor, None]:
        x, scale, blocks, *found = ctx.saved_tensors
        batch, _, channels = x.shape
        grad_blocks = torch.zeros_like(blocks, dtype=_wide(blocks))
        grad_x = x.new_zeros(x.shape, dtype=_wide(x))
        grad_scale = None if scale is None else x.new_zeros(scale.shape, dtype=_wide(x))
        for table, patch in zip(ctx.plan.tables(), found, strict=True):
            out = grad if table.whole else grad.index_select(1, table.get_buffer("nodes"))
            out = out.flatten(0, 1)
            change = (patch.T @ out).view(table.width, channels, -1)
            grad_blocks.index_add_(0, table.get_buffer("blocks"), change.to(grad_blocks.dtype))
            back = (out @ table.kernel(blocks).T).view(batch, -1, channels)
            _send_back(table, back, x, scale, grad_x, grad_scale)
        to_scale = None if grad_scale is None else grad_scale.to(x.dtype)
        return grad_x.to(x.dtype), to_scale, grad_blocks.to(blocks.dtype), None


def _gather(
    table: GroupTables, x: Float[Tensor, "B P C"], scale: Float[Tensor, "B KP"] | None
) -> Float[Tensor, "B E C"]:
    """Gather the patches of a group and scale them: by a product with a selection matrix.

    That is what a GPU does best; a CPU has loops for it.
    """
    if patches.compiled(x):
        return patches.gather(x, scale, *table.indices())
    return torch.bmm(_selection(table, scale, x), x)


def _send_back(
    table: GroupTables,
    back: Float[Tensor, "B E C"],
    x: Float[Tensor, "B P C"],
    scale: Float[Tensor, "B KP"] | None,
    grad_x: Float[Tensor, "B P C"],
    grad_scale: Float[Tensor, "B KP"] | None,
) -> None:
    """Add the gradient of `_gather` to those of the features and of the scale."""
    if patches.compiled(x):
        patches.send_back(back, x, scale, *table.indices(), grad_x, grad_scale)
        return
    grad_x += torch.bmm(_selection(table, scale, x).transpose(1, 2), back)
    if grad_scale is not None:
        # of all (product, node) pairs only the product's own sources count
        pairs = torch.bmm(back, x.transpose(1, 2)) * table.get_buffer("select").to(x.dtype)
        grad_scale.index_add_(1, table.get_buffer("columns"), pairs.sum(dim=2).to(grad_scale.dtype))


def _wide(like: Tensor) -> torch.dtype:
    """Type to sum weight gradients in: at least single precision."""
    return torch.promote_types(like.dtype, torch.float32)


def _selection(
    table: GroupTables, scale: Float[Tensor, "B KP"] | None, x: Float[Tensor, "B P C"]
) -> Float[Tensor, "B E P"]:
    """Matrix that gathers (and scales) the patches of a group."""
    select = table.get_buffer("select").to(x.dtype)
    if scale is None:
        return select.expand(x.shape[0], -1, -1)
    return scale.index_select(1, table.get_buffer("columns")).unsqueeze(-1) * select
