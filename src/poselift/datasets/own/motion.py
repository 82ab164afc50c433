"""3D of one's own recordings: any file of joints or markers, in the joints of the data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np
from jaxtyping import Float, Int

from poselift.datasets.own.description import UNITS, Description
from poselift.errors import PoseliftError, quoted
from poselift.io import load
from poselift.io.arrays import array_names, read_array, read_arrays
from poselift.io.c3dfile import read_c3d
from poselift.io.jointsets import arrange, plain_name
from poselift.io.motionfile import rig, unit_of
from poselift.io.native import is_result_file
from poselift.mocap import read_bvh, read_trc
from poselift.poses import AXES_3D, Results
from poselift.skeletons import Skeleton, conversion

#: What arrays of an .npz are called.
_POSES = ("poses", "poses_3d", "positions_3d", "joints_3d")
_KEYPOINTS = ("keypoints", "keypoints_2d", "poses_2d", "positions_2d", "joints_2d")
_FRAMES = ("frame", "frames")

#: Bones of a body are no longer and no shorter than this, in metres (the longest of each).
SHORTEST, LONGEST = 0.1, 1.2


@final
@dataclass(frozen=True, eq=False)
class Track:
    """One recording in 3D.

    joints     (T, J, 3) metres, in the axes of the file; a missing joint is NaN.
    frames     (T,) 0-based frame numbers.
    rate       frames a second, None if unknown.
    keypoints  (T, J, 2) pixels, where the file has them too.
    up         "y" or "z" where the format says what is up.
    derived    joints that are the mean of others, or another by its name, in the file's names.
    notes      what was decided while reading.
    """

    joints: Float[np.ndarray, "T J 3"]
    frames: Int[np.ndarray, " T"]
    rate: float | None
    keypoints: Float[np.ndarray, "T J 2"] | None = None
    up: str | None = None
    derived: Mapping[str, tuple[str, ...]] | None = None
    notes: tuple[str, ...] = ()


def read_track(path: Path, what: Description) -> Track:
    """Read a 3D file.

    Raises `PoseliftError` for a file that cannot be read, units that nobody says, joints that the
    file does not have, joints that are missing in every frame, and bones of no body.
    """
    suffix = path.with_suffix("").suffix if path.suffix.lower() == ".gz" else path.suffix
    readers = {".trc": _trc, ".c3d": _c3d, ".bvh": _bvh, ".npz": _numpy, ".npy": _numpy}
    reader = readers.get(suffix.lower(), _results)
    if suffix.lower() == ".npz" and is_result_file(path):
        reader = _results
    if what.metres is not None and reader not in (_bvh, _numpy):
        raise PoseliftError(f"{path}: says its unit itself, leave units out of {what.file}")
    track = reader(path, what)
    rate = track.rate or what.rate
    if track.rate is not None and what.rate is not None and abs(track.rate - what.rate) > 0.01:
        raise PoseliftError(
            f"{path}: is of {track.rate:g} frames a second, and {what.file} says rate = "
            f"{what.rate:g}: leave that out"
        )
    lost = np.isnan(track.joints).any(axis=2)
    if lost.all(axis=0).any():
        joint = what.skeleton.joints[int(np.flatnonzero(lost.all(axis=0))[0])]
        raise PoseliftError(f"{path}: {joint} is missing in every frame")
    _check_size(path, what.skeleton, track.joints)
    return replace(track, rate=rate)


def _check_size(path: Path, skeleton: Skeleton, joints: Float[np.ndarray, "T J 3"]) -> None:
    """Refuse bodies that are too large or small to be in the units that were taken."""
    parents, children = np.array(skeleton.edges).T
    bones = np.linalg.norm(joints[:, children] - joints[:, parents], axis=2)
    longest = float(np.nanmax(np.nanmedian(bones, axis=0)))
    if not SHORTEST <= longest <= LONGEST:
        raise PoseliftError(
            f"{path}: the longest bone of this body is {longest:.3g} m, expected {SHORTEST} to "
            f"{LONGEST}: are the units right?"
        )


def _metres(path: Path, what: Description, advice: str) -> float:
    """Return the unit of files that do not say it."""
    if what.metres is None:
        raise PoseliftError(
            f"{path}: its format names no unit, say it in {what.file} (units = one of "
            f"{', '.join(UNITS)}{advice})"
        )
    return what.metres


def _trc(path: Path, what: Description) -> Track:
    track = read_trc(path)
    joints, derived = onto(path, what, track.markers, track.positions)
    frames = track.frames - min(int(track.frames[0]), 1)
    return Track(joints, frames, track.fps, up="y", derived=derived, notes=track.notes)


def _c3d(path: Path, what: Description) -> Track:
    found = read_c3d(path)
    joints, derived = onto(path, what, found.labels, found.points)
    frames = found.first + np.arange(len(joints))
    return Track(joints, frames, found.fps, None, found.axes[0], derived, found.notes)


def _bvh(path: Path, what: Description) -> Track:
    motion = read_bvh(path)
    rest = motion.rest()
    height = float(np.ptp(rest[:, 1]) or np.ptp(rest, axis=0).max())
    unit, metres = unit_of(height)
    advice = f"; in {unit} the body at rest would be {height * metres:.2f} m tall"
    scale = _metres(path, what, advice)
    marks = rig(motion.names, motion.parents).aliases
    joints, derived = onto(path, what, motion.names, motion.places() * scale, marks)
    rate = round(1 / motion.frame_time, 3)
    return Track(joints, np.arange(len(joints)), rate, None, "y", derived, motion.notes)


def _numpy(path: Path, what: Description) -> Track:
    """Read arrays: the poses, and where they are there keypoints, frame numbers, joint names."""
    scale = _metres(path, what, "")
    alone = path.suffix.lower() == ".npy"
    arrays: Mapping[str, Any] = {"poses": read_array(path)} if alone else read_arrays(path)
    poses, where = _array(path, arrays, _POSES, 3)
    names = None
    if "joint_names" in arrays:
        names = [str(one) for one in np.ravel(arrays["joint_names"])]
    given = what.skeleton.joints if names is None else names
    if poses.shape[1] != len(given):
        whose = what.skeleton.name if names is None else "joint_names"
        raise PoseliftError(
            f"{where}: expected {len(given)} joints ({whose}), got {poses.shape[1]}"
        )
    count = len(poses)
    joints, derived = poses * scale, None
    if names is not None:
        joints, derived = onto(path, what, names, joints)
    keypoints = None
    if any(name in arrays for name in _KEYPOINTS):
        keypoints, where = _array(path, arrays, _KEYPOINTS, 2)
        if keypoints.shape[:2] != poses.shape[:2]:
            raise PoseliftError(
                f"{where}: expected 2D of {poses.shape[0]} frames and {poses.shape[1]} joints as "
                f"the 3D has, got {keypoints.shape[0]} and {keypoints.shape[1]}"
            )
        if names is not None:
            keypoints, _ = onto(path, what, names, keypoints)
    frames = np.arange(count)
    for name in _FRAMES:
        if name in arrays:
            frames = np.asarray(arrays[name])
            if frames.shape != (count,) or frames.dtype.kind not in "iu":
                raise PoseliftError(
                    f"{path}, array {name!r}: expected {count} whole frame numbers, got "
                    f"{frames.shape} of {frames.dtype}"
                )
            if frames.min() < 0 or (np.diff(frames.astype(np.int64)) <= 0).any():
                raise PoseliftError(f"{path}, array {name!r}: expected frame numbers that rise")
    return Track(joints, frames.astype(np.int64), _rate(path, arrays), keypoints, None, derived)


def _rate(path: Path, arrays: Mapping[str, Any]) -> float | None:
    """Return frames a second, None where no array says them."""
    if "fps" not in arrays:
        return None
    fps = np.ravel(arrays["fps"])
    if len(fps) != 1 or fps.dtype.kind not in "fiu" or not 0 < fps[0] < np.inf:
        raise PoseliftError(
            f"{path}, array 'fps': expected a number above 0, got {quoted(fps.tolist())}"
        )
    return float(fps[0])


def _array(
    path: Path, arrays: Mapping[str, Any], names: Sequence[str], last: int
) -> tuple[Float[np.ndarray, "T J D"], str]:
    """Return an array (frames, joints, `last`) under one of its names, or the only one there."""
    found = [name for name in names if name in arrays] or (list(arrays) if len(arrays) == 1 else [])
    if not found:
        raise PoseliftError(
            f"{path}: expected an array {names[0]!r} (frames, joints, {last}), found "
            f"{', '.join(arrays) or 'none'}"
        )
    array, where = np.asarray(arrays[found[0]]), f"{path}, array {found[0]!r}"
    if array.ndim != 3 or array.shape[2] != last or array.dtype.kind not in "fiu" or not len(array):
        raise PoseliftError(
            f"{where}: expected (frames, joints, {last}) of numbers, got {array.shape} of "
            f"{array.dtype}"
        )
    array = array.astype(np.float64)
    if np.isinf(array).any():
        frame, joint = np.argwhere(np.isinf(array))[0, :2]
        raise PoseliftError(f"{where}, frame {frame}, joint {joint}: expected finite values or NaN")
    return array, where


def _results(path: Path, what: Description) -> Track:
    """Read whatever else holds 3D of one person: poselift's results, CSV, Parquet, glTF."""
    found = load(path)
    if not isinstance(found, Results):
        raise PoseliftError(
            f"{path}: holds 2D keypoints, expected 3D under poses (and 2D under keypoints)"
        )
    if len(found.people) != 1:
        raise PoseliftError(f"{path}: expected one person a file, got {len(found.people)}")
    solid = found.people[0].poses_3d
    skeleton, in_camera = solid.skeleton, solid.axes == AXES_3D
    if in_camera != what.in_camera:
        raise PoseliftError(
            f"{path}: its 3D is {'' if in_camera else 'not '}in camera space: "
            f'{"write" if in_camera else "leave out"} axes = "camera" in {what.file}'
        )
    marks = dict(zip(skeleton.joints, skeleton.landmarks, strict=True))
    placed = np.asarray(solid.placed, np.float64)
    joints, derived = onto(path, what, skeleton.joints, placed, marks)
    return Track(joints, solid.frames, solid.fps, None, None if in_camera else "y", derived)


def onto(
    path: Path,
    what: Description,
    names: Sequence[str],
    points: Float[np.ndarray, "T M D"],
    marks: Mapping[str, str] | None = None,
) -> tuple[Float[np.ndarray, "T J D"], dict[str, tuple[str, ...]]]:
    """Return a file's joints or markers as the joints of the data set, and which were derived.

    A joint is the mean of those that `dataset.toml` names for it; else the one of its name, however
    that is spelled; else the one that is anatomically the same; else the mean of others (the pelvis
    of the hips). `marks` are landmarks of the file's joints where it has a skeleton.

    Raises `PoseliftError` naming the joints that cannot be had.
    """
    target, plain = what.skeleton, [plain_name(name) for name in names]
    if len(set(plain)) < len(plain):  # LKnee and L_Knee: what one is called decides nothing
        plain = list(names)
    if marks is None:
        marks = _landmarks(names, str(path))
    aliases: dict[str, str] = {}
    for name, own in zip(plain, names, strict=True):
        mark = marks.get(own, name)
        if mark != name and mark not in plain and mark not in aliases.values():
            aliases[name] = mark
    for name, mark in zip(target.joints, target.landmarks, strict=True):
        if name == mark:  # a name says more than what it would be in another joint set
            aliases.pop(name, None)
    source = Skeleton(path.name, tuple(plain), (-1, *[0] * (len(plain) - 1)), aliases)
    joints = np.full((len(points), len(target), points.shape[2]), np.nan)
    derived: dict[str, tuple[str, ...]] = {}
    lacking = list(target.joints)
    try:
        way = conversion(source, target)
        joints, lacking = way.positions(points), list(way.missing)
        for joint, weights in zip(target.joints, way.weights, strict=True):
            parts = np.flatnonzero(weights).tolist()
            if len(parts) > 1 or [plain[one] for one in parts] not in ([], [joint]):
                derived[joint] = tuple(names[one] for one in parts)
    except PoseliftError:  # less than half: what else is named below may be enough
        for place, joint in enumerate(target.joints):
            if joint in plain:
                joints[:, place] = points[:, plain.index(joint)]
                lacking.remove(joint)
    for joint, of in what.joints.items():
        unknown = [name for name in of if name not in names]
        if unknown:
            raise PoseliftError(
                f"{path}: has no {unknown[0]!r}, of which {what.file} makes {joint}; it has "
                f"{', '.join(names)}"[:600]
            )
        joints[:, target.index(joint)] = points[:, [list(names).index(n) for n in of]].mean(axis=1)
        derived[joint] = tuple(of)
        lacking = [one for one in lacking if one != joint]
    if lacking:
        there = ", ".join(names)[:400]
        raise PoseliftError(
            f"{path}: nothing in it is {' or '.join(lacking[:4])} of {target.name}; name the "
            f'marker in {what.file} ({lacking[0]} = "..." under [joints]), it has {there}'
        )
    return joints, derived


def _landmarks(names: Sequence[str], where: str) -> dict[str, str]:
    """Return what markers are anatomically, if most of them are those of a known joint set."""
    try:
        known, order = arrange(names, where)
    except PoseliftError:
        return {}
    return {
        names[column]: mark
        for column, mark in zip(order, known.landmarks, strict=True)
        if column >= 0
    }


def has_keypoints(path: Path) -> bool:
    """Tell whether a 3D file has 2D keypoints beside the poses."""
    if path.suffix.lower() != ".npz" or is_result_file(path):
        return False
    return bool(array_names(path) & set(_KEYPOINTS))
