"""What a network learns from and is validated on, as arrays ready for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from poselift.datasets.cmu import load_motions
from poselift.datasets.cmu_more import load_cmu_more
from poselift.datasets.lifting_data import LiftingData
from poselift.datasets.registry import Part, get_data_set
from poselift.errors import PoseliftError
from poselift.geometry import PixelDepth, normalise
from poselift.models.registry import frames_of
from poselift.simulation.augmentation import AugmentationConfig, AugmentedSource, bank_of
from poselift.simulation.noise import VALIDATION_NOISE
from poselift.skeletons import H36M_17, skeleton_text
from poselift.training.batches import Measured, Samples
from poselift.training.config import TrainingConfig

#: An epoch index that training never reaches, for held-out samples of an endless source.
_HELD_OUT = 1_000_000_000

_HELD_OUT_SAMPLES = 4_000

#: Fresh samples of an epoch where the config does not say.
_FRESH_SAMPLES = 100_000

#: Loads the part of a data set called "train", "val" or "test".
Load = Callable[[TrainingConfig, str], LiftingData]


@runtime_checkable
class Source(Protocol):
    """Samples by epoch; the same (source, index) always gives the same arrays."""

    def epoch(self, index: int) -> tuple[np.ndarray, ...] | Samples:
        """Return inputs and targets of an epoch, and of which rows its samples are windows.

        Inputs (N, J, 2) are normalised, missing joints 0; targets (N, J, 3) in network space
        (metres). A third array (M, T), the rows of M samples of T frames each, is there for
        networks that look at several frames; without it each row is a sample. Samples that do not
        all lie in memory come as `Samples`.
        """


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
    windows: Int[np.ndarray, "N T"] | None = None
    """Rows of the frames around each row, itself at (T - 1) // 2; None for single frames."""

    def __post_init__(self) -> None:
        """Refuse values that are not finite."""
        for name, array in (("inputs", self.inputs), ("targets", self.targets)):
            bad = ~np.isfinite(array).all(axis=(1, 2))
            if bad.any():
                row = int(np.flatnonzero(bad)[0])
                raise PoseliftError(f"sample {row}: expected finite {name}, got NaN or infinity")

    def epoch(self, index: int) -> tuple[np.ndarray, ...]:
        """Return the arrays, whatever the epoch."""
        both = (self.inputs, self.targets)
        return both if self.windows is None else (*both, self.windows)


@final
@dataclass(frozen=True, eq=False)
class PartSource:
    """Another random part of fixed samples in every epoch, each sample once at most."""

    whole: FixedSource
    """What is drawn from."""
    samples: int
    """Size of the part; all there is where that is less."""
    seed: int
    """Decides with the epoch what is drawn."""

    def epoch(self, index: int) -> tuple[np.ndarray, ...]:
        """Return the part of an epoch; of windows the whole arrays, and part of the windows."""
        whole = self.whole
        count = len(whole.inputs)
        rng = np.random.default_rng([self.seed, index])
        rows = rng.choice(count, size=min(self.samples, count), replace=False, shuffle=False)
        if whole.windows is not None:
            return whole.inputs, whole.targets, whole.windows[rows]
        return whole.inputs[rows], whole.targets[rows]


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
    validation: FixedSource | Measured
    """Decides the plateau schedule and which epoch is kept as best."""
    skeleton: str
    """The joint set, as `get_skeleton` takes it."""
    description: str
    """Where the data come from, in words, for the model card."""
    views: Views | None = None
    """Samples with their cameras, which PoseAug needs."""


def load_fixed(config: TrainingConfig, split: str, *, drop_drifting: bool = False) -> LiftingData:
    """Load a split of the data set that the config names, in the joints of its network.

    drop_drifting  leave out the 12 drifting sequences of Human3.6M's S9.
    """
    spec = config.data
    assert spec.root is not None  # DataSpec refuses that
    part = Part(
        split,
        spec.variant,
        spec.detections,
        drop_drifting=drop_drifting,
        skeleton=config.model.get("skeleton", H36M_17.name),
        seed=config.seed,
    )
    return get_data_set(spec.name, spec.root).read(spec.root, part)


def open_data(config: TrainingConfig, load: Load = load_fixed) -> TrainingData:
    """Load what `config.data` names. Raises `PoseliftError` as the data set's reader does.

    load  reads data sets; one that remembers spares the next run the reading.
    """
    spec, seed = config.data, config.seed
    if spec.variant == "pictures":
        from poselift.training.pictures import open_pictures

        return open_pictures(config)
    fresh = spec.samples or _FRESH_SAMPLES
    frames = frames_of(config.architecture, config.model)
    if frames > 1 and (spec.variant == "augmented" or config.poseaug):
        what = "--poseaug makes" if config.poseaug else "--variant augmented draws"
        raise PoseliftError(f"{what} single frames: {config.architecture} looks at {frames}")
    if spec.name == "synthetic":
        source = AugmentedSource(None, fresh, seed)
        known = AugmentationConfig(noise=VALIDATION_NOISE)
        validation = FixedSource(
            *AugmentedSource(None, _HELD_OUT_SAMPLES, seed, known).epoch(_HELD_OUT)
        )
        return TrainingData(source, validation, H36M_17.name, "synthetic people, random views")
    if spec.variant == "augmented":
        assert spec.root is not None  # DataSpec refuses that
        return _augmented_cmu17(spec.root, spec.more, fresh, seed)
    train, held_out = load(config, "train"), load(config, "val")
    whole = as_network_sees(train, config.normalisation, config.target, frames)
    return TrainingData(
        whole if spec.samples is None else PartSource(whole, spec.samples, seed),
        as_network_sees(held_out, config.normalisation, config.target, frames),
        skeleton_text(train.skeleton),
        train.name,
        views_of(train, config.normalisation) if config.poseaug else None,
    )


def as_network_sees(
    data: LiftingData, normalisation: str, target: str = "pose", frames: int = 1
) -> FixedSource:
    """Return a data set's normalised keypoints and its poses turned into the network's space.

    With more than one of `frames` samples are windows, which stay in their clip and camera. With
    `target` "pixel_depth" poses become pixels and depth; `PoseliftError` names a row of which the
    root's position is not known.
    """
    root = data.skeleton.root
    pose = normalise(data.keypoints, normalisation, data.image_size, data.focal, root)
    inputs = np.nan_to_num(pose.inputs, nan=0.0, posinf=np.inf, neginf=-np.inf)
    targets = pose.to_network(data.poses).astype(np.float32)
    around = data.windows(frames) if frames > 1 else None
    if target == "pose":
        return FixedSource(inputs, targets, windows=around)
    _check_roots(data)
    way = PixelDepth.of(pose, data.root, data.intrinsics, data.image_size, data.focal)
    return FixedSource(inputs, way.from_metres(targets), way, around)


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


def _augmented_cmu17(root: Path, more: Path | None, samples: int, seed: int) -> TrainingData:
    """Fresh views of the training motions; held-out motions, as they were moved, for validation."""
    motions = load_motions(root, "train")
    if more is not None:
        motions = [*motions, *load_cmu_more(more)]
    held_out = bank_of(load_motions(root, "val"))
    unvaried = AugmentationConfig(
        synthetic=0.0, exchange=0.0, halves=0.0, bend=0.0, turn=0.0, noise=VALIDATION_NOISE
    )
    views = AugmentedSource(held_out, _HELD_OUT_SAMPLES, seed, unvaried)
    names = "cmu17 train" if more is None else "cmu17 train, cmu_more"
    return TrainingData(
        AugmentedSource(bank_of(motions), samples, seed),
        FixedSource(*views.epoch(_HELD_OUT)),
        H36M_17.name,
        f"{names} and synthetic people, random bodies, views and detector noise",
    )
