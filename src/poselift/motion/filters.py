"""Filters over time, by name: each takes 3D (or 2D) poses and gives poses.

| name | what | delay | needs |
| --- | --- | --- | --- |
| `adaptive` | spikes out, then a low-pass as wide as the movement needs (`adaptive`) | none | |
| `butterworth:HZ` | spikes out, low-pass, 4th order, zero phase; 6 Hz if not said | none | |
| `savgol` | Savitzky-Golay, cubic over 0.25 s | none | SciPy |
| `median` | running median over 5 frames | none | SciPy |
| `hampel` | spikes become the running median over 7 frames, the rest stays | none | SciPy |
| `one-euro` | One-Euro filter (Casiez et al., CHI 2012); for live use, it lags | some | |

A spike is a joint more than 5 cm from its median over 5 frames, which takes its place: lifted wild
detections, not fast movement (at 20 frames a second and more, below that nothing is taken for one).

Before any of them the true rate is taken from the time stamps (irregular ones are resampled and
brought back), and gaps of at most 0.25 s are filled by straight lines and marked in the track
`filled`. Longer gaps stay: they are ends for the filter, not bridges.

Axes: T frame, J joint, D coordinate, C column (joint and coordinate).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError, how_to_install
from poselift.motion.adaptive import BORDERS, SAFE, adaptive
from poselift.motion.lowpass import butterworth
from poselift.motion.timing import Timing, fill_gaps
from poselift.poses import PoseSequence

FILTERS = ("none", "adaptive", "butterworth", "savgol", "median", "hampel", "one-euro")

#: Cut-off of `butterworth`, Hz: what Pose2Sim, Sports2D and gait analysis take for a moving person.
CUTOFF = 6.0

#: Metres from the median of 5 frames at which a joint is a spike; frames a second it takes to tell.
SPIKE, _SPIKE_RATE = 0.05, 20.0

#: Settings of the One-Euro filter, positions in metres: Hz, Hz per (metre a second), Hz.
ONE_EURO = (1.5, 3.0, 1.0)

_SAVGOL_SECONDS, _SAVGOL_DEGREE = 0.25, 3
_MEDIAN_FRAMES, _HAMPEL_FRAMES, _HAMPEL_SIGMAS = 5, 7, 3.0


@final
@dataclass(frozen=True)
class Smoothing:
    """A filter's name and its cut-off in Hz (of `butterworth` only)."""

    name: str
    cutoff: float | None = None

    @classmethod
    def parse(cls, text: str) -> Smoothing:
        """Read `NAME` or `butterworth:HZ`; `PoseliftError` for anything else."""
        name, colon, number = text.strip().lower().partition(":")
        if name not in FILTERS or (colon and name != "butterworth"):
            known = ", ".join(FILTERS).replace("butterworth", "butterworth[:HZ]")
            raise PoseliftError(f"expected --smooth as one of {known}, got {text!r}")
        if name != "butterworth":
            return cls(name)
        try:
            cutoff = float(number) if colon else CUTOFF
        except ValueError:
            cutoff = float("nan")
        if not (np.isfinite(cutoff) and cutoff > 0):
            raise PoseliftError(f"expected a cut-off above 0 Hz in --smooth {text!r}")
        return cls(name, cutoff)

    def __str__(self) -> str:
        """Return what `parse` reads."""
        return self.name if self.cutoff is None else f"{self.name}:{self.cutoff:g}"


#: The filter of clips.
DEFAULT = Smoothing("adaptive")


def smooth(poses: PoseSequence, smoothing: Smoothing | str = DEFAULT) -> PoseSequence:
    """Filter a person's poses over time; gaps of at most 0.25 s are filled and marked.

    Tracks (`root`) are left as they are. The result may have more frames than `poses`: those of
    short gaps. A cut-off that is not below half of the rate filters nothing, and the history says
    so. Raises `PoseliftError` for an unknown filter or one whose package is missing.
    """
    smoothing = Smoothing.parse(smoothing) if isinstance(smoothing, str) else smoothing
    if smoothing.name == "none":
        return poses
    poses = fill_gaps(poses)
    if len(poses) < 2:
        return replace(poses, history=(*poses.history, "smoothed: not, one frame has no past"))
    timing = Timing.of(poses)
    problem = _useless(smoothing, timing.rate)
    if problem:
        return replace(poses, history=(*poses.history, f"smoothed: not, {problem}"))
    positions = poses.positions.astype(np.float64)
    seen = [f"smoothed: {smoothing}", f"{timing.rate:g} frames/s"]
    if smoothing.name in ("adaptive", "butterworth"):
        seen[0] = (
            f"smoothed: butterworth, 4th order, zero phase, {smoothing.cutoff:g} Hz"
            if smoothing.cutoff is not None
            else f"smoothed: adaptive, zero phase, {BORDERS[0]:g} Hz and what is above the noise"
        )
        if poses.dims == 3 and timing.rate >= _SPIKE_RATE:
            positions, spikes = without_spikes(positions, timing)
            seen.append(f"{spikes} spikes of joints taken out before")
    columns = positions.reshape(len(poses), -1)
    filtered = filter_columns(columns, timing, smoothing, poses.dims)
    positions = filtered.reshape(poses.positions.shape)
    if not timing.regular:
        seen.append("irregular time stamps resampled")
    step = ", ".join(seen)
    return replace(poses, positions=positions.astype(np.float32), history=(*poses.history, step))


def filter_columns(
    values: Float[np.ndarray, "T C"], timing: Timing, smoothing: Smoothing, dims: int = 1
) -> Float[np.ndarray, "T C"]:
    """Filter columns that may hold NaN: each stretch without a gap on its own.

    dims  columns that are one joint's.
    """
    method = _method(smoothing, timing.rate, dims)
    out = values.copy()
    for rows, columns in timing.stretches(~np.isnan(values)):
        part = values[rows, columns]
        if timing.regular:
            out[rows, columns] = method(part)
            continue
        own = timing.times[rows]
        even = np.linspace(own[0], own[-1], max(2, round((own[-1] - own[0]) * timing.rate) + 1))
        out[rows, columns] = _at(own, even, method(_at(even, own, part)))
    return out


def without_spikes(
    positions: Float[np.ndarray, "T J 3"], timing: Timing
) -> tuple[Float[np.ndarray, "T J 3"], int]:
    """Put a joint that is more than `SPIKE` from its median over 5 frames there; and how many were.

    Metres. At the ends of a stretch its outermost frame counts for those beyond.
    """
    out, number = positions.copy(), 0
    for rows, joints in timing.stretches(~np.isnan(positions[..., 0])):
        part = positions[rows, joints]
        padded = np.pad(part, ((2, 2), (0, 0), (0, 0)), mode="edge")
        five = [padded[i : i + len(part)] for i in range(5)]
        # a network that sorts as much as the middle one needs
        for low, high in ((0, 1), (3, 4), (0, 3), (1, 4), (1, 2), (2, 3), (1, 2)):
            five[low], five[high] = (
                np.minimum(five[low], five[high]),
                np.maximum(five[low], five[high]),
            )
        off = part - five[2]
        wild = np.einsum("tjd,tjd->tj", off, off) > SPIKE**2
        number += int(wild.sum())
        out[rows, joints] = np.where(wild[..., None], five[2], part)
    return out, number


@final
class OneEuro:
    """The One-Euro filter, frame by frame: a low-pass that opens up with speed.

    Call it with each new value (any shape, metres) and its time (seconds); it returns the filtered
    value. NaN comes out as NaN, and the filter starts anew after it.

    cutoff      Hz, for what stands still.
    beta        Hz more for each metre a second.
    derivative  Hz, cut-off of the speed.
    """

    def __init__(
        self,
        cutoff: float = ONE_EURO[0],
        beta: float = ONE_EURO[1],
        derivative: float = ONE_EURO[2],
    ) -> None:
        """Start without a past. Raises `PoseliftError` for a cut-off that is not above 0."""
        if not (cutoff > 0 and derivative > 0 and beta >= 0):
            raise PoseliftError(
                "expected cut-offs above 0 Hz and beta of at least 0, "
                f"got {cutoff}, {derivative}, {beta}"
            )
        self._settings = cutoff, beta, derivative
        self._value: np.ndarray | None = None
        self._speed: np.ndarray | None = None
        self._time = 0.0

    def __call__(
        self, value: Float[np.ndarray, "*shape"], time: float
    ) -> Float[np.ndarray, "*shape"]:
        """Take in one value; `PoseliftError` for a time that is not later than the last one."""
        if self._value is None or self._speed is None:
            self._value, self._speed, self._time = value.astype(np.float64), 0.0 * value, time
            return value.copy()
        step = time - self._time
        if not step > 0:
            raise PoseliftError(f"expected a time after {self._time:g} s, got {time:g} s")
        cutoff, beta, derivative = self._settings
        anew = np.isnan(self._value)
        speed = (value - self._value) / step
        self._speed = self._speed + _share(derivative, step) * (speed - self._speed)
        # one opening for the coordinates of a joint: its speed, whatever the axes
        pace = np.sqrt((self._speed**2).sum(axis=-1, keepdims=True))
        share = _share(cutoff + beta * pace, step)
        moved = self._value + share * (value - self._value)
        self._value = np.where(anew, value, moved)
        self._speed = np.where(np.isnan(self._speed), 0.0, self._speed)
        self._time = time
        return self._value.astype(value.dtype)


def _share(cutoff: float | np.ndarray, step: float) -> float | np.ndarray:
    """Weight of the new value in a first-order low-pass."""
    turn = 2 * np.pi * cutoff * step
    return turn / (turn + 1)


def _useless(smoothing: Smoothing, rate: float) -> str:
    """Say why a filter cannot do anything at this rate, or nothing."""
    cutoff = SAFE if smoothing.name == "adaptive" else smoothing.cutoff
    if cutoff is not None and cutoff >= rate / 2:
        return f"a cut-off of {cutoff:g} Hz is not below half of the {rate:.3g} frames/s"
    return ""


Method = Callable[[np.ndarray], np.ndarray]


def _method(smoothing: Smoothing, rate: float, dims: int) -> Method:
    """Return the filter of one stretch: columns without NaN at an even rate."""
    if smoothing.name == "adaptive":
        return lambda part: adaptive(part, rate, dims)
    if smoothing.name == "butterworth":
        cutoff = smoothing.cutoff or CUTOFF
        return lambda part: butterworth(part, rate, cutoff)
    if smoothing.name == "one-euro":
        return lambda part: _one_euro(part, rate, dims)
    try:
        from scipy import ndimage, signal
    except ImportError:
        raise PoseliftError(
            f"--smooth {smoothing.name} needs SciPy (adaptive, butterworth and one-euro do not): "
            f"{how_to_install('motion')}"
        ) from None
    if smoothing.name == "savgol":
        window = max(_SAVGOL_DEGREE + 2, 2 * round(_SAVGOL_SECONDS * rate / 2) + 1)

        def savgol(part: np.ndarray) -> np.ndarray:
            size = min(window, len(part) - 1 + len(part) % 2)
            degree = min(_SAVGOL_DEGREE, size - 1)
            return np.asarray(signal.savgol_filter(part, size, degree, axis=0))

        return savgol
    frames = _MEDIAN_FRAMES if smoothing.name == "median" else _HAMPEL_FRAMES

    def median(part: np.ndarray) -> np.ndarray:
        return np.asarray(ndimage.median_filter(part, (frames, 1), mode="nearest"))

    def hampel(part: np.ndarray) -> np.ndarray:
        middle = median(part)
        away = np.abs(part - middle)
        spread = 1.4826 * median(away)
        return np.where(away > _HAMPEL_SIGMAS * spread + 1e-4, middle, part)

    return median if smoothing.name == "median" else hampel


def _one_euro(part: np.ndarray, rate: float, dims: int) -> np.ndarray:
    """Run the live filter over a stretch, each joint's columns as one value."""
    one = OneEuro()
    rows = part.reshape(len(part), -1, dims)
    return np.stack([one(row, i / rate) for i, row in enumerate(rows)]).reshape(part.shape)


def _at(
    new: Float[np.ndarray, " S"], old: Float[np.ndarray, " T"], values: Float[np.ndarray, "T C"]
) -> Float[np.ndarray, "S C"]:
    """Values at other times, by straight lines."""
    right = np.clip(np.searchsorted(old, new), 1, len(old) - 1)
    share = ((new - old[right - 1]) / (old[right] - old[right - 1]))[:, None]
    return values[right - 1] * (1 - share) + values[right] * share
