"""How fast 3D results become files of each format, as a Markdown table: a report, not a test.

    python benchmarks/writing.py [--frames 20000] [--runs 3]

One person of 17 joints with a path through the room is written to the disk by `results.save`, all
that belongs to it included: checks, constant bones and joint rotations where the format needs them,
the file beside it, flushing. Wall-clock time, the best of the runs; processor time beside it says
what a quiet machine would need.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from poselift.geometry import from_rotation_vector
from poselift.io import writers
from poselift.motion import Rig
from poselift.poses import Person, PoseSequence, Results
from poselift.skeletons import H36M_17

#: Lengths of the bones that end in the joints of h36m_17, metres.
LENGTHS = np.array([0, 10, 43, 42, 10, 43, 42, 25, 26, 12, 17, 18, 28, 25, 18, 28, 25]) / 100

#: What is looked at has a benchmark of its own (page.py), or needs a video.
SEEN = (".html", ".mp4")


def mover(frames: int) -> Results:
    """Return a person who moves all joints and trembles a little."""
    rng = np.random.default_rng(0)
    rig = Rig.of(H36M_17, LENGTHS)
    clock = np.arange(frames)[:, None, None] / 30.0
    phase, speed = rng.uniform(0, 6, (2, 1, len(rig), 3))
    points = rig.to_positions(from_rotation_vector(0.4 * np.sin(phase + speed * clock)))
    points = points * [1.0, -1.0, -1.0] + rng.normal(0, 0.002, points.shape)
    points -= points[:, :1]
    path = np.stack([np.sin(clock[:, 0, 0]), 0 * clock[:, 0, 0], 5 + np.cos(clock[:, 0, 0])], 1)
    seen = points + path[:, None]
    flat = PoseSequence.from_2d(
        (1150 * seen[..., :2] / seen[..., 2:] + [960, 540]).astype(np.float32),
        H36M_17,
        scores=rng.uniform(0.5, 1, seen.shape[:2]).astype(np.float32),
        fps=30.0,
        image_size=(1920, 1080),
    )
    solid = flat.as_3d(points.astype(np.float32), "made up")
    solid = replace(solid, tracks={"root": path.astype(np.float32)})
    return Results((Person(flat, solid),), {"model": "none", "software": "a benchmark"})


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=None, help="suffixes, as .bvh .glb")
    arguments = parser.parse_args()
    results = mover(arguments.frames)
    print(f"{arguments.frames} frames, {os.cpu_count()} processors, best of {arguments.runs}\n")
    print("| file | frames/s | frames/s of processor time | bytes a frame |")
    print("| --- | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for suffix in arguments.only or [one for one in writers() if one not in SEEN]:
            path = Path(folder) / f"a{suffix}"
            walls, processor = [], []
            for _ in range(arguments.runs):
                wall, used = time.perf_counter(), time.process_time()
                results.save(path)
                walls.append(time.perf_counter() - wall)
                processor.append(time.process_time() - used)
            size = path.stat().st_size / arguments.frames
            speeds = [arguments.frames / min(times) for times in (walls, processor)]
            print(f"| {suffix} | {speeds[0]:,.0f} | {speeds[1]:,.0f} | {size:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
