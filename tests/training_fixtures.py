"""Tiny runs that the training tests share; also a script that trains one and can be killed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from poselift.datasets.lifting_data import LiftingData
from poselift.geometry import H36M_S1_CAMERAS
from poselift.skeletons import H36M_17
from poselift.training import (
    DataSpec,
    Exponential,
    FixedSource,
    Schedule,
    TrainingConfig,
    TrainingData,
    train,
)

TINY = {
    "gln": {"channels": 4, "blocks": 1, "anneal_epochs": 1.0, "gumbel_off_epoch": 2.0},
    "martinez": {"width": 8, "blocks": 1},
    "posegraphnet": {"widths": (6, 8)},
}


class Fresh:
    """New samples in every epoch: root-relative poses seen without perspective."""

    def __init__(self, seed: int, count: int = 64) -> None:
        self.seed, self.count = seed, count

    def epoch(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng((self.seed, index))
        poses = rng.normal(scale=0.3, size=(self.count, 17, 3)).astype(np.float32)
        poses -= poses[:, :1]
        return np.ascontiguousarray(poses[..., :2]), poses


def tiny_data(seed: int = 0, count: int = 64) -> TrainingData:
    return TrainingData(
        Fresh(seed, count), FixedSource(*Fresh(seed + 1).epoch(0)), "h36m_17", "random numbers"
    )


def tiny_config(
    architecture: str = "gln", *, schedule: Schedule | None = None, **changes: object
) -> TrainingConfig:
    values: dict[str, object] = {
        "architecture": architecture,
        "model": TINY[architecture],
        "data": DataSpec("cmu17", Path("unused")),
        "normalisation": "screen",
        "epochs": 4,
        "batch_size": 16,
        "lr": 1e-2,
        "schedule": schedule or Exponential(0.9, 1),
        "threads": 1,
    }
    return TrainingConfig(**{**values, **changes})  # type: ignore[arg-type]


def seen(count: int = 24, *, wide: float = 0.3, seed: int = 0) -> LiftingData:
    """People before Human3.6M's cameras, without lens distortion."""
    rng = np.random.default_rng(seed)
    root = np.stack([*rng.uniform(-1, 1, (2, count)), rng.uniform(4, 6, count)], axis=1)
    poses = rng.uniform(-wide, wide, (count, 17, 3))
    poses -= poses[:, :1]
    points = poses + root[:, None]
    number = np.arange(count) % len(H36M_S1_CAMERAS)
    cameras = [list(H36M_S1_CAMERAS.values())[index] for index in number]
    lens = np.array([[*camera.focal, *camera.center] for camera in cameras])
    slopes = points[..., :2] / points[..., 2:]
    zeros = np.zeros(count, np.int64)
    return LiftingData(
        keypoints=(slopes * lens[:, None, :2] + lens[:, None, 2:]).astype(np.float32),
        poses=poses.astype(np.float32),
        image_size=np.array([camera.size for camera in cameras], np.float32),
        root=root.astype(np.float32),
        intrinsics=lens.astype(np.float32),
        subject=zeros,
        action=np.full(count, "stand"),
        camera=number.astype(np.int64),
        frame=np.arange(count, dtype=np.int64),
        clip=zeros,
        clips=("none",),
        skeleton=H36M_17,
        name="some data",
    )


def killable_config() -> TrainingConfig:
    """A run of some seconds that writes a checkpoint at every step."""
    return tiny_config(epochs=24, ema_decay=0.9, grad_clip=1.0, checkpoint_seconds=0.0)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    resume = (folder / "config.json").exists()
    train(killable_config(), tiny_data(), folder, device="cpu", resume=resume, export=False)
