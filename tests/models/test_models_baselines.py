"""VideoPose3D and ST-GCN: laws they keep, settings they refuse; their values are in the goldens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from poselift import Lifter
from poselift.errors import PoseliftError
from poselift.export import export_onnx
from poselift.models import (
    STGCN,
    PoseGraphNet,
    PoseGraphNetConfig,
    STGCNConfig,
    VideoPose3D,
    VideoPose3DConfig,
    build,
    describe,
)
from poselift.models.stgcn import GROUPS, PARTS, neighbour_groups, part_joints
from poselift.skeletons import H36M_16, H36M_17, Skeleton, get_skeleton
from poselift.training.step import TrainingStep
from training_fixtures import Fresh, tiny_config

SMALL: dict[str, tuple[str, dict[str, object]]] = {
    "videopose3d": ("videopose3d", {"channels": 16, "blocks": 1}),
    "videopose3d, fixed root": (
        "videopose3d",
        {"channels": 16, "blocks": 1, "skeleton": "h36m_16", "fixed_root": True},
    ),
    "stgcn": ("stgcn", {"channels": [8, 8, 12], "pooled": 16}),
    "stgcn of 16 joints": (
        "stgcn",
        {"channels": [8, 12], "pooled": 16, "skeleton": "h36m_16", "dropout": 0.2},
    ),
}


def lively(model: nn.Module) -> nn.Module:
    """Batch norms other than the initial ones, in evaluation mode."""
    torch.manual_seed(2)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            nn.init.normal_(module.get_buffer("running_mean"), std=0.3)
            nn.init.uniform_(module.get_buffer("running_var"), 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 2.0)
    return model.eval()


@pytest.fixture(params=SMALL)
def network(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(1)
    return lively(build(*SMALL[request.param]))


def poses_for(network: nn.Module, count: int) -> torch.Tensor:
    return torch.randn(count, len(get_skeleton(network.config.skeleton)), 2)


def test_a_pose_is_lifted_alone_as_in_a_batch(network: nn.Module) -> None:
    poses = poses_for(network, 7)
    together = network(poses)
    alone = torch.cat([network(pose[None]) for pose in poses])
    assert alone.shape == (*poses.shape[:2], 3)
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)
    assert network(poses[:0]).shape == (0, poses.shape[1], 3)


def test_half_precision_on_the_cpu_stays_close(network: nn.Module) -> None:
    poses = poses_for(network, 32)
    expected = network(poses)
    with torch.autocast("cpu", torch.bfloat16):
        found = network(poses)
    difference = (found.float() - expected).detach().abs().max()
    assert difference <= 0.05 * expected.detach().abs().max()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("architecture", ["videopose3d", "stgcn"])
def test_training_lowers_the_loss(architecture: str, precision: str) -> None:
    _, model = SMALL[architecture]
    config = tiny_config("martinez", precision=precision, output_fan=6.0)
    torch.manual_seed(0)
    step = TrainingStep(build(architecture, model), config, "cpu")
    inputs, targets = map(torch.from_numpy, Fresh(0).epoch(0))
    losses = []
    for number in range(1, 31):
        step.prepare(lr=1e-2, epoch=0.0, number=number)
        losses.append(float(step(inputs, targets)))
    assert np.isfinite(losses).all()
    assert np.mean(losses[-5:]) < 0.7 * losses[0]


def test_every_weight_of_the_graph_network_learns() -> None:
    torch.manual_seed(0)
    model = STGCN(STGCNConfig(channels=(8, 12), pooled=16, dropout=0.0))
    nn.init.ones_(model.non_local.norm.weight)  # at 0, nothing behind it would learn yet
    model.eval()(torch.randn(9, 17, 2)).square().sum().backward()
    silent = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    assert silent <= {"non_local.key.bias"}  # cancelled by the softmax


@pytest.mark.parametrize("name", ["stgcn", "stgcn of 16 joints"])
def test_sides_can_be_exchanged_at_the_start(name: str) -> None:
    """Fresh weights know no joint: only the graphs tell them apart, and these are symmetric."""
    torch.manual_seed(0)
    model = build(*SMALL[name]).double().eval()
    order = torch.from_numpy(get_skeleton(model.config.skeleton).flip_order)
    poses = poses_for(model, 5).double()
    exchanged = model(poses[:, order])
    torch.testing.assert_close(exchanged, model(poses)[:, order], rtol=1e-12, atol=1e-12)
    assert not torch.allclose(exchanged, model(poses))


def test_sixteen_joints_are_seventeen_with_the_neck_in_between() -> None:
    whole = lively(STGCN(STGCNConfig(channels=(8, 12), pooled=16)))
    without = STGCN(STGCNConfig("h36m_16", channels=(8, 12), pooled=16)).eval()
    without.load_state_dict(whole.state_dict())
    poses = torch.randn(4, 17, 2)
    neck = H36M_17.index("neck")
    poses[:, neck] = (poses[:, H36M_17.index("thorax")] + poses[:, H36M_17.index("head")]) / 2
    kept = [H36M_17.index(joint) for joint in H36M_16.joints]
    torch.testing.assert_close(without(poses[:, kept]), whole(poses)[:, kept])


@pytest.mark.parametrize(("skeleton", "centre"), [(H36M_17, "spine"), (PARTS, "trunk")])
def test_groups_split_what_a_joint_hears(skeleton: Skeleton, centre: str) -> None:
    groups = neighbour_groups(skeleton, centre)
    np.testing.assert_allclose(groups.sum(axis=(0, 2)), 1, rtol=1e-6)
    assert ((groups > 0).sum(axis=0) <= 1).all()
    own, farther, nearer, opposite = (group > 0 for group in groups)
    assert np.array_equal(own, np.eye(len(skeleton)))
    assert np.array_equal(farther, nearer.T)
    assert np.array_equal(farther | nearer, skeleton.adjacency > 0)
    assert set(zip(*np.nonzero(opposite), strict=True)) == {
        pair for one in zip(skeleton.left, skeleton.right, strict=True) for pair in (one, one[::-1])
    }
    middle = skeleton.index(centre)
    assert not farther[:, middle].any()  # the centre is the farther of none
    assert not nearer[middle].any()
    assert len(groups) == GROUPS


def test_parts_share_out_the_joints() -> None:
    parts = part_joints(H36M_17)
    assert sorted(joint for part in parts for joint in part) == list(range(17))
    for name, joints in zip(PARTS.joints, parts, strict=True):
        side, _, _ = name.partition("_")
        sides = {H36M_17.joints[joint].partition("_")[0] for joint in joints}
        assert sides == (
            {side} if name != "trunk" else {"pelvis", "spine", "thorax", "neck", "head"}
        )


def test_the_non_local_block_starts_as_the_identity() -> None:
    block = STGCN(STGCNConfig(channels=(8, 12), pooled=16)).non_local
    x = torch.randn(3, 17, 24)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, {0.05: 5, 0.25: 1, 0.1: 2}), (0.3, {0.3: 8}), (0.0, {0.0: 8})],
)
def test_one_dropout_for_all_or_the_published_ones(
    given: float | None, expected: dict[float, int]
) -> None:
    model = STGCN(STGCNConfig(channels=(8, 8, 12), pooled=16, dropout=given))
    found = [module.p for module in model.modules() if isinstance(module, nn.Dropout)]
    assert {p: found.count(p) for p in found} == expected


def test_fixed_root_is_exactly_zero() -> None:
    config = VideoPose3DConfig("halpe_26", channels=8, blocks=0, fixed_root=True)
    root = get_skeleton("halpe_26").root
    assert root != 0
    poses = VideoPose3D(config)(torch.randn(4, 26, 2))
    assert not poses[:, root].any()
    assert poses.any(dim=2).sum() == 4 * 25


@pytest.mark.parametrize("name", ["videopose3d, fixed root", "stgcn of 16 joints"])
def test_sixteen_joints_export_too(name: str, tmp_path: Path) -> None:
    model = lively(build(*SMALL[name]))
    assert np.abs(lifted_by_file(model, tmp_path)[:, 0]).max() == 0


@pytest.mark.usefixtures("untrained")
def test_a_joint_set_without_pelvis_is_lifted_relative_to_its_spine(tmp_path: Path) -> None:
    config = PoseGraphNetConfig("h36m_16_no_pelvis", widths=(8, 8))
    found = lifted_by_file(lively(PoseGraphNet(config)), tmp_path)
    spine = get_skeleton(config.skeleton).index("spine")
    assert (np.abs(found).max(axis=(0, 2)) == 0).tolist() == [j == spine for j in range(16)]


def lifted_by_file(model: nn.Module, folder: Path) -> np.ndarray:
    """Export a network (which proves the file equal) and lift detections of 17 joints with it."""
    architecture, config = describe(model)
    card = {
        "name": architecture,
        "architecture": architecture,
        "config": config,
        "skeleton": config["skeleton"],
        "normalisation": "screen",
        "units": "m",
    }
    export_onnx(model, card, folder / "model.onnx")
    keypoints = np.random.default_rng(5).uniform(200, 900, size=(6, 17, 2)).astype(np.float32)
    lifter = Lifter(folder / "model.onnx")
    return lifter.lift(keypoints, image_size=(1000, 1000), skeleton="h36m_17")


@pytest.mark.parametrize(
    ("architecture", "config", "message"),
    [
        ("videopose3d", {"skeleton": "x"}, "unknown skeleton 'x'"),
        ("videopose3d", {"channels": 0}, "channels: expected at least 1, got 0"),
        ("videopose3d", {"blocks": -1}, "blocks: expected at least 0, got -1"),
        ("videopose3d", {"dropout": 1.0}, "dropout: expected 0 <= dropout < 1, got 1.0"),
        (
            "stgcn",
            {"skeleton": "coco_17"},
            "skeleton: expected h36m_17 or h36m_16 for an ST-GCN, got 'coco_17'",
        ),
        ("stgcn", {"channels": []}, r"channels: expected one or more positive widths, got \(\)"),
        ("stgcn", {"channels": [8, 0]}, r"channels: .* got \(8, 0\)"),
        ("stgcn", {"pooled": 0}, "pooled: expected at least 1, got 0"),
        ("stgcn", {"dropout": -0.1}, "dropout: expected 0 <= dropout < 1, got -0.1"),
        ("stgcn", {"dropout": "no"}, "stgcn: expected a number or null for dropout, got 'no'"),
    ],
)
def test_settings_that_make_no_network(
    architecture: str, config: dict[str, object], message: str
) -> None:
    with pytest.raises(PoseliftError, match=message):
        build(architecture, config)
