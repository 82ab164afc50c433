"""Grid convolution of the GridConv paper, vanilla and dynamic: equations (6) and (8).

Axes: B batch, P grid node (row-major), H rows, W columns, K tap (row-major over 3 x 3), C input
channel, O output channel.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from poselift.errors import PoseliftError

#: What a tap sees beyond the grid's border; values are torch's names.
_PAD_MODES = {"circular": "circular", "replicate": "replicate", "zero": "constant"}
PADDINGS = tuple(_PAD_MODES)


class GridConv(nn.Module):
    """The sum of two convolutions whose paddings, weights and biases differ (Figure 1b).

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
        """Initialise both branches as a 3x3 convolution is by default (Kaiming uniform).

        Raises `PoseliftError` for an unknown padding.
        """
        super().__init__()
        for padding in paddings:
            if padding not in PADDINGS:
                known = ", ".join(PADDINGS)
                raise PoseliftError(f"unknown padding {padding!r}, expected one of {known}")
        self.grid, self.paddings = grid, paddings
        bound = 1 / math.sqrt(9 * inputs)
        self.weight = nn.Parameter(torch.empty(2, 9, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(2, outputs).uniform_(-bound, bound)) if bias else None

    def forward(
        self, x: Float[Tensor, "B P C"], attention: Float[Tensor, "B K P"] | None = None
    ) -> Float[Tensor, "B P O"]:
        """D_out = W * D_in, equation (6); with attention α, (α ⊙ W) * D_in, equation (8).

        α scales each tap at each node for all channels, so it may as well scale the patches.
        """
        grid = x.transpose(1, 2).unflatten(2, self.grid)
        total: Tensor | None = None
        for branch, padding in enumerate(self.paddings):
            padded = functional.pad(grid, (1, 1, 1, 1), mode=_PAD_MODES[padding])
            patches = functional.unfold(padded, 3).unflatten(1, (-1, 9)).permute(0, 3, 2, 1)
            if attention is not None:
                patches = patches * attention.transpose(1, 2).unsqueeze(-1)
            out = patches.flatten(2) @ self.weight[branch].flatten(0, 1)
            if self.bias is not None:
                out = out + self.bias[branch]
            total = out if total is None else total + out
        assert total is not None  # there are two branches
        return total
