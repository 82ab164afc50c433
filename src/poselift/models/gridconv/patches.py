"""What a planned grid convolution gathers and sends back, by compiled loops on a CPU.

A patch is a node's feature, or the difference of two, times a weight of its pose. As a product
with a selection matrix it costs 25 times the arithmetic, on a CPU a third of a training step; the
same in a loop is as quick as memory. What is computed is the same, summed in single precision.

Axes: B sample, P grid node, E product of a group, C channel, S weight of a pose.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

#: What the loops run in: bf16 as the upper half of single precision's bits, which NumPy knows.
_TYPES = {torch.bfloat16: torch.uint16, torch.float32: None, torch.float64: None}


def compiled(x: Tensor) -> bool:
    """Return whether the loops know a tensor's device and type."""
    return x.device.type == "cpu" and x.dtype in _TYPES


def gather(
    x: Float[Tensor, "B P C"],
    scale: Float[Tensor, "B S"] | None,
    plus: Int[Tensor, " E"],
    minus: Int[Tensor, " E"] | None,
    columns: Int[Tensor, " E"],
) -> Float[Tensor, "B E C"]:
    """Return the patches: x[plus] - x[minus], each times its pose's weight in `columns`."""
    out = x.new_empty(len(x), len(plus), x.shape[2])
    _in_parts(_loops(x.dtype)[0], x, *_chosen(x, scale, plus, minus, columns), out)
    return out


def send_back(
    grad: Float[Tensor, "B E C"],
    x: Float[Tensor, "B P C"],
    scale: Float[Tensor, "B S"] | None,
    plus: Int[Tensor, " E"],
    minus: Int[Tensor, " E"] | None,
    columns: Int[Tensor, " E"],
    grad_x: Float[Tensor, "B P C"],
    grad_scale: Float[Tensor, "B S"] | None,
) -> None:
    """Add the gradient of `gather` to `grad_x` and `grad_scale`, in single precision or double.

    Both lie in memory in their order.
    """
    if grad_scale is None:
        grad_scale = grad_x.new_zeros(len(x), 1)
    assert grad_x.is_contiguous()  # a copy in order would be filled instead
    assert grad_scale.is_contiguous()
    chosen = _chosen(x, scale, plus, minus, columns)
    _in_parts(_loops(x.dtype)[1], x, *chosen, grad, grad_x, grad_scale)


def _chosen(
    x: Tensor, scale: Tensor | None, plus: Tensor, minus: Tensor | None, columns: Tensor
) -> tuple[bool, Tensor, Tensor, Tensor, Tensor]:
    """Return what the loops take of a group: without weights all are one."""
    if scale is None:
        scale, columns = x.new_ones(len(x), 1), torch.zeros_like(columns)
    return minus is not None, scale, plus, plus if minus is None else minus, columns


def _in_parts(loop: Callable[..., None], x: Tensor, *rest: Tensor | bool) -> None:
    """Run a loop over all samples, shared among as many threads as torch has."""
    arrays = [part if isinstance(part, bool) else _array(part) for part in (x, *rest)]
    threads = torch.get_num_threads()
    if threads == 1:
        loop(0, len(x), *arrays)
        return
    bounds = [len(x) * part // threads for part in range(threads + 1)]
    done = [_pool(threads).submit(loop, *ends, *arrays) for ends in itertools.pairwise(bounds)]
    for part in done:
        part.result()


def _array(tensor: Tensor) -> np.ndarray:
    """Return a tensor's own memory, as the loops see it."""
    tensor = tensor.detach().contiguous()
    kind = _TYPES.get(tensor.dtype)
    return (tensor if kind is None else tensor.view(kind)).numpy()


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "patches")


@lru_cache
def _loops(kind: torch.dtype) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return the loops of `gather` and `send_back` for a type; their first call compiles them."""
    # whoever only exports a network need not wait for the compiler
    from poselift.models.gridconv.loops import make_loops

    return make_loops(bf16=kind == torch.bfloat16)
