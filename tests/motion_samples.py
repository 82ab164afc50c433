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


def walk(frames: int = 120, fps: float = 30.0) -> tuple[np.ndarray, np.ndarray]:
    """A person who walks along x: world (T, 17, 3), y up, the floor at 0; feet that stand (T, 2).

    Feet stand half of the time, 8 cm above the floor at the ankle, and swing the other half.
    """
    time = np.arange(frames) / fps
    step, length = 1.0, 0.7  # seconds of a cycle, metres of it
    feet = np.zeros((frames, 2, 3))
    stands = np.zeros((frames, 2), bool)
    for side in (0, 1):
        phase = time / step + side / 2
        share = phase % 1.0
        swing = np.clip((share - 0.5) * 2, 0.0, 1.0)
        feet[:, side, 0] = (np.floor(phase) + swing - side / 2) * length
        feet[:, side, 1] = 0.08 + 0.12 * np.sin(np.pi * swing)
        feet[:, side, 2] = -0.1 if side == 0 else 0.1
        stands[:, side] = share < 0.5
    places = {name: np.zeros((frames, 3)) for name in H36M_17.joints}
    pelvis = np.stack([(time / step - 0.25) * length, np.full(frames, 0.88), np.zeros(frames)], -1)
    up = np.array([0.0, 1.0, 0.0])
    for side, name, z in ((0, "left", -0.1), (1, "right", 0.1)):
        hip = pelvis + np.array([0, 0, z])
        line = feet[:, side] - hip
        far = np.linalg.norm(line, axis=1)
        along, ahead = far / 2, line / far[:, None]
        front = np.array([1.0, 0.0, 0.0]) - ahead[:, :1] * ahead
        front /= np.linalg.norm(front, axis=1, keepdims=True)
        knee = hip + along[:, None] * ahead + np.sqrt(0.43**2 - along**2)[:, None] * front
        places[f"{name}_hip"], places[f"{name}_knee"] = hip, knee
        places[f"{name}_ankle"] = feet[:, side]
        shoulder = pelvis + 0.5 * up + np.array([0, 0, 1.8 * z])
        swing = 0.4 * np.sin(2 * np.pi * time / step + np.pi * side)
        arm = np.stack([np.sin(swing), -np.cos(swing), 0 * swing], -1)
        places[f"{name}_shoulder"] = shoulder
        places[f"{name}_elbow"] = shoulder + 0.28 * arm
        fore = arm + np.array([0.3, 0, 0])
        fore *= 0.25 / np.linalg.norm(fore, axis=1, keepdims=True)
        places[f"{name}_wrist"] = places[f"{name}_elbow"] + fore
    places["pelvis"], places["spine"] = pelvis, pelvis + 0.25 * up
    places["thorax"], places["neck"] = pelvis + 0.5 * up, pelvis + np.array([0.08, 0.6, 0])
    places["head"] = pelvis + 0.76 * up
    return np.stack([places[name] for name in H36M_17.joints], axis=1), stands


def seen(
    world: np.ndarray, *, tilt: float = 12.0, height: float = 1.6, focal: float = 1200.0
) -> tuple[PoseSequence, PoseSequence, np.ndarray]:
    """2D and 3D of a camera 5 m from the walk, and the true path of the root in its space."""
    turn = np.diag([1.0, -1.0, -1.0])  # y up, z back -> y down, z forward
    dip = np.radians(tilt)
    pitch = np.array([[1, 0, 0], [0, np.cos(dip), -np.sin(dip)], [0, np.sin(dip), np.cos(dip)]])
    camera = (world - [1.0, height, 5.0]) @ (pitch @ turn).T
    pixels = focal * camera[..., :2] / camera[..., 2:] + 500
    poses = sequence(camera - camera[:, :1])
    poses_2d = PoseSequence.from_2d(
        pixels, H36M_17, fps=30.0, frames=poses.frames, image_size=(1000, 1000)
    )
    return poses_2d, poses, camera[:, 0]
