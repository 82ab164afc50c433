"""A network's other forms compute what its class, the paper's definition, computes."""

from __future__ import annotations

from dataclasses import fields

import pytest
import torch
from torch import Tensor, nn

from poselift.benchmark.flops import ceiling_shape, useful_flops
from poselift.errors import PoseliftError
from poselift.models import architectures, build
from poselift.models.forms import definition_of, frozen, graph_form, quantized
from poselift.models.gridconv import ATTENTIONS, PADDINGS
from poselift.models.gridconv.fast import FastGridConv, FrozenGridConv
from poselift.models.gridconv.plan import plan, products
from poselift.models.posegraphnet import PoseGraphNet
from poselift.models.posegraphnet.fast import FastGraphConvolution
from poselift.models.registry import find

TOLERANCE = 1e-10

CASES: list[tuple[str, dict[str, object]]] = [
    *(("gln", {"paddings": (a, b)}) for a in PADDINGS for b in PADDINGS),
    *(("gln", {"attention": attention}) for attention in ("none", *ATTENTIONS)),
    ("gln", {"layout": "handcrafted"}),
    ("gln", {"layout": "random", "grid": (3, 7)}),
    ("gln", {"grid": (1, 20), "paddings": ("circular", "zero"), "blocks": 0}),
    *(
        ("posegraphnet", {"widths": widths, "normalisation": normalisation})
        for widths in ((5, 5), (4, 6, 6, 3), (7,))
        for normalisation in ("official", "paper")
    ),
    ("semgcn", {"width": 8, "layers": 1}),
    ("lcn", {"width": 8, "blocks": 1}),
    ("stgcn", {"channels": (4, 8), "pooled": 8}),
    ("martinez", {"width": 8, "blocks": 1}),
    ("videopose3d", {"channels": 8, "blocks": 1}),
]


def made(architecture: str, changes: dict[str, object]) -> nn.Module:
    """In float64, with no parameter and no running mean left at a value that hides mistakes."""
    torch.manual_seed(3)
    small = {"channels": 6, "blocks": 1} if architecture == "gln" else {}
    network = build(architecture, {**small, "dropout": 0.0, **changes}).double()
    for parameter in network.parameters():
        parameter.data.add_(0.05 * torch.randn_like(parameter))
    for name, buffer in network.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.add_(torch.rand_like(buffer))
    return network


def close(ours: Tensor | None, theirs: Tensor | None, tolerance: float = TOLERANCE) -> None:
    if ours is None or theirs is None:  # scores of a learnt layout at rest, on either side
        assert ours is theirs
    else:
        assert ours.shape == theirs.shape
        assert (ours - theirs).abs().max() <= tolerance * theirs.abs().max().clamp(min=1.0)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("architecture", "changes"), CASES, ids=str)
def test_fast_and_definition_learn_alike(
    architecture: str, changes: dict[str, object], training: bool
) -> None:
    """Outputs, gradients of inputs and weights, batch statistics; weights keep their order."""
    ours = made(architecture, changes).train(training)
    theirs = definition_of(ours)
    assert theirs.training == training
    torch.manual_seed(5)
    x, weights = torch.randn(4, 17, 2).double(), torch.randn(4, 17, 3).double()
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    outs = [network(own) for network, own in zip((ours, theirs), inputs, strict=True)]
    for out in outs:
        (out * weights).sum().backward()
    close(outs[0], outs[1])
    close(inputs[0].grad, inputs[1].grad)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    pairs = list(zip(ours.named_parameters(), theirs.named_parameters(), strict=True))
    assert all(name == other for (name, _), (other, _) in pairs)
    for (_, own), (_, other) in pairs:
        close(own.grad, other.grad)
    for name, own in ours.named_buffers():
        if "running" in name:
            close(own, theirs.get_buffer(name))


@pytest.mark.parametrize("form", [frozen, graph_form])
@pytest.mark.parametrize(("architecture", "changes"), CASES, ids=str)
def test_forms_for_inference(architecture: str, changes: dict[str, object], form: type) -> None:
    ours = made(architecture, changes).eval()
    x = torch.randn(3, 17, 2).double()
    with torch.no_grad():
        # AutoGrids averages a joint's copies with the official code's epsilon of 1e-8
        close(form(ours)(x), definition_of(ours)(x), 1e-7 if form is graph_form else TOLERANCE)


def test_every_network_is_registered_with_its_forms() -> None:
    assert set(architectures()) == {name for name, _ in CASES}
    assert any(isinstance(module, FastGridConv) for module in build("gln").modules())
    assert any(isinstance(m, FrozenGridConv) for m in frozen(build("gln")).modules())
    assert any(isinstance(m, FastGraphConvolution) for m in build("posegraphnet").modules())
    for name in architectures():  # the class itself is what the paper says, without tricks
        entry = find(name)
        plain = {type(module).__name__ for module in entry.network(entry.config()).modules()}
        assert not {kind for kind in plain if kind.startswith(("Fast", "Frozen", "Int8"))}
        assert {"skeleton"} <= {field.name for field in fields(entry.config)}


def test_the_definition_is_a_copy_that_trains_on_its_own() -> None:
    ours = build("gln", {"channels": 4, "blocks": 0})
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    theirs = definition_of(ours.eval())
    assert not theirs.training
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(1.0)
    theirs.train()(torch.randn(4, 17, 2))
    assert all(torch.equal(before[name], value) for name, value in ours.state_dict().items())


def test_forms_do_not_touch_the_network() -> None:
    network = build("posegraphnet", {"widths": (64, 64), "dropout": 0.3}).train()
    kinds = [type(module) for module in network.modules()]
    for form in (frozen, graph_form, quantized):
        assert not form(network).training
    assert network.training
    assert [type(module) for module in network.modules()] == kinds


def test_unregistered_networks_have_no_definition() -> None:
    with pytest.raises(PoseliftError, match="cannot describe a Linear"):
        definition_of(nn.Linear(2, 3))


def test_degrees_that_are_not_positive_have_no_weight_and_no_gradient() -> None:
    """The published code fills its degree matrix joint by joint; ours is one expression."""
    network = PoseGraphNet()
    links = torch.randn(3, 17, 17, requires_grad=True)
    network.adjacency = nn.Parameter(links.detach())
    total = links.detach().sum(dim=1)
    assert (total <= 0).any()
    expected = []
    for group, degrees in zip(links, total, strict=True):
        factor = torch.diag(torch.tensor([d**-0.5 if d > 0 else 0.0 for d in degrees.tolist()]))
        expected.append(factor @ group.detach() @ factor)
    found = network.normalised_adjacency()
    assert torch.allclose(found, torch.stack(expected), atol=1e-6)
    found.square().sum().backward()
    dead = (total <= 0)[:, None, :].expand(links.shape)
    assert (network.adjacency.grad[dead] == 0).all()


def test_operations_are_those_of_the_plan() -> None:
    """A network without attention: its convolutions, and 17 by 25 joints to nodes and back."""
    network = build("gln", {"channels": 8, "blocks": 0, "attention": "none"})
    groups = plan(5, 5, ("circular", "replicate"))
    assigned = 17 * 25 * (2 + 3)  # joints to nodes and back
    sides = sum(len(group.nodes) for group in groups[1:])
    spread = 25 * sides * (8 + 3)  # what the sides add, put in its place
    convolutions = products(groups) * (2 * 8 + 8 * 3)
    assert useful_flops(network) == 2 * (convolutions + assigned + spread)
    assert ceiling_shape(network, 4) == (100, 72, 3)
