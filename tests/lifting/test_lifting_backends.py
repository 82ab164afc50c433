"""Runtimes and precisions: what there is, that they agree, what is refused."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from poselift import Lifter, PoseliftError, load_poses
from poselift.lifting import BACKENDS, PRECISIONS, backends, runtimes
from poselift.modelfiles.find import find_model

EXAMPLE = Path(__file__).parents[2] / "examples" / "walk.json"
WEIGHTS = Path(__file__).parents[2] / "src" / "poselift" / "weights"

#: Largest mean distance to the exact joints on the example, in metres.
NEAR = {"fp32": 1e-5, "bf16": 5e-3, "int8": 5e-3}


@pytest.fixture(autouse=True)
def fresh() -> None:
    backends._available.cache_clear()


@pytest.mark.parametrize("model", ["gln", "posegraphnet"])
def test_all_runtimes_of_this_machine_agree(model: str) -> None:
    clip = load_poses(EXAMPLE)[:40]
    exact = Lifter(model, precision="fp32")(clip).positions
    offered = runtimes(model)
    assert offered[0] == ("onnxruntime", "fp32")
    assert ("openvino", "fp32") in offered
    for backend, precision in offered:
        lifted = Lifter(model, backend=backend, precision=precision)(clip)
        apart = np.linalg.norm(lifted.positions - exact, axis=2).mean()
        assert apart <= NEAR[precision], (backend, precision)
        assert precision == "fp32" or apart > 0


def test_result_says_what_it_was_computed_in() -> None:
    clip = load_poses(EXAMPLE)[:5]
    lifter = Lifter("posegraphnet", precision="int8")
    results = lifter.lift_people([clip])
    assert (results.meta["precision"], results.meta["backend"]) == ("int8", "onnxruntime")
    assert "precision int8" in lifter(clip).history[-1]


@pytest.mark.parametrize("model", ["gln", "posegraphnet"])
def test_cards_give_the_loss_of_each_precision_within_its_limit(model: str) -> None:
    found, refused = {}, {}
    for name in (model, f"{model}.int8"):
        card = json.loads((WEIGHTS / f"{name}.json").read_text())
        assert (
            card["loss_against_fp32"]
            == Lifter(WEIGHTS / f"{name}.onnx", precision=card["precision"]).card.content[
                "loss_against_fp32"
            ]
        )
        found |= card["loss_against_fp32"]
        refused |= card.get("not_offered", {})
    for precision, limit in (("int8", 0.5), ("bf16 (openvino)", 0.1)):
        titles = [title for title in found[precision] if title.startswith("cmu17")]
        assert len(titles) == 2
        for title in titles:
            columns = [c for c in found[precision][title] if c.startswith("MPJPE")]
            assert columns
            worst = max(found[precision][title][c] for c in columns)
            assert worst <= limit or precision.split()[0] in refused


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"precision": "fp8"}, "precision: expected one of fp32, bf16, int8, got 'fp8'"),
        ({"backend": "tvm"}, "backend: expected one of onnxruntime, openvino, got 'tvm'"),
        (
            {"precision": "bf16"},
            "precision: onnxruntime has fp32, int8, got 'bf16' "
            "(which openvino has: --backend openvino)",
        ),
        (
            {"precision": "int8", "backend": "openvino"},
            "precision: openvino has fp32, bf16, got 'int8' "
            "(which onnxruntime has: --backend onnxruntime)",
        ),
    ],
)
def test_refused_choices(arguments: dict[str, str], sentence: str) -> None:
    with pytest.raises(PoseliftError) as caught:
        Lifter("gln", **arguments)
    assert str(caught.value) == sentence


def test_probe_is_what_the_script_makes() -> None:
    scripts = Path(__file__).parents[2] / "scripts" / "make_int8_probe.py"
    made = runpy.run_path(str(scripts))
    assert made["TARGET"].read_bytes() == made["probe"]()


def test_a_model_that_loses_too_much_in_bf16_says_so(tmp_path: Path) -> None:
    proto = onnx.load_model_from_string(find_model("gln-small").data)
    card = json.loads(proto.metadata_props[0].value)
    for changes, reason in (
        ({"not_offered": {"bf16": "costs 9 mm"}}, "is not offered in bf16: costs 9 mm"),
        ({"before_output_layer": None}, "its card does not say where the output layer begins"),
    ):
        proto.metadata_props[0].value = json.dumps({**card, **changes})
        path = tmp_path / "own.onnx"
        path.write_bytes(proto.SerializeToString())
        with pytest.raises(PoseliftError, match=reason):
            Lifter(path, backend="openvino", precision="bf16")
        assert runtimes(path) == (("onnxruntime", "fp32"), ("openvino", "fp32"))


def test_missing_backend_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PoseliftError, match=r"openvino is not installed, get it with: pip install"):
        Lifter("gln", backend="openvino")
    assert runtimes("gln") == ()


def test_cpu_that_cuts_sums_off_has_no_int8(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "int8" in backends._available("onnxruntime")
    backends._available.cache_clear()
    monkeypatch.setattr(backends, "_whole_products_are_exact", lambda: False)
    with pytest.raises(PoseliftError, match=r"this CPU cannot compute in int8, expected one of"):
        Lifter("gln", precision="int8")
    assert ("onnxruntime", "int8") not in runtimes("gln")


def test_auto_is_int8_where_that_is_exact_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "precision int8" in repr(Lifter("posegraphnet"))
    assert "precision fp32" in repr(Lifter("posegraphnet", backend="openvino"))
    monkeypatch.setattr(backends, "AUTO_LIMIT_MM", 0.01)  # the card says more
    assert "precision fp32" in repr(Lifter("posegraphnet"))
    monkeypatch.undo()
    monkeypatch.setattr(backends, "_whole_products_are_exact", lambda: False)
    backends._available.cache_clear()
    assert "precision fp32" in repr(Lifter("posegraphnet"))
    backends._available.cache_clear()
    monkeypatch.undo()
    for name, precision in (("own", "fp32"), ("own.int8", "int8")):
        data = find_model("posegraphnet", precision).data
        loss = data.index(b'"loss_against_fp32"')
        renamed = b'"loss_against_fp33"'  # a card that does not say
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(data[:loss] + renamed + data[loss + len(renamed) :])
    assert "precision fp32" in repr(Lifter(tmp_path / "own.onnx"))


def test_models_without_the_weights(tmp_path: Path) -> None:
    path = tmp_path / "own.onnx"
    path.write_bytes(find_model("posegraphnet").data)
    with pytest.raises(PoseliftError, match=r"no int8 weights beside it, expected own.int8.onnx"):
        Lifter(path, precision="int8")
    assert ("onnxruntime", "int8") not in runtimes(path)
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"")
    with pytest.raises(PoseliftError, match=r"holds no model.int8.onnx, make it with `pose"):
        Lifter(folder, precision="int8")


def test_file_of_integers_is_opened_as_such(tmp_path: Path) -> None:
    path = tmp_path / "own.int8.onnx"
    path.write_bytes(find_model("posegraphnet", "int8").data)
    assert Lifter(path, precision="int8").card.precision == "int8"
    assert runtimes(path) == (("onnxruntime", "int8"),)
    with pytest.raises(PoseliftError, match=r"holds int8 weights, expected those for fp32"):
        Lifter(path, precision="fp32")
    assert "precision int8" in repr(Lifter(path))
    exact = tmp_path / "exact.int8.onnx"
    exact.write_bytes(find_model("posegraphnet").data)
    with pytest.raises(PoseliftError, match=r"holds fp32 weights, expected those for int8"):
        Lifter(exact, precision="int8")


def test_a_signal_after_openvino_ended_in_another_thread_kills_nothing() -> None:
    code = """if True:
        import os, signal, threading
        from poselift import Lifter
        held = [Lifter("posegraphnet", backend="openvino", precision="fp32")]
        signal.signal(signal.SIGTERM, lambda *_: print("handled"))
        thread = threading.Thread(target=held.clear)
        thread.start()
        thread.join()
        os.kill(os.getpid(), signal.SIGTERM)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "handled\n")


def test_names_are_what_the_package_offers() -> None:
    assert BACKENDS == ("onnxruntime", "openvino")
    assert PRECISIONS == ("fp32", "bf16", "int8")
