"""The harness itself, and 20,000 damaged inputs: each ends in a result or in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from fuzzing import surfaces as module  # noqa: E402
from fuzzing.children import Surface, run, write_case  # noqa: E402
from fuzzing.cover import all_readers, readers_in, uncovered  # noqa: E402
from poselift.errors import PoseliftError  # noqa: E402
from poselift.io.registry import Format  # noqa: E402


def refuse(path: Path) -> None:
    raise PoseliftError("no")


def stumble(path: Path) -> None:
    raise KeyError("traceback")


def die(path: Path) -> None:
    os._exit(9)


def say_badly(path: Path) -> None:
    error = PoseliftError("")
    error.args = ("a\x1b[2J",)
    raise error


@pytest.mark.parametrize(
    ("read", "what"),
    [(refuse, ""), (stumble, "KeyError"), (die, "died"), (say_badly, "control characters")],
)
def test_what_counts_as_a_failure(tmp_path: Path, read: object, what: str) -> None:
    sample = tmp_path / "a.json"
    sample.write_text('{"a": [1, 2, 3]}')
    failures = run(Surface("x", [sample], read), 1, 0, 3, lambda done: None)  # type: ignore[arg-type]
    assert len(failures) == (3 if what else 0)
    assert all(one.what.startswith(what) for one in failures)


def test_a_case_is_made_again_from_its_number(tmp_path: Path) -> None:
    sample = tmp_path / "a.json"
    sample.write_text('{"a": [1, 2, 3], "b": {"c": "text"}}')
    surface = Surface("x", [sample], refuse)
    (tmp_path / "out").mkdir()
    made = [write_case(surface, 1, case, tmp_path / "out").read_bytes() for case in (5, 6, 5)]
    assert made[0] == made[2]
    assert made[0] != made[1]


def test_a_reader_without_inputs_is_not_forgotten(tmp_path: Path) -> None:
    stranger = Format("stranger", "x", {".x": "x"}, "2D", read=lambda path, options: None)  # type: ignore[arg-type,return-value]
    with pytest.raises(LookupError, match="format stranger: no valid input"):
        module._of_format(stranger, tmp_path / "stranger")


def test_a_function_that_opens_a_file_is_found() -> None:
    source = """
class Reader:
    def read(self, path):
        with path.open("rb") as stream:
            return stream.read()
    def write(self, path):
        path.open("wb").write(b"")
def look(path):
    return [np.load(one) for one in path]
def show(page):
    webbrowser.open(page)
"""
    assert list(readers_in(source)) == ["Reader.read", "look"]
    assert "io/formats/yolo_txt.py:matches" in all_readers() or len(all_readers()) > 30


def test_a_function_that_nothing_reaches_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    faults = uncovered([Surface("nothing", [tmp_path / "a.txt"], lambda path: None)])
    assert (
        "mocap/textfile.py:read_text opens a file, and no surface of the fuzzer reaches it"
        in faults
    )


def test_every_function_that_opens_a_file_is_reached() -> None:
    command = [sys.executable, "-W", "ignore", SCRIPTS / "fuzz.py", "--cover"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def test_twenty_thousand_cases() -> None:
    command = [
        sys.executable,
        "-W",
        "ignore",
        SCRIPTS / "fuzz.py",
        "--cases",
        "20000",
        "--jobs",
        "2",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "0 failures" in done.stdout
