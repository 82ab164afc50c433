"""How many frames a second and person the steps of `poselift.motion` take, each and all together.

    python benchmarks/motion.py [--frames 20000]

One person who walks and trembles, 2D and 3D, in one clip; the best of three runs. One thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from poselift.geometry import Camera
from poselift.motion import (
    Calibration,
    Lens,
    Options,
    Rig,
    constant_bones,
    find_floor,
    place,
    refine,
    smooth,
    stand,
)
from poselift.motion.angles import angles
from poselift.motion.bones import bone_lengths
from poselift.poses import Person, PoseSequence, Results
from poselift.simulation.synthetic import random_motion
from poselift.skeletons import H36M_17


def walker(frames: int) -> tuple[PoseSequence, PoseSequence, Calibration]:
    """2D and 3D of a synthetic person before a camera, with a detector's trembling."""
    rng = np.random.default_rng(0)
    world = random_motion(0, frames)
    world[..., [0, 2]] -= 0.9 * world[:, :1, [0, 2]]  # a walk of minutes leads out of the room
    points = world * [1.0, -1.0, -1.0] + [0.0, 1.0, 8.0]
    points = points + rng.normal(0, 0.005, points.shape)
    lens = Camera((1920, 1080), (1500.0, 1500.0), (960.0, 540.0))
    flat = PoseSequence.from_2d(lens.project(points), H36M_17, fps=30.0, image_size=(1920, 1080))
    solid = flat.as_3d((points - points[:, :1]).astype(np.float32), "made")
    return flat, solid, Calibration.of_focal((1920, 1080), 1500.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=20000)
    frames = parser.parse_args().frames
    flat, solid, camera = walker(frames)
    smoothed = smooth(solid)
    bones = constant_bones(smoothed)
    placed = place(flat, bones, camera)
    floor = find_floor([placed])
    rig = Rig.of(H36M_17, bone_lengths(bones.positions, H36M_17))
    everything = Options(bones="constant", world=True, lens=Lens(focal=1500.0))
    steps: dict[str, Callable[[], object]] = {
        "filter": lambda: smooth(solid),
        "constant bones": lambda: constant_bones(smoothed),
        "root": lambda: place(flat, bones, camera),
        "floor found": lambda: find_floor([placed]),
        "feet held": lambda: stand(placed, floor),
        "all (refine, --world)": lambda: refine(Results((Person(flat, solid),)), everything),
        "angles": lambda: angles(placed),
        "joint rotations": lambda: rig.to_rotations(bones.positions.astype(np.float64)),
    }
    for name, step in steps.items():
        best = np.inf
        for _ in range(3):
            started = time.process_time()
            step()
            best = min(best, time.process_time() - started)
        print(f"{name:24} {frames / best:12,.0f} frames/s  {1e6 * best / frames:8.1f} us a frame")


if __name__ == "__main__":
    main()
