"""Butterworth low-passes without delay, several cut-offs of one signal at once.

Axes: T frame, C column.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float


def butterworth(
    values: Float[np.ndarray, "T C"], rate: float, cutoff: float
) -> Float[np.ndarray, "T C"]:
    """Butterworth low-pass of the 4th order without delay: one of the 2nd, there and back.

    values  columns without NaN at `rate` frames a second; `cutoff` in Hz, below half of that, where
            half of the amplitude is left (that of each pass falls to 1 / sqrt(2)).

    The same as SciPy's `filtfilt(*butter(2, cutoff, fs=rate))`, borders padded as there (odd), but
    worked out in the frequencies: there and back a filter's gain is |H|^2, and no phase is left.
    """
    return low_passes(values, rate, (cutoff,))[0]


def low_passes(
    values: Float[np.ndarray, "T C"], rate: float, cutoffs: Sequence[float]
) -> list[Float[np.ndarray, "T C"]]:
    """Return what `butterworth` makes of the columns at each of the cut-offs."""
    count = len(values)
    if count < 2:
        return [values.copy() for _ in cutoffs]
    # the impulse response falls by e every 1 / (sqrt(2) pi cutoff) s: to 1e-6 within the padding
    pad = int(np.ceil(3.2 * rate / min(cutoffs))) + 1
    line = np.linspace(0.0, 1.0, count)[:, None] * (values[-1] - values[0]) + values[0]
    padded = _odd_padded(values - line, pad)
    size = _good_size(len(padded))
    spectrum = np.fft.rfft(padded, size, axis=0)
    turns = np.arange(len(spectrum)) / size
    return [
        np.fft.irfft(spectrum * gain(turns, cutoff / rate)[:, None], size, axis=0)[
            pad : pad + count
        ]
        + line
        for cutoff in cutoffs
    ]


def gain(frequency: Float[np.ndarray, " F"], cutoff: float) -> Float[np.ndarray, " F"]:
    """Gain of `butterworth` at frequencies; these and the cut-off in turns a frame (0 to 0.5)."""
    bent = np.tan(np.minimum(np.pi * frequency, np.pi / 2 - 1e-9))
    bent /= np.tan(np.pi * cutoff)
    return 1.0 / (1.0 + bent**4)


def _odd_padded(values: Float[np.ndarray, "T C"], pad: int) -> Float[np.ndarray, "P C"]:
    """Continue columns that start and end at 0 by point reflections at both ends."""
    return np.pad(values, ((pad, pad), (0, 0)), mode="reflect", reflect_type="odd")


def _good_size(least: int) -> int:
    """Smallest length from `least` on that is a product of 2, 3 and 5: fast to transform."""
    size = least
    while True:
        rest = size
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += 1
