"""People drawn as sticks: pictures with all that belongs to them, in the form of `PictureSet`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from poselift.skeletons import H36M_17
from poselift.training import DataSpec, TrainingConfig, TrainingData
from poselift.training.pictures import HeldOut, PictureSource
from poselift.training.schedules import Staged

#: A detector that learns in seconds.
TINY_HRNET: dict[str, Any] = {
    "size": (64, 64),
    "width": 4,
    "stem": 8,
    "bottlenecks": 1,
    "blocks": 1,
    "modules": (1, 1, 1),
}
TINY_GLN = {"channels": 4, "blocks": 1, "anneal_epochs": 1.0, "layout": "handcrafted"}

#: A standing person, metres, camera axes.
_STANDING = np.array(
    [
        *[(0, 0, 0), (-0.13, 0, 0), (-0.14, 0.45, 0), (-0.14, 0.88, 0)],
        *[(0.13, 0, 0), (0.14, 0.45, 0), (0.14, 0.88, 0)],
        *[(0, -0.24, 0), (0, -0.5, 0), (0, -0.6, 0), (0, -0.72, 0)],
        *[(0.15, -0.45, 0), (0.4, -0.4, 0), (0.6, -0.3, 0)],
        *[(-0.15, -0.45, 0), (-0.4, -0.4, 0), (-0.6, -0.3, 0)],
    ]
)


class Sticks:
    """Persons of thick lines, a colour a side; picture i follows from (seed, i)."""

    name = "sticks"

    def __init__(self, count: int, seed: int = 0, size: int = 64) -> None:
        self.count, self.seed, self.size = count, seed, size

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, Any]:
        rng = np.random.default_rng([self.seed, index])
        poses = _STANDING + rng.normal(scale=0.06, size=(17, 3))
        turn = rng.uniform(-0.9, 0.9)
        poses = (poses - poses[:1]) @ np.array(
            [[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]]
        )
        lens = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
        points = poses + np.array([rng.uniform(-0.5, 0.5), 0.1, rng.uniform(4, 5)])
        pixels = points[:, :2] / points[:, 2:] * 500 + np.array([320, 240])
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        side = 1.25 * (high - low).max()
        scale, corner = self.size / side, (low + high) / 2 - side / 2
        crop = np.array([[scale, 0, -scale * corner[0]], [0, scale, -scale * corner[1]], [0, 0, 1]])
        keypoints = (pixels - corner) * scale
        return {
            "image": self._draw(keypoints, rng),
            "keypoints": keypoints.astype(np.float32),
            "visible": np.ones(17, bool),
            "poses": poses.astype(np.float32),
            "crop": crop.astype(np.float32),
            "picture_size": (640, 480),
            "intrinsics": lens.astype(np.float32),
            "subject": 1,
            "action": "stand",
        }

    def _draw(self, keypoints: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        image = np.full((self.size, self.size, 3), rng.integers(0, 90), np.uint8)
        middles = np.stack(np.meshgrid(*[np.arange(self.size) + 0.5] * 2), axis=-1)
        for a, b in H36M_17.edges:
            along = keypoints[b] - keypoints[a]
            share = ((middles - keypoints[a]) @ along / max(along @ along, 1e-6)).clip(0, 1)
            near = np.linalg.norm(middles - keypoints[a] - share[..., None] * along, axis=-1) < 1.2
            side = 0 if b in H36M_17.left else 1 if b in H36M_17.right else 2
            image[near] = np.eye(3)[side] * 255
        return image


def pictures(train: int = 16, held_out: int = 4, *, config: TrainingConfig) -> TrainingData:
    """Fresh sticks in every epoch."""
    source = PictureSource(lambda index: Sticks(train, seed=10 + index), config.workers or 0)
    return TrainingData(source, HeldOut(Sticks(held_out, seed=5), config), "h36m_17", "sticks")


def spec() -> DataSpec:
    return DataSpec("cmu17-rendered", Path("unused"), variant="pictures")


def hrnet_config(**changes: Any) -> TrainingConfig:
    values: dict[str, Any] = {
        "architecture": "hrnet",
        "model": TINY_HRNET,
        "data": spec(),
        "normalisation": "screen",
        "epochs": 3,
        "batch_size": 8,
        "lr": 1e-2,
        "schedule": Staged((), (1.0,)),
        "threads": 1,
        "workers": 0,
    }
    return TrainingConfig(**{**values, **changes})


def system_config(model: dict[str, Any] | None = None, **changes: Any) -> TrainingConfig:
    own = {
        "detector": TINY_HRNET,
        "settings": TINY_GLN,
        "normalisation": "person",
        "detector_epochs": 1.0,
        "lifter_epochs": 1.0,
        **(model or {}),
    }
    values: dict[str, Any] = {
        "architecture": "end_to_end",
        "model": own,
        "normalisation": own["normalisation"],
        "schedule": Staged((1.0, 1.0), (1.0, 1.0, 0.5)),
    }
    return hrnet_config(**{**values, **changes})
