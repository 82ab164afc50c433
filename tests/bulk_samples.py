"""Shards for the tests of bulk, the command as a process of its own, and what it has written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from io_samples import walker
from poselift.io import save
from poselift.poses import PoseSequence
from poselift.skeletons import COCO_17, Skeleton
from tiny_model import tiny_onnx

SOURCES = Path(__file__).parents[1] / "src"


def write_shards(
    folder: Path, count: int, frames: int = 40, *, skeleton: Skeleton = COCO_17, first: int = 0
) -> list[str]:
    """Write Parquet files of two persons who walk, each a little otherwise; return their names."""
    names = []
    for number in range(first, first + count):
        rng = np.random.default_rng(number)
        people = []
        for person in range(2):
            points = walker(frames, x=200.0 + 150 * person, speed=0.01)[:, : len(skeleton)]
            points = points + rng.normal(0, 2, points.shape)
            one = PoseSequence.from_2d(
                points.astype(np.float32),
                skeleton,
                fps=30.0,
                image_size=(1000, 1000),
                person_id=person,
            )
            people.append(one)
        names.append(f"s{number:03d}.parquet")
        save(people, folder / names[-1])
    return names


def write_model(folder: Path) -> Path:
    """Write a model that runs in no time."""
    path = folder / "tiny.onnx"
    path.write_bytes(tiny_onnx())
    return path


def start(*arguments: object, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """Start `poselift bulk` in a process of its own."""
    known = {**os.environ, "PYTHONPATH": str(SOURCES), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "poselift", "bulk", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**known, **(environment or {})},
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for a process; return its exit status, stdout, and stderr without how far it was."""
    out, err = process.communicate(timeout=300)
    lines = [line for line in err.splitlines(keepends=True) if "time left unknown" not in line]
    lines = [line for line in lines if not line.rstrip().endswith(" left")]
    return process.returncode, out, "".join(lines)


def until(true: Callable[[], Any], seconds: float = 120.0) -> Any:
    """Wait for something to come true, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.01)
    raise AssertionError("it did not come true")


def outputs(target: Path) -> dict[str, bytes]:
    """Return all outputs below OUT by name, without the folder of the one model and options."""
    (folder,) = target.iterdir()
    found = [one for one in sorted(folder.rglob("*.parquet")) if "_bulk" not in one.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def notes(target: Path, kind: str) -> dict[str, dict[str, Any]]:
    """Return what the manifest says, "done" or "quarantine", by shard."""
    (folder,) = target.iterdir()
    place = folder / "_bulk" / kind
    return {
        path.relative_to(place).as_posix().removesuffix(".json"): json.loads(path.read_text())
        for path in sorted(place.rglob("*.json"))
    }


def left_over(target: Path) -> list[str]:
    """Return the locks and half-written files that nobody has any more."""
    return [str(one) for one in target.rglob("*") if one.suffix == ".part" or "/locks/" in str(one)]


def descendants(pid: int) -> list[int]:
    """Return the numbers of all processes below one."""
    parents = {}
    for entry in Path("/proc").iterdir():
        with suppress(ValueError, OSError):
            parents[int(entry.name)] = int(
                (entry / "stat").read_text().rpartition(")")[2].split()[1]
            )
    below = {pid}
    while more := {one for one, above in parents.items() if above in below} - below:
        below |= more
    return sorted(below - {pid})


def kill_at_work(driver: subprocess.Popen[str]) -> None:
    """Kill -9 a worker that is in the middle of a shard."""

    def at_work() -> int:
        """A stopped process that holds a lock."""
        assert driver.poll() is None, driver.communicate()
        for number in descendants(driver.pid):
            with suppress(OSError):
                links = [os.readlink(one) for one in Path(f"/proc/{number}/fd").iterdir()]
                if not any("/_bulk/locks/" in one for one in links):
                    continue
                os.kill(number, signal.SIGSTOP)
                links = [os.readlink(one) for one in Path(f"/proc/{number}/fd").iterdir()]
                if any("/_bulk/locks/" in one for one in links):
                    return number
                os.kill(number, signal.SIGCONT)  # it has just finished
        return 0

    os.kill(until(at_work), signal.SIGKILL)
