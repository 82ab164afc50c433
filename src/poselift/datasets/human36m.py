"""Human3.6M as VideoPose3D prepares it: `data_3d_h36m.npz` and `data_2d_h36m_<detections>.npz`.

SemGCN and PoseAug write the same files, with 16 joints in 2D. 3D poses are in the world, so that
each camera's view of them is computed here. 50 fps. The licence forbids to pass the data on:
docs/data.md says how to get them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from poselift.datasets.human36m_cameras import CAMERA_IDS, human36m_cameras
from poselift.datasets.human36m_protocol import (
    HOW_TO_GET,
    SKELETONS,
    Selection,
    SequenceView,
    assemble,
    check_present,
    in_order,
    joints_to_keep,
    select,
    sequence_name,
    skeleton_named,
)
from poselift.datasets.lifting_data import LiftingData
from poselift.errors import PoseliftError
from poselift.pickles.arrayfile import read_npz
from poselift.skeletons import H36M_32, Skeleton

POSES = "data_3d_h36m.npz"

#: Short names of the published detections; any other name is part of the file's name as it is.
DETECTIONS = {"cpn": "cpn_ft_h36m_dbb", "detectron": "detectron_ft_h36m"}

_Pair = tuple[str, str]
_Progress = Callable[[int, int], None]


def load_human36m(
    root: str | os.PathLike[str],
    split: str,
    detections: str = "gt",
    *,
    skeleton: str = "h36m_17",
    drop_drifting: bool = False,
    actions: Iterable[str] | None = None,
    subjects: Iterable[str] | None = None,
    progress: _Progress | None = None,
) -> LiftingData:
    """Load a split from the folder that holds the two `.npz` files.

    split          "train" (S1 S5 S6 S7 S8), "test" (S9 S11), or "val" (S8) for choosing weights
                   without a look at the test subjects: train with `subjects` S1 S5 S6 S7 then.
    detections     "gt" (`data_2d_h36m_gt.npz`; where that file is missing, and for `h36m_32`,
                   the 3D poses are projected, lens distortion included, as that file was made),
                   "cpn", "detectron", or what stands after `data_2d_h36m_` in a file's name.
    skeleton       "h36m_17", "h36m_16" (no nose), or "h36m_32" (all joints, with "gt" only).
    drop_drifting  leave out the 12 sequences of S9 whose 3D drifts off the person (`DRIFTING`
                   by four cameras); GridConv does so with detected keypoints.
    actions        some of the 15, all by default; subjects: some of the split's.
    progress       called with (sequences done, sequences in all).

    Rows are ordered by subject, action, sequence, camera, frame. S11 "Directions" is left out
    always. Detections that go on after the poses end are cut there, as VideoPose3D does.
    `image_size` is the camera's, 1000 x 1002 for two of the four.

    Raises `PoseliftError` for a file that is missing, broken or asks to run something; for a
    missing subject, sequence or camera; for arrays of wrong shape, a joint order that is not
    Human3.6M's, detections that end before the poses, and poses that are not in metres.
    """
    chosen = select(split, subjects, actions, drop_drifting)
    joints, folder = skeleton_named(skeleton), Path(root)
    if joints is H36M_32 and detections != "gt":
        raise PoseliftError(f"skeleton h36m_32 has keypoints of 'gt' only, not of {detections!r}")
    path = folder / f"data_2d_h36m_{DETECTIONS.get(detections, detections)}.npz"
    on_file = joints is not H36M_32 and (path.is_file() or detections != "gt")
    for needed in (folder / POSES, path) if on_file else (folder / POSES,):
        if not needed.is_file():
            raise PoseliftError(f"{needed}: no such file; {HOW_TO_GET}")
    poses = _read_poses(folder / POSES, chosen)
    label, seen = "gt projected from 3D", None
    if on_file:
        label, seen = detections, _read_keypoints(path, poses, joints)
        if not seen.order_stated:
            label += " (joint order not stated)"
    views = _views(poses, seen, joints, progress)
    rows = len(CAMERA_IDS) * sum(map(len, poses.values()))
    return assemble(views, rows, joints, chosen.title(label), str(folder / POSES))


def _read_poses(path: Path, chosen: Selection) -> dict[_Pair, Float[np.ndarray, "_ 32 3"]]:
    """Return the world poses of the chosen sequences, metres, in the order of rows."""
    poses = {}
    content = read_npz(path, ["positions_3d"])["positions_3d"]
    for pair, array in _sequences(content, path, chosen.subjects):
        where = f"{path}: {' '.join(pair)}"
        if not chosen.wants(*pair):
            continue
        if not isinstance(array, np.ndarray) or array.ndim != 3 or array.shape[1:] != (32, 3):
            raise PoseliftError(
                f"{where}: expected an array of (frames, 32, 3), found {_shape(array)}"
            )
        poses[pair] = array
    check_present(chosen, list(poses), str(path))
    return {pair: poses[pair] for pair in in_order(poses)}


@dataclass(frozen=True)
class _Keypoints:
    """Pixels (T, J, 2) by sequence and camera; whether the file says its joint order."""

    by_camera: dict[_Pair, list[Float[np.ndarray, "_ J 2"]]]
    order_stated: bool


def _read_keypoints(
    path: Path, poses: Mapping[_Pair, Float[np.ndarray, "_ 32 3"]], skeleton: Skeleton
) -> _Keypoints:
    """Return the keypoints of each pose."""
    content = read_npz(path, ["positions_2d"], optional=["metadata"])
    order_stated = _check_order(content.get("metadata"), path)
    found = dict(_sequences(content["positions_2d"], path, {subject for subject, _ in poses}))
    by_camera = {}
    for pair, world in poses.items():
        if pair not in found:
            raise PoseliftError(f"{path}: expected sequence {' '.join(pair)}, as in {POSES}")
        views = found[pair]
        if not isinstance(views, list | tuple | np.ndarray) or len(views) != len(CAMERA_IDS):
            number = len(views) if isinstance(views, list | tuple | np.ndarray) else "none"
            raise PoseliftError(
                f"{path}: {' '.join(pair)}: expected {len(CAMERA_IDS)} cameras, found {number}"
            )
        by_camera[pair] = [
            _of_camera(view, len(world), skeleton, f"{path}: {' '.join(pair)}, camera {number}")
            for number, view in enumerate(views)
        ]
    return _Keypoints(by_camera, order_stated)


def _of_camera(
    view: Any, frames: int, skeleton: Skeleton, where: str
) -> Float[np.ndarray, "T J 2"]:
    """Check one camera's keypoints and keep the joints of `skeleton` and the pixels."""
    if not isinstance(view, np.ndarray) or view.ndim != 3 or view.shape[2] not in (2, 3):
        raise PoseliftError(
            f"{where}: expected an array of (frames, joints, 2), found {_shape(view)}"
        )
    if len(view) < frames:
        raise PoseliftError(
            f"{where}: expected at least {frames} frames, as in {POSES}, found {len(view)}"
        )
    keep = joints_to_keep(skeleton, view.shape[1], where)
    # some detectors' files have a confidence after x and y
    return view[:frames, keep, :2].astype(np.float32, copy=False)


def _check_order(metadata: Any, path: Path) -> bool:
    """Return whether the file says that its joints are Human3.6M's; refuse another order."""
    if metadata is None:
        return False
    try:
        left, right = (set(map(int, side)) for side in metadata["keypoints_symmetry"])
    except (KeyError, TypeError, ValueError, IndexError):
        raise PoseliftError(
            f"{path}: expected metadata with 'keypoints_symmetry', the left and right joints"
        ) from None
    known = [(set(one.left), set(one.right)) for one in SKELETONS.values()]
    if (left, right) not in known:
        raise PoseliftError(
            f"{path}: its left joints are {sorted(left)}, expected Human3.6M's joint order, "
            f"{sorted(known[0][0])} of 17 joints"
        )
    return True


def _sequences(content: Any, path: Path, subjects: Container[str]) -> Iterator[tuple[_Pair, Any]]:
    """Yield what {subject: {sequence: ...}} holds of some subjects, sequences by usual names."""
    if not isinstance(content, dict) or not all(isinstance(x, dict) for x in content.values()):
        raise PoseliftError(f"{path}: expected a dict of subjects with a dict of sequences each")
    for subject, sequences in content.items():
        if subject in subjects:
            for name, value in sequences.items():
                yield (subject, sequence_name(str(name), f"{path}: {subject}")), value


def _views(
    poses: Mapping[_Pair, Float[np.ndarray, "_ 32 3"]],
    seen: _Keypoints | None,
    skeleton: Skeleton,
    progress: _Progress | None,
) -> Iterator[SequenceView]:
    """Yield each sequence as each camera saw it; without keypoints they are projected."""
    keep = joints_to_keep(skeleton, len(H36M_32), POSES)
    for done, ((subject, sequence), world) in enumerate(poses.items(), start=1):
        for number, camera in enumerate(human36m_cameras(subject)):
            points = camera.to_camera(world[:, keep].astype(np.float64))
            keypoints = (
                camera.project(points)
                if seen is None
                else seen.by_camera[subject, sequence][number]
            )
            root = points[:, skeleton.root]
            yield SequenceView(
                subject=subject,
                sequence=sequence,
                camera=number,
                keypoints=keypoints,
                points=points - root[:, None],
                root=root,
                intrinsics=(*camera.focal, *camera.center),
                size=camera.size,
            )
        if progress is not None:
            progress(done, len(poses))


def _shape(value: Any) -> str:
    """Say what was found instead of an array of some shape."""
    return str(value.shape) if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
