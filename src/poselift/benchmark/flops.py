"""What a network has to compute, counted from its shapes."""

from __future__ import annotations

from torch import nn

from poselift.errors import PoseliftError
from poselift.models.gridconv.convolution import GridConv
from poselift.models.gridconv.network import GridLiftingNetwork
from poselift.models.gridconv.plan import plan, products
from poselift.models.martinez import Martinez
from poselift.models.posegraphnet import GROUPS, GraphConvolution, PoseGraphNet
from poselift.skeletons import get_skeleton


def useful_flops(network: nn.Module) -> int:
    """Return the floating-point operations a frame: two for each multiply-add of matrix products.

    A grid convolution counts by its plan, which has merged the branches where they see the same; a
    graph convolution as its linear map and its mixing; every linear layer as it is. Activations,
    norms and pooling do not count.
    """
    adds = sum(
        module.in_features * module.out_features
        for module in network.modules()
        if isinstance(module, nn.Linear)
    )
    for module in network.modules():
        if isinstance(module, GridConv):
            inputs, outputs = module.weight.shape[2:]
            adds += products(plan(*module.grid, module.paddings)) * inputs * outputs
        elif isinstance(module, GraphConvolution):
            adds += _joints(network) * _graph_convolution(module, _joints(network))
    return 2 * adds


def ceiling_shape(network: nn.Module, batch: int) -> tuple[int, int, int]:
    """Return (M, K, N) of the matrix product that most of a network's work can be brought into.

    (M, K) by (K, N) at `batch` frames. Raises `PoseliftError` for a network it does not know.
    """
    if isinstance(network, GridLiftingNetwork):
        channels, (rows, columns) = network.config.channels, network.config.grid
        return batch * rows * columns, 9 * channels, channels
    if isinstance(network, PoseGraphNet):
        width = max(network.config.widths)
        return batch * _joints(network), width, len(GROUPS) * width
    if isinstance(network, Martinez):
        return batch, network.config.width, network.config.width
    raise PoseliftError(f"the matrix products of a {type(network).__name__} are not known")


def _joints(network: nn.Module) -> int:
    """Joints of a graph network."""
    assert isinstance(network, PoseGraphNet)
    return len(get_skeleton(network.config.skeleton))


def _graph_convolution(layer: GraphConvolution, joints: int) -> int:
    """Multiply-adds a joint: the linear map to all groups, then the sum over senders."""
    features, inputs = layer.weight.shape
    return int(features * inputs + features * joints)
