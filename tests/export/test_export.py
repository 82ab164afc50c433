"""Exported files: equal to torch, complete, and refused where they would not be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from poselift import Lifter, PoseliftError
from poselift.export import export_onnx
from poselift.export.onnx_export import FP16_MIN_SIZE
from poselift.geometry import normalise
from poselift.modelfiles.card import METADATA_KEY
from poselift.modelfiles.onnxfile import GRAPH_KEY
from poselift.models.checkpoint import load_model
from poselift.models.registry import build, describe

SMALL: dict[str, dict[str, Any]] = {
    "gln": {"channels": 16, "blocks": 1},
    "posegraphnet": {"widths": [48, 48]},
    "martinez": {"width": 80, "blocks": 1},
    "videopose3d": {"channels": 80, "blocks": 1},
    "stgcn": {"channels": [16, 16, 24], "pooled": 48},
}


def small(architecture: str) -> nn.Module:
    """A narrow network with lively batch-norm statistics and, for GLN, a learnt layout."""
    torch.manual_seed(3)
    model = build(architecture, SMALL[architecture])
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 2.0)
    if architecture == "gln":
        with torch.no_grad():
            model.get_parameter("sgt.scores").normal_()
    return model


def card_of(model: nn.Module) -> dict[str, Any]:
    architecture, config = describe(model)
    return {
        "name": f"small {architecture}",
        "architecture": architecture,
        "config": config,
        "skeleton": "h36m_17",
        "normalisation": "person",
        "units": "m",
    }


@pytest.fixture(scope="module", params=sorted(SMALL))
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[nn.Module, Path]:
    model = small(request.param)
    path = tmp_path_factory.mktemp("exported") / "deep" / "model.onnx"
    export_onnx(model, card_of(model), path)
    return model, path


@pytest.mark.usefixtures("untrained")
def test_lifter_gives_what_torch_gives(exported: tuple[nn.Module, Path]) -> None:
    model, path = exported
    rng = np.random.default_rng(5)
    keypoints = rng.uniform(200, 900, size=(12, 17, 2)).astype(np.float32)
    keypoints[4, [0, 8, 13]] = np.nan
    pose = normalise(keypoints, "person", (1000.0, 1000.0))
    with torch.no_grad():
        outputs = model.eval()(torch.from_numpy(np.nan_to_num(pose.inputs))).numpy()
    expected = pose.to_camera(outputs)
    expected -= expected[:, :1]
    found = Lifter(path, flip=False).lift(keypoints, image_size=(1000, 1000), skeleton="h36m_17")
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_weights_and_card_load_back(exported: tuple[nn.Module, Path]) -> None:
    model, path = exported
    loaded, card = load_model(path)
    assert {key: card[key] for key in card_of(model)} == card_of(model)
    assert card["precision"] == "fp32"
    own, other = model.state_dict(), loaded.state_dict()
    assert own.keys() == other.keys()
    for name, value in own.items():
        torch.testing.assert_close(other[name], value, rtol=0, atol=0)


def test_initialisers_are_the_state_dict_and_nothing_tells_of_this_machine(
    exported: tuple[nn.Module, Path],
) -> None:
    model, path = exported
    proto = onnx.load(path)
    onnx.checker.check_model(proto, full_check=True)
    names = [tensor.name for tensor in proto.graph.initializer]
    assert sorted(names) == sorted(model.state_dict())
    assert [entry.key for entry in proto.metadata_props] == [METADATA_KEY, GRAPH_KEY]
    data = path.read_bytes()
    assert str(Path(torch.__file__).parents[1]).encode() not in data
    assert b"/src/poselift" not in data
    assert [file.name for file in path.parent.iterdir()] == [path.name]  # no external data


def test_training_mode_and_weights_are_left_alone(tmp_path: Path) -> None:
    model = small("martinez").train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(PoseliftError, match="it is a folder"):
        export_onnx(model, card_of(model), tmp_path, fp16=True)
    assert model.training
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_half_precision_is_storage_only(tmp_path: Path) -> None:
    model = small("martinez")
    export_onnx(model, card_of(model), tmp_path / "half.onnx", fp16=True)
    stored = {t.name: t for t in onnx.load(tmp_path / "half.onnx").graph.initializer}
    loaded, _ = load_model(tmp_path / "half.onnx")
    rounded = 0
    for name, value in model.state_dict().items():
        if value.numel() >= FP16_MIN_SIZE:
            assert stored[name].data_type == onnx.TensorProto.FLOAT16
            value, rounded = value.half().float(), rounded + 1
        torch.testing.assert_close(loaded.state_dict()[name], value, rtol=0, atol=0)
    assert rounded == 2
    inputs = torch.randn(6, 17, 2)
    session = Lifter(tmp_path / "half.onnx")._model
    with torch.no_grad():
        expected = loaded(inputs).numpy()
    np.testing.assert_allclose(session.run(inputs.numpy()), expected, rtol=1e-4, atol=1e-5)


class Drawn(nn.Module):
    """A network whose graph and forward pass disagree: noise is drawn in both."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 3)

    def forward(self, keypoints: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.layer(keypoints) + torch.rand(1)
        return out


class Plain(nn.Module):
    """One linear map; `outputs` other than 3 make it no lifting network."""

    def __init__(self, outputs: int = 3, joints: int = 17) -> None:
        super().__init__()
        self.layer = nn.Linear(2 * joints, outputs * joints)
        self.shape = (-1, joints, outputs)

    def forward(self, keypoints: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.layer(keypoints.flatten(1)).reshape(self.shape)
        return out


CARD = {**card_of(small("martinez")), "name": "plain"}


def refused(folder: Path, model: nn.Module, match: str, **arguments: Any) -> None:
    """Export is refused with a sentence and leaves no file."""
    card = arguments.pop("card", CARD)
    with pytest.raises(PoseliftError, match=match):
        export_onnx(model, card, folder / "model.onnx", **arguments)
    assert list(folder.iterdir()) == []


def test_a_file_that_differs_from_torch_is_not_written(tmp_path: Path) -> None:
    refused(tmp_path, Drawn(), "differs from the torch model by .* nothing was written")


def test_networks_and_cards_that_do_not_fit(tmp_path: Path) -> None:
    refused(tmp_path, Plain(outputs=2), r"expected poses of shape \(3, 17, 3\)")
    refused(tmp_path, Plain(joints=16), "the network takes no 17 joints")
    refused(tmp_path, Plain(), "'skeleton' in the model card", card={**CARD, "skeleton": None})
    refused(tmp_path, Plain(), "cannot be written as JSON", card={**CARD, "when": Path()})


def test_weights_that_are_not_finite(tmp_path: Path) -> None:
    model = Plain()
    with torch.no_grad():
        model.layer.bias[0] = float("nan")
    refused(tmp_path, model, "weight layer.bias is not finite, refusing")
    wide = small("martinez")
    name = next(n for n, v in wide.named_parameters() if v.numel() >= FP16_MIN_SIZE)
    with torch.no_grad():
        wide.get_parameter(name).view(-1)[0] = 1e6
    refused(tmp_path, wide, f"weight {name} is not finite after rounding to float16", fp16=True)
