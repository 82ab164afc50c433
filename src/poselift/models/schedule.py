"""What a network may change as training proceeds."""

from __future__ import annotations

from torch import nn


class Scheduled(nn.Module):
    """A network with settings that follow the training epoch (temperatures, noise)."""

    def start_step(self, epoch: float) -> None:
        """Set what depends on progress; `epoch` counts from 0, with its fraction done so far."""
