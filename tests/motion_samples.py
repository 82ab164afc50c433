"""Poses for tests of motion: sequences of arrays, bones that wander, a clip seen by a camera."""

from __future__ import annotations

from typing import Any

import numpy as np

from poselift.motion.skeleton import Rig
from poselift.poses import AXES_3D, PoseSequence
from poselift.skeletons import H36M_17, Skeleton

#: Lengths of the bones that end in the joints of h36m_17, metres.
LENGTHS = np.array(
    [
        0,
        0.1,
        0.43,
        0.42,
        0.1,
        0.43,
        0.42,
        0.25,
        0.26,
        0.12,
        0.17,
        0.18,
        0.28,
        0.25,
        0.18,
        0.28,
        0.25,
    ]
)


def sequence(positions: np.ndarray, skeleton: Skeleton = H36M_17, **changes: Any) -> PoseSequence:
    """A 3D sequence of an array, camera axes, 30 fps unless said otherwise."""
    frames = np.asarray(changes.pop("frames", np.arange(len(positions))))
    fps = changes.pop("fps", 30.0)
    given = {
        "scores": np.full(positions.shape[:2], np.nan, np.float32),
        "times": frames / (fps or 30.0),
        "image_size": (1000, 1000),
        "units": "m",
        "axes": AXES_3D,
    }
    return PoseSequence(
        positions.astype(np.float32), skeleton, frames=frames, fps=fps, **{**given, **changes}
    )


def wandering(
    skeleton: Skeleton, lengths: np.ndarray, rng: np.random.Generator, frames: int = 40
) -> np.ndarray:
    """Poses with bones of those lengths in directions that wander; the root at 0."""
    joints = len(skeleton)
    bones = np.cumsum(rng.normal(0, 0.15, (frames, joints, 3)), axis=0)
    bones += rng.normal(0, 1, (1, joints, 3))
    bones *= lengths[:, None] / np.linalg.norm(bones, axis=-1, keepdims=True)
    points = np.zeros((frames, joints, 3))
    for joint in np.argsort(skeleton.depth, kind="stable"):
        if skeleton.parents[joint] >= 0:
            points[:, joint] = points[:, skeleton.parents[joint]] + bones[:, joint]
    return points


def posed(rig: Rig, **turns: np.ndarray) -> np.ndarray:
    """Positions of a rig with some nodes turned, (T, 3, 3) each; all others at rest."""
    frames = max(len(turn) for turn in turns.values())
    rotations = np.tile(np.eye(3), (frames, len(rig), 1, 1))
    for node, turn in turns.items():
        rotations[:, rig.nodes.index(node)] = turn
    return rig.to_positions(rotations)
