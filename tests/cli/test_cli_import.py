"""`poselift import`: every official network becomes a run folder; nothing else does."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import poselift.export
from conftest import Run
from golden_support import Golden, assert_close
from official_files import (
    CZ,
    LAYERS,
    NETWORKS,
    OF_PYTHON2,
    official_state,
    save,
    wrapped,
)
from poselift.errors import PoseliftError
from poselift.lifting import Lifter
from poselift.models import load_model
from poselift.models.official.imports import import_official


@pytest.fixture
def golden(shared: Path) -> Callable[[str], Golden]:
    return lambda name: Golden(shared / "golden" / f"{name}.npz")


@pytest.fixture
def make(golden: Callable[[str], Golden], tmp_path: Path) -> Callable[..., Path]:
    """Write the official file of a golden network, its state dict changed before."""

    def write(name: str, change: Callable[[dict[str, Any]], object] = lambda state: None) -> Path:
        kind, _ = NETWORKS[name]
        state = official_state(golden(name))
        change(state)
        return save(wrapped(kind, state), tmp_path / f"{name}.pth.tar", python2=kind in OF_PYTHON2)

    return write


@pytest.fixture
def no_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave an empty file in place of the exported model."""
    monkeypatch.setattr(
        poselift.export, "export_onnx", lambda model, card, path, **options: path.touch()
    )


@pytest.fixture(autouse=True)
def _lost_joints_are_known() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="no grid node holds joint")
        yield


def options(name: str) -> list[str]:
    return [text for key, value in NETWORKS[name][1].items() for text in (f"--{key}", value)]


def as_poses(array: np.ndarray) -> torch.Tensor:
    """(B, J, D) of any official layout of joints."""
    if array.ndim == 5:  # ST-GCN: batch, coordinate, frame, joint, person
        array = array[:, :, 0, :, 0].transpose(0, 2, 1)
    dims = 2 if array.shape[-1] in (2, 32, 34) else 3
    return torch.from_numpy(array.reshape(len(array), -1, dims))


def expectation(name: str, golden: Golden) -> tuple[torch.Tensor, np.ndarray]:
    """Normalised 2D poses, and the official network's 3D poses in metres."""
    handcrafted = "input_pose" in golden
    inputs = as_poses(golden["input_pose" if handcrafted else "input"])
    output = as_poses(golden["output_pose" if handcrafted else "output"]).numpy()
    if output.shape[1] == inputs.shape[1] - 1:  # the hip is not predicted, but 0
        output = np.concatenate([np.zeros_like(output[:, :1]), output], axis=1)
    return inputs, output * 0.001 if name.startswith("posegraphnet") else output


def test_every_network_golden_is_in_the_list(shared: Path) -> None:
    found = {
        path.stem
        for path in (shared / "golden").glob("*.npz")
        if any(key.startswith("state/") for key in np.load(path).files)
    }
    assert found == {*NETWORKS, *LAYERS}


@pytest.mark.usefixtures("no_export")
@pytest.mark.parametrize("name", NETWORKS)
def test_imported_network_gives_the_official_output(
    name: str, golden: Callable[[str], Golden], make: Callable[..., Path], tmp_path: Path, run: Run
) -> None:
    out = tmp_path / "run"
    code, said, problem = run("import", NETWORKS[name][0], make(name), "-o", out, *options(name))
    assert (code, problem) == (0, "")
    assert said.startswith(f"wrote {out}: ")
    model, _ = load_model(out)
    values = golden(name)
    with torch.no_grad():
        if "grid7x4" in name:
            grids = torch.from_numpy(values["input"]).flatten(2).transpose(1, 2)
            found = model.lift_grid(grids).transpose(1, 2).reshape(values["output"].shape)
            assert_close(found, values["output"], 1e-5)
            assert "poses mean nothing" in said
        else:
            inputs, expected = expectation(name, values)
            assert_close(model(inputs), expected, 1e-5)


@pytest.mark.usefixtures("untrained")
def test_lifter_opens_the_folder_and_lifts_pixels(
    golden: Callable[[str], Golden], make: Callable[..., Path], tmp_path: Path, run: Run
) -> None:
    name, folder = "martinez_16j", tmp_path / "deep" / "run"
    code, _, _ = run("import", "martinez", make(name), "-o", folder)
    assert code == 0
    assert [path.name for path in folder.parent.iterdir()] == ["run"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "model.json",
        "model.onnx",
        "model.safetensors",
    ]
    inputs, expected = expectation(name, golden(name))
    lifter = Lifter(folder, flip=False)
    # in a square picture, pixels are this
    pixels = (inputs.numpy() + 1) * 500
    found = lifter.lift(pixels, image_size=(1000, 1000), skeleton=lifter.skeleton.name)
    assert_close(found, expected - expected[:, :1], 1e-5)


def test_a_layout_that_lost_joints_is_exported_as_it_is(
    golden: Callable[[str], Golden], make: Callable[..., Path], tmp_path: Path, run: Run
) -> None:
    def without_blocks(state: dict[str, Any]) -> None:  # quicker to export
        for key in [key for key in state if "linear_stages" in key]:
            del state[key]

    folder = tmp_path / "run"
    file = make("autogrids_learnt_type3", without_blocks)
    code, said, problem = run("import", "osvai-gridconv", file, "-o", folder)
    assert (code, problem) == (0, "")
    assert "normalisation gridconv, temperature 30, paddings circular,zero" in said
    assert "note: the layout lost pelvis: always at 0, the root" in said
    network, card = load_model(folder)
    assert card["normalisation"] == "gridconv"
    assert card["assumed"] == {
        "normalisation": "gridconv",
        "temperature": 30.0,
        "paddings": ["circular", "zero"],
    }
    inputs = golden("autogrids_learnt_type3")["input"]
    with torch.no_grad():
        expected = network(torch.from_numpy(inputs)).numpy()
    assert np.all(expected[:, 0] == 0)
    found = Lifter(folder, flip=False).lift(
        (inputs + 1) * 500, image_size=(1000, 1000), skeleton="h36m_17"
    )
    assert_close(found, expected, 1e-5)


@pytest.mark.usefixtures("no_export")
def test_card_says_what_it_is_and_where_it_came_from(
    make: Callable[..., Path], tmp_path: Path, run: Run
) -> None:
    file, folder = make("posegraphnet_learned_adj"), tmp_path / "official"
    _, said, _ = run("import", "posegraphnet", file, "-o", folder)
    card = json.loads((folder / "model.json").read_text())
    assert card["name"] == "official"
    assert card["architecture"] == "posegraphnet"
    assert card["skeleton"] == "h36m_17"
    assert (card["normalisation"], card["units"]) == ("screen", "m")
    assert card["data"] == "Human3.6M (official training)"
    assert card["source"] == {
        "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "project": "baniks/PoseGraphNet",
        "licence": "MIT",
        "recorded": {"epoch": 12, "lr": 0.001, "last_best_err": 37.25},
    }
    assert card["assumed"] == {"normalisation": "screen"}
    assert "divided by 1000: millimetres become metres" in card["notes"][0]
    assert card["notes"][0] in said
    assert "baniks/PoseGraphNet (MIT)" in said


@pytest.mark.usefixtures("no_export")
def test_given_values_are_not_called_assumed(
    make: Callable[..., Path], tmp_path: Path, run: Run
) -> None:
    given = ["--paddings", CZ, "--temperature", "2", "--normalisation", "screen", "--grid", "5,5"]
    out = tmp_path / "run"
    out.mkdir()  # an empty folder is no other content
    code, said, _ = run("import", "osvai-gridconv", make("dgridconv_cr_t1"), "-o", out, *given)
    card = json.loads((out / "model.json").read_text())
    assert code == 0
    assert "not in the file" not in said
    assert (card["assumed"], card["notes"], card["normalisation"]) == ({}, [], "screen")
    assert (card["config"]["temperature"], card["config"]["layout"]) == (2.0, "official")


def refused(run: Run, *arguments: object) -> str:
    """The sentence of a refusal."""
    code, out, err = run("import", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("poselift: error: ")
    assert err.count("\n") == 1
    return err


def ones(*shape: int) -> torch.Tensor:
    return torch.ones(shape)


DAMAGE: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    ("martinez_17j", lambda s: s.update({"module.w3": ones(2)}), "unexpected weight 'w3'"),
    ("martinez_17j", lambda s: s.pop("module.w2.bias"), "weight 'last.bias' is missing"),
    ("martinez_17j", lambda s: s.update({"module.w1.weight": ones(3)}), "shapes of its weights"),
    (
        "martinez_17j",
        lambda s: s["module.w2.bias"].fill_(torch.nan),
        "weight 'last.bias' holds NaN or infinity",
    ),
    (
        "gridconv_vanilla",
        lambda s: s.update({"module.w1.donut_conv.weight": ones(3, 2, 3, 3)}),
        "shapes of its weights make no osvai-gridconv network",
    ),
    (
        "dgridconv_cr_t1",
        lambda s: s.update({"module.w1.branch1_weight": ones(4), "module.w1.branch2_weight": s}),
        "expected a plain tensor under 'module.w1.branch2_weight', found dict",
    ),
    (
        "posegraphnet_initial_adj",
        lambda s: s.update({"module.adj": s["module.adj"].to_sparse()}),
        "expected a plain tensor under 'module.adj', found torch.float32",
    ),
    (
        "martinez_17j",
        lambda s: (s.clear(), s.update({"conv1.weight": ones(3)})),
        "its keys are those of none of PoseGraphNet",
    ),
    ("martinez_17j", lambda s: s.update({7: ones(1)}), "expected weights by name, found the key 7"),
]


@pytest.mark.parametrize(("name", "change", "sentence"), DAMAGE)
def test_weights_that_do_not_fit(
    name: str,
    change: Callable[[dict[str, Any]], object],
    sentence: str,
    make: Callable[..., Path],
    tmp_path: Path,
    run: Run,
) -> None:
    file = make(name, change)
    message = refused(run, NETWORKS[name][0], file, "-o", tmp_path / "run")
    assert f"error: {file}: " in message
    assert sentence in message
    assert list(tmp_path.iterdir()) == [file]


OPTIONS: list[tuple[str, str, list[str], str]] = [
    (
        "martinez_17j",
        "posegraphnet",
        [],
        "martinez_17j.pth.tar: expected a network of posegraphnet, found one of martinez",
    ),
    ("martinez_17j", "martinet", [], "unknown kind 'martinet', expected one of osvai-gridconv,"),
    (
        "martinez_17j",
        "martinez",
        ["--temperature", "2"],
        "--temperature is for osvai-gridconv, not for martinez",
    ),
    (
        "martinez_17j",
        "martinez",
        ["--normalisation", "pixels"],
        "--normalisation: expected one of screen, gridconv, person, got 'pixels'",
    ),
    (
        "gridconv_vanilla",
        "osvai-gridconv",
        ["--paddings", CZ],
        "is plain GridConv, without attention and with paddings circular,zero: "
        "leave out --paddings",
    ),
    (
        "dgridconv_zr_t4p5_grid7x4",
        "osvai-gridconv",
        [],
        "its grid has 28 cells, not 5x5: give its rows and columns, --grid ROWS,COLUMNS",
    ),
    ("autogrids_standard", "osvai-gridconv", ["--grid", "7,4"], "has 25 cells, not 7x4"),
    (
        "dgridconv_cr_t1",
        "osvai-gridconv",
        ["--paddings", "circular,reflect"],
        "paddings: expected one of",
    ),
    (
        "dgridconv_cr_t1",
        "osvai-gridconv",
        ["--paddings", "zero"],
        "expected --paddings as two values with a comma between, got 'zero'",
    ),
    (
        "dgridconv_cr_t1",
        "osvai-gridconv",
        ["--grid", "5,-5"],
        "expected --grid as ROWS,COLUMNS (7,4), got '5,-5'",
    ),
    (
        "dgridconv_cr_t1",
        "osvai-gridconv",
        ["--temperature", "nan"],
        "--temperature: expected a number above 0, got nan",
    ),
]


@pytest.mark.parametrize(("name", "kind", "given", "sentence"), OPTIONS)
def test_options_that_do_not_fit(
    name: str,
    kind: str,
    given: list[str],
    sentence: str,
    make: Callable[..., Path],
    tmp_path: Path,
    run: Run,
) -> None:
    file = make(name)
    assert sentence in refused(run, kind, file, "-o", tmp_path / "run", *given)
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_with_content_is_left_alone(
    make: Callable[..., Path], tmp_path: Path, run: Run
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "thesis.txt").write_text("all of it")
    for place in (out, out / "thesis.txt"):
        message = refused(run, "martinez", make("martinez_17j"), "-o", place)
        assert f"{place}: exists and is not empty, choose another -o" in message
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]


def test_a_place_that_cannot_be_written(
    make: Callable[..., Path], tmp_path: Path, run: Run
) -> None:
    file = make("martinez_17j")
    assert "cannot be written" in refused(run, "martinez", file, "-o", file / "run")


@pytest.mark.parametrize("existed", [False, True])
def test_a_failed_export_leaves_nothing(
    existed: bool,
    make: Callable[..., Path],
    tmp_path: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise PoseliftError("differs from the torch model")

    monkeypatch.setattr("poselift.export.run.export_onnx", fail)
    file, out = make("martinez_17j"), tmp_path / "run"
    if existed:
        out.mkdir()
    assert "differs from the torch model" in refused(run, "martinez", file, "-o", out)
    assert out.exists() == existed
    assert {path.name for path in tmp_path.iterdir()} <= {file.name, "run"}


@pytest.mark.parametrize("name", ["dgridconv_cz_t30", "autogrids_standard"])
@pytest.mark.parametrize(
    ("start", "pair"),
    [("gt", ("circular", "replicate")), ("hrnet", ("circular", "zero"))],
)
def test_the_files_name_says_which_paddings(
    name: str, start: str, pair: tuple[str, str], make: Callable[..., Path], tmp_path: Path
) -> None:
    """As the project page trains for true and for detected 2D, and names its files."""
    path = tmp_path / f"{start}_d-gridconv.pth.tar"
    path.write_bytes(make(name).read_bytes())
    model, card = import_official(path, "osvai-gridconv")
    assert model.config.paddings == pair
    assert card["assumed"]["paddings"] == list(pair)
    model, card = import_official(path, "osvai-gridconv", paddings=("zero", "replicate"))
    assert model.config.paddings == ("zero", "replicate")
    assert "paddings" not in card["assumed"]
