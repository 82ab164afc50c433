"""LCN, by its laws: who hears whom, what the mask and the norm leave, and how large it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from poselift.errors import PoseliftError
from poselift.models import LCN, LCNConfig
from poselift.models.graphs import TOPOLOGIES, distances, node_links
from poselift.models.lcn import REACH, LocalLinear, trunk_links
from poselift.skeletons import BODY_25, H36M_17, MPI_INF_3DHP_17, get_skeleton

NEAR = distances(node_links(H36M_17, "skeleton", trunk_links(H36M_17))) <= REACH


@pytest.fixture
def layer() -> LocalLinear:
    torch.manual_seed(0)
    return LocalLinear(2, 4, NEAR)


def test_the_graph_links_hips_and_shoulders_with_the_spine() -> None:
    found = {frozenset(H36M_17.joints[i] for i in pair) for pair in trunk_links(H36M_17)}
    sides = [f"{side}_{part}" for side in ("left", "right") for part in ("hip", "shoulder")]
    assert found == {frozenset(("spine", joint)) for joint in sides}
    assert len(trunk_links(MPI_INF_3DHP_17)) == 4
    assert trunk_links(BODY_25) == ()  # it has no spine


def test_who_hears_whom_on_seventeen_joints() -> None:
    def heard(joint: str) -> set[str]:
        return {H36M_17.joints[i] for i in np.flatnonzero(NEAR[H36M_17.index(joint)])}

    assert heard("spine") == set(H36M_17.joints)
    assert heard("right_ankle") == {
        "right_ankle",
        "right_knee",
        "right_hip",
        "pelvis",
        "spine",
    }
    assert NEAR.sum() == 175


@pytest.mark.parametrize("joint", range(17))
def test_a_layer_passes_nothing_on_to_joints_out_of_reach(layer: LocalLinear, joint: int) -> None:
    x = torch.randn(3, 17, 2)
    moved = x.clone()
    moved[:, joint] += 10
    changed = (layer(moved) - layer(x)).abs().amax(dim=(0, 2)) > 0
    assert np.array_equal(changed.numpy(), NEAR[joint])


def test_two_layers_reach_twice_as_far() -> None:
    torch.manual_seed(0)
    skeleton = get_skeleton("h36m_32")
    apart = distances(node_links(skeleton, "skeleton", trunk_links(skeleton)))
    model = LCN(LCNConfig("h36m_32", width=8, blocks=0)).eval()
    x = torch.randn(2, 32, 2)
    toe = skeleton.index("right_toe_end")
    moved = x.clone()
    moved[:, toe] += 10
    changed = (model(moved) - model(x)).abs().amax(dim=(0, 2)) > 0
    assert np.array_equal(changed.numpy(), apart[toe] <= 2 * REACH)
    assert not changed.all()


def test_masked_weights_do_not_matter_while_the_norm_is_short(layer: LocalLinear) -> None:
    with torch.no_grad():
        layer.weight.mul_(0.1 / layer.weight.norm())
        x = torch.randn(3, 17, 2)
        before = layer(x)
        mask = layer.get_buffer("mask").expand(17, 4, 17, 2).reshape(layer.weight.shape)
        layer.weight[mask == 0] *= -1.5
        assert torch.equal(layer(x), before)
    layer(x).square().sum().backward()
    assert layer.weight.grad is not None
    assert not layer.weight.grad[mask == 0].any()


def test_the_norm_of_all_entries_is_one_at_most(layer: LocalLinear) -> None:
    everywhere = LocalLinear(2, 4, np.ones((17, 17), bool))
    with torch.no_grad():
        for size in (0.3, 1.0, 7.0):
            everywhere.weight.mul_(size / everywhere.weight.norm())
            assert float(everywhere.kernel().norm()) == pytest.approx(min(size, 1.0), rel=1e-5)
        # clipped before the mask, so what the mask takes away is missing
        layer.weight.fill_(2.0)
        assert float(layer.kernel().norm() ** 2) == pytest.approx(NEAR.mean(), rel=1e-5)


def test_a_longer_weight_is_the_same_layer(layer: LocalLinear) -> None:
    x = torch.randn(3, 17, 2)
    with torch.no_grad():
        assert float(layer.weight.norm()) > 1
        before = layer(x)
        layer.weight.mul_(3.0)
    torch.testing.assert_close(layer(x), before)
    layer(x).square().sum().backward()
    assert layer.weight.grad is not None
    # no step along the weight itself can change the output
    along = (layer.weight.grad * layer.weight).sum().abs()
    assert float(along.detach()) <= 1e-5 * float(
        (layer.weight.grad.norm() * layer.weight.norm()).detach()
    )


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("blocks", [2, 3])
def test_parameter_count(topology: str, blocks: int) -> None:
    width, nodes = 4, 25 if topology == "grid" else 17
    model = LCN(LCNConfig(width=width, blocks=blocks, topology=topology))
    hidden = nodes * width
    expected = hidden * 2 * nodes + hidden  # first
    expected += 2 * blocks * (hidden * hidden + hidden)
    expected += (2 * blocks + 1) * 2 * width  # batch norms, one a filter
    expected += 3 * nodes * hidden + 3 * nodes  # last
    assert sum(p.numel() for p in model.parameters()) == expected


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_adding_the_input_adds_the_input(topology: str) -> None:
    torch.manual_seed(0)
    plain = LCN(LCNConfig(width=4, blocks=1, topology=topology)).eval()
    adding = LCN(LCNConfig(width=4, blocks=1, topology=topology, add_input=True)).eval()
    adding.load_state_dict(plain.state_dict())
    x = torch.randn(5, 17, 2)
    difference = adding(x) - plain(x)
    torch.testing.assert_close(difference[..., :2], x, rtol=1e-5, atol=1e-6)
    assert not difference[..., 2].any()


@pytest.mark.parametrize("name", ["h36m_16", "body_25", "h36m_32"])
def test_shapes_follow_the_skeleton(name: str) -> None:
    joints = len(get_skeleton(name))
    model = LCN(LCNConfig(name, width=4, blocks=1))
    assert model(torch.randn(5, joints, 2)).shape == (5, joints, 3)


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("add_input", [False, True])
def test_half_precision_training_stays_finite(topology: str, add_input: bool) -> None:
    torch.manual_seed(0)
    model = LCN(LCNConfig(width=8, blocks=1, topology=topology, add_input=add_input))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    inputs = torch.randn(32, 17, 2)
    targets = torch.cat([2 * inputs, inputs[..., :1]], dim=2)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = (model(inputs).float() - targets).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"width": 0}, "width: expected at least 1, got 0"),
        ({"blocks": -1}, "blocks: expected at least 0, got -1"),
        ({"dropout": -0.5}, "dropout: expected 0 <= dropout < 1, got -0.5"),
    ],
)
def test_settings_that_make_no_network(values: dict[str, object], message: str) -> None:
    with pytest.raises(PoseliftError, match=message):
        LCNConfig(**values)  # type: ignore[arg-type]
