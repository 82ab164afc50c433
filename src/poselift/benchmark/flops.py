"""What a network has to compute, counted while it runs once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from poselift.models.forms import frozen
from poselift.models.registry import describe, frames_of
from poselift.skeletons import get_skeleton

#: Matrix products of torch, and where their two factors are among the arguments.
_PRODUCTS: dict[Any, int] = {
    torch.ops.aten.mm.default: 0,
    torch.ops.aten.bmm.default: 0,
    torch.ops.aten.addmm.default: 1,
    torch.ops.aten.baddbmm.default: 1,
}

#: (M, K, N) of a product of (M, K) by (K, N).
Shape = tuple[int, int, int]


@final
class _Products(TorchDispatchMode):
    """Notes the shapes of all matrix products, those of a batch as one of as many rows."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[Shape] = []

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        place = _PRODUCTS.get(func)
        if place is not None:
            left, right = args[place : place + 2]
            rows = left.numel() // left.shape[-1]
            self.shapes.append((rows, left.shape[-1], right.shape[-1]))
        return func(*args, **(kwargs or {}))


def products(network: nn.Module, batch: int) -> list[Shape]:
    """Return (M, K, N) of every matrix product that `network` needs for `batch` samples.

    Of its frozen form: a grid convolution counts by its plan, which has merged the branches where
    they see the same.
    """
    parameter = next(network.parameters())
    name, config = describe(network)
    frames = frames_of(name, config)
    window = () if frames == 1 else (frames,)
    joints = len(get_skeleton(config["skeleton"]))
    inputs = torch.zeros(batch, *window, joints, 2, device=parameter.device)
    with torch.no_grad(), _Products() as found:
        frozen(network)(inputs)
    return found.shapes


def useful_flops(network: nn.Module) -> int:
    """Return the floating-point operations a frame: two for each multiply-add of matrix products.

    Activations, norms and pooling do not count.
    """
    return sum(2 * rows * inner * columns for rows, inner, columns in products(network, 1))


def ceiling_shape(network: nn.Module, batch: int) -> Shape:
    """Return (M, K, N) of the largest matrix product of a network at `batch` frames."""
    return max(products(network, batch), key=lambda shape: shape[0] * shape[1] * shape[2])
