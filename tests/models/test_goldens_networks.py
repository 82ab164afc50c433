"""Our networks against the official ones, with their weights loaded through `from_official`."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from golden_support import Golden, assert_close, assert_group_close
from poselift.models import (
    GLNConfig,
    Martinez,
    MartinezConfig,
    PoseGraphNet,
    PoseGraphNetConfig,
    SemGCN,
    SemGCNConfig,
    build,
    from_official,
)
from poselift.models.gridconv import GridConv, GridLiftingNetwork
from poselift.models.official import translate
from poselift.models.stgcn import PARTS, neighbour_groups, part_joints
from poselift.skeletons import H36M_17, get_skeleton

CR, CZ, ZR = ("circular", "replicate"), ("circular", "zero"), ("zero", "replicate")

#: Golden file -> settings that a checkpoint does not hold.
SETTINGS: dict[str, dict[str, object]] = {
    "posegraphnet_initial_adj": {},
    "posegraphnet_learned_adj": {},
    "posegraphnet_uneven_widths": {},
    "martinez_16j": {},
    "martinez_17j": {},
    "martinez_poseaug_16j": {},
    "videopose3d_fw1": {},
    "videopose3d_fw111": {},
    "videopose_poseaug_16j": {},
    "stgcn_single_frame_17j": {},
    "stgcn_single_frame_16j_wrapper": {},
    "semgcn_16j": {},
    "semgcn_17j": {},
    "semgcn_nonlocal_16j": {},
    "gridconv_vanilla": {},
    "dgridconv_cr_t1": {"paddings": CR, "temperature": 1.0},
    "dgridconv_cr_t30": {"paddings": CR},
    "dgridconv_cz_t1": {"paddings": CZ, "temperature": 1.0},
    "dgridconv_cz_t30": {"paddings": CZ},
    "dgridconv_zr_t4p5_grid7x4": {
        "paddings": ZR,
        "temperature": 4.5,
        "grid": (7, 4),
        "layout": "random",
    },
    "autogrids_standard": {"paddings": CZ},
    "autogrids_learnt_type2": {"paddings": CR, "temperature": 1.0},
    "autogrids_learnt_type3": {"paddings": CZ},
    "autogrids_random_scores": {"paddings": CR, "temperature": 5.0},
}
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
TRAIN_TOLERANCE = {torch.float32: 5e-5, torch.float64: 1e-9}
SUFFIX = {torch.float32: "", torch.float64: "_f64"}


@pytest.fixture(params=SETTINGS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def golden(name: str, shared: Path) -> Golden:
    return Golden(shared / "golden" / f"{name}.npz")


@pytest.fixture
def model(name: str, golden: Golden) -> nn.Module:
    """The official weights in our network, without dropout; AutoGrids picks its hard layout."""
    network = from_official(golden.group("state"), settings={**SETTINGS[name], "dropout": 0.0})
    if name.startswith("autogrids"):
        network.sgt.straight_through = False
    return network


@pytest.fixture(autouse=True)
def _lost_joints_are_known() -> object:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="no grid node holds joint")
        yield


def call(name: str, model: nn.Module, inputs: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Run a network on inputs in the golden file's layout, and return such outputs."""
    if "gridconv" in name:
        lifted = model.lift_grid(inputs.flatten(2).transpose(1, 2))
        return lifted.transpose(1, 2).reshape(shape)
    if name == "stgcn_single_frame_17j":  # channels first, one frame, one person
        return model(inputs[:, :, 0, :, 0].transpose(1, 2)).transpose(1, 2).reshape(shape)
    poses = model(inputs.reshape(len(inputs), -1, 2))
    if name == "martinez_16j":  # predicts no hip; we put it back
        poses = poses[:, 1:]
    return poses.reshape(shape)


def run_and_compare(
    name: str, model: nn.Module, golden: Golden, prefix: str, dtype: torch.dtype, slack: float
) -> None:
    """Compare output and input gradient; parameter gradients stay in the network."""
    model.to(dtype)
    inputs = torch.from_numpy(golden["input"]).to(dtype).requires_grad_()
    expected = golden[f"{prefix}output{SUFFIX[dtype]}"]
    output = call(name, model, inputs, expected.shape)
    assert_close(output, expected, TOLERANCE[dtype])
    output.square().sum().backward()
    assert_close(inputs.grad, golden[f"{prefix}grad_input{SUFFIX[dtype]}"], slack)


def gradients(model: nn.Module) -> dict[str, Tensor]:
    return {key: p.grad for key, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_output_and_input_gradient(
    name: str, model: nn.Module, golden: Golden, dtype: torch.dtype
) -> None:
    run_and_compare(name, model, golden, "", dtype, TOLERANCE[dtype])


def test_parameter_gradients(name: str, model: nn.Module, golden: Golden) -> None:
    run_and_compare(name, model, golden, "", torch.float32, 1e-5)
    _, _, expected = translate(golden.group("grad"))
    assert_group_close(gradients(model), expected, 1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_training_mode(name: str, model: nn.Module, golden: Golden, dtype: torch.dtype) -> None:
    model.train()
    run_and_compare(name, model, golden, "train_", dtype, TRAIN_TOLERANCE[dtype])
    if dtype == torch.float32 and golden.group("train_grad"):
        _, _, expected = translate(golden.group("train_grad"))
        assert_group_close(gradients(model), expected, 5e-5)


def test_batch_norm_state_after_a_training_pass(
    name: str, model: nn.Module, golden: Golden
) -> None:
    if not golden.group("train_state"):
        pytest.skip("the file holds no train_state")
    model.train()
    with torch.no_grad():
        call(name, model, torch.from_numpy(golden["input"]), golden["train_output"].shape)
    _, _, expected = translate({**golden.group("state"), **golden.group("train_state")})
    found = model.state_dict()
    for key, value in expected.items():
        if "running" in key or "tracked" in key:
            assert_close(found[key], value.numpy(), 1e-5)


def hooked(model: nn.Module, members: dict[str, str]) -> dict[str, list[Tensor]]:
    """Collect the outputs of members (golden name -> our name) whenever they run."""
    seen: dict[str, list[Tensor]] = {key: [] for key in members}

    def keep(key: str) -> Callable[[nn.Module, tuple[Tensor, ...], object], None]:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: object) -> None:
            if isinstance(module, GridConv):  # in evaluation it folds in the batch norm after it
                output = module.forward(*inputs[:2])
            seen[key].append(output[1] if isinstance(output, tuple) else output)

        return hook

    for key, member in members.items():
        model.get_submodule(member).register_forward_hook(keep(key))
    return seen


def member_names(name: str, keys: list[str]) -> dict[str, str]:
    """Our names of the sub-modules whose outputs a golden file holds."""
    ours = {"gc1": "first.convolution", "w1": "first.linear", "expand_conv": "first.linear"}
    ours |= {"shrink": "last", "data_bn": "input_norm", "conv4": "whole", "conv2": "merge"}
    ours |= {"stgcn": "last", "non_local": "non_local"}
    if "grid" in name:
        ours = {"w1": "expand.layer.conv"}
        ours |= {"atten_conv1": "expand.layer.attention", "atten_conv2": "shrink.attention"}
    for i in range(3):
        ours |= {f"gcBlock{i + 2}": f"blocks.{i}", f"linear_stages.{i}": f"blocks.{i}"}
        ours |= {
            f"st_gcn_networks.{i}": f"joint_layers.{i}",
            f"st_gcn_pool.{i}": f"part_layers.{i}",
        }
        for half, member in ((1, "first"), (2, "second")):
            ours[f"linear_stages.{i}.atten_conv{half}"] = f"blocks.{i}.{member}.layer.attention"
    if name.startswith("semgcn"):
        ours |= semgcn_names(nonlocal_blocks="nonlocal" in name)
    return {key: ours[key] for key in keys if not key.endswith(("donut_conv", "tablet_conv"))}


def semgcn_names(*, nonlocal_blocks: bool) -> dict[str, str]:
    """Our names of SemGCN's layers, which are numbered along with the non-local blocks."""
    ours = {"gconv_input.0": "first", "gconv_input.1": "nonlocal_blocks.0"}
    for number in range(9):
        block, second = divmod(number, 2) if nonlocal_blocks else (number, 0)
        member = f"nonlocal_blocks.{block + 1}" if second else f"blocks.{block}"
        ours[f"gconv_layers.{number}"] = member
    return ours


def test_activations(name: str, model: nn.Module, golden: Golden) -> None:
    expected = golden.group("act")
    seen = hooked(model, member_names(name, list(expected)))
    with torch.no_grad():
        call(name, model, torch.from_numpy(golden["input"]), golden["output"].shape)
    for key, outputs in seen.items():
        (output,) = outputs
        if ("grid" in name and "atten" not in key) or ("stgcn" in name and key != "data_bn"):
            output = output.transpose(1, 2)  # nodes x channels -> channels x nodes
        assert_close(output.reshape(expected[key].shape), expected[key], 1e-5)


def test_branches_of_plain_grid_convolution(shared: Path) -> None:
    golden = Golden(shared / "golden" / "gridconv_vanilla.npz")
    inputs = torch.from_numpy(golden["input"]).flatten(2).transpose(1, 2)
    for branch, key in enumerate(("act/w1.donut_conv", "act/w1.tablet_conv")):
        model = from_official(golden.group("state"))
        conv = model.expand.layer.conv
        with torch.no_grad():
            conv.weight[1 - branch] = 0
            conv.bias[1 - branch] = 0
            output = conv(inputs)
        assert_close(output.transpose(1, 2).reshape(golden[key].shape), golden[key], 1e-5)


@pytest.mark.parametrize(
    "name",
    [
        "gridconv_vanilla",
        *(n for n in SETTINGS if "grid7x4" not in n and n.startswith("dgridconv")),
    ],
)
def test_whole_grid_network_from_pose_to_pose(name: str, golden: Golden, model: nn.Module) -> None:
    with torch.no_grad():
        found = model(torch.from_numpy(golden["input_pose"]))
    assert_close(found, golden["output_pose"], 1e-5)


@pytest.mark.parametrize("name", [n for n in SETTINGS if n.startswith("posegraphnet")])
def test_normalised_adjacency(name: str, golden: Golden, model: nn.Module) -> None:
    with torch.no_grad():
        assert_close(model.normalised_adjacency(), golden["adj_normalised"], 1e-6)


@pytest.mark.parametrize("name", ["h36m_17", "h36m_16_no_pelvis"])
def test_first_adjacency_of_posegraphnet(name: str, shared: Path) -> None:
    golden = Golden(shared / "golden" / "posegraphnet_adjacency.npz")
    skeleton = get_skeleton(name)
    joints = len(skeleton)
    model = PoseGraphNet(PoseGraphNetConfig(skeleton=name)).double()
    assert_close(model.adjacency, golden[f"adj{joints}_raw"], 0)
    assert_close(model.normalised_adjacency(), golden[f"adj{joints}_network_normalised"], 1e-12)
    assert np.array_equal(skeleton.depth, golden[f"dist_center{joints}"])


def test_graphs_and_parts_of_stgcn(shared: Path) -> None:
    golden = Golden(shared / "golden" / "stgcn_single_frame_17j.npz")
    for key, graph in {
        "graph_A": neighbour_groups(H36M_17, "spine"),
        "graph_A_pool": neighbour_groups(PARTS, "trunk"),
    }.items():
        assert_close(graph.transpose(0, 2, 1), golden[key], 1e-6)  # official: sender first
    official = golden.group("part")
    for number, joints in enumerate(part_joints(H36M_17)):
        assert joints == official[str(number)].tolist()


def test_parameter_counts(shared: Path) -> None:
    counts = json.loads((shared / "golden" / "param_counts.json").read_text())["models"]
    vanilla = {"attention": "none", "layout": "official"}
    networks = {
        "gridconv_vanilla_h256": build("gln", vanilla),
        "gridconv_vanilla_h128": build("gln", {**vanilla, "channels": 128}),
        "dgridconv_h256": build("gln", {"layout": "official"}),
        "dgridconv_h128": build("gln", {"layout": "official", "channels": 128}),
        "dgridconv_autogrids_h256": GridLiftingNetwork(),
        "dgridconv_autogrids_h128": GridLiftingNetwork(GLNConfig(channels=128)),
        "posegraphnet_17j": PoseGraphNet(),
        "posegraphnet_16j": PoseGraphNet(PoseGraphNetConfig(skeleton="h36m_16_no_pelvis")),
        "martinez_17j_to_17j": Martinez(),
        "martinez_17j_to_16j": Martinez(MartinezConfig(fixed_root=True)),
        "martinez_16j_to_15j": Martinez(MartinezConfig(skeleton="h36m_16", fixed_root=True)),
        "semgcn_16j": SemGCN(SemGCNConfig("h36m_16")),
        "semgcn_17j": SemGCN(),
        "semgcn_nonlocal_16j": SemGCN(SemGCNConfig("h36m_16", nonlocal_blocks=True)),
        "poseaug_semgcn": SemGCN(SemGCNConfig("h36m_16")),
        "poseaug_mlp_2_stages": Martinez(MartinezConfig(skeleton="h36m_16", fixed_root=True)),
        "videopose3d_fw1": build("videopose3d", {"blocks": 0}),
        "videopose3d_fw111": build("videopose3d", {"blocks": 2}),
        "videopose3d_fw11111": build("videopose3d"),
        "poseaug_videopose_fw11111": build(
            "videopose3d", {"skeleton": "h36m_16", "fixed_root": True}
        ),
        "stgcn_single_frame": build("stgcn"),
    }
    for key, network in networks.items():
        found = sum(parameter.numel() for parameter in network.parameters())
        assert found == counts[key]["parameters"], key
