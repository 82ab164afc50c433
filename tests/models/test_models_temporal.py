"""A network of several frames: its folder and its recipe are all that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from poselift import Lifter, PoseSequence
from poselift.benchmark.flops import useful_flops
from poselift.datasets import LiftingData
from poselift.errors import PoseliftError
from poselift.models import definition_of, load_model, registry
from poselift.models.base import LiftingNetwork
from poselift.reproduction.measure import predict
from poselift.skeletons import H36M_17
from poselift.training import DataSpec, Exponential, TrainingConfig, open_data, train

FRAMES = 5


@dataclass(frozen=True)
class TemporalConfig:
    skeleton: str = "h36m_17"
    frames: int = FRAMES
    channels: int = 64


class Temporal(LiftingNetwork):
    """Every frame by itself, then a convolution over time."""

    def __init__(self, config: TemporalConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or TemporalConfig()
        self.first = nn.Linear(2 * 17, config.channels)
        self.over_time = nn.Conv1d(config.channels, config.channels, 3, padding=1)
        self.last = nn.Linear(config.channels, 3 * 17)

    def output_layer(self) -> tuple[nn.Module, int]:
        return self.last, self.config.channels

    def forward(self, keypoints: Tensor) -> Tensor:
        x = torch.relu(self.first(keypoints.flatten(2)))
        x = torch.relu(self.over_time(x.transpose(1, 2)).transpose(1, 2))
        return self.last(x).unflatten(2, (17, 3))


def recipe(root: Path, **changes: object) -> TrainingConfig:
    settings: dict[str, object] = {
        "architecture": "temporal",
        "data": DataSpec("cmu17", root, samples=40),
        "normalisation": "screen",
        "epochs": 2,
        "batch_size": 20,
        "lr": 1e-3,
        "schedule": Exponential(gamma=1.0, every=1),
        "threads": 1,
    }
    return TrainingConfig(**{**settings, **changes})  # type: ignore[arg-type]


def walks() -> LiftingData:
    """Two clips of two cameras, every second frame of the file, rows in no order of clips."""
    rng = np.random.default_rng(0)
    count = 48
    order = np.arange(count)
    poses = rng.normal(scale=0.3, size=(count, 17, 3)).astype(np.float32)
    poses -= poses[:, :1]
    return LiftingData(
        keypoints=(500 + 300 * poses[..., :2]).astype(np.float32),
        poses=poses,
        image_size=np.full((count, 2), 1000, np.float32),
        root=np.tile(np.float32([0, 0, 4]), (count, 1)),
        intrinsics=np.tile(np.float32([1000, 1000, 500, 500]), (count, 1)),
        subject=np.ones(count, np.int64),
        action=np.full(count, "walk"),
        camera=order % 2,
        frame=2 * (order // 4),
        clip=order // 2 % 2,
        clips=("one", "two"),
        skeleton=H36M_17,
        name="walks",
    )


@pytest.fixture
def temporal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_NETWORKS", dict(registry._NETWORKS))
    registry.register("temporal", Temporal, TemporalConfig)


@pytest.mark.usefixtures("temporal")
def test_it_trains_exports_lifts_and_is_measured(tmp_path: Path) -> None:
    data = walks()
    config = recipe(tmp_path)
    opened = open_data(config, lambda config, split: data)
    train(config, opened, tmp_path / "run", device="cpu")
    network, card = load_model(tmp_path / "run")
    assert card["frames"] == FRAMES
    lifter = Lifter(tmp_path / "run", flip=False, precision="fp32", threads=1)
    mine = np.flatnonzero((data.clip == 1) & (data.camera == 0))
    clip = PoseSequence.from_2d(
        data.keypoints[mine], H36M_17, frames=data.frame[mine], image_size=(1000, 1000)
    )
    lifted = lifter(clip).positions
    expected = predict(network, card, data)[mine]
    np.testing.assert_allclose(lifted, expected, atol=1e-5)
    rest = np.flatnonzero((data.clip != 1) | (data.camera != 0))
    assert not np.isin(data.windows(FRAMES)[mine], rest).any()  # never of another clip or camera
    assert useful_flops(network) > 0
    x = torch.randn(2, FRAMES, 17, 2)
    torch.testing.assert_close(definition_of(network)(x), network(x))


@pytest.mark.usefixtures("temporal")
def test_single_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match="draws single frames: temporal looks at 5"):
        open_data(
            recipe(
                tmp_path, data=DataSpec("synthetic", variant="augmented"), normalisation="person"
            )
        )
