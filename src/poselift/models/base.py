"""What training, export and benchmark ask of a network beyond its forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from jaxtyping import Float
from torch import Tensor, nn

from poselift.errors import PoseliftError
from poselift.skeletons import get_skeleton


class Network(nn.Module):
    """Base of all networks; each has a `config`."""

    def start_step(self, epoch: float) -> None:
        """Set what depends on progress; `epoch` counts from 0, with its fraction done so far."""

    def output_layer(self) -> tuple[nn.Module, int]:
        """Return the last layer and how many values each of its outputs sums over."""
        raise TypeError(f"{type(self).__name__} does not name its output layer")

    def layout_scores(self) -> list[nn.Parameter]:
        """Return parameters that choose a layout; they learn at a rate of their own."""
        return []

    def compares_layouts(self) -> bool:
        """Return whether layouts are learnt by comparing them: `credit_layouts` sets gradients."""
        return False

    def draws_layouts(self) -> bool:
        """Return whether the poses of this step go through layouts that are to be compared."""
        return False

    @contextmanager
    def next_layouts(self) -> Iterator[None]:
        """Within, send the last batch through other layouts, all else the same."""
        raise TypeError(f"{type(self).__name__} draws no layouts")
        yield

    def credit_layouts(self, own: Float[Tensor, " B"], other: Float[Tensor, " B"]) -> None:
        """Set the gradient of `layout_scores` by the errors under drawn and other layouts."""
        raise TypeError(f"{type(self).__name__} draws no layouts")

    def learnt_layout(self, epoch: int) -> tuple[list[int], list[list[int]]]:
        """Return the joint of each grid node after `epoch`, and layouts drawn; else nothing."""
        return [], []

    def switches(self) -> tuple[bool, ...]:
        """Return what `forward` decides in Python; if it changes, so do the operations."""
        return (self.training,)

    def parts(self) -> dict[str, Network]:
        """Return parts that learn at rates of their own, by name; without any it is one itself."""
        return {"": self}

    def rate(self, part: str) -> float:
        """Return the factor on the learning rate of a part, at the step that was started."""
        return 1.0


class LiftingNetwork(Network):
    """Base of the networks that lift.

    They map normalised 2D joints (missing = 0) to root-relative 3D joints: (B, J, 2) to (B, J, 3),
    or for windows of T > 1 frames, which their config then has as `frames`, (B, T, J, 2) to
    (B, T, J, 3).
    """


def check_sizes(skeleton: str, dropout: float, **sizes: tuple[int, int]) -> None:
    """Refuse a config's unknown skeleton, its dropout, and (size, least size) by field name."""
    get_skeleton(skeleton)
    for name, (size, least) in sizes.items():
        if size < least:
            raise PoseliftError(f"{name}: expected at least {least}, got {size}")
    if not 0 <= dropout < 1:
        raise PoseliftError(f"dropout: expected 0 <= dropout < 1, got {dropout}")
