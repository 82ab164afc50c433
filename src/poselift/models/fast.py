"""Speed that is put into a network from outside: other classes for the same weights."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


def swap(network: nn.Module, classes: dict[type[nn.Module], type[nn.Module]]) -> list[nn.Module]:
    """Give modules another class, in place; return those that were changed.

    classes  class -> subclass with another `forward`. Names, order and values of weights stay, so
             optimizers and checkpoints do not notice.
    """
    swapped = [module for module in network.modules() if type(module) in classes]
    for module in swapped:
        module.__class__ = classes[type(module)]
    return swapped


class FastDropout(nn.Dropout):
    """Dropout that draws 16 random bits a value on a CPU, where a number each is slow."""

    def forward(self, input: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Drop values in training; `p` is met to 1/65536 and the rest scaled by what was kept."""
        if not self.training or self.p == 0 or input.device.type != "cpu":
            return super().forward(input)
        dropped = min(round(self.p * 65536), 65535)
        words = torch.randint(-(2**63), 2**63 - 1, ((input.numel() + 3) // 4,))
        draws = words.view(torch.int16)[: input.numel()].view(input.shape)
        kept = (draws >= dropped - 32768).to(input.dtype)
        return input * (kept * (65536 / (65536 - dropped)))
