"""Make the clip of 2D keypoints that `make demo` lifts.

    python examples/make_clip.py -o examples/walk.json

A generated motion (joint limits, a random body) is seen by a virtual camera and spoiled as a
detector would. No recording of anybody is in it. The same call gives the same file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from poselift import PoseSequence, get_skeleton
from poselift.geometry import Camera
from poselift.io import write_keypoints
from poselift.simulation import DetectorNoise
from poselift.simulation.synthetic import random_motion

FRAMES, FPS = 240, 30.0
MOTION_SEED, NOISE_SEED = 2, 1

# Full HD on a tripod, dipped 4 degrees; the world has y up, the camera looks along -z.
_TURN = np.radians(180 - 4) / 2
CAMERA = Camera(
    size=(1920, 1080),
    focal=(1800.0, 1800.0),
    center=(960.0, 540.0),
    orientation=(float(np.cos(_TURN)), float(np.sin(_TURN)), 0.0, 0.0),
    translation=(0.0, 1.4, 7.0),
)

# A person in full view and good light: errors are rarer than in training.
NOISE = DetectorNoise(
    jitter_torso=0.003,
    jitter_end=0.006,
    outlier=0.001,
    outlier_distance=0.05,
    swap_legs=0.002,
    swap_arms=0.002,
    swap_body=0.0,
    missing_joint=0.005,
    missing_limb=0.002,
    missing_side=0.0,
    missing_legs=0.0,
)


def make_clip() -> PoseSequence:
    """The clip as 2D keypoints in pixels."""
    world = random_motion(MOTION_SEED, FRAMES, FPS, energy=0.75).astype(np.float64)
    true = CAMERA.project(CAMERA.to_camera(world))
    seen = NOISE.apply(np.random.default_rng(NOISE_SEED), true)
    # a detector is less sure where it errs: 0.95, halved by an error of 20 px
    errors = np.linalg.norm(seen - true, axis=2)
    scores = 0.95 * 0.5 ** (errors / 20)
    return PoseSequence.from_2d(
        np.round(seen, 1).astype(np.float32),
        get_skeleton("h36m_17"),
        scores=np.round(scores, 2).astype(np.float32),
        fps=FPS,
        image_size=CAMERA.size,
    )


def main(arguments: list[str] | None = None) -> None:
    """Write the clip."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "walk.json")
    output = parser.parse_args(arguments).output
    clip = make_clip()
    write_keypoints(output, [clip])
    print(f"{output}: {clip}")


if __name__ == "__main__":
    main()
