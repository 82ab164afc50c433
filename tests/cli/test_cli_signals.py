"""The command line when it is stopped or cannot write."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# Writes half an output and waits there, as a command that is stopped in the middle.
WAITING = """
import signal, sys, time, typer
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it,
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and what nohup starts this one
from poselift.cli import app
from poselift.files import atomic_write

@app.command("wait")
def wait() -> None:
    with atomic_write(sys.argv[1]) as stream:
        stream.write(b"half")
        print("ready", flush=True)
        time.sleep(60)

app(["wait"], prog_name="poselift")
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_signals_clean_up(name: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(WAITING)
    folder = tmp_path / "out"
    folder.mkdir()
    command = [sys.executable, script, folder / "file"]
    # left behind by a failure, its pipes would be told of in the middle of some later test
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            assert os.listdir(folder) != []
            child.send_signal(getattr(signal, name))
            _, err = child.communicate(timeout=300)
        finally:
            child.kill()
    assert child.returncode == 130
    assert err == b"poselift: error: interrupted\n"
    assert os.listdir(folder) == []


def test_a_full_standard_output_is_one_sentence() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "poselift", "formats"],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=300,
        )
    assert done.returncode == 2
    sentence = b"poselift: error: standard output cannot be written (No space left on device)\n"
    assert done.stderr == sentence
