"""What `Lifter` is given and what a network gives back, checked in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from poselift.errors import PoseliftError
from poselift.skeletons import Skeleton

#: An array, or nested lists or tuples; what is in them is checked in words.
Numbers = np.ndarray | Sequence[Any]

# No picture is smaller than this; coordinates divided by its size are.
_PIXELS = 1.5


def as_clip(
    name: str, values: Numbers, joints: Skeleton, tail: tuple[int, ...]
) -> Float[np.ndarray, ...]:
    """Return an argument as float32 of shape (frames, joints, *tail), or say what is wrong."""
    array, wanted = _as_numbers(name, values), (len(joints), *tail)
    if array.shape[1:] == wanted:
        return _as_float32(array)
    advice = f"; for a single frame pass {name}[None]" if array.shape == wanted else ""
    raise _shape_error(name, ("frames", *wanted), joints, array, advice)


def as_frame(
    name: str, values: Numbers, joints: Skeleton, tail: tuple[int, ...]
) -> Float[np.ndarray, ...]:
    """Return an argument as float32 of shape (joints, *tail), or say what is wrong."""
    array, wanted = _as_numbers(name, values), (len(joints), *tail)
    if array.shape == wanted:
        return _as_float32(array)
    advice = "; Lifter.lift takes clips" if array.shape[1:] == wanted else ""
    raise _shape_error(name, wanted, joints, array, advice)


def as_scores(scores: Numbers, joints: Skeleton, frames: int) -> Float[np.ndarray, "T J"]:
    """Return confidences as float32, one row for each of the frames."""
    array = as_clip("scores", scores, joints, ())
    if len(array) != frames:
        raise PoseliftError(
            f"expected scores of shape {(frames, len(joints))} as the keypoints have, "
            f"got {array.shape}"
        )
    return array


def as_size(image_size: Numbers) -> tuple[int, int]:
    """Return an image size as two positive whole numbers, or say what is wrong."""
    sides = np.asarray(image_size)
    if sides.shape != (2,) or sides.dtype.kind not in "fiu" or not (sides >= 1).all():
        raise PoseliftError(f"expected image_size as (width, height) in pixels, got {image_size!r}")
    return int(sides[0]), int(sides[1])


def check_pixels(keypoints: Float[np.ndarray, "*frames J 2"]) -> None:
    """Refuse coordinates that were divided by the image size; no frames are right as they are."""
    if keypoints.size == 0 or keypoints.item(0) > _PIXELS:  # one is enough
        return
    least, most = (reduce(keypoints, axis=None) for reduce in (np.fmin.reduce, np.fmax.reduce))
    if least >= -_PIXELS and most <= _PIXELS:
        raise PoseliftError(
            "expected keypoints in pixels (a missing joint as NaN), but all are between -1.5 and "
            "1.5: multiply normalised coordinates by the image size"
        )


def check_poses(
    poses: Float[np.ndarray, "B J 3"],
    frames: Int[np.ndarray, " B"],
    model: str,
    size: Float[np.ndarray, "B 2"] | tuple[int, int],
) -> None:
    """Refuse poses that a network computed from pixels far outside the picture."""
    broken = ~np.isfinite(poses).all(axis=(1, 2))
    if broken.any():
        row = int(np.flatnonzero(broken)[0])
        width, height = np.broadcast_to(np.asarray(size), (len(poses), 2))[row].astype(int)
        raise PoseliftError(
            f"frame {frames[row]}: model {model} gave no finite "
            f"pose, are these pixels of a {width}x{height} picture?"
        )


def _as_numbers(name: str, values: Numbers) -> np.ndarray:
    """Return an array of real numbers, or say what it is instead."""
    try:
        array = np.asarray(values)
    except ValueError:  # rows of unequal length
        raise PoseliftError(f"expected {name} to be an array of numbers") from None
    if array.dtype.kind not in "fiu":
        raise PoseliftError(f"expected {name} of real numbers, got dtype {array.dtype}")
    return array


def _as_float32(array: np.ndarray) -> Float[np.ndarray, ...]:
    """Copy as float32; what is too large becomes infinite, and is refused as such."""
    if array.dtype == np.float32:
        return array.copy()
    with np.errstate(over="ignore"):
        return array.astype(np.float32)


def _shape_error(
    name: str, wanted: tuple[str | int, ...], joints: Skeleton, array: np.ndarray, advice: str
) -> PoseliftError:
    """Say which shape was expected and which was found."""
    shape = f"({', '.join(map(str, wanted))}{',' if len(wanted) == 1 else ''})"
    return PoseliftError(
        f"expected {name} of shape {shape} for {joints.name}, got {array.shape}{advice}"
    )
