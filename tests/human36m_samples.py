"""Small files of the exact structure of the three ways in which Human3.6M is distributed."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from poselift.datasets.human36m_cameras import CAMERA_IDS, human36m_cameras

KEEP17 = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]
SYMMETRY17 = [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]]
SYMMETRY16 = [[4, 5, 6, 10, 11, 12], [1, 2, 3, 13, 14, 15]]

Sequences = Mapping[str, Mapping[str, int]]

#: Subject -> sequence, as the original files are called -> frames.
TEST: Sequences = {
    "S11": {"Directions": 3, "Directions 1": 2, "Walking 1": 2, "Photo": 2},
    "S9": {"WalkingDog 1": 3, "Greeting": 2, "SittingDown 1": 2, "Waiting 1": 2, "Sitting": 4},
}
TRAIN: Sequences = {
    "S1": {"TakingPhoto": 2},
    "S5": {"Eating": 2},
    "S6": {"Eating 2": 2},
    "S7": {"WalkTogether": 2},
    "S8": {"Smoking": 3},
}
ALL: Sequences = {**TRAIN, **TEST}


def people(sequences: Sequences) -> dict[str, dict[str, np.ndarray]]:
    """World positions (T, 32, 3) float32 metres: boxes of joints at a person's place and size."""
    rng = np.random.default_rng(3)
    where = np.array([0.1, 0.4, 0.95])
    return {
        subject: {
            name: (where + rng.uniform(-0.8, 0.8, (frames, 32, 3))).astype(np.float32)
            for name, frames in actions.items()
        }
        for subject, actions in sequences.items()
    }


def projected(world: np.ndarray, subject: str, joints: list[int]) -> list[np.ndarray]:
    """Pixels of the four cameras (T, J, 2) float32, as `data_2d_h36m_gt.npz` has them."""
    return [
        camera.project(camera.to_camera(world[:, joints].astype(np.float64))).astype(np.float32)
        for camera in human36m_cameras(subject)
    ]


def write_poses(folder: Path, world: dict[str, dict[str, np.ndarray]]) -> None:
    np.savez_compressed(folder / "data_3d_h36m", positions_3d=world)  # type: ignore[arg-type]


def write_keypoints(folder: Path, name: str, positions: dict, metadata: dict | None = None) -> None:
    more: dict[str, Any] = {} if metadata is None else {"metadata": metadata}
    np.savez_compressed(folder / f"data_2d_h36m_{name}", positions_2d=positions, **more)


def write_videopose3d(
    folder: Path, name: str = "gt", extra_frames: int = 0, joints: list[int] = KEEP17
) -> dict[str, dict[str, np.ndarray]]:
    """Write both files, with frames after the end of the poses; returns the world positions."""
    world = people(ALL)
    write_poses(folder, world)
    positions = {
        subject: {
            action: [
                np.concatenate([view, np.full((extra_frames, *view.shape[1:]), -1, np.float32)])
                for view in projected(points, subject, joints)
            ]
            for action, points in actions.items()
        }
        for subject, actions in world.items()
    }
    symmetry = SYMMETRY17 if len(joints) == 17 else SYMMETRY16
    metadata = {"layout_name": "h36m", "num_joints": len(joints), "keypoints_symmetry": symmetry}
    write_keypoints(folder, name, positions, metadata)
    return world


def gridconv_dicts(sequences: Sequences) -> tuple[dict, dict]:
    """The two dicts of GridConv, keypoints and poses, as its files hold them."""
    flat, poses = {}, {}
    for subject, actions in people(sequences).items():
        for name, world in actions.items():
            pixels = projected(world, subject, KEEP17)
            for number, camera in enumerate(human36m_cameras(subject)):
                key = (subject, name.split(" ")[0], f"{name}.{CAMERA_IDS[number]}")
                points = camera.to_camera(world[:, KEEP17].astype(np.float64)) * 1000
                relative = points - points[:, :1]
                names = dict(zip(("fx", "fy"), camera.focal, strict=True))
                names.update(zip(("cx", "cy"), camera.center, strict=True))
                flat[key] = pixels[number].reshape(len(world), 34)
                poses[key] = {
                    "pelvis": points[:, 0].astype(np.float32),
                    "joint_3d": relative.reshape(len(world), 51).astype(np.float32),
                    "camera": names,
                }
    return flat, poses


def write_mmpose(folder: Path, step: int = 1) -> None:
    """Write `cameras.pkl` and `fps50/h36m_{train,test}.npz` into `folder`."""
    target = folder / f"fps{50 // step}"
    target.mkdir(parents=True)
    cameras = {}
    for subject in ALL:
        for number, camera in enumerate(human36m_cameras(subject)):
            cameras[subject, str(CAMERA_IDS[number])] = {
                "R": np.eye(3),
                "T": np.array(camera.translation).reshape(3, 1),
                "c": np.array(camera.center).reshape(2, 1),
                "f": np.array(camera.focal).reshape(2, 1),
                "k": np.array(camera.radial).reshape(3, 1),
                "p": np.array(camera.tangential).reshape(2, 1),
                "w": camera.size[0],
                "h": camera.size[1],
                "name": f"camera{number + 1}",
                "id": str(CAMERA_IDS[number]),
            }
    (folder / "cameras.pkl").write_bytes(pickle.dumps(cameras))
    for phase, sequences in (("train", TRAIN), ("test", TEST)):
        names, part, spatial = [], [], []
        for subject, actions in people(sequences).items():
            for name, world in actions.items():
                for number, camera in enumerate(human36m_cameras(subject)):
                    base = f"{subject}_{name.replace(' ', '_')}.{CAMERA_IDS[number]}"
                    points = camera.to_camera(world[::step, KEEP17].astype(np.float64))
                    for row in range(len(points)):
                        names.append(f"{subject}/{base}/{base}_{row * step + 1:06d}.jpg")
                    seen = np.ones((*points.shape[:2], 1))
                    part.append(np.concatenate([camera.project(points), seen], axis=2))
                    spatial.append(np.concatenate([points, seen], axis=2))
        np.savez(
            target / f"h36m_{phase}.npz",
            imgname=np.array(names),
            center=np.zeros((len(names), 2)),
            scale=np.ones(len(names)),
            part=np.concatenate(part),
            S=np.concatenate(spatial),
        )
