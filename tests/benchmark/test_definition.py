"""The reference that speeds are measured against computes what our networks compute."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from poselift.benchmark.definition import (
    GridDefinition,
    GridLayerDefinition,
    definition_of,
    normalise_by_degree,
)
from poselift.errors import PoseliftError
from poselift.models import (
    GLNConfig,
    GridLiftingNetwork,
    Martinez,
    MartinezConfig,
    PoseGraphNet,
    PoseGraphNetConfig,
)
from poselift.models.gridconv import PADDINGS
from poselift.models.gridconv.network import GridLayer
from poselift.models.posegraphnet import normalise_official

TOLERANCE = 1e-10


def disturbed(network: nn.Module) -> nn.Module:
    """In float64, with no parameter and no running mean left at a value that hides mistakes."""
    torch.manual_seed(3)
    network.double()
    for parameter in network.parameters():
        parameter.data.add_(0.05 * torch.randn_like(parameter))
    for name, buffer in network.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.add_(torch.rand_like(buffer))
    return network


def grid_pairs(ours: GridLayer, theirs: GridLayerDefinition) -> list[tuple[Tensor, Tensor]]:
    """Our tensors beside theirs, brought into the definition's layout."""
    weight, bias = ours.conv.weight.grad, ours.conv.bias
    assert weight is not None
    pairs = [(weight[b].permute(2, 1, 0).flatten(1), theirs.weights[b].grad) for b in range(2)]
    if bias is not None:
        assert theirs.biases is not None
        pairs += [(bias.grad[b], theirs.biases[b].grad) for b in range(2)]
    if ours.attention is not None:
        pairs += same_names(ours.attention, theirs.attention)
    return pairs


def same_names(ours: nn.Module, theirs: nn.Module | None) -> list[tuple[Tensor, Tensor]]:
    """Gradients of two modules whose parameters have the same names."""
    assert theirs is not None
    found = dict(theirs.named_parameters())
    return [(own.grad, found[name].grad) for name, own in ours.named_parameters()]


def gln_pairs(ours: GridLiftingNetwork, theirs: GridDefinition) -> list[tuple[Tensor, Tensor]]:
    pairs = [*same_names(ours.sgt, theirs.sgt), *grid_pairs(ours.shrink, theirs.shrink)]
    units = [(ours.expand, theirs.expand)]
    for block, (first, second) in zip(ours.blocks, theirs.blocks, strict=True):
        units += [(block.first, first), (block.second, second)]
    for unit, other in units:
        pairs += [*grid_pairs(unit.layer, other.layer), *same_names(unit.norm, other.norm)]
    return pairs


def graph_pairs(ours: PoseGraphNet, theirs: nn.Module) -> list[tuple[Tensor, Tensor]]:
    renamed = {name.replace("layer.", "convolution."): p for name, p in theirs.named_parameters()}
    assert set(renamed) == {name for name, _ in ours.named_parameters()}
    return [(p.grad, renamed[name].grad) for name, p in ours.named_parameters()]


def compare(ours: nn.Module, theirs: nn.Module, training: bool) -> None:
    """One pass forward and back through both: outputs, input gradients, batch statistics."""
    ours.train(training), theirs.train(training)
    torch.manual_seed(5)
    x = torch.randn(4, 17, 2, dtype=torch.float64)
    weights = torch.randn(4, 17, 3, dtype=torch.float64)
    outs, grads = [], []
    for network in (ours, theirs):
        own = x.clone().requires_grad_()
        out = network(own)
        (out * weights).sum().backward()
        outs.append(out.detach()), grads.append(own.grad)
    close([(outs[0], outs[1]), (grads[0], grads[1])])
    kept = [
        [b for name, b in sorted(n.named_buffers()) if "running" in name] for n in (ours, theirs)
    ]
    assert len(kept[0]) == len(kept[1]) > 0
    close(list(zip(*kept, strict=True)))


def close(pairs: list[tuple[Tensor | None, Tensor | None]]) -> None:
    """In evaluation the scores of a learnt layout have no gradient, on either side."""
    for ours, theirs in pairs:
        if ours is None or theirs is None:
            assert ours is theirs
            continue
        assert ours.shape == theirs.shape
        assert (ours - theirs).abs().max() <= TOLERANCE * theirs.abs().max().clamp(min=1.0)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("attention", ["grid", "none"])
@pytest.mark.parametrize(
    "changes",
    [
        *({"paddings": (a, b)} for a in PADDINGS for b in PADDINGS),
        {"layout": "handcrafted"},
        {"layout": "random", "grid": (3, 7)},
        {"grid": (1, 20), "paddings": ("circular", "zero"), "blocks": 0},
    ],
    ids=str,
)
def test_grid_network(changes: dict[str, object], attention: str, training: bool) -> None:
    config = GLNConfig(
        **{"channels": 6, "blocks": 1, "dropout": 0.0, "attention": attention, **changes}  # type: ignore[arg-type]
    )
    ours = disturbed(GridLiftingNetwork(config))
    assert isinstance(ours, GridLiftingNetwork)
    theirs = definition_of(ours)
    assert isinstance(theirs, GridDefinition)
    compare(ours, theirs, training)
    close(gln_pairs(ours, theirs))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("normalisation", ["official", "paper"])
@pytest.mark.parametrize("widths", [(5, 5), (4, 6, 6, 3), (7,)])
def test_graph_network(widths: tuple[int, ...], normalisation: str, training: bool) -> None:
    config = PoseGraphNetConfig(widths=widths, dropout=0.0, normalisation=normalisation)
    ours = disturbed(PoseGraphNet(config))
    assert isinstance(ours, PoseGraphNet)
    theirs = definition_of(ours)
    compare(ours, theirs, training)
    close(graph_pairs(ours, theirs))


def test_degrees_that_are_not_positive_have_no_weight_and_no_gradient() -> None:
    torch.manual_seed(0)
    links = torch.randn(3, 6, 6, dtype=torch.float64, requires_grad=True)
    assert (links.sum(dim=1) <= 0).any()
    weights = torch.randn_like(links)
    results = []
    for made in (
        torch.stack([normalise_by_degree(one) for one in links]),
        normalise_official(links),
    ):
        results.append((made.detach(), *torch.autograd.grad((made * weights).sum(), links)))
    close(list(zip(*results, strict=True)))


def test_the_copy_trains_on_its_own() -> None:
    ours = GridLiftingNetwork(GLNConfig(channels=4, blocks=0))
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    theirs = definition_of(ours.eval())
    assert not theirs.training
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(1.0)
    theirs.train()(torch.randn(4, 17, 2))
    assert all(torch.equal(before[name], value) for name, value in ours.state_dict().items())


def test_the_baseline_is_laid_out_as_released() -> None:
    ours = Martinez(MartinezConfig(width=8, blocks=1)).eval()
    theirs = definition_of(ours)
    x = torch.randn(2, 17, 2)
    assert theirs is not ours
    assert torch.equal(theirs(x), ours(x))


def test_networks_without_a_definition_are_refused() -> None:
    with pytest.raises(PoseliftError, match="no definition of a Linear"):
        definition_of(nn.Linear(2, 3))
    with pytest.raises(PoseliftError, match="no definition of ChannelAttention"):
        definition_of(GridLiftingNetwork(GLNConfig(channels=4, blocks=0, attention="channel")))
