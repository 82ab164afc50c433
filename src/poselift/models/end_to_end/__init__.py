"""A detector and a lifter as one system: crop in, 3D pose out, gradients all the way."""

from poselift.models.end_to_end.network import STAGES, EndToEnd, EndToEndConfig, Lifted, flip_test
from poselift.models.registry import Forms, forms_of, register


def _fast(network: EndToEnd) -> None:
    """Put the lifter into its fast form."""
    change = forms_of(network.lifter).fast
    if change is not None:
        change(network.lifter)


def _graph(network: EndToEnd) -> None:
    """Settle what a graph cannot hold of the lifter."""
    change = forms_of(network.lifter).graph
    if change is not None:
        change(network.lifter)


register(
    "end_to_end",
    EndToEnd,
    EndToEndConfig,
    forms=Forms(fast=_fast, graph=_graph),
    kind="system",
)

__all__ = ["STAGES", "EndToEnd", "EndToEndConfig", "Lifted", "flip_test"]
