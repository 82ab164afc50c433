"""Networks whose large products are computed on 8-bit integers, for export.

Weights have one scale an output channel, activations one scale a frame, so that a frame's result
never depends on the frames it is lifted with. The first and the last layer, the attention and all
sums stay float32: with the last layer on integers too, the error on cmu17 grew by 2 mm.

Axes: B batch, P grid node, J joint, K tap, C input channel, O output channel.
"""

from __future__ import annotations

import copy
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from poselift.errors import PoseliftError
from poselift.models.gridconv.convolution import GridConv, PlannedConv
from poselift.models.gridconv.network import GridUnit
from poselift.models.posegraphnet import GraphConvolution, ResidualBlock

#: Smaller layers stay float32: they cost little and the input and output need more digits.
MIN_INPUTS, MIN_OUTPUTS = 64, 16

#: Largest integer weight, and largest integer of an activation that cannot be negative. Weights of
#: 7 bits would suit CPUs without 8-bit dot products, but cost 0.4 mm on cmu17.
WEIGHT_MAX, ACTIVATION_MAX = 127, 255

#: What no activation of a frame that is 0 throughout is divided by.
_TINY = 1e-12


@final
class IntegerProduct(nn.Module):
    """Product of activations, given in units of their 8-bit step, with constant weights.

    `signed` activations reach from -255 to 255 and are rounded to even steps of 2; others reach
    from 0 to 255.
    """

    def __init__(self, weight: Float[Tensor, "C O"], *, signed: bool) -> None:
        """Round the weights, output by output."""
        super().__init__()
        scale = weight.abs().amax(dim=0).clamp(min=_TINY) / WEIGHT_MAX
        self.register_buffer("weight", torch.round(weight / scale).to(torch.int8))
        self.register_buffer("scale", scale)
        self.register_buffer("step", torch.tensor(2.0 if signed else 1.0))
        self.register_buffer("zero", torch.tensor(128 if signed else 0, dtype=torch.uint8))

    def forward(self, x: Float[Tensor, "*batch C"]) -> Float[Tensor, "*batch O"]:
        """Round `x` and multiply; outside of an export the same integers are kept in float64."""
        weight, scale = self.get_buffer("weight"), self.get_buffer("scale")
        step, zero = self.get_buffer("step"), self.get_buffer("zero")
        if not torch.compiler.is_exporting():
            whole = (torch.round(x / step) + zero).clamp(0, 255) - zero
            return ((whole.double() @ weight.double()) * (step * scale)).float()
        whole = torch.onnx.ops.symbolic(
            "QuantizeLinear", (x, step, zero), dtype=torch.uint8, shape=x.shape
        )
        return torch.onnx.ops.symbolic(
            "com.microsoft::MatMulIntegerToFloat",
            (whole, weight, step, scale, zero),
            dtype=torch.float32,
            shape=(*x.shape[:-1], weight.shape[1]),
            version=1,
        )


def frame_maximum(x: Float[Tensor, "B ..."]) -> Float[Tensor, "B ..."]:
    """Return each frame's largest activation, with axes of length 1 behind it."""
    return x.amax(dim=tuple(range(1, x.dim())), keepdim=True).clamp(min=_TINY)


@final
class Int8GridConv(PlannedConv):
    """A grid convolution on integers; its input must not be negative (it follows ReLUs)."""

    def __init__(self, conv: GridConv, norm: nn.BatchNorm1d) -> None:
        """Take the weights of `conv` and of the batch norm in evaluation that follows it."""
        super().__init__(conv.grid, conv.paddings)
        kernels, bias = conv.frozen(norm)
        self.products = nn.ModuleList(
            IntegerProduct(kernel, signed=table.is_difference)
            for table, kernel in zip(self.tables(), kernels, strict=True)
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
        for table, product in zip(self.tables(), self.products, strict=True):
            patch = table.patches(x, scale)
            outs.append(product(patch.reshape(-1, table.count, table.width * x.shape[2])))
        return self.assemble(outs) * unit + self.get_buffer("bias")


@final
class Int8GraphConvolution(GraphConvolution):
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


@final
class Int8Linear(nn.Module):
    """A fully connected layer on integers."""

    def __init__(self, linear: nn.Linear) -> None:
        """Take the weights of `linear`."""
        super().__init__()
        self.product = IntegerProduct(linear.weight.detach().T, signed=True)
        self.bias = linear.bias

    def forward(self, x: Float[Tensor, "B C"]) -> Float[Tensor, "B O"]:
        """Multiply and add the bias."""
        unit = frame_maximum(x.abs()) / ACTIVATION_MAX
        found: Tensor = self.product(x / unit) * unit
        return found if self.bias is None else found + self.bias


def quantized(network: nn.Module) -> nn.Module:
    """Copy a network with integer products wherever a layer is large enough.

    Raises `PoseliftError` if it has no such layer.
    """
    network = copy.deepcopy(network).cpu().eval()
    # a projection in a residual branch is followed by no ReLU
    signed = any(isinstance(m, ResidualBlock) and m.residual is not None for m in network.modules())
    replaced = sum(_replace(module, signed) for module in list(network.modules()))
    if not replaced:
        raise PoseliftError(
            f"int8: {type(network).__name__} has no layer of {MIN_INPUTS} or more channels in "
            f"and {MIN_OUTPUTS} or more out that could be computed on integers"
        )
    return network


def _replace(module: nn.Module, signed: bool) -> int:
    """Put integers in the place of a module's large layers; return of how many."""
    if isinstance(module, GridUnit):
        conv = module.layer.conv
        if isinstance(conv, GridConv) and _is_large(*conv.weight.shape[2:]):
            module.layer.conv = Int8GridConv(conv, module.norm)
            return 1
    count = 0
    for name, child in list(module.named_children()):
        if isinstance(child, GraphConvolution) and _is_large(*child.weight.shape[::-1]):
            setattr(module, name, Int8GraphConvolution(child, signed=signed))
            count += 1
        elif isinstance(child, nn.Linear) and _is_large(child.in_features, child.out_features):
            setattr(module, name, Int8Linear(child))
            count += 1
    return count


def _is_large(inputs: int, outputs: int) -> bool:
    """Whether a layer is computed on integers."""
    return inputs >= MIN_INPUTS and outputs >= MIN_OUTPUTS
