"""What training may ask of a network beyond its forward pass."""

from __future__ import annotations

from torch import nn


class Scheduled(nn.Module):
    """Base of all networks: settings that follow the epoch, and which layer makes the output."""

    def start_step(self, epoch: float) -> None:
        """Set what depends on progress; `epoch` counts from 0, with its fraction done so far."""

    def output_layer(self) -> tuple[nn.Module, int]:
        """Return the last layer and how many values each of its outputs sums over."""
        raise TypeError(f"{type(self).__name__} does not name its output layer")
