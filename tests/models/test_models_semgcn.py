"""SemGCN: its layers against the official ones, and what its options must keep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from golden_support import Golden, assert_close, assert_group_close
from poselift.errors import PoseliftError
from poselift.models import SemGCN, SemGCNConfig, from_official
from poselift.models.graphs import TOPOLOGIES, node_links
from poselift.models.semgcn import NonLocal, SemanticGraphConvolution, node_groups
from poselift.skeletons import H36M_16, H36M_17, MPI_INF_3DHP_17, Skeleton

BONES = node_links(H36M_17, "skeleton")


@pytest.mark.parametrize("name", ["semgcn_layer", "semgcn_channelwise_layer"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_layer_alone(name: str, dtype: torch.dtype, shared: Path) -> None:
    golden = Golden(shared / "golden" / f"{name}.npz")
    links = node_links(H36M_16, "skeleton")
    layer = SemanticGraphConvolution(6, 10, links, channelwise="channelwise" in name)
    ours = {"W": "weight", "e": "scores", "bias": "bias"}
    state = {ours[key]: torch.from_numpy(value) for key, value in golden.group("state").items()}
    layer.load_state_dict(state)
    layer.to(dtype)
    inputs = torch.from_numpy(golden["input"]).to(dtype).requires_grad_()
    output = layer(inputs)
    output.square().sum().backward()
    tolerance, suffix = (1e-5, "") if dtype == torch.float32 else (1e-10, "_f64")
    assert_close(output, golden[f"output{suffix}"], tolerance)
    assert_close(inputs.grad, golden[f"grad_input{suffix}"], tolerance)
    found = {key: p.grad.float() for key, p in layer.named_parameters() if p.grad is not None}
    expected = golden.group("grad").items()
    assert_group_close(found, {ours[k]: torch.from_numpy(v) for k, v in expected}, 1e-5)


@pytest.mark.parametrize("name", ["semgcn_16j", "semgcn_17j"])
def test_the_graph_is_the_official_one(name: str, shared: Path) -> None:
    adjacency = Golden(shared / "golden" / f"{name}.npz")["adjacency"]
    skeleton = H36M_16 if "16" in name else H36M_17
    links = node_links(skeleton, "skeleton") | np.eye(len(skeleton), dtype=bool)
    assert np.array_equal(adjacency > 0, links)


@pytest.mark.parametrize("channelwise", [False, True])
def test_a_layer_starts_as_plain_averaging_over_linked_nodes(channelwise: bool) -> None:
    layer = SemanticGraphConvolution(4, 6, BONES, channelwise=channelwise)
    linked = torch.from_numpy(BONES) | torch.eye(17, dtype=torch.bool)
    average = linked.float() / linked.sum(dim=1, keepdim=True)
    for mask in layer.mask():
        torch.testing.assert_close(mask, average)


def test_learnt_masks_weigh_linked_nodes_only_and_sum_to_one() -> None:
    layer = SemanticGraphConvolution(4, 6, BONES, channelwise=True)
    torch.nn.init.normal_(layer.scores, std=3.0)
    mask = layer.mask()
    torch.testing.assert_close(mask.sum(dim=2), torch.ones(6, 17))
    linked = torch.from_numpy(BONES) | torch.eye(17, dtype=torch.bool)
    assert not mask[:, ~linked].any()
    assert (mask[:, linked] > 0).all()


def test_equal_scores_in_all_channels_are_a_shared_mask() -> None:
    one = SemanticGraphConvolution(4, 6, BONES, channelwise=False).double()
    other = SemanticGraphConvolution(4, 6, BONES, channelwise=True).double()
    torch.nn.init.normal_(one.scores)
    state = one.state_dict()
    other.load_state_dict({**state, "scores": state["scores"].expand(6, -1)})
    x = torch.randn(5, 17, 4, dtype=torch.float64)
    torch.testing.assert_close(one(x), other(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("channelwise", [False, True])
def test_a_joint_hears_its_neighbours_only(channelwise: bool) -> None:
    layer = SemanticGraphConvolution(2, 5, BONES, channelwise=channelwise)
    x = torch.randn(1, 17, 2)
    for joint in range(17):
        moved = x.clone()
        moved[:, joint] += 1
        heard = (layer(moved) - layer(x)).abs().amax(dim=(0, 2)) > 1e-6
        assert set(heard.nonzero().flatten().tolist()) == {joint, *np.flatnonzero(BONES[joint])}


def test_groups_are_the_official_pairs(shared: Path) -> None:
    pairs = Golden(shared / "golden" / "semgcn_nonlocal_16j.npz")["node_groups"]
    found = node_groups(H36M_16, "skeleton")
    assert {frozenset(group) for group in found} == {frozenset(map(int, pair)) for pair in pairs}


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_groups_share_out_all_nodes(topology: str) -> None:
    groups = node_groups(H36M_17, topology)
    assert len(groups) == 8
    nodes = sorted(node for group in groups for node in group)
    assert nodes == list(range(len(node_links(H36M_17, topology))))


def test_groups_follow_what_the_joints_are_whatever_their_order() -> None:
    def names(skeleton: Skeleton) -> list[set[str]]:
        return [{skeleton.landmarks[i] for i in g} for g in node_groups(skeleton, "skeleton")]

    assert names(MPI_INF_3DHP_17) == names(H36M_17)


def test_a_nonlocal_block_starts_as_the_identity_and_then_reaches_everywhere() -> None:
    torch.manual_seed(0)
    block = NonLocal(6, node_groups(H36M_17, "grid")).eval()
    x = torch.randn(3, 25, 6)
    assert torch.equal(block(x), x)
    torch.nn.init.ones_(block.norm.weight)
    moved = x.clone()
    moved[:, 3] += 5  # one of five cells of the spine: the largest of its group
    changed = (block(moved) - block(x)).abs().amax(dim=(0, 2)) > 1e-6
    assert changed.all()


def test_a_filled_up_group_gives_its_members_the_whole_gradient() -> None:
    """Groups of 2 beside groups of 7: what is counted twice must not weigh twice."""
    torch.manual_seed(0)
    block = NonLocal(6, ((0, 1, 2), (3,))).double()
    torch.nn.init.ones_(block.norm.weight)
    x = torch.randn(2, 4, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(block.eval(), (x,))


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("values", [{"nonlocal_blocks": True}, {"mask": "channelwise"}])
def test_half_precision_training_stays_finite(topology: str, values: dict[str, object]) -> None:
    torch.manual_seed(0)
    model = SemGCN(SemGCNConfig(width=8, layers=1, dropout=0.1, topology=topology, **values))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    inputs = torch.randn(32, 17, 2)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = (model(inputs).float() - torch.cat([inputs, inputs[..., :1]], 2)).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def test_official_channelwise_checkpoint(shared: Path) -> None:
    """The shared masks of a golden file, repeated for each channel, are the same network."""
    golden = Golden(shared / "golden" / "semgcn_16j.npz")
    state = golden.group("state")
    for key in [key for key in state if key.endswith(".e")]:
        outputs = state[key.removesuffix("e") + "W"].shape[2]
        state[key] = np.repeat(state[key], outputs, axis=0)
    model = from_official(state)
    assert model.config.mask == "channelwise"
    with torch.no_grad():
        assert_close(model(torch.from_numpy(golden["input"])), golden["output"], 1e-5)


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        (
            "semgcn_16j",
            {"gconv_input.0.gconv.e": np.ones((1, 47), np.float32)},
            "expected masks of 46 or 49 entries .16 or 17 joints., found 47",
        ),
        (
            "semgcn_nonlocal_16j",
            {"gconv_input.0.gconv.e": np.ones((1, 49), np.float32)},
            "a SemGCN of 17 joints with non-local blocks does not say which joints",
        ),
        (
            "semgcn_nonlocal_16j",
            {"gconv_layers.1.gconv1.gconv.bias": np.ones(16, np.float32)},
            r"unexpected weight 'gconv_layers\.1\.gconv1\.gconv\.bias'",
        ),
        ("semgcn_16j", {"gconv_extra": np.ones(3, np.float32)}, "unexpected weight 'gconv_extra'"),
        (
            "semgcn_16j",
            {"gconv_output.e": np.ones((1, 49), np.float32)},
            r"expected shape \(1, 46\) for weight 'last\.scores', found \(1, 49\)",
        ),
    ],
)
def test_official_checkpoints_refused_in_words(
    name: str, damage: dict[str, np.ndarray], message: str, shared: Path
) -> None:
    state = Golden(shared / "golden" / f"{name}.npz").group("state")
    with pytest.raises(PoseliftError, match=message) as caught:
        from_official({**state, **damage})
    assert str(caught.value).startswith("official checkpoint: ")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"width": 0}, "width: expected at least 1, got 0"),
        ({"width": 1, "nonlocal_blocks": True}, "width: expected at least 2, got 1"),
        ({"layers": -1}, "layers: expected at least 0, got -1"),
        ({"dropout": 1.0}, "dropout: expected 0 <= dropout < 1, got 1.0"),
        ({"mask": "learnt"}, "mask: expected one of shared, channelwise, got 'learnt'"),
        (
            {"skeleton": "body_25", "nonlocal_blocks": True},
            "nonlocal_blocks: expected a skeleton of the 16 joints of h36m_16, .* got body_25",
        ),
    ],
)
def test_settings_that_make_no_network(values: dict[str, object], message: str) -> None:
    with pytest.raises(PoseliftError, match=message):
        SemGCNConfig(**values)  # type: ignore[arg-type]
