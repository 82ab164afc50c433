"""The samples of an epoch, handed out in batches: from memory, or as they become ready.

Axes: N row and M sample of an epoch, T frame of a window, J joint.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Protocol, final, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn

Batch = tuple[Tensor, ...]


class Samples(ABC):
    """Samples of one epoch; the same index is the same sample, in whatever order they are asked."""

    @abstractmethod
    def __len__(self) -> int:
        """Return how many there are."""

    @abstractmethod
    def batches(
        self, order: Int[np.ndarray, " M"], size: int, device: torch.device
    ) -> Iterator[Batch]:
        """Yield full batches of `size` samples in an order, on the device."""


@runtime_checkable
class Measured(Protocol):
    """Held-out samples that know how a network of theirs is measured."""

    def measure(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Return `val_loss` and one or more of `checkpoint.MEASURES`; the mode stays."""
        ...


@final
class ArraySamples(Samples):
    """Inputs and targets in memory, which go to the device whole; perhaps windows of them."""

    def __init__(self, arrays: tuple[np.ndarray, ...]) -> None:
        """Take inputs (N, J, 2), targets (N, J, 3) and, for windows, rows (M, T)."""
        self._inputs, self._targets, *windows = arrays
        self._windows = windows[0] if windows else None

    def __len__(self) -> int:
        """Return the number of rows, or of windows."""
        return len(self._inputs if self._windows is None else self._windows)

    def batches(
        self, order: Int[np.ndarray, " M"], size: int, device: torch.device
    ) -> Iterator[Batch]:
        """Yield inputs and targets."""
        inputs, targets, places = (
            to_device(array, device) for array in (self._inputs, self._targets, order)
        )
        windows = None if self._windows is None else to_device(self._windows, device)
        for start in range(0, len(order) - size + 1, size):
            rows = places[start : start + size]
            if windows is not None:
                rows = windows[rows]
            yield inputs[rows], targets[rows]


def as_samples(content: Samples | tuple[np.ndarray, ...]) -> Samples:
    """Return what a source gave for an epoch as samples."""
    return content if isinstance(content, Samples) else ArraySamples(content)


def to_device(array: np.ndarray, device: torch.device) -> Tensor:
    """Return the array as a tensor there; a writable one on the CPU shares its memory."""
    return torch.from_numpy(array if array.flags.writeable else array.copy()).to(device)
