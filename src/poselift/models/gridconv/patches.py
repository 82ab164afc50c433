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
from typing import no_type_check

import numba
import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

#: What the loops run in: bf16 as the upper half of single precision's bits, which NumPy knows.
_TYPES = {torch.bfloat16: torch.uint16, torch.float32: None, torch.float64: None}

#: Sums may be taken in any order, so that they fill a register; NaN and infinity stay.
_ANY_ORDER = {"reassoc", "contract", "nsz"}


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
    assert grad_x.is_contiguous()
    if grad_scale is None:
        grad_scale = grad_x.new_zeros(len(x), 1)
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


@no_type_check  # compiled, not called
@numba.njit(inline="always")
def _same(value):
    return value


@no_type_check
@numba.njit(inline="always")
def _from_bf16(half):
    """Return the number whose bits' upper half this is."""
    return np.uint32(np.uint32(half) << np.uint32(16)).view(np.float32)


@no_type_check
@numba.njit(inline="always")
def _to_bf16(value):
    """Round to the nearest bf16, halves to even; of NaN the upper half is NaN as well."""
    bits = np.float32(value).view(np.uint32)
    odd = np.uint32(np.uint32(bits >> np.uint32(16)) & np.uint32(1))
    rounded = np.uint32(np.uint32(bits + np.uint32(0x7FFF)) + odd)
    return np.uint16(rounded >> np.uint32(16))


@lru_cache
@no_type_check
def _loops(kind):
    """Make the loops of `gather` and `send_back` for a type; the first call compiles, a second."""
    wide, narrow = (_from_bf16, _to_bf16) if kind == torch.bfloat16 else (_same, _same)

    @numba.njit(nogil=True, fastmath=_ANY_ORDER)
    def gather(first, last, x, is_difference, scale, plus, minus, columns, out):
        for sample in range(first, last):
            for product in range(len(plus)):
                factor = wide(scale[sample, columns[product]])
                row, less = x[sample, plus[product]], x[sample, minus[product]]
                to = out[sample, product]
                if is_difference:
                    for c in range(len(to)):
                        to[c] = narrow((wide(row[c]) - wide(less[c])) * factor)
                else:
                    for c in range(len(to)):
                        to[c] = narrow(wide(row[c]) * factor)

    @numba.njit(nogil=True, fastmath=_ANY_ORDER)
    def send_back(
        first, last, x, is_difference, scale, plus, minus, columns, grad, grad_x, grad_scale
    ):
        for sample in range(first, last):
            for product in range(len(plus)):
                factor = wide(scale[sample, columns[product]])
                row, less = x[sample, plus[product]], x[sample, minus[product]]
                to, off = grad_x[sample, plus[product]], grad_x[sample, minus[product]]
                change = grad[sample, product]
                total = factor * 0
                if is_difference:
                    for c in range(len(change)):
                        total += wide(change[c]) * (wide(row[c]) - wide(less[c]))
                        to[c] += wide(change[c]) * factor
                        off[c] -= wide(change[c]) * factor
                else:
                    for c in range(len(change)):
                        total += wide(change[c]) * wide(row[c])
                        to[c] += wide(change[c]) * factor
                grad_scale[sample, columns[product]] += total

    return gather, send_back
