"""The loops of `patches.py`, which numba compiles when they are first called.

They run over the samples from `first` to `last`; the arrays are those of `patches.gather` and
`patches.send_back`, in the same order.
"""

from __future__ import annotations

from typing import no_type_check

import numba
import numpy as np

#: Sums may be taken in any order, so that they fill a register; NaN and infinity stay.
_ANY_ORDER = {"reassoc", "contract", "nsz"}


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


@no_type_check
def make_loops(*, bf16):
    """Return the loops of `gather` and `send_back`, for bf16 as its bits or for NumPy's types."""
    wide, narrow = (_from_bf16, _to_bf16) if bf16 else (_same, _same)

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
