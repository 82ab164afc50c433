"""A low-pass as wide as the movement needs: a joint that is still does not tremble, a jump stays.

One cut-off cannot do both. A joint's movement is taken apart by Butterworth low-passes into what is
below 3 Hz, from 3 to 6, 6 to 10 and above 10 Hz. The first stays; each of the others is let through
from moment to moment, by how far its energy is above that of the noise (Wiener's gain). The noise
is what the residual analysis of gait laboratories goes by (Winter, Biomechanics and Motor Control
of Human Movement, on the choice of a cut-off): the residual above the highest cut-off, taken as
white. Above 6 Hz, where lifted detections are not white but wild, a joint's usual energy counts as
noise as well, and no more is let through than fits the speed that the joint has without it: a foot
that lands is fast, a foot that was taken for the other one is only somewhere else.

Axes: T frame, J joint, D coordinate, C column (joint and coordinate).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from poselift.motion.lowpass import butterworth, gain, low_passes

#: Hz, borders of the bands: what is below the first always stays; `SAFE` is the cut-off of a
#: walking person, above which a band has to fit the joint's speed.
BORDERS, SAFE = (3.0, 6.0, 10.0), 6.0

#: Seconds on both sides over which energies are averaged.
_AROUND = 0.15
#: Times the noise's energy that a band's must have before anything of it is let through.
_ABOVE = 3.0
#: Percentile of the energies of a clip that counts as usual.
_USUAL = 25
#: Part of the energy of the joint's speed that a fast band's may have.
_FITTING = 0.15
#: Seconds that a stretch must have to tell noise from movement; shorter ones: `butterworth`, 6 Hz.
_SHORTEST = 0.5


def adaptive(
    values: Float[np.ndarray, "T C"], rate: float, dims: int = 3
) -> Float[np.ndarray, "T C"]:
    """Filter columns without NaN, `dims` of them for each joint, at `rate` frames a second.

    The rate has to be above 12 frames a second.
    """
    if len(values) < max(_SHORTEST * rate, 4):
        return butterworth(values, rate, SAFE)
    borders = [border for border in BORDERS if border <= SAFE or border < 0.475 * rate]
    passes = [*low_passes(values, rate, borders), values]
    turns = np.linspace(0.0, 0.5, 2049)
    gains = [*(gain(turns, border / rate) for border in borders), np.ones_like(turns)]
    half = max(1, round(_AROUND * rate))
    residual = _energy(passes[-1] - passes[-2], dims, half)
    white = np.median(residual, axis=0) / np.mean((gains[-1] - gains[-2]) ** 2)
    pace = _energy(np.gradient(passes[borders.index(SAFE)], 1 / rate, axis=0), dims, half)
    out = passes[0].copy()
    for number, low in enumerate(borders):
        band = passes[number + 1] - passes[number]
        energy = _energy(band, dims, half) if number + 1 < len(borders) else residual
        noise = white * np.mean((gains[number + 1] - gains[number]) ** 2)
        if low >= SAFE:
            noise = np.maximum(noise, np.percentile(energy, _USUAL, axis=0))
        share = np.maximum(1.0 - _ABOVE * noise / np.maximum(energy, 1e-12), 0.0)
        if low >= SAFE:
            high = borders[number + 1] if number + 1 < len(borders) else rate / 2
            speed = energy * (2 * np.pi) ** 2 * low * high
            share *= np.minimum(_FITTING * pace / np.maximum(speed, 1e-12), 1.0)
        out += np.repeat(share, dims, axis=1) * band
    return out


def _energy(values: Float[np.ndarray, "T C"], dims: int, half: int) -> Float[np.ndarray, "T J"]:
    """Mean square of each joint's coordinates over the frames around, fewer at the ends."""
    squares = np.einsum("tjd,tjd->tj", *2 * (values.reshape(len(values), -1, dims),))
    total = np.concatenate([np.zeros((1, squares.shape[1])), np.cumsum(squares, axis=0)])
    rows = np.arange(len(values))
    low, high = np.maximum(rows - half, 0), np.minimum(rows + half + 1, len(values))
    summed = total[high] - total[low]
    return np.maximum(summed, 0.0) / ((high - low)[:, None] * dims)
