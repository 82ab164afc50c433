"""Where tests find the shared reference data, and the command line in this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of golden values and data sets beside the repository."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("POSELIFT_SHARED", default))
    if not folder.is_dir():
        pytest.skip(f"reference data not found at {folder} (set POSELIFT_SHARED)")
    return folder


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let networks of random weights give what is no body."""
    monkeypatch.setattr("poselift.lifting.arguments.LONGEST_BONE", 1e9)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Call `poselift` in this process; returns exit status, stdout, stderr."""
    from poselift.cli import main

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["poselift", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capsys.readouterr()
        return int(stopped.value.code or 0), out, err

    return call
