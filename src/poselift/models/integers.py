"""Large products on 8-bit integers, for export; each network says which of its layers use them.

Weights have one scale an output channel, activations one scale a frame, so that a frame's result
never depends on the frames it is lifted with. Layers of few channels (`is_large`), the attention
and all sums stay float32. In networks that give 3 channels a node or joint the last layer is one of
these: with it on integers too, the GLN's error on cmu17 grew by 2 mm. Where one layer gives all
joints at once (Martinez: 51 numbers) it is large, and on integers.

Axes: B batch, C input channel, O output channel.
"""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

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


def int8_linears(network: nn.Module) -> int:
    """Put integers in the place of large linear layers, in place; return of how many."""
    count = 0
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear) and is_large(child.in_features, child.out_features):
                setattr(module, name, Int8Linear(child))
                count += 1
    return count


def is_large(inputs: int, outputs: int) -> bool:
    """Whether a layer is computed on integers."""
    return inputs >= MIN_INPUTS and outputs >= MIN_OUTPUTS
