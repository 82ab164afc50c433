"""Saved networks come back the same, and nothing else passes for one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from poselift.errors import PoseliftError
from poselift.export import export_onnx
from poselift.export.onnx_export import seal
from poselift.lifting import Lifter
from poselift.modelfiles import find
from poselift.models import build, describe, load_model, save_model

SMALL: dict[str, dict[str, object]] = {
    "gln": {"channels": 16, "blocks": 0},
    "posegraphnet": {"widths": [64, 64]},
    "martinez": {"width": 72},
}
CARD = {"name": "small", "skeleton": "h36m_17", "normalisation": "person", "units": "m"}


def trained(name: str) -> nn.Module:
    """A network whose weights are all away from their starting values."""
    torch.manual_seed(5)
    model = build(name, SMALL[name])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        for _ in range(2):
            model(torch.randn(16, 17, 2))
    return model.eval()


def full_card(model: nn.Module) -> dict[str, object]:
    architecture, config = describe(model)
    return {**CARD, "architecture": architecture, "config": config}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(tmp_path / "run", trained("martinez"), CARD)
    return tmp_path / "run"


@pytest.mark.parametrize("name", SMALL)
def test_folder_round_trip(name: str, tmp_path: Path) -> None:
    model = trained(name)
    save_model(tmp_path, model, CARD)
    loaded, card = load_model(tmp_path, architecture=name)
    assert card == full_card(model)
    assert not loaded.training
    for key, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value), key


@pytest.mark.parametrize(
    ("name", "fp16"), [("gln", True), ("posegraphnet", True), ("martinez", False)]
)
def test_exported_file_loads_back_for_fine_tuning(name: str, fp16: bool, tmp_path: Path) -> None:
    model = trained(name)
    path = tmp_path / "model.onnx"
    export_onnx(model, full_card(model), path, fp16=fp16)
    loaded, card = load_model(path)
    assert {key: card[key] for key in full_card(model)} == full_card(model)
    own, found = model.state_dict(), loaded.state_dict()
    for key, value in own.items():
        slack = 1e-3 if fp16 else 0.0
        torch.testing.assert_close(found[key], value, rtol=slack, atol=1e-6 * fp16)
    loaded.train()
    loaded(torch.randn(8, 17, 2)).square().sum().backward()  # the weights can be trained on


def test_exported_file_may_lack_batch_norm_counters(tmp_path: Path) -> None:
    model = trained("posegraphnet")
    path = tmp_path / "model.onnx"
    export_onnx(model, full_card(model), path)
    proto = onnx.load(path)
    kept = [t for t in proto.graph.initializer if not t.name.endswith("num_batches_tracked")]
    assert len(kept) < len(proto.graph.initializer)
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(kept)
    path.write_bytes(seal(proto, full_card(model)))
    poses = torch.randn(4, 17, 2)
    assert torch.equal(load_model(path)[0](poses), model(poses))


def test_shipped_weights_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "shipped_folder", lambda: tmp_path / "weights")
    model = trained("posegraphnet")
    path = tmp_path / "weights" / "tiny.onnx"
    export_onnx(model, full_card(model), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (path.parent / "SHA256SUMS").write_text(f"{digest}  tiny.onnx\n")
    loaded, card = load_model("tiny")
    assert card["name"] == "small"
    assert torch.equal(loaded(torch.ones(1, 17, 2)), model(torch.ones(1, 17, 2)))
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(PoseliftError, match=r"tiny\.onnx: the shipped weights are damaged"):
        load_model("tiny")


def edit_card(**entries: object) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        card = json.loads((folder / "model.json").read_text())
        (folder / "model.json").write_text(json.dumps({**card, **entries}))

    return edit


def edit_weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        state = load_file(folder / "model.safetensors")
        change(state)
        save_file(state, folder / "model.safetensors")
        edit_card(weights_sha256=None)(folder)  # as if written so

    return edit


def truncate(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def scramble(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\x80\x02}q\x00." * 99)


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (
        edit_weights(lambda s: s.pop("last.bias")),
        r"weight 'last\.bias' is missing, expected shape \(51,\)",
    ),
    "unexpected": (
        edit_weights(lambda s: s.update(extra=torch.ones(2, 3))),
        r"unexpected weight 'extra' of shape \(2, 3\)",
    ),
    "shape": (
        edit_weights(lambda s: s.update({"last.bias": torch.ones(48)})),
        r"expected shape \(51,\) for weight 'last\.bias', found \(48,\)",
    ),
    "kind": (
        edit_weights(lambda s: s.update({"last.bias": torch.ones(51, dtype=torch.int64)})),
        r"expected torch\.float32 for weight 'last\.bias', found torch\.int64",
    ),
    "nan": (
        edit_weights(lambda s: s["last.bias"].fill_(float("nan"))),
        r"weight 'last\.bias' holds NaN or infinity",
    ),
    "truncated": (truncate, r"model\.safetensors: damaged or not a safetensors file"),
    "scrambled": (scramble, r"model\.safetensors: damaged or not a safetensors file"),
    "no weights": (
        lambda f: (f / "model.safetensors").unlink(),
        r"model\.safetensors: no such file",
    ),
    "no card": (lambda f: (f / "model.json").unlink(), r"model\.json: no such file"),
    "unreadable": (
        lambda f: (f / "model.json").rename(f / "card") and (f / "model.json").mkdir(),
        r"model\.json: cannot be read",
    ),
    "card text": (
        lambda f: (f / "model.json").write_text("{"),
        r"model\.json: the model card is not valid JSON",
    ),
    "card list": (
        lambda f: (f / "model.json").write_text("[]"),
        r"model\.json: expected the model card to be a JSON object",
    ),
    "architecture": (
        edit_card(architecture="posegraphnet", config={"widths": [64, 64]}),
        r"weight 'adjacency' is missing",
    ),
    "unknown architecture": (edit_card(architecture="x"), "unknown architecture 'x', expected"),
    "no architecture": (
        edit_card(architecture=None),
        "expected a string under 'architecture' in the model card, got None",
    ),
    "no config": (
        edit_card(config=3),
        "expected an object under 'config' in the model card, got 3",
    ),
    "config": (edit_card(config={"depth": 1}), "martinez: unknown setting 'depth'"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_damaged_folders_are_refused_in_words(case: str, folder: Path) -> None:
    damage, message = BROKEN[case]
    damage(folder)
    with pytest.raises(PoseliftError, match=message) as caught:
        load_model(folder)
    assert str(folder) in str(caught.value)


def test_another_architecture_than_asked(folder: Path) -> None:
    with pytest.raises(PoseliftError, match="expected a network of architecture gln, found mart"):
        load_model(folder, architecture="gln")


def test_neither_name_nor_folder_nor_file(tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match="expected the name of shipped weights, a folder with"):
        load_model("no_such_model")
    with pytest.raises(PoseliftError, match="expected the name of shipped weights"):
        load_model(tmp_path / "weights.pth")
    with pytest.raises(PoseliftError, match=r"none\.onnx: no such file"):
        load_model(tmp_path / "none.onnx")


def test_damaged_exported_files(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\xff" * 100)
    with pytest.raises(PoseliftError, match=r"model\.onnx: not a readable ONNX model, damaged"):
        load_model(path)
    path.write_bytes(b"")
    with pytest.raises(PoseliftError, match=r"model\.onnx: not a readable ONNX model, damaged"):
        load_model(path)
    model = trained("martinez")
    export_onnx(model, full_card(model), path)
    proto = onnx.load(path)
    tensor = next(t for t in proto.graph.initializer if t.name == "last.bias")
    tensor.raw_data = np.zeros(3, np.float32).tobytes()
    path.write_bytes(seal(proto, full_card(model)))
    with pytest.raises(PoseliftError, match=r"model\.onnx: weight 'last\.bias' is damaged"):
        load_model(path)


def damage(path: Path) -> None:
    """Change 400 bytes in the middle, weights among them, leaving a file that can be parsed."""
    data = bytearray(path.read_bytes())
    for place in range(len(data) // 2, len(data) // 2 + 400):
        data[place] ^= 0x11
    path.write_bytes(data)


def test_400_changed_bytes_are_noticed(folder: Path, tmp_path: Path) -> None:
    path, model = tmp_path / "exported.onnx", trained("martinez")
    export_onnx(model, full_card(model), path)
    damage(path)
    for opened in (load_model, Lifter):
        with pytest.raises(PoseliftError, match=r"exported\.onnx: damaged, its network is not"):
            opened(path)
    damage(folder / "model.safetensors")
    with pytest.raises(PoseliftError, match=r"model\.safetensors: damaged, or not the weights"):
        load_model(folder)


def test_a_foreign_network_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match="cannot describe a Linear"):
        save_model(tmp_path / "run", nn.Linear(2, 2), CARD)
    with pytest.raises(PoseliftError, match="the model card cannot be written as JSON"):
        save_model(tmp_path / "run", trained("martinez"), {"path": tmp_path})
    assert not (tmp_path / "run").exists()


def test_a_failed_write_leaves_the_older_model(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PoseliftError, match="cannot be written"):
        save_model(folder, trained("gln"), CARD)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("gln", {"channels": 10**9}),
        ("gln", {"blocks": 10**9}),
        ("gln", {"grid": (10**5, 10**5)}),
        ("posegraphnet", {"widths": [4] * 10**4}),
        ("martinez", {"width": 8, "blocks": 60}),
        ("martinez", {"width": 64}),
    ],
)
def test_sizes_that_the_weights_do_not_have_are_refused_before_anything_is_built(
    name: str, changes: dict[str, object], tmp_path: Path
) -> None:
    small = {"gln": {"channels": 4, "blocks": 1}, "posegraphnet": {"widths": (4, 4)}}
    save_model(tmp_path, build(name, small.get(name, {"width": 8, "blocks": 1})), {})
    card = json.loads((tmp_path / "model.json").read_text())
    card["config"].update(changes)
    (tmp_path / "model.json").write_text(json.dumps(card))
    with pytest.raises(PoseliftError, match=r"more than its weights|expected shape"):
        load_model(tmp_path)
