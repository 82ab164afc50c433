"""A made-up data set of poses and their keypoints."""

from __future__ import annotations

import numpy as np

from poselift.datasets import LiftingData
from poselift.skeletons import get_skeleton

ACTIONS = ("jump", "run", "walk")


def made_up(skeleton: str, seed: int, count: int = 450) -> LiftingData:
    """Random poses in front of a camera; nothing to be learnt."""
    rng = np.random.default_rng(seed)
    joints = get_skeleton(skeleton)
    poses = rng.normal(scale=0.3, size=(count, len(joints), 3)).astype(np.float32)
    poses -= poses[:, joints.root : joints.root + 1]
    root = np.array([0.1, 0.2, 5.0], np.float32)
    seen = poses + root
    number = np.arange(count, dtype=np.int64)
    return LiftingData(
        keypoints=1100 * seen[..., :2] / seen[..., 2:] + 500,
        poses=poses,
        image_size=np.full((count, 2), 1000, np.float32),
        root=np.tile(root, (count, 1)),
        intrinsics=np.tile(np.array([1100, 1100, 500, 500], np.float32), (count, 1)),
        subject=np.full(count, 9, np.int64),
        action=np.array(ACTIONS)[number % 3],
        camera=number % 4,
        frame=number,
        clip=np.zeros(count, np.int64),
        clips=("made up",),
        skeleton=joints,
        name="made up",
    )
