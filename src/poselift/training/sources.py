"""What a network learns from and is validated on, as arrays ready for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Float

from poselift.datasets.augmentation import AugmentationConfig, AugmentedSource
from poselift.datasets.cmu import load_cmu17, load_motions
from poselift.datasets.lifting_data import LiftingData
from poselift.errors import PoseliftError
from poselift.geometry import PixelDepth, normalise
from poselift.skeletons import H36M_17
from poselift.training.config import TrainingConfig

#: An epoch index that training never reaches, for held-out samples of an endless source.
_HELD_OUT = 1_000_000_000

_HELD_OUT_SAMPLES = 4_000


@runtime_checkable
class Source(Protocol):
    """Samples by epoch; the same (source, index) always gives the same arrays."""

    def epoch(self, index: int) -> tuple[Float[np.ndarray, "N J 2"], Float[np.ndarray, "N J 3"]]:
        """Return normalised inputs (missing joints 0) and targets in network space (metres)."""


@final
@dataclass(frozen=True, eq=False)
class FixedSource:
    """The same samples in every epoch. Raises `PoseliftError` naming one that is not finite."""

    inputs: Float[np.ndarray, "N J 2"]
    """Normalised keypoints float32; missing joints are 0."""
    targets: Float[np.ndarray, "N J 3"]
    """What the network is to give, float32: root-relative poses in network space, metres, unless
    `pixel_depth` says otherwise."""
    pixel_depth: PixelDepth | None = None
    """Takes targets that are pixels and depth back to metres."""

    def __post_init__(self) -> None:
        """Refuse values that are not finite."""
        for name, array in (("inputs", self.inputs), ("targets", self.targets)):
            bad = ~np.isfinite(array).all(axis=(1, 2))
            if bad.any():
                row = int(np.flatnonzero(bad)[0])
                raise PoseliftError(f"sample {row}: expected finite {name}, got NaN or infinity")

    def epoch(self, index: int) -> tuple[Float[np.ndarray, "N J 2"], Float[np.ndarray, "N J 3"]]:
        """Return the arrays, whatever the epoch."""
        return self.inputs, self.targets


@final
@dataclass(frozen=True, eq=False)
class Views:
    """Samples in camera space, with all that takes them to a network's input; float32."""

    points: Float[np.ndarray, "N J 3"]
    """Joints, metres, camera space."""
    intrinsics: Float[np.ndarray, "N 4"]
    """fx, fy, cx, cy of the camera, pixels."""
    image_size: Float[np.ndarray, "N 2"]
    """(width, height), pixels."""
    center: Float[np.ndarray, "N 2"]
    """Pixel that the network's input has at 0."""
    scale: Float[np.ndarray, " N"]
    """Pixels in a unit of the network's input."""


@final
@dataclass(frozen=True, eq=False)
class TrainingData:
    """All that a run sees. Test data are not among it."""

    source: Source
    """Training samples."""
    validation: FixedSource
    """Decides the plateau schedule and which epoch is kept as best."""
    skeleton: str
    """Name of the joint set."""
    description: str
    """Where the data come from, in words, for the model card."""
    views: Views | None = None
    """Samples with their cameras, which PoseAug needs."""


def open_data(config: TrainingConfig) -> TrainingData:
    """Load what `config.data` names. Raises `PoseliftError` as the data set's reader does."""
    spec, seed = config.data, config.seed
    if spec.name == "synthetic":
        source = AugmentedSource(None, spec.samples, seed)
        validation = FixedSource(*AugmentedSource(None, _HELD_OUT_SAMPLES, seed).epoch(_HELD_OUT))
        return TrainingData(source, validation, H36M_17.name, "synthetic people, random views")
    assert spec.root is not None  # DataSpec refuses that
    if spec.variant == "augmented":
        return _augmented_cmu17(spec.root, spec.samples, seed)
    train = load_cmu17(spec.root, "train", spec.variant, seed=seed)
    held_out = load_cmu17(spec.root, "val", spec.variant, seed=seed)
    return TrainingData(
        as_network_sees(train, config.normalisation, config.target),
        as_network_sees(held_out, config.normalisation, config.target),
        train.skeleton.name,
        train.name,
        views_of(train, config.normalisation) if config.poseaug else None,
    )


def as_network_sees(data: LiftingData, normalisation: str, target: str = "pose") -> FixedSource:
    """Return a data set's normalised keypoints and its poses turned into the network's space.

    With `target` "pixel_depth" poses become pixels and depth; `PoseliftError` names a row of which
    the root's position is not known.
    """
    root = data.skeleton.root
    pose = normalise(data.keypoints, normalisation, data.image_size, data.focal, root)
    inputs = np.nan_to_num(pose.inputs, nan=0.0, posinf=np.inf, neginf=-np.inf)
    targets = pose.to_network(data.poses).astype(np.float32)
    if target == "pose":
        return FixedSource(inputs, targets)
    _check_roots(data)
    way = PixelDepth.of(pose, data.root, data.intrinsics, data.image_size, data.focal)
    return FixedSource(inputs, way.from_metres(targets), way)


def views_of(data: LiftingData, normalisation: str) -> Views:
    """Return a data set's exact poses with their cameras; not for `person`, which turns them.

    Raises `PoseliftError` naming a row of which the root's position is not known.
    """
    _check_roots(data)
    pose = normalise(data.keypoints, normalisation, data.image_size)
    points = data.poses + data.root[:, None]
    center, scale = (array.astype(np.float32) for array in (pose.center, pose.scale))
    return Views(points, data.intrinsics, data.image_size, center, scale)


def _check_roots(data: LiftingData) -> None:
    """Refuse rows whose root's position is not known."""
    unknown = ~np.isfinite(data.root).all(axis=1)
    if unknown.any():
        row = int(np.flatnonzero(unknown)[0])
        raise PoseliftError(
            f"{data.name}: expected the root's position in camera space, frame {data.frame[row]} "
            f"of {data.clips[data.clip[row]]} has none"
        )


def _augmented_cmu17(root: Path, samples: int, seed: int) -> TrainingData:
    """Fresh views of the training motions; held-out motions, as they were moved, for validation."""
    train, held_out = (
        np.concatenate([motion.positions for motion in load_motions(root, split)])
        for split in ("train", "val")
    )
    unvaried = AugmentationConfig(synthetic=0.0, exchange=0.0, turn=0.0)
    views = AugmentedSource(held_out, _HELD_OUT_SAMPLES, seed, unvaried)
    return TrainingData(
        AugmentedSource(train, samples, seed),
        FixedSource(*views.epoch(_HELD_OUT)),
        H36M_17.name,
        "cmu17 train and synthetic people, random bodies, views and detector noise",
    )
