"""Frozen kinds of 2D on `cmu17`: what may go wrong in a detector, one thing at a time.

Made to choose by and to report, never to learn from. Everything follows from fixed seeds by clip
and camera, so a kind is the same array wherever it is made; a change of it is a new kind.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from poselift.datasets.cmu import load_cmu17, view
from poselift.datasets.lifting_data import LiftingData, concatenate
from poselift.errors import PoseliftError
from poselift.mocap.chain import Motion
from poselift.simulation.noise import cross_arms, person_size, swap_sides
from poselift.simulation.synthetic import random_motion
from poselift.simulation.virtual_cameras import ring_of_cameras
from poselift.skeletons import H36M_17

_SEED = 20261126
_AT = {joint: H36M_17.index(joint) for joint in H36M_17.joints}
_HEAD = ("neck", "head")

#: What is missing of the side that is drawn (of the head both joints), by the kind's name.
MISSING = {
    "head missing": _HEAD,
    "wrist missing": ("wrist",),
    "ankle missing": ("ankle",),
    "knee and ankle missing": ("knee", "ankle"),
    "arm missing": ("shoulder", "elbow", "wrist"),
}

#: Which joints change names, and whose poses must not move for it.
EXCHANGED = {
    "elbows and wrists exchanged": ("hip", "knee", "ankle"),
    "legs exchanged": ("shoulder", "elbow", "wrist"),
}

#: All kinds, in the order in which they are given.
KINDS = ("true", "detected", "heads displaced", *MISSING, *EXCHANGED, "synthetic people")

_SYNTHETIC_CLIPS, _SYNTHETIC_FRAMES = 40, 50
_SPLITS = ("val", "test")


@dataclass(frozen=True, eq=False)
class Kind:
    """One frozen kind of 2D.

    name     one of `KINDS`.
    data     2D and 3D; rows as of "true", except for synthetic people.
    visible  (N, 17) joints that count: those that the 2D shows.
    """

    name: str
    data: LiftingData
    visible: Bool[np.ndarray, "N 17"]


def load_kinds(
    root: str | os.PathLike[str], split: str, names: tuple[str, ...] = KINDS
) -> Iterator[Kind]:
    """Give the frozen kinds of `cmu17`'s "val" or "test", in the order of `names`.

    Raises `PoseliftError` for the training split, an unknown kind, and as `load_cmu17` does.
    """
    if split not in _SPLITS:
        raise PoseliftError(
            f"unknown split {split!r} of frozen 2D, expected one of {', '.join(_SPLITS)}"
        )
    unknown = [name for name in names if name not in KINDS]
    if unknown:
        raise PoseliftError(
            f"unknown kind of 2D {unknown[0]!r}, expected one of {', '.join(KINDS)}"
        )
    true = load_cmu17(root, split)
    for name in names:
        data = true
        if name == "detected":
            data = load_cmu17(root, split, "detected")
        elif name == "synthetic people":
            data = _synthetic_people(split)
        elif name != "true":
            data = _disturbed(true, name, split)
        yield Kind(name, data, np.isfinite(data.keypoints).all(axis=2))


def _disturbed(true: LiftingData, name: str, split: str) -> LiftingData:
    """Change the exact 2D of each clip and camera by the generator that belongs to them."""
    points = true.keypoints.copy()
    for clip, path in enumerate(true.clips):
        for camera in np.unique(true.camera[true.clip == clip]):
            rows = np.flatnonzero((true.clip == clip) & (true.camera == camera))
            words = f"{name} {path}".encode()
            rng = np.random.default_rng((_SEED, zlib.crc32(words), int(camera)))
            points[rows] = _change(rng, points[rows], name)
    return replace(true, keypoints=points, name=f"cmu17 {split}, {name}")


def _change(
    rng: np.random.Generator, points: Float[np.ndarray, "N 17 2"], name: str
) -> Float[np.ndarray, "N 17 2"]:
    """Do to 2D poses what the kind is called after."""
    count, every = len(points), np.ones(len(points), dtype=bool)
    if name == "elbows and wrists exchanged":
        return cross_arms(points, every, every)
    if name == "legs exchanged":
        return swap_sides(points, every, ~every)
    if name == "heads displaced":
        # nose and top each by 6 % of the person's size in every coordinate
        step = rng.normal(0, 0.06, (count, 2, 2)) * person_size(points)[:, None, None]
        points[:, [_AT[joint] for joint in _HEAD]] += step.astype(points.dtype)
        return points
    left = rng.random(count) < 0.5
    for side, rows in (("left", left), ("right", ~left)):
        parts = MISSING[name]
        gone = [_AT[part if part in _HEAD else f"{side}_{part}"] for part in parts]
        points[np.ix_(rows, np.array(gone))] = np.nan
    return points


def _synthetic_people(split: str) -> LiftingData:
    """Exact 2D of synthetic people who walk and gesture, in the four cameras around each."""
    parts = []
    first = _SEED + 1000 * _SPLITS.index(split)
    for seed in range(first, first + _SYNTHETIC_CLIPS):
        motion = Motion(
            positions=random_motion(seed, _SYNTHETIC_FRAMES, fps=10.0, energy=1.5),
            frames=np.arange(_SYNTHETIC_FRAMES, dtype=np.int64),
            fps=10.0,
            subject=-1,
            trial=-1,
            action="synthetic",
            path=f"synthetic {seed}",
        )
        parts += [view(motion, lens, number) for number, lens in enumerate(ring_of_cameras(motion))]
    return concatenate(parts, f"synthetic people, {split}")
