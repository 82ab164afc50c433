"""The command line as a user meets it: files appear, or one sentence and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poselift.cli.errors import INTERRUPTED
from poselift.io import read_results
from tiny_model import tiny_onnx

Run = Callable[..., tuple[int, str, str]]

FRAMES = 7


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.onnx"
    path.write_bytes(tiny_onnx())
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A folder of OpenPose frames: one person throughout, a second one in the first frames."""
    folder = tmp_path / "clip"
    folder.mkdir()
    rng = np.random.default_rng(0)
    bodies = rng.uniform((100, 200), (300, 800), size=(2, 25, 2))
    bodies[1] = bodies[1] / 2 + (900, 0)
    for frame in range(FRAMES):
        people = []
        for body in bodies[: 2 if frame < 4 else 1]:
            moved = body + 2 * frame
            triples = np.concatenate([moved, np.full((25, 1), 0.9)], axis=1)
            people.append({"person_id": [-1], "pose_keypoints_2d": triples.ravel().tolist()})
        name = f"clip_{frame:012d}_keypoints.json"
        (folder / name).write_text(json.dumps({"version": 1.3, "people": people}))
    return folder


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_all_outputs_at_once(run: Run, clip: Path, model: Path, tmp_path: Path) -> None:
    outputs = [tmp_path / "out" / f"clip{suffix}" for suffix in (".html", ".npz", ".JSON")]
    given = [part for path in outputs for part in ("-o", path)]
    status, out, err = run(
        "lift", clip, *given, "--model", model, *SIZE, "--skeleton", "body_25", "--fps", 25
    )
    assert (status, err) == (0, "")
    assert out.startswith(f"wrote {', '.join(map(str, outputs))}: 2 persons, 11 poses, ")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "clip.JSON",
        "clip.html",
        "clip.npz",
    ]
    with np.load(outputs[1], allow_pickle=False) as arrays:
        assert arrays["poses_3d"].shape == (11, 17, 3)
        assert arrays["poses_2d"].shape == (11, 17, 2)
        assert (arrays["poses_3d"][:, 0] == 0).all()
        np.testing.assert_allclose(arrays["time_s"], arrays["frame"] / 25)
        meta = json.loads(str(arrays["meta"]))
    assert meta["model"] == "tiny"
    assert meta["image_size"] == [1280, 1024]
    assert (meta["fps"], meta["fps_assumed"]) == (25, False)
    assert (meta["focal_px"], meta["focal_assumed"]) == (1280, True)
    assert json.loads(outputs[2].read_text())
    assert outputs[0].read_bytes().lstrip().lower().startswith(b"<!doctype html>")


def test_unknown_frame_rate_is_said_and_recorded(
    run: Run, clip: Path, model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "clip.npz"
    status, out, err = run(
        "lift", clip, "-o", path, "--model", model, *SIZE, "--skeleton", "body_25", "--quiet"
    )
    assert (status, out) == (0, "")
    assert err == "poselift: warning: the frame rate is not known, taking 30 fps (give --fps)\n"
    with np.load(path, allow_pickle=False) as arrays:
        meta = json.loads(str(arrays["meta"]))
        np.testing.assert_allclose(arrays["time_s"], arrays["frame"] / 30)
    assert (meta["fps"], meta["fps_assumed"]) == (30, True)


def test_one_frame_has_no_rate_to_warn_of(
    run: Run, clip: Path, model: Path, tmp_path: Path
) -> None:
    one = tmp_path / "one"
    one.mkdir()
    first = min(clip.iterdir())
    (one / first.name).write_bytes(first.read_bytes())
    path = tmp_path / "one.npz"
    options = ("--model", model, *SIZE, "--skeleton", "body_25", "--quiet")
    assert run("lift", one, "-o", path, *options) == (0, "", "")


@pytest.mark.parametrize(("person", "poses"), [("all", 11), ("main", FRAMES)])
def test_whom_to_lift(
    run: Run, clip: Path, model: Path, tmp_path: Path, person: str, poses: int
) -> None:
    path = tmp_path / "clip.npz"
    given = ("--model", model, "--size", "1280x1024", "--fps", 30)
    status, _, _ = run("lift", clip, "-o", path, *given, "--person", person)
    assert status == 0
    with np.load(path, allow_pickle=False) as arrays:
        assert len(arrays["poses_3d"]) == poses
        ids = np.unique(arrays["person_id"])
    status, _, _ = run("lift", clip, "-o", path, *given, "--person", ids[0])
    assert status == 0
    with np.load(path, allow_pickle=False) as arrays:
        assert np.unique(arrays["person_id"]).tolist() == [ids[0]]


SIZE = ("--size", "1280x1024")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("-o", "out.fbx", *SIZE), "cannot write '.fbx', expected one of .bvh (joint rotations)"),
        (("-o", "out", *SIZE), "out: cannot write a file without suffix, expected one of .bvh"),
        (("-o", "a.npz", "-o", "./a.npz", *SIZE), "a.npz: is given as output twice"),
        (("-o", "clip/out.json", *SIZE), "lies in the input folder"),
        (("-o", "tiny.onnx/out.npz", *SIZE), "cannot be written (Not a directory)"),
        (("-o", "folder.npz", *SIZE), "cannot write a file here, it is a folder"),
        (("-o", "/proc/poselift/out.npz", *SIZE), "/proc/poselift/out.npz: cannot be written"),
        (("-o", "out.npz"), "clip: does not say the size of its pictures (--size 1920x1080)"),
        (("-o", "out.npz", "--size", "1280"), "expected --size as WIDTHxHEIGHT in pixels"),
        (("-o", "out.npz", "--size", "0x20"), "expected --size as WIDTHxHEIGHT in pixels"),
        (("-o", "out.npz", *SIZE, "--fps", "0"), "fps above 0"),
        (("-o", "out.npz", *SIZE, "--focal", "-3"), "focal length above 0"),
        (("-o", "out.npz", *SIZE, "--threads", "0"), "at least 1 thread"),
        (("-o", "out.npz", *SIZE, "--person", "77"), "no person '77', expected --person all,"),
        (("-o", "out.npz", *SIZE, "--format", "xml"), "xml"),
        (("-o", "out.npz", *SIZE, "--skeleton", "coco"), "unknown skeleton 'coco'"),
        (("-o", "out.npz", *SIZE, "--precision", "fp8"), "precision: expected one of fp32, bf16,"),
        (("-o", "out.npz", *SIZE, "--precision", "bf16"), "(which openvino has: --backend openv"),
        (("-o", "out.npz", *SIZE, "--precision", "int8"), "expected tiny.int8.onnx"),
        (("-o", "out.npz", *SIZE, "--backend", "tvm"), "backend: expected one of onnxruntime, op"),
        (("-o", "out.npz", *SIZE, "--model", "gnl"), "model 'gnl' not found, expected"),
        (("-o", "out.npz", *SIZE, "--model", "clip"), "clip: holds no model.onnx"),
        (("-o", "out.npz", *SIZE, "--model", "text.onnx"), "text.onnx: not a readable ONNX model"),
        (("-o", "out.npz", *SIZE, "--model", "cut.onnx"), "cut.onnx: not a readable ONNX model"),
        (("-o", "out.npz", *SIZE, "--model", "other.onnx"), "got keypoints ('batch', 16, 2)"),
        (("-o", "out.npz", *SIZE, "--model", "foreign.onnx"), "not one of poselift's"),
    ],
)
def test_refusals_are_one_sentence_and_leave_nothing(
    run: Run,
    clip: Path,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "text.onnx").write_text("not a model\n")
    (tmp_path / "cut.onnx").write_bytes(tiny_onnx()[:-900])
    (tmp_path / "other.onnx").write_bytes(tiny_onnx(joints=16))
    (tmp_path / "foreign.onnx").write_bytes(tiny_onnx(metadata={}))
    before = listing(tmp_path)
    chosen = () if "--model" in arguments else ("--model", "tiny.onnx")
    status, out, err = run("lift", "clip", *chosen, *arguments)
    assert status == 2
    assert sentence in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith("poselift: error: ")
    assert len([line for line in err.splitlines() if "warning" not in line]) == 1
    assert out == ""
    assert listing(tmp_path) == before


def test_the_input_is_not_overwritten(run: Run, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "input.json"
    path.write_text("{}")
    status, _, err = run("lift", path, "-o", tmp_path / "x.html", "-o", path, "--model", model)
    assert status == 2
    assert "input.json: is the input, choose another output" in err
    assert path.read_text() == "{}"


def test_nothing_to_lift(run: Run, model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "blind"
    folder.mkdir()
    triples = [0.0] * 75
    triples[:6] = [100.0, 100.0, 0.9, 120.0, 150.0, 0.9]
    person = {"person_id": [-1], "pose_keypoints_2d": triples}
    (folder / "a_000000000000_keypoints.json").write_text(
        json.dumps({"version": 1.3, "people": [person]})
    )
    before = listing(tmp_path)
    status, _, err = run("lift", folder, "-o", tmp_path / "a.npz", "--model", model, *SIZE)
    assert status == 2
    assert "no frame shows 6 of the 17 joints of h36m_17" in err
    assert listing(tmp_path) == before


def test_a_failed_write_leaves_no_output(
    run: Run, clip: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import poselift.viewer.format

    def fail(*_: Any, **__: Any) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(poselift.viewer.format, "render_html", fail)
    before = listing(tmp_path)
    outputs = ("-o", tmp_path / "a.npz", "-o", tmp_path / "a.html", "-o", tmp_path / "b.json")
    status, _, err = run("lift", clip, *outputs, "--model", model, *SIZE)
    assert status == 2
    assert "a.html: cannot be written (No space left on device)" in err
    assert listing(tmp_path) == before


def test_interrupt_is_130(
    run: Run, clip: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import poselift.io

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(poselift.io, "read_detections", interrupt)
    status, out, err = run("lift", clip, "-o", tmp_path / "a.npz", "--model", model)
    assert (status, out, err) == (INTERRUPTED, "", "poselift: error: interrupted\n")


@pytest.mark.parametrize(
    "arguments", [(), ("lift",), ("lift", "x.json"), ("lift", "--nothing"), ("fly",)]
)
def test_usage_errors_are_2(run: Run, arguments: tuple[str, ...]) -> None:
    status, out, err = run(*arguments)
    assert status == 2
    assert "Usage: poselift" in out + err


def test_version_and_formats(run: Run) -> None:
    from importlib.metadata import version

    assert run("--version") == (0, f"poselift {version('poselift')}\n", "")
    status, out, _ = run("formats")
    assert status == 0
    assert {"openpose", "mmpose"} <= {line.split()[0] for line in out.splitlines() if line}


def test_as_a_program(clip: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "poselift", "lift", str(clip), "-o", "a.npz"]
    run = subprocess.run(
        [*command, "--model", "nowhere.onnx"], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.startswith("poselift: error: model 'nowhere.onnx' not found, expected ")
    assert run.stderr.count("\n") == 1


def test_without_the_train_extra_one_sentence_says_so(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    script = (
        "import sys; sys.modules['torch'] = None; sys.argv = ['poselift', 'export', sys.argv[1]]\n"
        "from poselift.cli import main; main()"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True
    )
    assert run.returncode == 2
    assert run.stderr == (
        "poselift: error: `poselift export` needs torch, install it with: "
        'pip install ".[train]" (in the folder of poselift\'s pyproject.toml)\n'
    )


def test_export_of_a_run_folder(run: Run, clip: Path, tmp_path: Path) -> None:
    from poselift import Lifter
    from poselift.models.checkpoint import save_model
    from poselift.models.registry import build

    card = {"name": "mine", "skeleton": "h36m_17", "normalisation": "screen", "units": "m"}
    save_model(tmp_path / "run", build("martinez", {"width": 8, "blocks": 0}), card)
    status, out, _ = run("export", tmp_path / "run")
    assert status == 0
    assert out.startswith(f"wrote {tmp_path / 'run' / 'model.onnx'}: mine, ")
    assert Lifter(tmp_path / "run").card.name == "mine"
    save_model(tmp_path / "run", build("martinez", {"width": 8, "blocks": 0}), card)
    given = ("--model", tmp_path / "run", "--size", "1000x1000")
    status, _, err = run("lift", clip, "-o", tmp_path / "x.npz", *given)
    assert status == 2
    assert "exported from other weights" in err


def test_export_on_integers(run: Run, clip: Path, tmp_path: Path) -> None:
    from poselift.models.checkpoint import save_model
    from poselift.models.registry import build

    card = {"name": "mine", "skeleton": "h36m_17", "normalisation": "screen", "units": "m"}
    card = {**card, "longest_bone_m": 1e6}  # it is not trained
    folder, output = tmp_path / "run", tmp_path / "x.npz"
    arguments = ("lift", clip, "-o", output, "--model", folder, "--precision", "int8", *SIZE)
    save_model(folder, build("martinez", {"width": 64, "blocks": 1}), card)
    status, _, err = run(*arguments)
    assert (status, "`poselift export " in err, "--precision int8`" in err) == (2, True, True)
    assert run("export", folder, "--precision", "int8")[0] == 0
    assert run(*arguments)[0] == 0
    assert read_results(output).meta["precision"] == "int8"
    save_model(folder, build("martinez", {"width": 64, "blocks": 1}), card)
    status, _, err = run(*arguments)
    assert (status, f"run `poselift export {folder} --precision int8` again" in err) == (2, True)


def test_export_refusals(run: Run, tmp_path: Path) -> None:
    before = listing(tmp_path)
    status, _, err = run("export", tmp_path)
    assert (status, "not a run folder (it holds no model.safetensors)" in err) == (2, True)
    assert listing(tmp_path) == before
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    (tmp_path / "model.json").write_text('{"architecture": "gln", "config": {}}')
    before = listing(tmp_path)
    for arguments, sentence in (
        (("-o", tmp_path / "model.pt"), "cannot write '.pt', expected one of .onnx"),
        ((), "model.safetensors: damaged or not a safetensors file"),
        (("--precision", "int4"), "--precision: expected one of fp32, int8, got 'int4'"),
        (("--precision", "int8", "--fp16"), "--fp16 is for fp32 files"),
    ):
        status, _, err = run("export", tmp_path, *arguments)
        assert status == 2
        assert sentence in err
        assert err.count("\n") == 1
        assert listing(tmp_path) == before
