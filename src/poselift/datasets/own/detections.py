"""2D files of one's own recordings, matched with the 3D frame by frame, or by time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int

from poselift.datasets.own.description import Description
from poselift.datasets.own.motion import Track
from poselift.errors import PoseliftError
from poselift.io.load import read_detections
from poselift.poses import Detections
from poselift.skeletons import conversion

#: Files that may be nothing but numbers.
_ARRAYS = (".npy", ".npz")

#: Of the 3D frames so many have to lie in the time of the 2D.
_COVERED = 0.9

#: A detection farther from the projected 3D than this, by the size of the person, is of another.
_NEAR = 0.5


@final
@dataclass(frozen=True, eq=False)
class Matched:
    """2D of the frames of a track.

    keypoints  (T, J, 2) pixels; NaN where a joint, or the person, was not found.
    how        how 2D and 3D were matched, in words; `skeleton` of the 2D, by name.
    derived    what was made of other joints, in words.
    near       (T,) whether a frame is the nearest one to a frame of the 2D: where the 3D is faster
               the others would be taught a pose from before or after the picture.
    """

    keypoints: Float[np.ndarray, "T J 2"]
    how: str
    skeleton: str
    near: Bool[np.ndarray, " T"]
    derived: str = ""


def match(
    path: Path,
    what: Description,
    track: Track,
    size: tuple[int, int],
    projected: Float[np.ndarray, "T J 2"] | None,
) -> Matched:
    """Read a 2D file and take for each 3D frame the person who is where the 3D is.

    projected  the 3D seen by the camera, in pixels; None where that is not known: then the most
               prominent person is taken.

    Raises `PoseliftError` as the readers do, and if the lengths do not agree.
    """
    found = _read(path, what, size)
    if found.image_size not in (None, size):
        width, height = found.image_size
        raise PoseliftError(
            f"{path}: is of pictures of {width}x{height} pixels, the camera of {size[0]}x{size[1]}"
        )
    frames, near, how = _frames(path, what, track, found)
    way = conversion(found.skeleton, what.skeleton)
    points = np.where(found.scores[..., None] <= 0, np.nan, found.keypoints.astype(np.float64))
    points = way.positions(points)
    rows = _rows(found, frames, points, projected)
    keypoints = np.full((len(frames), len(what.skeleton), 2), np.nan)
    keypoints[rows >= 0] = points[rows[rows >= 0]]
    if np.isnan(keypoints).all():
        raise PoseliftError(f"{path}: nobody in it is where the 3D is, in any frame")
    words = way.describe() if found.skeleton != what.skeleton else ""
    return Matched(keypoints, how, found.skeleton.name, near, words)


def _read(path: Path, what: Description, size: tuple[int, int]) -> Detections:
    """Read a 2D file; arrays without names are of the data set's joints.

    The size of the pictures is told only where the file needs it: what it says itself is compared.
    """
    chosen, told = what.keypoints_skeleton, None
    for _ in range(3):
        try:
            return read_detections(path, skeleton=chosen, image_size=told)
        except PoseliftError as error:
            words = str(error)
        if told is None and "--size" in words:
            told = size
        elif chosen is None and "--skeleton" in words and path.suffix.lower() in _ARRAYS:
            chosen = what.skeleton
        else:
            break
    raise PoseliftError(words.replace("--skeleton", f"keypoints_skeleton in {what.file}"))


def _frames(
    path: Path, what: Description, track: Track, found: Detections
) -> tuple[Int[np.ndarray, " T"], Bool[np.ndarray, " T"], str]:
    """Return for each 3D frame the 2D frame that belongs to it, and if none is nearer to that."""
    rate = what.keypoints_rate or found.fps
    wanted, how = track.frames, "by frame"
    near = np.ones(len(wanted), bool)
    other = rate is not None and track.rate is not None and abs(rate - track.rate) > 0.01
    if other:
        assert rate is not None
        assert track.rate is not None
        exact = track.frames * rate / track.rate
        wanted = np.rint(exact).astype(np.int64)
        if rate < track.rate:  # half a frame of the 3D, of two that are as near the earlier one
            away = exact - wanted
            half = rate / track.rate / 2
            near = (away > -half + 1e-6) & (away <= half + 1e-6)
        how = f"by time ({track.rate:g} and {rate:g} frames a second)"
    last = int(track.frames.max(initial=0)) + 1
    within = float(np.mean((wanted >= 0) & (wanted < found.frame_count)))
    # a detector's last frames may show nobody; a 2D file of other length was filmed otherwise
    longer = found.frame_count > (2 - _COVERED) * (int(wanted.max(initial=0)) + 1) + 1
    if within < _COVERED or (longer and not other and rate is None):
        raise PoseliftError(
            f"{path}: has {found.frame_count} frames, the 3D {last}"
            f"{'' if track.rate is None else f' at {track.rate:g} frames a second'}: they do not "
            f"cover the same time; say how fast the 2D was filmed (keypoints_rate in {what.file})"
        )
    return wanted, near, how


def _rows(
    found: Detections,
    frames: Int[np.ndarray, " T"],
    points: Float[np.ndarray, "N J 2"],
    projected: Float[np.ndarray, "T J 2"] | None,
) -> Int[np.ndarray, " T"]:
    """Return the row of each frame's person, -1 where there is none."""
    rows = np.full(len(frames), -1, np.int64)
    first = np.searchsorted(found.frames, frames, "left")
    after = np.searchsorted(found.frames, frames, "right")
    for place, (start, end) in enumerate(zip(first.tolist(), after.tolist(), strict=True)):
        if start == end:
            continue
        own = points[start:end]
        seen = np.isfinite(own[..., 0])
        if projected is None or not np.isfinite(projected[place]).any():
            if projected is None:
                rows[place] = start + int(np.argmax(seen.sum(axis=1)))
            continue
        there = projected[place]
        size = float(np.hypot(*(np.nanmax(there, axis=0) - np.nanmin(there, axis=0))))
        off = np.linalg.norm(own - there, axis=2)
        both = np.isfinite(off)
        off = np.where(both, off, np.nan)
        middle = [
            float(np.median(o[b])) if b.any() else np.inf for o, b in zip(off, both, strict=True)
        ]
        nearest = int(np.argmin(middle))
        if middle[nearest] <= _NEAR * size:
            rows[place] = start + nearest
    return rows
