"""What `Lifter` is given and what a network gives back, checked in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from poselift.errors import PoseliftError
from poselift.modelfiles.card import ModelCard
from poselift.skeletons import Skeleton, get_skeleton, skeleton_names

#: An array, or nested lists or tuples; what is in them is checked in words.
Numbers = np.ndarray | Sequence[Any]

# No picture is smaller than this; coordinates divided by its size are.
_PIXELS = 1.5

# No picture is larger than this; and no joint is seen that many times its longer side away.
_LARGEST_SIDE, FARTHEST = 1_000_000, 100

#: Longest bone in metres of any body that networks are trained on, where their card does not say;
#: the longest thighs measured are 0.6 m. Twice that is no body.
LONGEST_BONE = 0.7

#: Entry of the card: the longest bone in metres of the bodies that the network was trained on.
LONGEST_BONE_KEY = "longest_bone_m"


def joints_of(
    skeleton: str | Skeleton | None, keypoints: Numbers | None = None, own: Skeleton | None = None
) -> Skeleton:
    """Return the joint set of keypoints: the one given, or the only one of so many joints.

    own  the network's joints, which are known beside those that all know.

    Raises `PoseliftError` for an unknown name, and if none is given and several would fit.
    """
    if own is not None and skeleton == own.name:
        return own
    if skeleton is not None:
        return skeleton if isinstance(skeleton, Skeleton) else get_skeleton(skeleton)
    sets, found = [get_skeleton(name) for name in skeleton_names()], "keypoints"
    if own is not None and own not in sets:
        sets.append(own)
    if keypoints is not None:
        shape = _as_numbers("keypoints", keypoints).shape
        if len(shape) == 3:
            sets = [one for one in sets if len(one) == shape[1]] or sets
            found = f"keypoints of {shape[1]} joints"
    if len(sets) == 1:
        return sets[0]
    names = ", ".join(repr(one.name) for one in sets)
    raise PoseliftError(f"expected skeleton=..., the joint set of the {found}, one of {names}")


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
    numbers = sides.shape == (2,) and sides.dtype.kind in "fiu"
    if not numbers or not ((sides >= 1) & (sides <= _LARGEST_SIDE)).all():
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


def check_near(
    keypoints: Float[np.ndarray, "T J 2"],
    joints: Skeleton,
    frames: Int[np.ndarray, " T"],
    size: tuple[int, int],
) -> None:
    """Refuse joints that are farther away than any picture shows."""
    with np.errstate(invalid="ignore"):
        far = (np.abs(keypoints) > FARTHEST * max(size)).any(axis=2)
    if far.any():
        row, joint = np.argwhere(far)[0]
        x, y = keypoints[row, joint]
        raise PoseliftError(
            f"frame {frames[row]}, joint {joints.joints[joint]}: expected pixels of a "
            f"{size[0]}x{size[1]} picture, got ({x:g}, {y:g})"
        )


def check_picture(
    keypoints: Float[np.ndarray, "T J 2"],
    joints: Skeleton,
    frames: Int[np.ndarray, " T"],
    size: tuple[int, int],
) -> None:
    """Refuse far joints, and a size that most joints of a clip contradict.

    A few joints outside are right: a person is cut off, and detectors guess on.
    """
    check_near(keypoints, joints, frames, size)
    with np.errstate(invalid="ignore"):
        outside = ((keypoints < 0) | (keypoints > np.asarray(size))).any(axis=2)
    if outside.sum() > (~np.isnan(keypoints[..., 0])).sum() / 2:
        least, most = (reduce(keypoints, axis=(0, 1)) for reduce in (np.nanmin, np.nanmax))
        raise PoseliftError(
            f"expected joints in a picture of {size[0]}x{size[1]} pixels, but most lie outside: "
            f"they reach from ({least[0]:.0f}, {least[1]:.0f}) to ({most[0]:.0f}, {most[1]:.0f}), "
            "is the image size right?"
        )


def longest_bone(card: ModelCard) -> float:
    """Return the longest bone in metres of the bodies that a network was trained on."""
    given = card.content.get(LONGEST_BONE_KEY)
    return float(given) if isinstance(given, int | float) and given > 0 else LONGEST_BONE


def check_poses(
    poses: Float[np.ndarray, "B J 3"],
    frames: Int[np.ndarray, " B"],
    card: ModelCard,
    size: Float[np.ndarray, "B 2"] | tuple[int, int],
    longest: float,
) -> None:
    """Refuse poses that are not finite, or with bones longer than `longest` metres: no bodies."""
    names, (parents, children) = card.skeleton.joints, np.array(card.skeleton.edges).T
    with np.errstate(over="ignore", invalid="ignore"):
        bones = np.linalg.norm(poses[:, children] - poses[:, parents], axis=2)
    fine = np.isfinite(poses).all(axis=(1, 2)) & ~(bones > longest).any(axis=1)
    if fine.all():
        return
    row = int(np.flatnonzero(~fine)[0])
    width, height = np.broadcast_to(np.asarray(size), (len(poses), 2))[row].astype(int)
    what = f"gave no finite pose, are these pixels of a {width}x{height} picture?"
    if np.isfinite(poses[row]).all():
        bone = int(bones[row].argmax())
        what = (
            f"gave no body ({names[children[bone]]} is {bones[row, bone]:.1f} m from "
            f"{names[parents[bone]]}): is its file damaged or hardly trained, or are these no "
            f"pixels of a {width}x{height} picture?"
        )
    raise PoseliftError(f"frame {frames[row]}: model {card.name} {what}")


def _as_numbers(name: str, values: Numbers) -> np.ndarray:
    """Return an array of real numbers, or say what it is instead; what is masked is missing."""
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)
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
