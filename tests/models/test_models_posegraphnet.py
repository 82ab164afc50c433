"""PoseGraphNet: what its two adjacency normalisations keep, and what both must allow."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from poselift.errors import PoseliftError
from poselift.models import Martinez, MartinezConfig, PoseGraphNet, PoseGraphNetConfig
from poselift.models.fast import FastDropout
from poselift.models.posegraphnet import (
    neighbour_groups,
    normalise_official,
    normalise_paper,
)
from poselift.models.posegraphnet.fast import FastGraphConvolution, FastJointBatchNorm
from poselift.skeletons import H36M_17, get_skeleton, skeleton_names

SMALL = PoseGraphNetConfig(widths=(6, 6, 8), dropout=0.0, normalisation="paper")
LINKS = torch.from_numpy(neighbour_groups(H36M_17))


@pytest.mark.parametrize("name", skeleton_names())
def test_groups_split_the_links(name: str) -> None:
    skeleton = get_skeleton(name)
    groups = neighbour_groups(skeleton)
    assert np.array_equal(groups.sum(axis=0), skeleton.adjacency + np.eye(len(skeleton)))
    assert np.array_equal(groups[1], groups[2].T)
    for parent, child in skeleton.edges:
        assert groups[1, child, parent] == 1  # the child hears its parent in the parent group
        assert groups[2, parent, child] == 1


def test_official_normalisation_erases_links_into_limb_ends_and_into_the_root() -> None:
    normalised = normalise_official(LINKS)
    assert [int((g != 0).sum()) for g in normalised] == [17, 11, 13]
    ends = set(range(17)) - {parent for parent, _ in H36M_17.edges}
    assert not normalised[1, sorted(ends)].any()
    assert not normalised[2, H36M_17.root].any()


def test_paper_normalisation_keeps_every_link() -> None:
    normalised = normalise_paper(LINKS)
    assert torch.equal(normalised != 0, LINKS != 0)
    knee, hip = H36M_17.index("left_knee"), H36M_17.index("left_hip")
    assert normalised[1, knee, hip] == 1.0  # one parent, one child: nothing to share
    assert normalised[2, H36M_17.root, hip] == pytest.approx(3**-0.5)  # the root has 3 children


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), size=st.floats(0.01, 30.0))
def test_paper_normalisation_never_amplifies(seed: int, size: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    learned = size * torch.randn(3, 17, 17, dtype=torch.float64, generator=generator)
    assert torch.linalg.matrix_norm(normalise_paper(learned), 2).max() <= 1 + 1e-12


def test_official_columns_without_positive_sum_are_dead() -> None:
    learned = LINKS.clone()
    learned[0, :, 3] = -1.0
    learned.requires_grad_()
    normalised = normalise_official(learned)
    normalised.square().sum().backward()
    assert learned.grad is not None
    assert torch.isfinite(learned.grad).all()
    dead = learned.detach().sum(dim=1) <= 0
    assert dead[0].tolist() == [joint == 3 for joint in range(17)]
    for group in range(3):
        assert not normalised[group][:, dead[group]].any()
        assert not learned.grad[group][:, dead[group]].any()


def test_every_entry_of_the_paper_normalisation_can_learn() -> None:
    torch.manual_seed(0)
    model = PoseGraphNet(SMALL)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    moved = torch.zeros_like(model.adjacency, dtype=torch.bool)
    # at the start an entry that is the only one of its row and column is cancelled by its degrees
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.randn(9, 17, 2)).square().sum().backward()
        assert model.adjacency.grad is not None
        assert torch.isfinite(model.adjacency.grad).all()
        moved |= model.adjacency.grad != 0
        optimizer.step()
    assert moved.all()


@pytest.mark.parametrize("normalisation", ["official", "paper"])
@pytest.mark.parametrize("skeleton", ["h36m_17", "h36m_16", "body_25"])
def test_shapes_follow_the_skeleton(skeleton: str, normalisation: str) -> None:
    config = PoseGraphNetConfig(skeleton, widths=(6, 6, 8), normalisation=normalisation)
    joints = len(get_skeleton(skeleton))
    assert PoseGraphNet(config)(torch.randn(5, joints, 2)).shape == (5, joints, 3)


NETWORKS = {
    "posegraphnet": lambda: PoseGraphNet(SMALL),
    "posegraphnet official": lambda: PoseGraphNet(
        PoseGraphNetConfig(widths=(6, 8), normalisation="official")
    ),
    "martinez": lambda: Martinez(MartinezConfig(width=8)),
    "martinez, fixed root": lambda: Martinez(MartinezConfig(width=8, fixed_root=True)),
}


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(1)
    model: nn.Module = NETWORKS[request.param]()
    with torch.no_grad():
        for _ in range(3):  # running statistics other than the initial ones
            model(torch.randn(16, 17, 2))
    return model.eval()


def test_a_pose_is_lifted_alone_as_in_a_batch(network: nn.Module) -> None:
    poses = torch.randn(7, 17, 2)
    together = network(poses)
    alone = torch.cat([network(pose[None]) for pose in poses])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)
    assert network(poses[:0]).shape == (0, 17, 3)


def test_half_precision_on_the_cpu_stays_close(network: nn.Module) -> None:
    poses = torch.randn(32, 17, 2)
    expected = network(poses)
    with torch.autocast("cpu", torch.bfloat16):
        found = network(poses)
        found.float().square().sum().backward()
    difference = (found.float() - expected).detach().abs().max()
    assert difference <= 0.05 * expected.detach().abs().max()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.999999])
def test_dropout_keeps_its_share_and_the_mean(p: float) -> None:
    torch.manual_seed(0)
    ones = torch.ones(1000, 17, 16, requires_grad=True)
    out = FastDropout(p)(ones)
    out.sum().backward()
    assert ones.grad is not None
    assert torch.equal(ones.grad, out)
    kept = out > 0
    assert len(out[kept].unique()) <= 1  # all that is kept counts the same
    spread = (p * (1 - p) / out.numel()) ** 0.5
    assert abs(float(kept.double().mean()) - (1 - p)) < 5 * spread + 2e-5
    if p < 0.9:
        assert float(out.detach().mean()) == pytest.approx(1, abs=5 * spread / (1 - p))
        for joint in (0, 16):  # no value is tied to its neighbours'
            both = (kept[:, joint, 1:] & kept[:, joint, :-1]).double().mean()
            assert float(both) == pytest.approx((1 - p) ** 2, abs=0.02)


def test_dropout_of_nothing_is_nothing() -> None:
    x = torch.randn(3, 17, 5)
    assert torch.equal(FastDropout(0.0)(x), x)
    assert torch.equal(FastDropout(0.5).eval()(x), x)


def test_joints_are_mixed_before_or_after_the_kernels_alike() -> None:
    torch.manual_seed(0)
    convolution = FastGraphConvolution(5, 7).double()
    x, mix = torch.randn(4, 17, 5).double(), torch.randn(3, 17, 17).double()
    first, second = convolution._mix_first(x, mix), convolution._map_first(x, mix)
    torch.testing.assert_close(first, second, rtol=1e-12, atol=1e-12)


def test_batch_norm_in_evaluation_is_pytorchs() -> None:
    torch.manual_seed(0)
    norm = FastJointBatchNorm(17 * 4).double()
    with torch.no_grad():
        norm.weight.normal_()
        norm.bias.normal_()
        norm(torch.randn(32, 17, 4).double() * 3 + 1)
    x = torch.randn(8, 17, 4).double()
    expected = nn.BatchNorm1d.forward(norm.eval(), x.flatten(1)).view(x.shape)
    torch.testing.assert_close(norm(x), expected, rtol=1e-12, atol=1e-12)


def test_same_seed_same_network() -> None:
    for make in NETWORKS.values():
        states = []
        for _ in range(2):
            torch.manual_seed(3)
            states.append(make().state_dict())
        assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_fixed_root_is_exactly_zero() -> None:
    config = MartinezConfig("halpe_26", width=8, fixed_root=True)
    root = get_skeleton("halpe_26").root
    assert root != 0
    poses = Martinez(config)(torch.randn(4, 26, 2))
    assert not poses[:, root].any()
    assert poses.any(dim=2).sum() == 4 * 25


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PoseGraphNetConfig(skeleton="h36m_18"), "unknown skeleton 'h36m_18'"),
        (lambda: PoseGraphNetConfig(widths=()), "widths: expected one or more positive"),
        (lambda: PoseGraphNetConfig(widths=(8, 0)), r"widths: .* got \(8, 0\)"),
        (lambda: PoseGraphNetConfig(dropout=1.0), "dropout: expected 0 <= dropout < 1, got 1.0"),
        (
            lambda: PoseGraphNetConfig(normalisation="row"),
            "normalisation: expected one of official, paper, got 'row'",
        ),
        (lambda: MartinezConfig(skeleton="x"), "unknown skeleton 'x'"),
        (lambda: MartinezConfig(width=0), "width: expected at least 1, got 0"),
        (lambda: MartinezConfig(blocks=-1), "blocks: expected at least 0, got -1"),
        (lambda: MartinezConfig(dropout=-0.1), "dropout: expected 0 <= dropout < 1, got -0.1"),
    ],
)
def test_settings_that_make_no_network(make: object, message: str) -> None:
    with pytest.raises(PoseliftError, match=message):
        make()  # type: ignore[operator]
