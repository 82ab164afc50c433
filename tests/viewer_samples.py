"""A walking figure made from a few sines, for the tests of the viewer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from poselift.poses import AXES_WORLD, Person, PoseSequence, Results
from poselift.skeletons import H36M_17, Skeleton

META = {
    "model": "gln",
    "weights_sha256": "0123456789abcdef" * 4,
    "units": "m",
    "axes": "camera: x right, y down, z forward, root-relative",
    "normalisation": "screen",
    "software": "poselift test",
}


def walker(frames: np.ndarray, phase: float = 0.0, turn: float = 0.5) -> np.ndarray:
    """(T, 17, 3) metres in camera axes, root-relative: a step takes about a second at 30 fps."""
    swing = np.sin(2 * np.pi * frames / 30.0 + phase)
    out = np.zeros((len(frames), 17, 3))
    zero, one = np.zeros_like(swing), np.ones_like(swing)

    def limb(start: str, names: list[str], lengths: list[float], angles: list[np.ndarray]) -> None:
        at = out[:, H36M_17.index(start)]
        for name, length, angle in zip(names, lengths, angles, strict=True):
            step = np.stack([zero, np.cos(angle), np.sin(angle)], axis=1)
            out[:, H36M_17.index(name)] = at = at + length * step

    for name, height in (("spine", 0.23), ("thorax", 0.47), ("neck", 0.56), ("head", 0.68)):
        out[:, H36M_17.index(name), 1] = -height
    for side, sign in (("left", 1.0), ("right", -1.0)):
        out[:, H36M_17.index(f"{side}_hip")] = [0.13 * sign, 0.02, 0.0]
        out[:, H36M_17.index(f"{side}_shoulder")] = [0.17 * sign, -0.45, 0.0]
        leg = 0.55 * sign * swing
        bend = 0.35 * (one - np.cos(2 * np.pi * frames / 30.0 + phase * sign))
        limb(f"{side}_hip", [f"{side}_knee", f"{side}_ankle"], [0.44, 0.43], [leg, leg + bend])
        arm = -0.5 * sign * swing
        limb(
            f"{side}_shoulder",
            [f"{side}_elbow", f"{side}_wrist"],
            [0.28, 0.25],
            [arm, arm - 0.5 * one],
        )
    cos, sin = np.cos(turn + np.pi), np.sin(turn + np.pi)
    about_y = np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])
    return out @ about_y.T


def pair(
    frames: np.ndarray,
    *,
    person_id: int = 0,
    fps: float | None = 30.0,
    size: tuple[int, int] | None = (1920, 1080),
    place: float = 0.0,
    skeleton: Skeleton = H36M_17,
) -> Person:
    """2D and 3D sequences of a walker seen from 4 m, `place` metres right of the middle."""
    solid = walker(frames, phase=place, turn=0.5 + place)
    seen = solid + np.array([place, 0.1, 4.0])
    flat = 1150.0 * seen[..., :2] / seen[..., 2:] + np.array(size or (1000, 1000)) / 2
    sequence = PoseSequence.from_2d(
        flat.astype(np.float32),
        H36M_17,
        frames=frames,
        fps=fps,
        image_size=size,
        person_id=person_id,
    )
    lifted = sequence.as_3d(solid.astype(np.float32), "lifted by a test")
    return Person(sequence.to_skeleton(skeleton), lifted)


def results(*people: tuple[PoseSequence, PoseSequence]) -> Results:
    """Wrap pairs of sequences as the results of a model."""
    return Results(people=tuple(Person(*one) for one in people), meta=dict(META))


def without(sequence: PoseSequence, joints: list[str], rows: slice) -> PoseSequence:
    """Copy `sequence` with some joints missing in some rows."""
    positions = sequence.positions.copy()
    positions[rows, [sequence.skeleton.index(joint) for joint in joints]] = np.nan
    return replace(sequence, positions=positions)


def stroll(frames: np.ndarray, *, person_id: int = 0, place: float = 0.0, **tracks) -> Person:
    """A walker in a room: 1.2 m/s along x from `place`, y up, feet on the floor and in contact."""
    flat, solid = pair(frames, person_id=person_id, place=place)
    poses = walker(frames, turn=np.pi / 2) * [1, -1, -1]
    feet = poses[:, [H36M_17.index("left_ankle"), H36M_17.index("right_ankle")], 1]
    lowest = poses[..., 1].min(axis=1)
    path = np.stack([1.2 * frames / 30.0 + place, -lowest, np.full(len(frames), place)], axis=1)
    known = {"root": path, "contacts": feet - lowest[:, None] < 0.02, **tracks}
    room = replace(solid, positions=poses.astype(np.float32), axes=AXES_WORLD, tracks=known)
    return Person(flat, room)
