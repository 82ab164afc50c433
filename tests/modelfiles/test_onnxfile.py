"""ONNX files read without a runtime: their texts, and that a model is one file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from conftest import Run
from poselift.errors import PoseliftError
from poselift.modelfiles import METADATA_KEY, find_model, shipped_models
from poselift.modelfiles.onnxfile import read_onnx


def model(place: str = "initializer", *, external: bool = False) -> bytes:
    """A small model whose one tensor stands in a given place, inside the file or outside."""
    weight = numpy_helper.from_array(np.ones((2, 2), np.float32), "w")
    if external:
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.add(key="location", value="local.bin")
    nodes, weights = [], []
    if place == "initializer":
        weights = [weight]
    else:
        inner = helper.make_node("Constant", [], ["w"], value=weight)
        if place == "subgraph":
            branch = helper.make_graph([inner], "branch", [], [])
            inner = helper.make_node("If", ["c"], ["w"], then_branch=branch, else_branch=branch)
        nodes = [inner]
    proto = helper.make_model(helper.make_graph(nodes, "g", [], [], weights))
    proto.metadata_props.add(key="ключ", value="значение")
    return proto.SerializeToString()


@pytest.mark.parametrize("place", ["initializer", "constant", "subgraph"])
def test_weights_outside_the_file_are_refused_wherever_they_hang(place: str) -> None:
    assert read_onnx(model(place), "m.onnx").metadata == {"ключ": "значение"}
    with pytest.raises(PoseliftError, match=r"m\.onnx: keeps weights outside the file"):
        read_onnx(model(place, external=True), "m.onnx")


def test_shipped_cards_are_what_the_onnx_library_reads() -> None:
    for name in shipped_models():
        file = find_model(name)
        proto = onnx.load_model_from_string(file.data)
        texts = {entry.key: entry.value for entry in proto.metadata_props}
        assert read_onnx(file.data, name).metadata == texts
        assert METADATA_KEY in texts


def test_the_hash_is_of_the_graph_and_not_of_the_texts() -> None:
    proto = onnx.load_model_from_string(model())
    proto.metadata_props[0].value = "other"
    one, other = read_onnx(model(), ""), read_onnx(proto.SerializeToString(), "")
    assert one.graph_sha256 == other.graph_sha256
    proto.graph.initializer[0].raw_data = b"\1" * 16
    assert read_onnx(proto.SerializeToString(), "").graph_sha256 != one.graph_sha256


@pytest.mark.parametrize("cut", [0, 1, 5, 20])
def test_what_is_cut_is_no_model(cut: int) -> None:
    with pytest.raises(PoseliftError, match="not a readable ONNX model"):
        read_onnx(model()[:cut], "m.onnx")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("bad_utf8_meta", "metadata is not UTF-8"),
        ("bad_utf8_names", "names are not UTF-8"),
        ("deep_metadata", "nested too deeply"),
        ("external_data", "keeps weights outside the file"),
    ],
)
def test_hostile_models(
    run: Run, shared: Path, tmp_path: Path, name: str, sentence: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder = shared / "cases" / "hostile"
    monkeypatch.chdir(folder)  # where the external weights lie
    clip = Path(__file__).parents[2] / "examples" / "walk.json"
    output = tmp_path / "a.npz"
    status, _, err = run("lift", clip, "-o", output, "--model", folder / f"{name}.onnx")
    assert status == 2
    assert sentence in err
    assert not output.exists()
