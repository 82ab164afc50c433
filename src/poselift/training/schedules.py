"""Learning-rate schedules as functions of progress, so that a checkpoint need not store them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from poselift.errors import PoseliftError


class Schedule(ABC):
    """A factor on the base learning rate."""

    @abstractmethod
    def factor(self, progress: float, epochs: int, validation: Sequence[float]) -> float:
        """Return the factor on the base rate.

        progress    epochs done, fractional inside an epoch, 0 <= progress <= epochs.
        epochs      length of the whole training.
        validation  validation loss of each finished epoch, oldest first.
        """


@final
@dataclass(frozen=True)
class Exponential(Schedule):
    """x `gamma` after epochs 0, `every`, 2 `every`, ..., as GridConv's code steps it.

    The first epoch runs at the base rate, the next `every` epochs at `gamma` times it, and so on.
    The paper gives no decay; its code multiplies by 0.96 every ten epochs.
    """

    gamma: float
    """Factor at each drop."""
    every: int
    """Epochs between two drops."""

    def __post_init__(self) -> None:
        """Refuse what would not decay."""
        if not 0 < self.gamma <= 1:
            raise PoseliftError(f"exponential schedule: expected 0 < gamma <= 1, got {self.gamma}")
        if self.every < 1:
            raise PoseliftError(f"exponential schedule: expected every >= 1, got {self.every}")

    def factor(self, progress: float, epochs: int, validation: Sequence[float]) -> float:
        """Return gamma to the number of drops so far."""
        return self.gamma ** math.ceil(math.floor(progress) / self.every)


@final
@dataclass(frozen=True)
class Plateau(Schedule):
    """x `drop` when the validation loss has not improved for more than `patience` epochs.

    An epoch improves if its loss is below the best one by more than 0.01 %. After a drop the
    count starts anew.
    """

    drop: float = 0.1
    """Factor at each drop."""
    patience: int = 10
    """Epochs without improvement that are tolerated."""

    def __post_init__(self) -> None:
        """Refuse what would not decay."""
        if not 0 < self.drop < 1:
            raise PoseliftError(f"plateau schedule: expected 0 < drop < 1, got {self.drop}")
        if self.patience < 0:
            raise PoseliftError(f"plateau schedule: expected patience >= 0, got {self.patience}")

    def factor(self, progress: float, epochs: int, validation: Sequence[float]) -> float:
        """Return `drop` to the number of plateaus in the validation losses so far."""
        best, waited, drops = math.inf, 0, 0
        for loss in validation:
            if loss < best * (1 - 1e-4):
                best, waited = loss, 0
            else:
                waited += 1
            if waited > self.patience:
                drops, waited = drops + 1, 0
        return self.drop**drops


@final
@dataclass(frozen=True)
class Trapezoid(Schedule):
    """Linear warm-up, the base rate for as long as one likes, then a decay to 0.

    Until the decay begins nothing depends on the length of the training: it can be made longer, or
    a decay can be branched off at any time (Hägele et al. 2024, whose 1 - sqrt decay this is).
    """

    warmup: float = 0.0
    """Epochs until the base rate is reached."""
    decay: float = 0.0
    """Epochs at the end in which the rate falls."""

    def __post_init__(self) -> None:
        """Refuse phases of negative length."""
        for name, value in (("warmup", self.warmup), ("decay", self.decay)):
            if not value >= 0:
                raise PoseliftError(f"trapezoid schedule: expected {name} >= 0, got {value}")

    def factor(self, progress: float, epochs: int, validation: Sequence[float]) -> float:
        """Return the factor at `progress`."""
        if progress < self.warmup:
            return progress / self.warmup
        begin = epochs - self.decay
        if progress <= begin or self.decay == 0:
            return 1.0
        return 1.0 - math.sqrt((progress - begin) / self.decay)


@final
@dataclass(frozen=True)
class Cosine(Schedule):
    """Linear warm-up from 0 over `warmup` epochs, then half a cosine down to 0."""

    warmup: float = 0.0
    """Epochs until the base rate is reached."""

    def __post_init__(self) -> None:
        """Refuse a warm-up of negative length."""
        if self.warmup < 0:
            raise PoseliftError(f"cosine schedule: expected warmup >= 0, got {self.warmup}")

    def factor(self, progress: float, epochs: int, validation: Sequence[float]) -> float:
        """Return the factor at `progress`."""
        if progress < self.warmup:
            return progress / self.warmup
        return 0.5 * (1 + math.cos(math.pi * (progress - self.warmup) / (epochs - self.warmup)))


@final
@dataclass(frozen=True)
class Steps(Schedule):
    """x `drop` at given shares of the training, as HRNet's at 170 and 200 of 210 epochs."""

    at: tuple[float, ...]
    """Where it drops, in shares of the training, rising."""
    drop: float = 0.1
    """Factor at each drop."""

    def __post_init__(self) -> None:
        """Refuse what would not decay, or not within the training."""
        if not 0 < self.drop < 1:
            raise PoseliftError(f"steps schedule: expected 0 < drop < 1, got {self.drop}")
        if list(self.at) != sorted(self.at) or not all(0 < share < 1 for share in self.at):
            raise PoseliftError(f"steps schedule: expected rising shares of 1, got {self.at}")

    def factor(self, progress: float, epochs: int, validation: Sequence[float]) -> float:
        """Return `drop` to the number of drops so far."""
        return self.drop ** sum(progress >= share * epochs for share in self.at)


@final
@dataclass(frozen=True)
class Staged(Schedule):
    """Stages one after the other, each with a warm-up and half a cosine of its own."""

    stages: tuple[float, ...]
    """Epochs of each but the last, which takes what is left."""
    rates: tuple[float, ...]
    """Factor of each stage, the last included."""
    warmup: float = 0.0
    """Epochs of each until its rate is reached, at most a tenth of it."""

    def __post_init__(self) -> None:
        """Refuse stages without a rate."""
        if len(self.rates) != len(self.stages) + 1 or not min([*self.stages, *self.rates]) >= 0:
            raise PoseliftError(
                f"staged schedule: expected a rate of 0 or more for each of {len(self.stages) + 1} "
                f"stages, got {self.rates} for {self.stages}"
            )

    def factor(self, progress: float, epochs: int, validation: Sequence[float]) -> float:
        """Return the factor at `progress`."""
        ends = [sum(self.stages[: n + 1]) for n in range(len(self.stages))]
        stage = sum(progress >= end for end in ends)
        start = 0.0 if stage == 0 else ends[stage - 1]
        length = (ends[stage] if stage < len(ends) else epochs) - start
        warmup = min(self.warmup, length / 10)
        done = progress - start
        if done < warmup:
            return self.rates[stage] * done / warmup
        if length <= warmup:
            return self.rates[stage]
        share = (done - warmup) / (length - warmup)
        return self.rates[stage] * 0.5 * (1 + math.cos(math.pi * share))
