"""Graph convolutions on 8-bit integers (see `integers.py`).

Axes: B batch, J joint, G neighbour group, C input channel, O output channel.
"""

from __future__ import annotations

from typing import final

from jaxtyping import Float
from torch import Tensor

from poselift.models.integers import (
    ACTIVATION_MAX,
    IntegerProduct,
    frame_maximum,
    int8_linears,
    is_large,
)
from poselift.models.posegraphnet.fast import FastGraphConvolution
from poselift.models.posegraphnet.network import GraphConvolution, PoseGraphNet, ResidualBlock


def int8(network: PoseGraphNet) -> int:
    """Put integers in the place of a fast network's large layers; return of how many."""
    # a projection in a residual branch is followed by no ReLU
    signed = any(isinstance(m, ResidualBlock) and m.residual is not None for m in network.modules())
    count = 0
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, GraphConvolution) and is_large(*child.weight.shape[::-1]):
                setattr(module, name, Int8GraphConvolution(child, signed=signed))
                count += 1
    return count + int8_linears(network)


@final
class Int8GraphConvolution(FastGraphConvolution):
    """A graph convolution whose linear map is computed on integers."""

    def __init__(self, convolution: GraphConvolution, *, signed: bool) -> None:
        """Take the weights of `convolution`; `signed` inputs may be negative."""
        channels = convolution.weight.shape[1]
        super().__init__(channels, convolution.bias.shape[0], shared=convolution.shared)
        self.signed = signed
        self.product = IntegerProduct(convolution.weight.detach().T, signed=signed)
        self.bias = convolution.bias
        del self.weight

    def forward(
        self, x: Float[Tensor, "B J C"], adjacency: Float[Tensor, "G J J"]
    ) -> Float[Tensor, "B J C_out"]:
        """Map the channels on integers, then mix the joints."""
        mix = adjacency.sum(dim=0, keepdim=True) if self.shared else adjacency
        unit = frame_maximum(x.abs() if self.signed else x) / ACTIVATION_MAX
        return self._map_first(x / unit, mix) * unit + self.bias

    def features(self, x: Float[Tensor, "B J C"]) -> Float[Tensor, "BJ GC_out"]:
        """Map each joint's channels, given in units of their 8-bit step."""
        found: Tensor = self.product(x)
        return found.flatten(0, 1)
