"""SemGCN and LCN as ONNX files, on each topology: `export_onnx` proves them equal to torch."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
from torch import nn

from poselift.export import export_onnx
from poselift.models import build, describe, load_model

#: Each topology and each option of the forward pass at least once.
SMALL: dict[str, list[dict[str, object]]] = {
    "semgcn": [
        {"topology": "skeleton", "nonlocal_blocks": True},
        {"topology": "grid_graph", "mask": "channelwise"},
        {"topology": "grid", "nonlocal_blocks": True, "mask": "channelwise"},
    ],
    "lcn": [
        {"topology": "skeleton"},
        {"topology": "grid_graph", "add_input": True},
        {"topology": "grid", "add_input": True},
    ],
}
SIZES: dict[str, dict[str, object]] = {
    "semgcn": {"width": 8, "layers": 1},
    "lcn": {"width": 4, "blocks": 1},
}


@pytest.mark.parametrize(
    ("architecture", "values"), [(name, one) for name, several in SMALL.items() for one in several]
)
def test_exported_proven_and_loaded_back(
    architecture: str, values: dict[str, object], tmp_path: Path
) -> None:
    torch.manual_seed(3)
    model = build(architecture, {**SIZES[architecture], **values})
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 2.0)
    _, config = describe(model)
    card = {
        "name": f"small {architecture}",
        "architecture": architecture,
        "config": config,
        "skeleton": "h36m_17",
        "normalisation": "screen",
        "units": "m",
    }
    path = tmp_path / "model.onnx"
    export_onnx(model, card, path)
    stored = [tensor.name for tensor in onnx.load(path).graph.initializer]
    assert sorted(stored) == sorted(model.state_dict())
    loaded, written = load_model(path)
    assert written["before_output_layer"]
    inputs = torch.randn(3, 17, 2)
    with torch.no_grad():
        assert torch.equal(loaded(inputs), model.eval()(inputs))
