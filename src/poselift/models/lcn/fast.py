"""LCN at speed: in evaluation its masked kernels are made once, and can be 8-bit integers.

Axes: B sample, N node, C channel.
"""

from __future__ import annotations

import torch
from torch import nn

from poselift.models.fast import FastDropout, swap
from poselift.models.integers import int8_linears
from poselift.models.lcn.network import LCN, LocalLinear


def fast(network: LCN) -> None:
    """Swap in faster dropout, in place."""
    swap(network, {nn.Dropout: FastDropout})


def freeze(network: LCN) -> None:
    """Put plain linear layers in the place of the masked ones, in place."""
    _make_plain(network)


def int8(network: LCN) -> int:
    """Put integers in the place of the large hidden layers; return of how many.

    The last layer gives 3 channels a node and stays float32 (see `integers.py`).
    """
    for part in (network.first, network.blocks):
        _make_plain(part)
    return int8_linears(network)


def _make_plain(part: nn.Module) -> None:
    """Put plain linear layers in the place of the masked ones of a part of the network."""
    for module in list(part.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, LocalLinear):
                setattr(module, name, _plain(child))


def _plain(layer: LocalLinear) -> nn.Sequential:
    """Return the layer (B, N, C) -> (B, N, C_out) with the kernel that it has now."""
    with torch.no_grad():
        kernel = layer.kernel()
    linear = nn.Linear(kernel.shape[1], kernel.shape[0])
    linear.weight, linear.bias = nn.Parameter(kernel), layer.bias
    nodes = len(layer.get_buffer("mask"))
    return nn.Sequential(nn.Flatten(1), linear, nn.Unflatten(1, (nodes, -1)))
