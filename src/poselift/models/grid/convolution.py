"""Two-branch grid convolution on the merged-tap plan (see `plan.py`), vanilla and dynamic.

Equations (6) and (8) of the GridConv paper, each as the sum of two branches with their own
padding, weights and biases (Figure 1b).

Axes: B batch, P grid node, K tap, C input channel, O output channel, E product (node and weight
block) of the plan.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from poselift.models.grid.plan import NodeGroup, plan


class _Tables(nn.Module):
    """Index tables of one group of nodes, as buffers that follow the module to its device."""

    def __init__(self, group: NodeGroup, nodes: int) -> None:
        super().__init__()
        sources = torch.tensor(group.sources).flatten()
        taps = torch.tensor([tap for _, tap in group.blocks])
        own = torch.tensor(group.nodes)
        self.count, self.width = len(group.nodes), len(group.blocks)
        for name, table in (
            ("nodes", own),
            ("sources", sources),
            ("blocks", torch.tensor([block * 9 + tap for block, tap in group.blocks])),
            # column of the (tap, node) attention map that scales each product
            ("columns", (taps[None, :] * nodes + own[:, None]).flatten()),
            ("select", nn.functional.one_hot(sources, nodes).float()),
        ):
            self.register_buffer(name, table, persistent=False)


class GridConv(nn.Module):
    """Grid convolution of two padding branches, optionally scaled by an attention map.

    `weight` holds (branch, tap, input, output), `bias` (branch, output) or nothing.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        grid: tuple[int, int],
        paddings: tuple[str, str],
        *,
        bias: bool = True,
    ) -> None:
        """Initialise both branches as a 3x3 convolution is by default (Kaiming uniform)."""
        super().__init__()
        self.grid, self.paddings = grid, paddings
        self.nodes = grid[0] * grid[1]
        bound = 1 / math.sqrt(9 * inputs)
        self.weight = nn.Parameter(torch.empty(2, 9, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(2, outputs).uniform_(-bound, bound)) if bias else None
        groups = plan(*grid, paddings)
        self.groups = nn.ModuleList(_Tables(group, self.nodes) for group in groups)
        order = torch.tensor([node for group in groups for node in group.nodes])
        self.register_buffer("order", torch.argsort(order), persistent=False)

    def forward(
        self, x: Float[Tensor, "B P C"], attention: Float[Tensor, "B K P"] | None = None
    ) -> Float[Tensor, "B P O"]:
        """Convolve; `attention` scales the input patch of each node, tap by tap (equation 8)."""
        blocks = torch.cat([self.weight, self.weight.sum(dim=0, keepdim=True)]).flatten(0, 1)
        if torch.is_autocast_enabled(x.device.type):
            low = torch.get_autocast_dtype(x.device.type)
            x, blocks = x.to(low), blocks.to(low)
            attention = None if attention is None else attention.to(low)
        scale = None if attention is None else attention.flatten(1)
        if torch.is_grad_enabled() and not torch.compiler.is_exporting():
            out: Tensor = _Planned.apply(x, scale, blocks, self)
        else:
            out = self._direct(x, scale, blocks)
        return out if self.bias is None else out + self.bias.sum(dim=0)

    def tables(self) -> list[_Tables]:
        """Return the plan's index tables, one entry a group."""
        return [module for module in self.groups if isinstance(module, _Tables)]

    def _direct(
        self,
        x: Float[Tensor, "B P C"],
        scale: Float[Tensor, "B KP"] | None,
        blocks: Float[Tensor, "27 C O"],
    ) -> Float[Tensor, "B P O"]:
        """Plain gather, scale, multiply: no gradient needed; this is what ONNX gets."""
        outs = []
        for table in self.tables():
            patch = x.index_select(1, table.get_buffer("sources"))
            if scale is not None:
                patch = patch * scale.index_select(1, table.get_buffer("columns")).unsqueeze(-1)
            patch = patch.reshape(-1, table.count, table.width * x.shape[2])
            weight = blocks.index_select(0, table.get_buffer("blocks")).flatten(0, 1)
            outs.append(patch @ weight)
        return torch.cat(outs, dim=1).index_select(1, self.get_buffer("order"))


class _Planned(torch.autograd.Function):
    """The planned convolution with a backward that gathers too.

    Gathering a node's patch and scaling it is one small batched product with a selection matrix;
    its transpose sends the gradient back, so nothing is scattered.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, scale: Tensor | None, blocks: Tensor, layer: GridConv
    ) -> Tensor:
        batch, _, channels = x.shape
        outs, selections, patches = [], [], []
        for table in layer.tables():
            selection = _selection(table, scale, x)
            patch = torch.bmm(selection, x).view(-1, table.width * channels)
            weight = blocks.index_select(0, table.get_buffer("blocks")).flatten(0, 1)
            outs.append((patch @ weight).view(batch, table.count, -1))
            selections.append(selection)
            patches.append(patch)
        ctx.save_for_backward(x, scale, blocks, *selections, *patches)
        ctx.layer = layer
        return torch.cat(outs, dim=1).index_select(1, layer.get_buffer("order"))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, Tensor, None]:
        x, scale, blocks, *saved = ctx.saved_tensors
        tables = ctx.layer.tables()
        batch, _, channels = x.shape
        grad_x, grad_blocks = torch.zeros_like(x), torch.zeros_like(blocks, dtype=_wide(blocks))
        factors = []
        for table, selection, patch in zip(
            tables, saved[: len(tables)], saved[len(tables) :], strict=True
        ):
            out = grad.index_select(1, table.get_buffer("nodes")).flatten(0, 1)
            which = table.get_buffer("blocks")
            weight = blocks.index_select(0, which).flatten(0, 1)
            change = (patch.T @ out).view(table.width, channels, -1)
            grad_blocks.index_add_(0, which, change.to(grad_blocks.dtype))
            back = (out @ weight.T).view(batch, table.count * table.width, channels)
            grad_x.baddbmm_(selection.transpose(1, 2), back)
            if scale is not None:
                # of all (product, node) pairs only the product's own source counts
                pairs = torch.bmm(back, x.transpose(1, 2))
                own = table.get_buffer("sources")[None, :, None].expand(batch, -1, 1)
                factors.append(pairs.gather(2, own).squeeze(2))
        grad_scale = None
        if scale is not None:
            columns = torch.cat([table.get_buffer("columns") for table in tables])
            spread = nn.functional.one_hot(columns, scale.shape[1]).to(x.dtype)
            grad_scale = torch.cat(factors, dim=1) @ spread
        return grad_x, grad_scale, grad_blocks.to(blocks.dtype), None


def _wide(like: Tensor) -> torch.dtype:
    """Type to sum weight gradients in: at least single precision."""
    return torch.promote_types(like.dtype, torch.float32)


def _selection(
    table: _Tables, scale: Float[Tensor, "B KP"] | None, x: Float[Tensor, "B P C"]
) -> Float[Tensor, "B E P"]:
    """Matrix that gathers (and scales) the patches of a group."""
    select = table.get_buffer("select").to(x.dtype)
    if scale is None:
        return select.expand(x.shape[0], -1, -1)
    return scale.index_select(1, table.get_buffer("columns")).unsqueeze(-1) * select
