"""Endless training views: poses recombined, resized and seen by random cameras and detectors.

The recipe of the shipped weights. A pose (from motion capture or synthetic) is varied in its own
body (`bodies`), gets the hips and shoulders of a detector's convention (`conventions`), is seen by
a random camera, and its 2D joints are disturbed as a detector would (`noise`), the head most of
all. All in NumPy, vectorised over samples; everything follows from (seed, epoch index).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from poselift.geometry import about_axis, from_rotation_vector, normalise, root_relative
from poselift.mocap.chain import Motion
from poselift.simulation.bodies import body_frame, vary_bodies
from poselift.simulation.conventions import CONVENTIONS, Convention, Drawn, draw
from poselift.simulation.noise import TRAINING_NOISE, DetectorNoise, person_size
from poselift.simulation.synthetic import random_poses
from poselift.skeletons import H36M_17

_AT = {joint: H36M_17.index(joint) for joint in H36M_17.joints}

_CENTRE = [_AT[joint] for joint in ("pelvis", "thorax", "spine")]

#: Nose and head top.
_HEAD = [_AT["neck"], _AT["head"]]


@dataclass(frozen=True)
class AugmentationConfig:
    """How training views are drawn.

    synthetic       share of poses made by `simulation.synthetic` instead of motion capture.
    exchange        probability that a limb is taken from another pose.
    synthetic_donors  share of synthetic poses among those that limbs are taken from: most of the
                    motion capture is walking, with arms that hang.
    halves          share of poses whose whole upper body is another pose's.
    bend            share of poses bent at the waist.
    turn            spread (degrees) of random turns of limb bones, applied to half of the poses.
    bone_length     relative spread of bone lengths.
    stature         relative spread of the whole body's size.
    tumble          share of poses turned anyhow (lying, upside down).
    pitch           range of the camera's downward pitch, degrees.
    steep           share of cameras that look up or down more steeply, and their range of pitch.
    roll            spread of the camera's roll, degrees.
    level           share of cameras that are held level (roll of 4 degrees).
    distance        range of the camera's distance from the pelvis, metres (log-uniform).
    conventions     how hips, shoulders and head are placed, see `conventions`.
    clean           share of samples without detector noise; their heads are disturbed all the same.
    noise           the detector noise of the others.
    own_centre      how often pelvis, thorax and spine stay where a hip or a shoulder is missing.
    head_missing    probability that nose and head top are missing together, on average; see
                    `head_trouble` for the views in which it is higher.
    head_moved      share of samples whose nose and head top are displaced,
    head_distance   and by how much: standard deviation of each coordinate on average, as a part of
                    the person's size. Detectors place heads badly from behind, on a bent body and
                    under a cap, and a network that trusts them turns the whole pose for it.
    """

    synthetic: float = 0.25
    synthetic_donors: float = 0.5
    exchange: float = 0.5
    halves: float = 0.2
    bend: float = 0.15
    turn: float = 15.0
    bone_length: float = 0.07
    stature: float = 0.06
    tumble: float = 0.05
    pitch: tuple[float, float] = (-10.0, 40.0)
    steep: float = 0.15
    steep_pitch: tuple[float, float] = (-35.0, 75.0)
    roll: float = 25.0
    level: float = 0.4
    distance: tuple[float, float] = (2.0, 10.0)
    conventions: Mapping[str, Convention] = field(default_factory=lambda: CONVENTIONS)
    clean: float = 0.25
    noise: DetectorNoise = TRAINING_NOISE
    own_centre: float = 0.5
    head_missing: float = 0.4
    head_moved: float = 0.5
    head_distance: float = 0.06


@dataclass(frozen=True, eq=False)
class Bank:
    """Poses to draw from.

    poses   (N, 17, 3) world poses in metres, y up.
    chance  (N,) how likely each is drawn; sums to 1.
    """

    poses: Float[np.ndarray, "N 17 3"]
    chance: Float[np.ndarray, " N"]


def bank_of(motions: Sequence[Motion]) -> Bank:
    """Put clips together so that each is drawn in proportion to the root of its length.

    Ten minutes of one dance then weigh no more than three times as much as one minute of it.
    """
    frames = np.array([len(motion) for motion in motions], dtype=np.float64)
    chance = np.repeat(1 / np.sqrt(frames), frames.astype(np.int64))
    poses = np.concatenate([motion.positions for motion in motions])
    return Bank(poses, chance / chance.sum())


class AugmentedSource:
    """Training source: `epoch(index)` gives fresh normalised 2D poses and their 3D targets.

    bank       what is drawn from, or None for synthetic poses alone.
    samples    poses an epoch.
    """

    def __init__(
        self,
        bank: Bank | None,
        samples: int,
        seed: int,
        config: AugmentationConfig | None = None,
    ) -> None:
        """Keep the bank of poses, root-relative."""
        self.config = config or AugmentationConfig()
        self.bank = bank
        if bank is not None:
            self.bank = replace(bank, poses=root_relative(bank.poses.astype(np.float32)))
        self._below = None if bank is None else np.cumsum(bank.chance)
        self.samples, self.seed = samples, seed

    def epoch(self, index: int) -> tuple[Float[np.ndarray, "N 17 2"], Float[np.ndarray, "N 17 3"]]:
        """Return the inputs (`person` normalisation, missing = 0) and targets of an epoch.

        Targets are root-relative metres in the network's space. The same (seed, index) always
        gives the same arrays.
        """
        rng = np.random.default_rng((self.seed, index))
        poses = self._draw(rng, self.config.synthetic)
        donors = self._draw(rng, self.config.synthetic_donors)
        drawn = draw(rng, self.samples, self.config.conventions)
        poses = vary_bodies(rng, poses, donors, drawn, self.config)
        return view_poses(rng, poses, drawn, self.config)

    def _draw(self, rng: np.random.Generator, synthetic: float) -> Float[np.ndarray, "N 17 3"]:
        """Draw poses, facing anywhere, from the bank and a share from the synthetic source."""
        if self.bank is None or self._below is None:
            return random_poses(rng, self.samples)
        where = np.searchsorted(self._below, rng.random(self.samples), side="right")
        chosen = self.bank.poses[np.minimum(where, len(self.bank.poses) - 1)]
        made = rng.random(self.samples) < synthetic
        chosen[made] = random_poses(rng, int(made.sum()))
        return chosen


def view_poses(
    rng: np.random.Generator,
    poses: Float[np.ndarray, "N 17 3"],
    drawn: Drawn,
    config: AugmentationConfig,
) -> tuple[Float[np.ndarray, "N 17 2"], Float[np.ndarray, "N 17 3"]]:
    """See world poses (y up, root-relative) by random cameras and detectors; see `epoch`."""
    camera = poses @ _random_cameras(rng, len(poses), config).transpose(0, 2, 1)
    nearest, farthest = np.log(config.distance)
    depth = np.exp(rng.uniform(nearest, farthest, len(poses))).astype(np.float32)
    depth = np.maximum(depth, 0.4 - camera[..., 2].min(axis=1))
    slopes = camera[..., :2] / (camera[..., 2:] + depth[:, None, None])
    slopes = _as_detected(rng, slopes, head_trouble(camera), drawn, config)
    pose = normalise(slopes, "person", (0.0, 0.0), focal=1.0)
    return np.nan_to_num(pose.inputs), pose.to_network(camera)


def _random_cameras(
    rng: np.random.Generator, count: int, config: AugmentationConfig
) -> Float[np.ndarray, "N 3 3"]:
    """Rotations from the world (y up) to camera space (y down, z forward)."""
    turn = about_axis("y", rng.uniform(0, 2 * np.pi, count))
    tumble = rng.random(count) < config.tumble
    axis = rng.normal(size=(count, 3))
    axis *= (rng.uniform(0, np.pi, count) / np.linalg.norm(axis, axis=1))[:, None]
    turn[tumble] = from_rotation_vector(axis[tumble]) @ turn[tumble]
    steep = rng.random(count) < config.steep
    degrees = np.where(
        steep, rng.uniform(*config.steep_pitch, count), rng.uniform(*config.pitch, count)
    )
    level = rng.random(count) < config.level
    rolled = rng.normal(0, 1, count) * np.where(level, min(4.0, config.roll), config.roll)
    pitch, roll = about_axis("x", np.deg2rad(degrees)), about_axis("z", np.deg2rad(rolled))
    flip = np.diag([1.0, -1.0, -1.0])  # y up, facing us -> y down, z forward
    return (roll @ flip @ pitch @ turn).astype(np.float32)


def head_trouble(camera: Float[np.ndarray, "N 17 3"]) -> Float[np.ndarray, " N"]:
    """How badly a detector does on heads, about 1 on average: 0.4 seen from the front, upright.

    camera  poses in camera space, metres. Half of the rest comes from how far the chest faces away,
            half from how far the trunk leans from the picture's vertical (a right angle: all).
    """
    away = (1 + body_frame(camera, "chest")[:, 2, 2]) / 2
    trunk = camera[:, _AT["thorax"]] - camera[:, _AT["pelvis"]]
    length = np.maximum(np.linalg.norm(trunk, axis=1), 1e-9)
    lean = np.arccos(np.clip(-trunk[:, 1] / length, -1, 1)) / (np.pi / 2)
    trouble: np.ndarray = 0.4 + 0.8 * away + 0.8 * np.minimum(lean, 1.0)
    return trouble


def _as_detected(
    rng: np.random.Generator,
    points: Float[np.ndarray, "N 17 2"],
    trouble: Float[np.ndarray, " N"],
    drawn: Drawn,
    config: AugmentationConfig,
) -> Float[np.ndarray, "N 17 2"]:
    """Disturb the joints as detectors do, and derive those that their joint sets lack."""
    points, size = points.copy(), person_size(points)
    # COCO has no top of the head; the eyes lie about 0.3 of the way up from the nose
    eyes = drawn.eyes.astype(bool)
    nose, top = points[eyes, _AT["neck"]], points[eyes, _AT["head"]]
    points[eyes, _AT["head"]] = nose + 0.3 * (top - nose)
    noisy, centre = rng.random(len(points)) >= config.clean, points[:, _CENTRE]
    points[noisy] = config.noise.apply(rng, points[noisy])
    # joint sets that have a neck or a mid-hip of their own show it without a shoulder or a hip
    kept = np.isnan(points[:, _CENTRE]) & (rng.random((len(points), 1, 1)) < config.own_centre)
    points[:, _CENTRE] = np.where(kept, centre, points[:, _CENTRE])
    missing, moved = rng.random((2, len(points)))
    # nose and head top go the same way in half of the variance, their own way in the other
    step = rng.normal(size=(len(points), 1, 2)) + rng.normal(size=(len(points), 2, 2))
    width = config.head_distance * trouble * size * (moved < config.head_moved) / np.sqrt(2)
    points[:, _HEAD] += (step * width[:, None, None]).astype(points.dtype)
    gone = missing < np.minimum(config.head_missing * trouble, 0.9)
    points[np.ix_(gone, _HEAD)] = np.nan
    derived = drawn.derived.astype(bool)
    for joint, sources in (
        ("pelvis", ("left_hip", "right_hip")),
        ("thorax", ("left_shoulder", "right_shoulder")),
        ("spine", ("pelvis", "thorax")),
    ):
        index = [_AT[source] for source in sources]
        middle, own = points[:, index].mean(axis=1), points[:, _AT[joint]]
        use = derived[:, None] & np.isfinite(middle)
        points[:, _AT[joint]] = np.where(use, middle, own)
    return points
