"""Small files in the formats that are read, for the tests of io and tracking."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from poselift.poses import Person, PoseSequence
from poselift.skeletons import BODY_25, COCO_17, H36M_17, Skeleton

#: A standing person, COCO order, about 170 px tall with the middle at (0, 0).
STANDING = np.array(
    [
        [0, -80], [3, -84], [-3, -84], [8, -82], [-8, -82], [18, -55], [-18, -55], [24, -25],
        [-24, -25], [26, 2], [-26, 2], [11, 5], [-11, 5], [12, 45], [-12, 45], [13, 85], [-13, 85],
    ],
    dtype=float,
)  # fmt: skip


def walker(count: int, *, x: float = 300.0, speed: float = 3.0, scale: float = 1.0) -> np.ndarray:
    """(count, 17, 2) pixels: the standing person moving to the right."""
    place = np.stack([x + speed * np.arange(count), np.full(count, 400.0)], axis=1)
    return STANDING * scale + place[:, None]


def triples(points: np.ndarray, score: float = 0.9) -> list[float]:
    """OpenPose's x, y, c list of one person (J, 2); NaN becomes 0, 0, 0."""
    table = np.concatenate([points, np.full((len(points), 1), score)], axis=1)
    table[np.isnan(points).any(axis=1)] = 0.0
    return [float(value) for value in np.round(table, 3).reshape(-1)]


def openpose_frame(*people: np.ndarray, person_id: int = -1) -> dict[str, Any]:
    """A frame as OpenPose writes it."""
    return {
        "version": 1.3,
        "people": [
            {"person_id": [person_id], "pose_keypoints_2d": triples(one), "face_keypoints_2d": []}
            for one in people
        ],
    }


def mmpose_instance(points: np.ndarray, **more: Any) -> dict[str, Any]:
    """An instance as MMPose writes it."""
    return {
        "keypoints": points.tolist(),
        "keypoint_scores": [0.5] * len(points),
        "bbox": [[1.0, 2.0, 3.0, 4.0]],
        "bbox_score": 0.9,
        **more,
    }


def mmpose_frames(points: np.ndarray, first: int = 0, **more: Any) -> list[dict[str, Any]]:
    """Frames with one person, numbered from `first`."""
    return [
        {"frame_id": first + i, "instances": [mmpose_instance(one, **more)]}
        for i, one in enumerate(points)
    ]


def write(path: Path, content: Any) -> Path:
    """Write JSON and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def in_order(points: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Put COCO points (..., 17, 2) into another joint order; what COCO lacks is NaN."""
    out = np.full((*points.shape[:-2], len(skeleton), 2), np.nan)
    for row, joint in enumerate(skeleton.joints):
        if joint in COCO_17.joints:
            out[..., row, :] = points[..., COCO_17.index(joint), :]
    middle = {"mid_hip": ("left_hip", "right_hip"), "neck": ("left_shoulder", "right_shoulder")}
    for joint, sides in middle.items():
        if joint in skeleton.joints:
            pair = [COCO_17.index(side) for side in sides]
            out[..., skeleton.index(joint), :] = points[..., pair, :].mean(axis=-2)
    return out


def body_25(count: int) -> np.ndarray:
    """(count, 25, 2) the walker in BODY_25 order, without feet."""
    return in_order(walker(count), BODY_25)


def sequence(
    count: int = 5, *, person_id: int = 0, seed: int = 0, fps: float | None = 29.97, start: int = 0
) -> PoseSequence:
    """A 2D sequence with missing joints and unknown scores."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 1000, (count, 17, 2)).astype(np.float32)
    points[rng.random((count, 17)) < 0.2] = np.nan
    scores = rng.random((count, 17)).astype(np.float32)
    scores[rng.random((count, 17)) < 0.2] = np.nan
    frames = start + np.cumsum(rng.integers(1, 4, count))
    return PoseSequence.from_2d(
        points,
        H36M_17,
        scores=scores,
        frames=frames,
        fps=fps,
        times=frames / 29.97 + (0 if fps else 0.001 * rng.random(count)),
        image_size=(1920, 1080),
        person_id=person_id,
        history=("made by a test",),
    )


def pair(**options: Any) -> Person:
    """A 2D sequence and a 3D one beside it, one frame not lifted."""
    flat = sequence(**options)
    rng = np.random.default_rng(1)
    solid = rng.normal(size=(len(flat), 17, 3)).astype(np.float32)
    solid[0] = np.nan
    return Person(flat, flat.as_3d(solid, "lifted by a test"))
