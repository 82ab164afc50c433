"""A person with bones of constant length who moves through a room, for the tests of writers."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motion_samples import LENGTHS
from poselift.geometry import about_axis, from_rotation_vector
from poselift.motion import Rig
from poselift.poses import AXES_3D, AXES_WORLD, Person, PoseSequence, Results
from poselift.skeletons import H36M_17

META = {
    "model": "gln",
    "weights_sha256": "0123456789abcdef" * 4,
    "normalisation": "person",
    "software": "poselift 0.0",
}

#: From y-up axes to the camera's, and back.
UPSIDE = np.array([1.0, -1.0, -1.0])


def dancer(frames: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(T, 17, 3) metres, y up, root-relative, bones of `LENGTHS`; and (T, 3) the hips' path."""
    rng = np.random.default_rng(seed)
    rig = Rig.of(H36M_17, LENGTHS)
    time = np.arange(frames)[:, None, None] / 30.0
    phase, speed = rng.uniform(0, 6, (2, 1, len(rig), 3))
    turns = from_rotation_vector(0.35 * np.sin(phase + speed * time))
    turns[:, 0] = about_axis("y", np.full(frames, 0.4)) @ turns[:, 0]
    path = np.stack([0.02 * np.arange(frames), 0.92 + 0.0 * time[:, 0, 0], -0.3 * time[:, 0, 0]], 1)
    return rig.to_positions(turns).astype(np.float32), path.astype(np.float32)


def person(
    frames: np.ndarray | int = 40,
    *,
    person_id: int = 0,
    fps: float | None = 30.0,
    root: bool = True,
    world: bool = False,
    **changes: Any,
) -> Person:
    """A dancer seen by a camera 4 m away; in camera axes unless `world`."""
    frames = np.arange(frames) if isinstance(frames, int) else frames
    points, path = dancer(int(frames[-1]) + 1, seed=person_id)
    points, path = points[frames], path[frames]
    seen = (points + path[:, None]) * UPSIDE + [0.0, 0.9, 4.0]
    flat = PoseSequence.from_2d(
        (1150.0 * seen[..., :2] / seen[..., 2:] + [960, 540]).astype(np.float32),
        H36M_17,
        scores=np.full(points.shape[:2], 0.875, np.float32),
        frames=frames,
        times=changes.pop("times", None),
        fps=fps,
        image_size=(1920, 1080),
        person_id=person_id,
        history=("made by a test",),
    )
    lifted = flat.as_3d(points if world else (points * UPSIDE).astype(np.float32), "lifted by hand")
    place = path if world else path * UPSIDE
    axes = AXES_WORLD if world else AXES_3D
    solid = replace(lifted, axes=axes, tracks={"root": place} if root else {}, **changes)
    return Person(flat, solid)


def results(*people: Person) -> Results:
    """Results of a model, with all that the facts need."""
    return Results(people, dict(META))


def without(one: Person, joint: str, rows: slice) -> Person:
    """Take a joint out of some rows of the 3D poses."""
    positions = one.poses_3d.positions.copy()
    positions[rows, H36M_17.index(joint)] = np.nan
    return Person(one.poses_2d, replace(one.poses_3d, positions=positions))


def other_python(name: str) -> Path:
    """The interpreter of an environment that `.ci/environments` makes, `name` being bpy or opensim.

    Without it the test is skipped, but in CI, where it has to be there, fails.
    """
    folder = Path(os.environ.get("POSELIFT_CI_CACHE", Path.home() / ".cache" / "poselift-ci"))
    python = folder / name / "bin" / "python"
    if (folder / "unavailable").exists():
        pytest.skip(f"{name} needs Python 3.11, which this machine has not")
    if not python.exists():
        words = f"no Python with {name} at {python} (.ci/environments makes it)"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    return python


def ask(python: Path, script: Path, *arguments: object) -> str:
    """Run a script in another interpreter; return the rest of the line that begins with JSON.

    In a folder of its own: OpenSim writes a log to where it is run.
    """
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    with tempfile.TemporaryDirectory() as place:
        done = subprocess.run(
            [python, script, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=300,
            env=clean,
            cwd=place,
            check=False,
        )
    found = [line[4:] for line in done.stdout.splitlines() if line.startswith("JSON")]
    assert done.returncode == 0, f"{done.stdout[-500:]}{done.stderr[-2000:]}"
    assert found, f"{done.stdout[-500:]}{done.stderr[-2000:]}"
    return found[0]
