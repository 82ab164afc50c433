"""A network in its other forms: all compute the same from the same weights.

`build` returns the fast form. The class itself, as the paper defines it, is what `definition_of`
returns.
"""

from __future__ import annotations

import copy

from torch import nn

from poselift.errors import PoseliftError
from poselift.models.base import Network
from poselift.models.integers import MIN_INPUTS, MIN_OUTPUTS
from poselift.models.registry import config_from_dict, describe, find, forms_of


def definition_of(network: nn.Module) -> Network:
    """Return a trainable copy that computes as the paper defines it: nothing merged or planned.

    Type, device and mode are those of `network`. Raises `PoseliftError` if it is not registered.
    """
    name, config = describe(network)
    made = find(name).network(config_from_dict(name, config))
    made.to(next(network.parameters())).load_state_dict(network.state_dict())
    return made.train(network.training)


def frozen(network: nn.Module) -> nn.Module:
    """Copy a network for inference in torch: what never changes again is merged."""
    return _changed(network, "freeze")


def graph_form(network: nn.Module) -> nn.Module:
    """Copy a network, in evaluation, as an ONNX graph can hold it."""
    return _changed(network, "graph")


def quantized(network: nn.Module) -> nn.Module:
    """Copy a network with integer products wherever a layer is large enough.

    Raises `PoseliftError` if it has no such layer.
    """
    network = _changed(network, None).cpu()
    if not forms_of(network).int8(network):
        raise PoseliftError(
            f"int8: {type(network).__name__} has no layer of {MIN_INPUTS} or more channels in "
            f"and {MIN_OUTPUTS} or more out that could be computed on integers"
        )
    return network


def _changed(network: nn.Module, form: str | None) -> nn.Module:
    """Copy a network in its fast form, in evaluation, and change it."""
    network = copy.deepcopy(network).eval()
    forms = forms_of(network)
    for change in (forms.fast, getattr(forms, form) if form else None):
        if change is not None:
            change(network)
    return network
