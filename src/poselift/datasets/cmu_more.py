"""`cmu_more`: further CMU motion capture as `h36m_17` joints, for training.

Clips of subjects that are not in cmu17 at all also make a test on other people and motions
(`load_unseen`), for networks that were trained on cmu17 alone.

A folder with `cmu_more.npz` (poses in millimetres, 30 fps, world, y up) and its `INDEX.csv`. None
of its trials is in `cmu17`, and no subject of that set's validation or test is, as far as subjects
are known: clips of unknown subjects (named `x_...`) are left out.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np

from poselift.datasets.cmu import view, whole
from poselift.datasets.lifting_data import LiftingData, concatenate
from poselift.errors import PoseliftError
from poselift.mocap.chain import Motion
from poselift.mocap.textfile import read_text
from poselift.pickles.arrayfile import read_npz
from poselift.simulation.virtual_cameras import ring_of_cameras

#: All that agree with the original AMC files within 5 cm; "neo-fbx" has one robot's proportions.
ENCODINGS = ("amc", "daz-bvh", "mb-fbx", "mb-bvh")
FPS = 30.0


def load_cmu_more(
    root: str | os.PathLike[str], encodings: tuple[str, ...] = ENCODINGS
) -> list[Motion]:
    """Load the clips of known subjects in the given encodings, metres, in the order of INDEX.csv.

    Raises `PoseliftError` if a file is missing or broken, the two do not fit each other, or no
    clip has one of the encodings.
    """
    folder = Path(root)
    path, index = folder / "cmu_more.npz", folder / "INDEX.csv"
    arrays = read_npz(path, ("poses", "clip"))
    poses, clip = arrays["poses"], arrays["clip"]
    shapes = poses.ndim == 3 and poses.shape[1:] == (17, 3) and clip.shape == (len(poses),)
    if not shapes or poses.dtype.kind not in "fiu" or clip.dtype.kind not in "iu":
        raise PoseliftError(
            f"{path}: expected poses of shape (N, 17, 3) and N clip numbers, "
            f"got {poses.shape} of {poses.dtype} and {clip.shape} of {clip.dtype}"
        )
    motions = []
    for number, row in enumerate(csv.DictReader(read_text(index).splitlines()), start=2):
        try:
            own, frames = whole(row["clip"]), whole(row["frames"])
            known, encoding = not row["name"].startswith("x"), row["encoding"]
            subject = whole(row["subject"]) if known else -1
            trial, action = row["trial"], row["description"]
        except (KeyError, ValueError, TypeError, AttributeError):
            raise PoseliftError(f"{index}, line {number}: this row cannot be read") from None
        if not known or encoding not in encodings:
            continue
        rows = np.flatnonzero(clip == own)
        if len(rows) != frames:
            raise PoseliftError(
                f"{path}: expected {frames} frames of clip {own} as INDEX.csv says, "
                f"found {len(rows)}"
            )
        motions.append(
            Motion(
                positions=(poses[rows] / np.float32(1000)).astype(np.float32),
                frames=np.arange(len(rows), dtype=np.int64),
                fps=FPS,
                subject=subject,
                trial=int(trial) if trial.isdecimal() and len(trial) < 8 else -1,
                action=action,
                path=row["name"],
            )
        )
    if not motions:
        raise PoseliftError(f"{index}: no clip of a known subject is {' or '.join(encodings)}")
    return motions


def load_unseen(root: str | os.PathLike[str], seen: Collection[int], step: int = 10) -> LiftingData:
    """See the clips of other subjects by cmu17's four cameras, true 2D: a test on other people.

    seen  numbers of the subjects that a network may have learnt from; their clips are left out.
    step  every how many-th frame is taken.
    """
    motions = [motion for motion in load_cmu_more(root) if motion.subject not in seen]
    if not motions:
        raise PoseliftError(f"{root}: every subject is among those that were learnt from")
    parts = []
    for motion in motions:
        taken = replace(motion, positions=motion.positions[::step], frames=motion.frames[::step])
        cameras = ring_of_cameras(motion)
        parts += [view(taken, camera, number) for number, camera in enumerate(cameras)]
    return concatenate(parts, "cmu_more, subjects that are not in cmu17, ground truth")
