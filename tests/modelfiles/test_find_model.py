"""Finding and opening model files, and every way in which one can be wrong."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from poselift import Lifter, PoseliftError
from poselift.lifting.session import EXPORTED_FROM, physical_cores
from poselift.modelfiles import METADATA_KEY, read_card, shipped_models
from poselift.modelfiles import find as weights
from tiny_model import CARD, tiny_onnx


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that ships one tiny model, called "small"."""
    folder = tmp_path / "weights"
    folder.mkdir()
    data = tiny_onnx({"name": "small"})
    (folder / "small.onnx").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    (folder / "SHA256SUMS").write_text(f"{digest}  small.onnx\n{digest}  small.json\n")
    monkeypatch.setattr(weights, "shipped_folder", lambda: folder)
    return folder


def refused(model: str | Path, *parts: str) -> None:
    with pytest.raises(PoseliftError) as caught:
        Lifter(model)
    sentence = str(caught.value)
    assert "\n" not in sentence
    for part in parts:
        assert part in sentence


def test_shipped_by_name(shipped: Path) -> None:
    assert shipped_models() == ("small",)
    lifter = Lifter("small")
    expected = hashlib.sha256((shipped / "small.onnx").read_bytes()).hexdigest()
    assert lifter.weights_sha256 == expected
    assert repr(lifter).endswith(f", h36m_17, {expected[:12]})")


def test_shipped_name_wins_over_a_folder_of_that_name(
    shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shipped.parent / "small").mkdir()
    monkeypatch.chdir(shipped.parent)
    assert Lifter("small").card.name == "small"
    refused("./small", "holds no model.onnx")


def test_one_flipped_bit_is_noticed(shipped: Path) -> None:
    data = bytearray((shipped / "small.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (shipped / "small.onnx").write_bytes(data)
    refused("small", "damaged", "SHA-256", "reinstall poselift")


def test_shipped_file_gone(shipped: Path) -> None:
    (shipped / "small.onnx").unlink()
    refused("small", "weights of 'small' are missing")


def test_unknown_names_list_what_is_possible(shipped: Path) -> None:
    refused("gnl", "'gnl' not found", "expected 'small', a run folder, or an .onnx file")


def test_other_files_are_no_models(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"anything")
    refused(path, "not a model file", "an .onnx file")


def test_a_run_folder_is_its_exported_model(tmp_path: Path) -> None:
    refused(tmp_path, "holds no model.onnx", "is it a run folder?")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    refused(tmp_path, f"make it with `poselift export {tmp_path}`")
    (tmp_path / "model.onnx").write_bytes(tiny_onnx())
    assert Lifter(tmp_path).card.name == "tiny"
    assert Lifter(str(tmp_path)).card.name == "tiny"


def test_of_a_stopped_run_the_best_checkpoint_counts(tmp_path: Path) -> None:
    for number in (2, 10):
        best = tmp_path / "checkpoints" / f"best-{number}"
        best.mkdir(parents=True)
        (best / "model.safetensors").write_bytes(b"weights")
    refused(tmp_path, "the run was stopped", f"`poselift export {tmp_path}` makes one of its best")
    (best / "model.onnx").write_bytes(tiny_onnx())
    assert Lifter(tmp_path).card.name == "tiny"
    (tmp_path / "model.onnx").write_bytes(tiny_onnx({"name": "finished"}))
    assert Lifter(tmp_path).card.name == "finished"


def test_an_export_of_earlier_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    (tmp_path / "model.onnx").write_bytes(tiny_onnx({EXPORTED_FROM: digest}))
    assert Lifter(tmp_path).card.content[EXPORTED_FROM] == digest
    (tmp_path / "model.safetensors").write_bytes(b"trained further")
    refused(tmp_path, "exported from other weights", f"`poselift export {tmp_path}` again")
    assert Lifter(tmp_path / "model.onnx").card.name == "tiny"  # as a file it stands for itself


@pytest.mark.parametrize(
    "data", [b"", b"just a text file\n", tiny_onnx()[:-700], tiny_onnx()[40:]], ids=str
)
def test_files_that_are_no_onnx(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(data)
    refused(path, str(path), "not a readable ONNX model")


def test_models_of_others(tmp_path: Path) -> None:
    path = tmp_path / "foreign.onnx"
    path.write_bytes(tiny_onnx(metadata={}))
    refused(path, "not one of poselift's")
    path.write_bytes(tiny_onnx(metadata={METADATA_KEY: "{"}))
    refused(path, "not valid JSON")
    path.write_bytes(tiny_onnx(metadata={METADATA_KEY: "[]"}))
    refused(path, "to be a JSON object")


def test_inputs_must_fit_the_card(tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(tiny_onnx(joints=16))
    refused(path, "expected input keypoints (batch, 17, 2)", "got keypoints ('batch', 16, 2)")
    path.write_bytes(tiny_onnx(batch=4))
    refused(path, "expected input keypoints (batch, 17, 2)", "got keypoints (4, 17, 2)")


@pytest.mark.parametrize(
    ("key", "value", "part"),
    [
        ("name", None, "expected a string under 'name'"),
        ("architecture", 3, "expected a string under 'architecture'"),
        ("config", [], "expected an object under 'config'"),
        ("skeleton", "smpl_24", "names an unknown skeleton 'smpl_24'"),
        ("normalisation", "bbox", "normalisation 'bbox', expected one of"),
        ("units", "mm", "units 'mm', expected 'm'"),
    ],
)
def test_cards_must_be_complete(key: str, value: object, part: str) -> None:
    with pytest.raises(PoseliftError, match="somewhere: ") as caught:
        read_card({**CARD, key: value}, "somewhere")
    assert part in str(caught.value)


def test_at_least_one_core() -> None:
    assert physical_cores() >= 1
