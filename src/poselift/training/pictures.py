"""Pictures to learn from: made or decoded by workers ahead of the loop, in bounded memory.

Axes: B sample, N picture, J joint, H and W pixels of a crop.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, final, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int
from torch import nn
from torch.utils.data import DataLoader

from poselift.errors import PoseliftError
from poselift.models.end_to_end import EndToEnd
from poselift.models.hrnet import soft_argmax
from poselift.models.hrnet.network import HRNet, HRNetConfig, as_input
from poselift.models.registry import config_from_dict
from poselift.training.batches import Batch, Samples
from poselift.training.config import TrainingConfig
from poselift.training.losses import joint_loss
from poselift.training.picture_loss import Pictures, as_floats, detector_loss
from poselift.training.sources import TrainingData

#: Fresh pictures of an epoch where the config does not say, and held-out ones; the latter stay in
#: memory, 50 MB at 128 pixels.
FRESH, _HELD_OUT = 10_000, 1_000

#: Batches that each worker may have ready: bounds the memory.
_AHEAD = 2

#: More workers than this wait for each other.
_MOST_WORKERS = 4

_BATCH = 50


@runtime_checkable
class PictureSet(Protocol):
    """Pictures by number; picture i is the same whenever and wherever it is asked for.

    Each is a dictionary: image (H, W, 3) uint8 RGB, keypoints (J, 2) pixels of the crop, poses
    (J, 3) metres about the root, crop (3, 3), picture_size (width, height), intrinsics (3, 3).
    """

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        """Return a picture; `PoseliftError` if it cannot be had."""
        ...


def as_fields(item: Mapping[str, Any]) -> tuple[np.ndarray, ...]:
    """Return a picture in the order of `Pictures`."""
    image, keypoints = item["image"], np.asarray(item["keypoints"], np.float32)
    high = np.array([image.shape[1], image.shape[0]])
    inside = ((keypoints >= 0) & (keypoints < high)).all(axis=-1)
    lens = item.get("intrinsics")
    focal = 0.0 if lens is None else (lens[0, 0] + lens[1, 1]) / 2
    rest = (item["poses"], item["crop"], item["picture_size"], focal)
    return image, keypoints, inside, *(np.asarray(value, np.float32) for value in rest)


@final
@dataclass(frozen=True)
class _Sentences:
    """A picture set whose errors come back as their sentence: workers would add a traceback."""

    pictures: PictureSet

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...] | str:
        try:
            return as_fields(self.pictures[index])
        except PoseliftError as error:
            return str(error)


def _together(items: list[tuple[np.ndarray, ...] | str]) -> Batch | str:
    """Stack pictures into a batch, or return the first sentence."""
    fields = [item for item in items if not isinstance(item, str)]
    if len(fields) < len(items):
        return next(item for item in items if isinstance(item, str))
    return tuple(torch.from_numpy(np.stack(column)) for column in zip(*fields, strict=True))


@final
class PictureSamples(Samples):
    """The pictures of an epoch.

    workers  processes that work ahead, `_AHEAD` batches each; 0: none. The samples are the same.
    """

    def __init__(self, pictures: PictureSet, workers: int) -> None:
        """Start nothing yet."""
        self._pictures, self._workers = pictures, workers

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._pictures)

    def batches(
        self, order: Int[np.ndarray, " M"], size: int, device: torch.device
    ) -> Iterator[Batch]:
        """Yield the fields of `Pictures`; raises `PoseliftError` as the pictures do."""
        rows = [order[k : k + size].tolist() for k in range(0, len(order) - size + 1, size)]
        loader: DataLoader[Any] = DataLoader(
            _Sentences(self._pictures),  # type: ignore[arg-type]
            batch_sampler=rows,
            num_workers=self._workers,
            prefetch_factor=_AHEAD if self._workers else None,
            collate_fn=_together,
            generator=torch.Generator(),  # or it would draw from the one that checkpoints hold
        )
        for batch in loader:
            if isinstance(batch, str):
                raise PoseliftError(batch)
            yield tuple(tensor.to(device) for tensor in batch)


@final
@dataclass(frozen=True)
class PictureSource:
    """Pictures by epoch.

    of_epoch  returns the picture set of an epoch: the same, a part, or fresh ones.
    """

    of_epoch: Callable[[int], PictureSet]
    workers: int = 0

    def epoch(self, index: int) -> Samples:
        """Return the samples of an epoch."""
        return PictureSamples(self.of_epoch(index), self.workers)


@final
class HeldOut:
    """Held-out pictures, which stay in memory once they have been made."""

    def __init__(self, pictures: PictureSet, config: TrainingConfig) -> None:
        """Take the pictures, and the loss of a config."""
        self._samples = PictureSamples(pictures, workers_of(config))
        self._config = config
        self._batches: list[Pictures] = []

    @torch.no_grad()
    def measure(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Return loss, 2D error (pixels of the crop, joints within it), and MPJPE of a system."""
        if not self._batches:
            count = len(self._samples)
            size = max(n for n in range(1, min(_BATCH, count) + 1) if count % n == 0)
            batches = self._samples.batches(np.arange(count), size, torch.device("cpu"))
            self._batches = [Pictures(*batch) for batch in batches]
        was_training = model.training
        model.eval()
        sums = dict.fromkeys(("loss", "px", "joints", "m"), 0.0)
        count = 0
        for held in self._batches:
            batch = Pictures(*(tensor.to(device) for tensor in held))
            for name, value in self._of_batch(model, batch).items():
                sums[name] += value
            count += len(held.image)
        model.train(was_training)
        found = {"val_loss": sums["loss"] / count}
        if isinstance(model, EndToEnd):
            found["val_mpjpe_mm"] = 1000 * sums["m"] / count
        return found | {"val_2d_px": sums["px"] / max(sums["joints"], 1)}

    def _of_batch(self, model: nn.Module, batch: Pictures) -> dict[str, float]:
        """Return sums over the pictures of a batch."""
        weights, number = self._config.picture_weights, len(batch.image)
        found = {}
        if isinstance(model, EndToEnd):
            poses, _, maps = model(as_floats(batch.image), batch.crop, batch.size, batch.focal)
            detector = model.detector.config
            error = (poses - poses[:, :1]) - batch.poses
            found["m"] = float(torch.linalg.vector_norm(error, dim=-1).mean()) * number
            loss = weights[2] * joint_loss(self._config.loss, poses, batch.poses)
        else:
            assert isinstance(model, HRNet)
            maps, detector = model(as_input(as_floats(batch.image))), model.config
            loss = torch.zeros(())
        loss = loss + detector_loss(maps, batch, detector, weights)
        away = soft_argmax(maps, detector.temperature, detector.size) - batch.keypoints
        away = torch.linalg.vector_norm(away, dim=-1) * batch.inside
        inside = float(batch.inside.sum())
        return found | {"loss": float(loss) * number, "px": float(away.sum()), "joints": inside}


def workers_of(config: TrainingConfig) -> int:
    """Return how many processes make pictures: as asked for, else one a core, up to a few."""
    if config.workers is not None:
        return config.workers
    return min(_MOST_WORKERS, os.cpu_count() or 1)


def detector_of(config: TrainingConfig) -> HRNetConfig:
    """Return the settings of the detector that a config trains."""
    settings = config.model if config.architecture == "hrnet" else config.model.get("detector", {})
    detector: HRNetConfig = config_from_dict("hrnet", settings)
    return detector


@final
@dataclass(frozen=True)
class _Part:
    """Some rows of a picture set."""

    whole: PictureSet
    rows: Int[np.ndarray, " M"]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        return self.whole[int(self.rows[index])]


def part_of(pictures: PictureSet, samples: int | None, seed: int, epoch: int) -> PictureSet:
    """Return another random part of a picture set in every epoch; all of it if that is less."""
    if samples is None or samples >= len(pictures):
        return pictures
    draw = np.random.default_rng([seed, epoch])
    return _Part(pictures, draw.choice(len(pictures), samples, replace=False, shuffle=False))


def open_pictures(config: TrainingConfig) -> TrainingData:
    """Open the pictures that `config.data` names; `PoseliftError` as their readers say."""
    spec, detector = config.data, detector_of(config)
    assert spec.root is not None  # DataSpec refuses that
    root, size, seed = spec.root, detector.size, config.seed
    if spec.name == "h36m":
        from poselift.datasets.human36m_pictures import load_human36m_pictures

        pictures = load_human36m_pictures(root, "train", size=size)
        held: PictureSet = load_human36m_pictures(root, "val", size=size)
        source = PictureSource(
            lambda index: part_of(pictures, spec.samples, seed, index), workers_of(config)
        )
        held = part_of(held, _HELD_OUT, 0, 0)
        return TrainingData(source, HeldOut(held, config), detector.skeleton, pictures.name)
    from poselift.datasets.rendered import load_rendered

    if size[0] != size[1]:
        raise PoseliftError(
            f"crops of {spec.name} are square: expected a detector of such, got {size[0]}x{size[1]}"
        )
    drawn = load_rendered(root, "train", size=size[0], count=spec.samples or FRESH)
    held = load_rendered(root, "val", size=size[0], count=min(_HELD_OUT, spec.samples or FRESH))
    source = PictureSource(lambda index: drawn.reseeded(seed * 100_003 + index), workers_of(config))
    return TrainingData(
        source, HeldOut(held, config), detector.skeleton, f"{spec.name}, fresh in every epoch"
    )
