"""The command line as it is promised. A new knob is a decision: change this file with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from poselift.cli import app

SURFACE = {
    "lift": {
        "source",
        "-o --output",
        "--model",
        "--format",
        "--skeleton",
        "--size",
        "--fps",
        "--normalised",
        "--focal",
        "--person",
        "--threads",
        "--flip --no-flip",
        "--precision",
        "--backend",
        "--smooth",
        "--bones",
        "--height",
        "--root",
        "--floor",
        "--world",
        "--fov",
        "--calibration",
        "--calibration-map",
        "--axes",
        "--detector",
        "--detect-every",
        "--trim",
        "--overlay-scale",
        "--quiet",
    },
    "bulk": {
        "source",
        "target",
        "--model",
        "--workers",
        "--ray",
        "--precision",
        "--flip --no-flip",
        "--smooth",
        "--bones",
        "--height",
        "--root",
        "--floor",
        "--world",
        "--focal",
        "--fov",
        "--skeleton",
        "--size",
        "--fps",
        "--detector",
        "--detect-every",
        "--quiet",
    },
    "detect": {
        "source",
        "-o --output",
        "--detector",
        "--detect-every",
        "--skeleton",
        "--trim",
        "--fps",
        "--person",
        "--quiet",
    },
    "convert": {
        "source",
        "-o --output",
        "--format",
        "--skeleton",
        "--size",
        "--fps",
        "--normalised",
        "--person",
        "--to",
        "--axes",
        "--quiet",
    },
    "view": {
        "source",
        "-o --output",
        "--video",
        "--format",
        "--skeleton",
        "--size",
        "--fps",
        "--normalised",
        "--person",
        "--quiet",
    },
    "angles": {"source", "-o --output", "--format", "--person", "--quiet"},
    "formats": set(),
    "train": {
        "architecture",
        "--data",
        "--root",
        "--more",
        "--out",
        "--recipe",
        "--variant",
        "--epochs",
        "--batch-size",
        "--lr",
        "--samples",
        "--detections",
        "--precision",
        "--target",
        "--poseaug",
        "--estimator",
        "--seed",
        "--device",
        "--threads",
        "--resume",
        "--init",
        "--from",
        "--decay",
        "--end-to-end",
        "--detector",
        "--detector-rate",
        "--workers",
    },
    "data check": {"folder"},
    "eval": {
        "--model",
        "--data",
        "--root",
        "--split",
        "--variant",
        "--detections",
        "--protocol",
        "--metrics",
        "--drop-drifting",
        "--annotations",
        "--json",
        "--csv",
        "--threads",
        "--flip --no-flip",
        "--precision",
        "--backend",
    },
    "reproduce": {
        "names",
        "--list",
        "--data",
        "--root",
        "--budget",
        "--detections",
        "--drop-drifting",
        "--mpi-root",
        "--more",
        "--seed",
        "--model",
        "-o --output",
        "--runs",
        "--device",
        "--threads",
    },
    "data render": {
        "--root",
        "-o --output",
        "--count",
        "--split",
        "--size",
        "--seed",
        "--more",
        "--workers",
        "--quiet",
    },
    "export": {"model", "-o --output", "--fp16", "--precision"},
    "import": {
        "kind",
        "file",
        "-o --output",
        "--temperature",
        "--paddings",
        "--grid",
        "--normalisation",
        "--skeleton",
        "--size",
    },
    "bench": {
        "--model",
        "--precision",
        "--backend",
        "--batch",
        "--device",
        "--threads",
        "--seconds",
        "--training --no-training",
        "--json",
    },
}


def commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """All commands by name, those of groups as `group command`."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def test_commands_and_options_are_these() -> None:
    found = {
        name: {" ".join([*one.opts, *one.secondary_opts]) for one in command.params}
        for name, command in commands(typer.main.get_command(app))
    }
    assert found == SURFACE


def test_the_program_itself_has_one_option() -> None:
    group = typer.main.get_command(app)
    assert [one.opts for one in group.params] == [["--version"]]


def test_every_knob_says_what_it_does() -> None:
    for name, command in commands(typer.main.get_command(app)):
        assert command.help, name
        for one in command.params:
            assert one.help, f"{name} {one.name}"
