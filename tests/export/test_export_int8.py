"""Files of 8-bit weights: what they compute, what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from poselift import PoseliftError
from poselift.export import export_onnx
from poselift.lifting.session import open_model
from poselift.modelfiles import read_card
from poselift.modelfiles.find import find_model
from poselift.models.checkpoint import load_model
from poselift.models.forms import quantized
from poselift.models.integers import IntegerProduct
from poselift.models.registry import build, describe

WIDE: dict[str, dict[str, Any]] = {
    "gln": {"channels": 64, "blocks": 1},
    "gln vanilla": {"channels": 64, "blocks": 1, "attention": "none", "layout": "handcrafted"},
    "gln zero": {"channels": 64, "blocks": 1, "paddings": ["circular", "zero"]},
    "posegraphnet": {"widths": [64, 96]},
    "martinez": {"width": 80, "blocks": 1},
    "lcn": {"width": 16, "blocks": 1},
}


def wide(name: str) -> nn.Module:
    torch.manual_seed(3)
    model = build(name.split()[0], WIDE[name])
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 2.0)
    return model.eval()


def card_of(model: nn.Module) -> dict[str, Any]:
    architecture, config = describe(model)
    facts = {"name": "wide", "skeleton": "h36m_17", "normalisation": "person", "units": "m"}
    return {**facts, "architecture": architecture, "config": config}


@pytest.fixture(scope="module", params=sorted(WIDE))
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[nn.Module, Path]:
    """A network, and a folder with its fp32 and int8 files."""
    model, folder = wide(request.param), tmp_path_factory.mktemp("int8")
    export_onnx(model, card_of(model), folder / "wide.onnx")
    export_onnx(model, card_of(model), folder / "wide.int8.onnx", precision="int8")
    return model, folder


def poses(frames: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(frames, 17, 2)).astype(np.float32)


def test_integers_are_near_the_exact_result(pair: tuple[nn.Module, Path]) -> None:
    model, folder = pair
    inputs = poses(50)
    with torch.no_grad():
        exact = model(torch.from_numpy(inputs)).numpy()
    found = open_model(find_model(folder / "wide.onnx", "int8"), 1, precision="int8").run(inputs)
    assert not np.array_equal(found, exact)
    error = np.linalg.norm(found - exact, axis=2).mean() / np.linalg.norm(exact, axis=2).mean()
    assert error < 0.03


def test_a_frame_does_not_depend_on_the_others(pair: tuple[nn.Module, Path]) -> None:
    model = open_model(find_model(pair[1] / "wide.onnx", "int8"), 1, precision="int8")
    inputs = poses(9)
    inputs[4:] *= 50  # would set the scale of all, were there one for all
    alone = np.concatenate([model.run(inputs[i : i + 1]) for i in range(9)])
    together = model.run(inputs)
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-5 * np.abs(alone).max())


def test_large_layers_hold_integers(pair: tuple[nn.Module, Path]) -> None:
    proto = onnx.load(pair[1] / "wide.int8.onnx")
    kinds = {node.op_type for node in proto.graph.node}
    assert {"QuantizeLinear", "MatMulIntegerToFloat"} <= kinds
    large = [t for t in proto.graph.initializer if len(t.dims) == 2 and min(t.dims) >= 64]
    assert large
    assert {t.data_type for t in large} == {onnx.TensorProto.INT8}


@pytest.mark.parametrize("signed", [False, True])
def test_product_of_whole_numbers_is_exact(signed: bool) -> None:
    weight = torch.arange(-127.0, 128.0).reshape(255, 1)
    product = IntegerProduct(weight, signed=signed)
    inputs = torch.arange(0.0, 255.0)[None]
    expected = (torch.round(inputs / 2) * 2 if signed else inputs) @ weight
    torch.testing.assert_close(product(inputs), expected, rtol=1e-6, atol=0)


def test_weights_for_running_are_no_weights_for_torch(pair: tuple[nn.Module, Path]) -> None:
    with pytest.raises(PoseliftError, match="holds int8 weights, which are only for running"):
        load_model(pair[1] / "wide.int8.onnx")


def test_network_without_large_layers_is_refused(tmp_path: Path) -> None:
    model = build("gln", {"channels": 16, "blocks": 0})
    with pytest.raises(PoseliftError, match="int8: GridLiftingNetwork has no layer of 64 or more"):
        quantized(model)
    with pytest.raises(PoseliftError, match="has no layer"):
        export_onnx(model, card_of(model), tmp_path / "model.int8.onnx", precision="int8")
    assert list(tmp_path.iterdir()) == []


def test_unknown_precision_is_refused(tmp_path: Path) -> None:
    model = wide("martinez")
    with pytest.raises(PoseliftError, match=r"expected precision fp32 or int8 .*, got 'int4'"):
        export_onnx(model, card_of(model), tmp_path / "model.onnx", precision="int4")
    with pytest.raises(PoseliftError, match="gives the precision 'int4', expected one of fp32"):
        read_card({**card_of(model), "precision": "int4"}, "a card")
