"""Grid convolutions on 8-bit integers (see `integers.py`).

Axes: B batch, P grid node, K tap, C input channel, O output channel.
"""

from __future__ import annotations

from typing import final

from jaxtyping import Float
from torch import Tensor, nn

from poselift.models.gridconv.fast import FastGridConv, FastGridUnit
from poselift.models.integers import (
    ACTIVATION_MAX,
    IntegerProduct,
    frame_maximum,
    int8_linears,
    is_large,
)


def int8(network: nn.Module) -> int:
    """Put integers in the place of a fast network's large layers; return of how many."""
    count = 0
    for module in list(network.modules()):
        if isinstance(module, FastGridUnit):
            conv = module.layer.conv
            if isinstance(conv, FastGridConv) and is_large(*conv.weight.shape[2:]):
                module.layer.conv = Int8GridConv(conv, module.norm)
                count += 1
    return count + int8_linears(network)


@final
class Int8GridConv(nn.Module):
    """A grid convolution on integers; its input must not be negative (it follows ReLUs)."""

    def __init__(self, conv: FastGridConv, norm: nn.BatchNorm1d) -> None:
        """Take the weights of `conv` and of the batch norm in evaluation that follows it."""
        super().__init__()
        self.plan = conv.plan
        kernels, bias = conv.frozen(norm)
        self.products = nn.ModuleList(
            IntegerProduct(kernel, signed=table.is_difference)
            for table, kernel in zip(self.plan.tables(), kernels, strict=True)
        )
        self.register_buffer("bias", bias)

    def forward(
        self,
        x: Float[Tensor, "B P C"],
        attention: Float[Tensor, "B K P"] | None = None,
        norm: nn.BatchNorm1d | None = None,
    ) -> Float[Tensor, "B P O"]:
        """Convolve; `norm` is in the weights already."""
        unit = frame_maximum(x) / ACTIVATION_MAX
        if attention is None:
            x, scale = x / unit, None
        else:  # the patches are multiplied by it anyway
            scale = (attention / unit).flatten(1)
        outs = []
        for table, product in zip(self.plan.tables(), self.products, strict=True):
            patch = table.patches(x, scale)
            outs.append(product(patch.reshape(-1, table.count, table.width * x.shape[2])))
        return self.plan.assemble(outs) * unit + self.get_buffer("bias")
