"""Inputs that try to break the program (../shared/cases/hostile): a result or one sentence."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from poselift.io import read_detections

# The system counts a child's peak from before it became another program; this line does not.
WATCHED = """
import re, sys
from pathlib import Path
from poselift.cli import main
try:
    main()
finally:
    peak = re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]
    sys.stderr.write(f"peak kB: {peak}")
"""

LIMIT_MIB = 150  # above the idle process, for inputs of up to 4 MB on disk


@pytest.fixture(scope="module")
def hostile(shared: Path) -> Path:
    return shared / "cases" / "hostile"


@pytest.fixture(scope="module")
def make(hostile: Path) -> ModuleType:
    """The script that writes the larger inputs, as a module."""
    spec = importlib.util.spec_from_file_location("hostile_make", hostile / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def poselift(*arguments: object) -> tuple[int, str, float]:
    """Run the command; return exit status, stderr and its peak memory in MiB."""
    command = [sys.executable, "-c", WATCHED, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    text, _, peak = done.stderr.rpartition("peak kB: ")
    return done.returncode, text, int(peak) / 1024


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> float:
    """Peak memory of the command on a tiny input."""
    folder = tmp_path_factory.mktemp("idle")
    np.savez(folder / "a.npz", keypoints=np.random.default_rng(0).uniform(0, 900, (5, 17, 2)))
    status, _, peak = poselift(
        "convert", folder / "a.npz", "-o", folder / "b.npz", "--skeleton", "coco_17"
    )
    assert status == 0
    return peak


def refused(text: str) -> bool:
    return (
        text.startswith("poselift: error: ") and text.count("\n") == 1 and text[:-1].isprintable()
    )


@pytest.mark.parametrize("count", [100, 1000, 3000])
def test_a_header_is_the_same_at_any_size(make: ModuleType, tmp_path: Path, count: int) -> None:
    clip = {
        "frames": [make.frame(t) for t in range(count)],
        "fps": 25.0,
        "image_size": [1920, 1080],
        "keypoint_names": make.H36M,
    }
    (tmp_path / "clip.json").write_text(json.dumps(clip))
    found = read_detections(tmp_path / "clip.json")
    assert (found.skeleton.name, found.fps, found.image_size) == ("h36m_17", 25.0, (1920, 1080))


@pytest.mark.parametrize("second", ["null", "[]", "[1]", "5"])
@pytest.mark.parametrize("count", [5, 1000])
def test_frames_twice(make: ModuleType, tmp_path: Path, second: str, count: int) -> None:
    frames = json.dumps([make.frame(t) for t in range(count)])
    (tmp_path / "a.json").write_text('{"frames": ' + frames + ', "frames": ' + second + "}")
    status, text, _ = poselift("convert", tmp_path / "a.json", "-o", tmp_path / "b.npz")
    assert status == 2
    assert refused(text)
    assert not (tmp_path / "b.npz").exists()


@pytest.mark.parametrize(
    "key", ["fps", "image_size", "keypoint_names", "skeleton", "units", "version"]
)
@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_values_nested_deep(make: ModuleType, tmp_path: Path, key: str, depth: int) -> None:
    frames = json.dumps([make.frame(t) for t in range(5)])
    (tmp_path / "a.json").write_text(f'{{"{key}": {make.nested(depth)}, "frames": {frames}}}')
    status, text, _ = poselift("convert", tmp_path / "a.json", "-o", tmp_path / "b.npz")
    assert status == 0 or (status == 2 and refused(text)), text


@pytest.mark.parametrize("name", ["keypoints", "unused"])
def test_arrays_that_inflate_to_gigabytes(
    make: ModuleType, tmp_path: Path, idle: float, name: str
) -> None:
    """Sizes are read from the header before anything is inflated; the rest is not read."""
    sizes = {
        "keypoints": {"keypoints": (4_000_000, 17, 2)},
        "unused": {"keypoints": (10, 17, 2), "other": (1 << 27,)},
    }
    path = tmp_path / "a.npz"
    make.zeros_npz(path, sizes[name])
    status, text, peak = poselift("convert", path, "-o", tmp_path / "b.npz", "--size", "1920x1080")
    assert status == 2, text
    assert refused(text)
    assert peak - idle < LIMIT_MIB


def test_a_folder_is_read_file_by_file(tmp_path: Path, idle: float) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for t in range(12):  # 3 MB each
        text = '{"people":[' + "[]," * 1_000_000 + "[]]}"
        (folder / f"v_{t:012d}_keypoints.json").write_text(text)
    status, text, peak = poselift(
        "convert", folder, "-o", tmp_path / "b.npz", "--skeleton", "coco_17"
    )
    assert status == 2, text
    assert refused(text)
    assert peak - idle < LIMIT_MIB


def test_names_of_arrays_reach_the_terminal_escaped(hostile: Path, tmp_path: Path) -> None:
    status, text, _ = poselift("convert", hostile / "esc.npz", "-o", tmp_path / "b.npz")
    assert status == 2
    assert refused(text)
    assert "\\x1b" in text


def test_a_clip_of_a_minute_takes_little_memory(idle: float) -> None:
    """The measure itself: the idle process is what it is compared with."""
    assert 30 < idle < 300
