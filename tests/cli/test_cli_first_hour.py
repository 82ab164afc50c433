"""What a new user meets in the first hour: help pages, pipes, wild values, and what was chosen."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from poselift.cli import app
from poselift.cli.helping import EXAMPLES
from poselift.errors import how_to_install

ROOT = Path(__file__).parents[2]
EXAMPLE, SOURCE = ROOT / "examples" / "walk.json", ROOT / "src" / "poselift"
VIDEO = ROOT / "examples" / "balancing.mp4"
GROUP = get_command(app).commands  # type: ignore[attr-defined]
#: Commands by name; those of a group by their own name, too.
COMMANDS = {
    name: command
    for first in GROUP.values()
    for name, command in getattr(first, "commands", {first.name: first}).items()
}
WORDS = {
    name: [first.name, name] if hasattr(first, "commands") else [name]
    for first in GROUP.values()
    for name in getattr(first, "commands", [first.name])
}


def run(*arguments: object, **named: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments], **named)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_pages_say_what_is_required_in_plain_words(name: str) -> None:
    page = run(*WORDS[name], "--help").stdout
    usage = page.partition("\n")[0]
    for param in COMMANDS[name].params:
        if param.required:
            word = param.metavar if param.param_type_name == "argument" else param.opts[0]
            assert word in usage
    assert not re.search(r"<\w|list\[|\{", page)
    assert f"Example:\n  {EXAMPLES[name]}\n" in page


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_of_options_that_exist(name: str) -> None:
    program, *words = shlex.split(EXAMPLES[name])
    assert [program, *words[: len(WORDS[name])]] == ["poselift", *WORDS[name]]
    known = {
        flag for param in COMMANDS[name].params for flag in (*param.opts, *param.secondary_opts)
    }
    assert {word for word in words if re.match("-[a-z-]", word)} <= known


def test_the_example_of_train_is_the_one_that_the_readme_measured() -> None:
    assert f"\n{EXAMPLES['train']}\n" in (ROOT / "README.md").read_text("utf-8")


def test_the_list_of_commands_is_not_cut_off() -> None:
    page = " ".join(run("--help").stdout.split())
    for command in GROUP.values():
        assert f"{command.name} {' '.join(command.help.split())}".partition(".")[0] in page


def test_formats_lists_joint_sets() -> None:
    lines = run("formats").stdout.splitlines()
    assert any(line.startswith("openpose") for line in lines)
    assert (
        "coco_17            17 joints: nose, left_eye, right_eye, left_ear, right_ear, ..." in lines
    )


def test_what_can_be_reproduced_is_listed_without_torch() -> None:
    code = (
        "import sys; from poselift.cli import app; sys.modules['torch'] = None; "
        "app(['reproduce', '--list'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "gridconv.table5" in done.stdout


def test_reproduction_knows_the_titles_of_its_items() -> None:
    from poselift.reproduction import ITEMS, TITLES

    assert sorted(ITEMS) == sorted(TITLES)
    assert all(item.title == TITLES[name] for name, item in ITEMS.items())


def test_through_standard_input_and_output() -> None:
    done = run("lift", "-", "-o", "-", "--model", "posegraphnet", input=EXAMPLE.read_bytes())
    assert done.exit_code == 0, done.stderr
    content = json.loads(done.stdout)
    assert content["meta"]["model"] == "posegraphnet"
    assert "poses/s (model posegraphnet, precision" in done.stderr


def test_every_command_takes_what_the_one_before_wrote(tmp_path: Path) -> None:
    page, table = tmp_path / "page.html", tmp_path / "angles.csv"
    lifted = run("lift", "-", "-o", "-", "--no-flip", input=EXAMPLE.read_bytes())
    assert "wrote -: 1 person" in lifted.stderr
    assert "read: stdin.json" in lifted.stdout  # no file of a while in a history
    assert "scratch" not in lifted.stdout + lifted.stderr
    for command in (("view", "-", "-o", page), ("angles", "-", "-o", table)):
        done = run(*command, input=lifted.stdout.encode())
        assert done.exit_code == 0, done.stderr
    assert page.is_file()
    assert table.is_file()


def test_a_video_comes_through_a_pipe(tmp_path: Path) -> None:
    trim = ("--trim", "0-0.1")
    done = run("detect", "-", "-o", "-", *trim, input=VIDEO.read_bytes())
    assert done.exit_code == 0, done.stderr
    (person,) = json.loads(done.stdout)["people"]
    assert person["frames"] == list(range(6))


def test_what_comes_through_a_pipe_is_called_so(tmp_path: Path) -> None:
    done = run("lift", "-", "-o", tmp_path / "a.npz", input=b"nothing of the kind " * 9)
    assert (done.exit_code, done.stderr[:26]) == (2, "poselift: error: -: is in ")


def test_from_a_pipe(tmp_path: Path) -> None:
    pipe, out = tmp_path / "pipe", tmp_path / "out.npz"
    os.mkfifo(pipe)
    with subprocess.Popen(["cp", EXAMPLE, pipe]) as writer:
        try:
            done = run("convert", pipe, "-o", out)
            assert writer.wait(timeout=60) == 0
        finally:
            writer.kill()
    assert done.exit_code == 0, done.stderr
    assert out.is_file()


def test_convert_keeps_what_results_hold(tmp_path: Path) -> None:
    first, again = tmp_path / "a.npz", tmp_path / "b.npz"
    assert run("lift", EXAMPLE, "-o", first, "--model", "posegraphnet").exit_code == 0
    assert run("convert", first, "-o", again).exit_code == 0
    with np.load(first) as a, np.load(again) as b:
        for name in ("poses_2d", "poses_3d"):
            np.testing.assert_array_equal(a[name], b[name])


def test_results_are_lifted_again_from_their_2d_poses(tmp_path: Path) -> None:
    first, again = tmp_path / "a.npz", tmp_path / "b.npz"
    assert run("lift", EXAMPLE, "-o", first, "--model", "posegraphnet").exit_code == 0
    done = run("lift", first, "-o", again, "--model", "posegraphnet")
    assert done.exit_code == 0, done.stderr
    with np.load(first) as a, np.load(again) as b:
        np.testing.assert_array_equal(a["poses_3d"], b["poses_3d"])


def test_what_was_chosen_is_in_the_closing_line(tmp_path: Path) -> None:
    options = ("--model", "posegraphnet", "--precision", "fp32", "--no-flip", "--threads", 1)
    done = run("lift", EXAMPLE, "-o", tmp_path / "a.npz", *options)
    words = "model posegraphnet, precision fp32, without the mirrored pose, 1 thread"
    assert done.stdout.endswith(f" poses/s ({words})\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--size 99999999999999999999x5", "expected --size as WIDTHxHEIGHT in pixels (1920x1080)"),
        ("--size 100x100", "expected joints in a picture of 100x100 pixels, but most lie outside"),
        ("--fps 1e-300", "expected --fps above 0 as 30, 29.97 or 30000/1001, of 0.0001 to 1e+06"),
        ("--fps 1/99999999", "frames a second, got '1/99999999'"),
        ("--focal 1e-9", "expected a focal length above 0 pixels, of 0.05 to 100 times"),
        ("--focal 1e300", "times the longer picture side, got 1e+300"),
        ("--threads 0", "expected at least 1 thread, got 0"),
    ],
)
def test_wild_values_are_refused_in_one_line(words: str, sentence: str, tmp_path: Path) -> None:
    done = run("lift", EXAMPLE, "-o", tmp_path / "a.npz", *words.split())
    assert done.exit_code == 2
    assert done.stdout == ""
    said = [line for line in done.stderr.splitlines() if "warning" not in line]
    assert len(said) == 1
    assert sentence in said[0]
    assert not (tmp_path / "a.npz").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("lift", "x" * 300, "-o", "a.npz"),
        ("lift", EXAMPLE, "-o", "x" * 300 + ".npz"),
        ("convert", EXAMPLE, "-o", "x" * 252 + ".json"),
    ],
)
def test_names_too_long_for_any_file(
    arguments: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*arguments)
    assert done.exit_code == 2
    assert re.search(r"^poselift: error: .*File name too long\)\n$", done.stderr)


@pytest.mark.parametrize("command", [("train", "gln", "--out", "run"), ("reproduce", "x")])
def test_seeds_are_numbers_that_a_generator_takes(command: tuple[str, ...]) -> None:
    done = run(*command, "--seed", 10**22)
    assert done.exit_code == 2
    assert "--seed" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_library_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    from poselift import Lifter, load_people
    from poselift.motion import Options, refine

    people = load_people(EXAMPLE)
    lifter = Lifter("posegraphnet", precision="fp32", flip=False, threads=1)
    results = refine(lifter.lift_people(people), Options())
    assert capfd.readouterr() == ("", "")
    words = "model posegraphnet, precision fp32, without the mirrored pose, 1 thread"
    assert repr(lifter).startswith(f"Lifter({words}, ")
    assert f"lifted: {words}, " in " ".join(results.people[0].poses_3d.history)
    known = {"precision": "fp32", "flip": False, "threads": 1, "model": "posegraphnet"}
    assert known.items() <= results.meta.items()


def test_the_base_install_stays_small() -> None:
    """290 MB with all that `pip install poselift` brings, this package's models included."""
    from importlib.metadata import distribution, requires

    from packaging.requirements import Requirement

    waiting, seen = [Requirement(one) for one in requires("poselift") or ()], set()
    size = sum(p.stat().st_size for p in SOURCE.rglob("*") if "__pycache__" not in p.parts)
    while waiting:
        wanted = waiting.pop()
        if (wanted.marker and not wanted.marker.evaluate({"extra": ""})) or wanted.name in seen:
            continue
        seen.add(wanted.name)
        found = distribution(wanted.name)
        places = [Path(str(found.locate_file(file))) for file in found.files or ()]
        size += sum(place.stat().st_size for place in places if place.is_file())
        waiting += [Requirement(one) for one in found.requires or ()]
    assert {"numpy", "onnxruntime"} <= seen
    assert 50e6 < size < 290 * 2**20


def test_optional_parts_are_installed_from_where_poselift_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Installed:
        def __init__(self, text: str | None) -> None:
            self._text = text

        def read_text(self, name: str) -> str | None:
            assert name == "direct_url.json"
            return self._text

    for text, command in (
        (None, 'pip install ".[train]" (in the folder of'),
        ('{"url": "file:///home/a/poselift", "dir_info": {}}', 'pip install ".[train]" (in'),
        (
            '{"url": "file:///home/a/poselift-0.1.0-py3-none-any.whl", "archive_info": {}}',
            'pip install "poselift[train] @ file:///home/a/poselift-0.1.0-py3-none-any.whl"',
        ),
        ("no JSON", 'pip install ".[train]" (in'),
    ):
        monkeypatch.setattr("poselift.errors.distribution", lambda name, text=text: Installed(text))
        assert how_to_install("train").startswith(command)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("train gnl --out r", "no recipe for 'gnl', expected one of gln, "),
        ("train gln --recipe fast --out r", "--recipe: expected one of paper, shipped"),
        ("export gln", "gln: is shipped as ONNX already: "),
        ("export nope", "nope: there is no such run folder"),
        ("lift - -o a.npz", "-: nothing came through it"),
        (f"convert {VIDEO} -o a.npz", f"{VIDEO}: is a video, detect persons first: poselift de"),
        (f"angles {VIDEO} -o a.csv", f"{VIDEO}: is a video, lift it first: poselift lift"),
        (f"convert {EXAMPLE} -o a.bvh", "a.bvh: cannot write '.bvh' of 2D keypoints (`poselift li"),
    ],
)
def test_what_is_wrong_is_said_first(
    words: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*words.split(), input=b"")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"poselift: error: {sentence}"), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_is_masked_is_missing() -> None:
    from poselift import Lifter, load_poses

    clip, lifter = load_poses(EXAMPLE)[:3], Lifter("posegraphnet", precision="fp32", threads=1)
    points = clip.positions.copy()
    points[:, 3] = np.nan
    hidden = np.ma.masked_invalid(points)
    options = {"image_size": clip.image_size, "skeleton": clip.skeleton}
    np.testing.assert_array_equal(lifter.lift(hidden, **options), lifter.lift(points, **options))
