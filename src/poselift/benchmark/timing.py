"""Times of several functions, taken in turns so that a noisy machine hits all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar, final

Key = TypeVar("Key", bound=Hashable)

#: Turns that each function takes at least.
ROUNDS = 5


@final
@dataclass(frozen=True)
class Timing:
    """Seconds that each call of one function took."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Seconds of the middle call."""
        return statistics.median(self.seconds)

    @property
    def quiet(self) -> float:
        """Seconds that a quarter of the calls stay below: what other programs do not disturb.

        Ratios are of these. On a busy machine a function of many short parallel pieces, as the
        definition path is, waits at each for a thread that has lost its core; its median then
        says little of the function.
        """
        return self.percentile(25.0)

    def percentile(self, percent: float) -> float:
        """Seconds that `percent` of the calls stay below (the nearest call, no interpolation)."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def interleaved(
    calls: Mapping[Key, Callable[[], object]],
    seconds: float,
    settle: Callable[[], None] = lambda: None,
) -> dict[Key, Timing]:
    """Call each function for about `seconds`, in `ROUNDS` short blocks that take turns.

    settle  returns when all that a call has started is done; its time counts.

    Every function is called at least once a block, and once before that. The first of several
    calls in a block, which finds the caches full of the others' data, does not count.
    """
    for call in calls.values():
        call()
    settle()
    taken: dict[Key, list[float]] = {key: [] for key in calls}
    for _ in range(ROUNDS):
        for key, call in calls.items():
            taken[key] += _block(call, seconds / ROUNDS, settle)
    return {key: Timing(tuple(found)) for key, found in taken.items()}


def _block(call: Callable[[], object], seconds: float, settle: Callable[[], None]) -> list[float]:
    """Call for `seconds`; return the time of each call but the first, or of the only one."""
    found: list[float] = []
    until = time.perf_counter() + seconds
    while not found or time.perf_counter() < until:
        started = time.perf_counter()
        call()
        settle()
        found.append(time.perf_counter() - started)
    return found[1:] or found
