"""The public surface is light: names come when they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import poselift

HEAVY = ("torch", "onnxruntime", "onnx", "numpy", "rich", "typer", "lightning_fabric")


def loaded_after(code: str) -> set[str]:
    """Top-level modules present after running `code` in a new interpreter."""
    script = f"{code}\nimport sys\nprint(*{{m.split('.')[0] for m in sys.modules}})"
    run = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=120
    )
    return set(run.stdout.split())


def test_importing_poselift_imports_nothing_heavy() -> None:
    assert not loaded_after("import poselift; poselift.__version__") & set(HEAVY)


def test_the_checker_sees_a_heavy_import() -> None:
    assert "onnxruntime" in loaded_after("import poselift, onnxruntime")


def test_lifter_needs_no_torch() -> None:
    code = "from poselift import Lifter, load_people, load_poses"
    assert not loaded_after(code) & {"torch", "onnx", "onnxruntime", "lightning_fabric"}


def test_the_command_line_starts_without_the_heavy_libraries() -> None:
    heavy = {"torch", "onnx", "onnxruntime", "numpy", "lightning_fabric"}
    assert not loaded_after("import poselift.cli") & heavy


@pytest.mark.parametrize("name", poselift.__all__)
def test_every_public_name_is_there_and_listed(name: str) -> None:
    assert getattr(poselift, name) is getattr(poselift, name)
    assert name in dir(poselift)


def test_unknown_names_are_refused_as_usual() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Lifteer'"):
        poselift.Lifteer  # noqa: B018
