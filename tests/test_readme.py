"""The commands of README.md are run: the quick ones as they stand, the slow ones parsed."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import typer

from poselift import Lifter, load_poses
from poselift.cli import app
from poselift.io import read_results, save
from poselift.modelfiles import shipped_models
from poselift.poses import Person, Results

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
LINES = [
    shlex.split(line, comments=True)
    for kind, text in BLOCKS
    if kind == "sh"
    for line in text.splitlines()
    if line.strip()
]
#: What takes longer than a test may, or needs data that a stranger has not.
SLOW = ("train", "eval", "export", "bench", "import")
COMMANDS = [line for line in LINES if line[0] == "poselift"]
QUICK = [
    line
    for line in COMMANDS
    if line[1] not in SLOW and "--data" not in line and "camera:0" not in line
]


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of earlier lines that later ones read: 3D of the walk, and its 2D."""
    folder = tmp_path_factory.mktemp("earlier")
    flat = load_poses(ROOT / "examples" / "walk.json")
    save(Results((Person(flat, Lifter("gln")(flat)),)), folder / "walk.npz")
    save([flat], folder / "keypoints.json")
    return folder


@pytest.fixture
def home(tmp_path: Path, earlier: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder like a fresh clone, as far as the README's commands look at it."""
    assert {"gln", "posegraphnet"} <= set(shipped_models()), "the shipped weights are not there"
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copytree(earlier, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_kind_of_line_is_known() -> None:
    """So that no command gets into the README without being tested here."""
    assert {kind for kind, _ in BLOCKS} == {"sh", "python"}
    assert {line[0] for line in LINES} == {"make", "pip", "poselift"}
    assert {line[1] for line in QUICK} == {
        "lift",
        "detect",
        "convert",
        "view",
        "angles",
        "reproduce",
    }


@pytest.mark.parametrize("line", QUICK, ids=shlex.join)
def test_quick_commands_run(home: Path, line: list[str]) -> None:
    command = [sys.executable, "-m", *line]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    told = re.compile(r"(detecting|lifting): .*")  # on a slow machine
    assert [line for line in done.stderr.splitlines() if not told.fullmatch(line)] == []
    outputs = [Path(after) for option, after in pairwise(line) if option == "-o"]
    frames = 100 if "examples/balancing.mp4" in line else 240
    for path in outputs:
        if path.suffix == ".png":
            assert path.read_bytes().startswith(b"\x89PNG")
        elif path.suffix == ".html":
            assert b"</html>" in path.read_bytes()
        elif path.suffix == ".mp4":
            with av.open(path) as film:
                assert sum(1 for _ in film.decode(video=0)) == frames
        elif path.suffix == ".bvh":
            assert f"Frames: {frames}\n" in path.read_text("utf-8")
        elif path.suffix == ".csv":
            assert len(path.read_text("utf-8").splitlines()) == 1 + frames
        elif line[1] in ("convert", "detect"):
            assert len(load_poses(path)) == frames
        else:
            (pair,) = read_results(path).people
            assert pair[1].positions.shape == (frames, 17, 3)


def test_python_runs(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = (text for kind, text in BLOCKS if kind == "python")
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert "(240, 17, 3)" in capsys.readouterr().out
    np.testing.assert_array_equal(names["xyz"], names["clip"].positions)  # type: ignore[attr-defined]


@pytest.mark.parametrize("line", [line for line in COMMANDS if line not in QUICK], ids=shlex.join)
def test_slow_commands_are_spelled_right(line: list[str]) -> None:
    """Parsing refuses unknown commands and options, and values of the wrong kind."""
    group = typer.main.get_command(app)
    command = group.commands[line[1]]  # type: ignore[attr-defined]
    command.make_context(line[1], line[2:])


def test_synthetic_training_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that needs no data, with fewer samples."""
    (line,) = (line for line in LINES if "synthetic" in line)
    monkeypatch.chdir(tmp_path)
    small = ["--epochs", "1", "--samples", "64", "--batch-size", "32", "--threads", "1"]
    done = subprocess.run(
        [sys.executable, "-m", *line, *small],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Path(line[line.index("--out") + 1], "model.onnx").is_file()


@pytest.mark.parametrize("line", [line for line in LINES if line[0] == "make"], ids=shlex.join)
def test_make_knows_its_targets(line: list[str]) -> None:
    done = subprocess.run(
        ["make", "-n", *line[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_acknowledgement_is_cmus_own_words() -> None:
    assert (
        "The data used in this project was obtained from mocap.cs.cmu.edu. "
        "The database was created with funding from NSF EIA-0196217."
    ) in README
