"""HRNet: the published sizes and key names, maps at a quarter, checkpoints of the released code."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from picture_samples import TINY_HRNET
from poselift.errors import PoseliftError
from poselift.models import HRNet, HRNetConfig, build, config_from_dict, load_model, save_model
from poselift.models.hrnet.network import small
from poselift.models.hrnet.official import size_of
from poselift.models.official.imports import import_official
from poselift.models.registry import outline_of


def tiny(**changes: Any) -> HRNet:
    torch.manual_seed(0)
    network = build("hrnet", {**TINY_HRNET, **changes})
    assert isinstance(network, HRNet)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.2)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    return network.eval()


@pytest.mark.parametrize(("width", "millions"), [(32, 28.5), (48, 63.6)])
def test_parameters_are_those_published(width: int, millions: float) -> None:
    network = outline_of("hrnet", {"width": width})
    count = sum(parameter.numel() for parameter in network.parameters())
    assert round(count / 1e6, 1) == millions


def test_keys_are_those_of_the_released_code() -> None:
    shapes = {key: tuple(v.shape) for key, v in outline_of("hrnet", {}).state_dict().items()}
    for key, shape in {
        "conv1.weight": (64, 3, 3, 3),
        "layer1.0.downsample.0.weight": (256, 64, 1, 1),
        "layer1.3.bn3.running_var": (256,),
        "transition1.0.0.weight": (32, 256, 3, 3),
        "transition1.1.0.0.weight": (64, 256, 3, 3),
        "stage2.0.branches.1.3.conv2.weight": (64, 64, 3, 3),
        "stage2.0.fuse_layers.0.1.1.num_batches_tracked": (),
        "stage2.0.fuse_layers.1.0.0.0.weight": (64, 32, 3, 3),
        "transition2.2.0.0.weight": (128, 64, 3, 3),
        "stage3.3.fuse_layers.2.0.0.0.weight": (32, 32, 3, 3),
        "stage3.3.fuse_layers.2.0.1.0.weight": (128, 32, 3, 3),
        "transition3.3.0.1.bias": (256,),
        "stage4.2.fuse_layers.0.3.0.weight": (32, 256, 1, 1),
        "final_layer.bias": (17,),
    }.items():
        assert shapes[key] == shape, key
    assert not any(key.startswith("stage4.2.fuse_layers.1") for key in shapes)  # one output
    assert len(shapes) == KEYS_OF_W32


#: Counted in the released network of the same settings (leoxiaobin, W32, 17 joints).
KEYS_OF_W32 = 1754


def test_maps_are_a_quarter_of_the_crop_one_a_joint() -> None:
    network = tiny(size=(64, 96))
    assert network(torch.randn(2, 3, 64, 96)).shape == (2, 17, 16, 24)
    assert sum(p.numel() for p in HRNet(small()).parameters()) < 1_500_000


def test_it_is_saved_and_loaded_strictly(tmp_path: Path) -> None:
    network = tiny()
    save_model(tmp_path, network, {"kind": "detector"})
    again, _ = load_model(tmp_path, architecture="hrnet")
    picture = torch.randn(2, 3, 64, 64)
    assert torch.equal(network(picture), again(picture))


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_released_checkpoint_becomes_the_network(wrapped: bool, tmp_path: Path) -> None:
    """Their files: a bare state dict, or one in a checkpoint; old ones lack the counters."""
    network = tiny()
    state = OrderedDict(network.state_dict())
    if wrapped:
        state = OrderedDict((f"module.{key}", value) for key, value in state.items())
    else:
        for key in [key for key in state if key.endswith("num_batches_tracked")]:
            del state[key]
    content = {"epoch": 210, "model": "pose_hrnet", "state_dict": state} if wrapped else state
    path = tmp_path / "pose_hrnet_w4_64x64.pth"
    torch.save(content, path)
    model, card = import_official(path, "hrnet")
    picture = torch.randn(2, 3, 64, 64)
    assert torch.equal(network(picture), model(picture))
    assert card["config"] | {"skeleton": 0} == {
        **{name: list(v) if isinstance(v, tuple) else v for name, v in TINY_HRNET.items()},
        "temperature": 0.07,
        "skeleton": 0,
    }
    assert (card["kind"], card["skeleton"]) == ("detector", "coco_17")
    assert card["assumed"] == {"size": [64, 64]}
    assert import_official(path, "hrnet", skeleton="h36m_17")[1]["skeleton"] == "h36m_17"


def test_checkpoints_that_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "hrnet.pth"
    state = tiny().state_dict()

    def says(sentence: str, changed: dict[str, Any], **options: Any) -> None:
        torch.save(changed, path)
        with pytest.raises(PoseliftError, match=sentence):
            import_official(path, "hrnet", **options)

    few = {key: v[:16] if key.startswith("final") else v for key, v in state.items()}
    says("has 16 heat maps: name their joint set, --skeleton NAME", few)
    says("has 16 heat maps, expected the 17 of coco_17", few, skeleton="coco_17")
    other = {**state, "stage3.0.branches.0.0.conv1.weight": torch.zeros(6, 6, 3, 3)}
    says(r"expected shape \(4, 4, 3, 3\) for weight 'stage3.0.branches.0.0.conv1.weight'", other)
    says(
        "unexpected weight 'incre_modules.0.weight'",
        {**state, "incre_modules.0.weight": torch.ones(1)},
    )
    missing = {key: v for key, v in state.items() if key != "final_layer.bias"}
    says("weight 'final_layer.bias' is missing", missing)
    says("--temperature is for osvai-gridconv, not for hrnet", state, temperature=3.0)
    says("--normalisation is for lifters, hrnet is a detector", state, normalisation="screen")
    says("size: expected height and width in multiples of 32, got 100x64", state, size=(100, 64))


def test_weights_of_another_width_are_refused(tmp_path: Path) -> None:
    save_model(tmp_path, tiny(), {"kind": "detector"})
    card = (tmp_path / "model.json").read_text()
    (tmp_path / "model.json").write_text(card.replace('"width": 4', '"width": 8'))
    with pytest.raises(PoseliftError, match=r"expected shape \(8, 32, 3, 3\) for weight 'transi"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"size": [100, 64]}, "size: expected height and width in multiples of 32, got 100x64"),
        ({"size": [64]}, "hrnet: expected a list of 2 integers for size"),
        ({"width": 0}, "width: expected at least 1, got 0"),
        ({"modules": [1, 0, 1]}, "modules: expected at least 1, got 0"),
        ({"temperature": 0}, "temperature: expected above 0, got 0.0"),
    ],
)
def test_settings_that_are_refused(config: dict[str, object], sentence: str) -> None:
    with pytest.raises(PoseliftError, match=sentence):
        config_from_dict("hrnet", config)


def test_the_size_is_read_off_the_name() -> None:
    assert size_of("pose_hrnet_w48_384x288.pth") == (384, 288)
    assert size_of("model_best.pth") is None
    assert HRNetConfig().size == (256, 192)
