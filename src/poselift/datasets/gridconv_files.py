"""Human3.6M as GridConv reads it: `{train,test}_custom_{2d,3d}_unnorm.pth.tar`.

Dictionaries by (subject, action, "Walking 1.60457274"); 2D is (T, 34) pixels, 3D holds
`joint_3d` (T, 51) and `pelvis` (T, 3), millimetres in camera space, and the `camera`. The
published files were written by Python 2 and torch 1.4; GridConv's page calls the entry
`joints_3d`, its loader reads `joint_3d`, and its page gives `camera` as a list where the
files hold a dict: all are read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from poselift.datasets.human36m_cameras import CAMERA_IDS
from poselift.datasets.human36m_protocol import (
    HOW_TO_GET,
    SequenceView,
    assemble,
    check_present,
    in_order,
    select,
    sequence_name,
)
from poselift.datasets.lifting_data import LiftingData
from poselift.errors import PoseliftError
from poselift.pickles.torchfile import read_torch
from poselift.skeletons import H36M_17

#: The files do not say how large the pictures are; GridConv takes 1000 pixels for both sides.
IMAGE_SIZE = (1000, 1000)

_MILLIMETRE = np.float32(1000)
_Key = tuple[str, str, int]


def load_gridconv(
    root: str | os.PathLike[str],
    split: str,
    *,
    drop_drifting: bool = False,
    actions: Iterable[str] | None = None,
    subjects: Iterable[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LiftingData:
    """Load a split, `h36m_17`, from the folder with the four files (`data/gt` or `data/hrnet`).

    Arguments and order of rows as in `load_human36m`; the name says the folder, which is how
    these files tell their keypoints. `image_size` is 1000 x 1000 throughout. GridConv's tables
    leave out the drifting sequences of S9 for all keypoints but "gt": ask for `drop_drifting`.

    Raises `PoseliftError` for a file that is missing, broken or asks to run something; for a
    missing subject; for arrays of wrong shape, a 3D entry that is missing or shorter than the
    keypoints, a camera that is none of the four, and poses that are not in millimetres.
    """
    chosen = select(split, subjects, actions, drop_drifting)
    folder = Path(root)
    phase = "test" if split == "test" else "train"
    path_2d, path_3d = (folder / f"{phase}_custom_{kind}_unnorm.pth.tar" for kind in ("2d", "3d"))
    keypoints, poses = _entries(path_2d), _entries(path_3d)
    keys = {
        (subject, sequence, camera): key
        for key, (subject, sequence, camera) in _keys(keypoints, path_2d)
        if chosen.wants(subject, sequence)
    }
    pairs = {(subject, sequence) for subject, sequence, _ in keys}
    check_present(chosen, list(pairs), str(path_2d))
    parts = []
    for pair in in_order(pairs):
        for camera in range(len(CAMERA_IDS)):
            if (*pair, camera) in keys:
                key = keys[(*pair, camera)]
                flat = _array(keypoints[key], 2 * len(H36M_17), f"{path_2d}: {key}")
                parts.append(((*pair, camera), key, flat))
    views = _views(parts, poses, path_3d, progress)
    rows = sum(len(flat) for _, _, flat in parts)
    return assemble(views, rows, H36M_17, chosen.title(folder.resolve().name), str(path_3d))


def _entries(path: Path) -> dict:
    if not path.is_file():
        raise PoseliftError(f"{path}: no such file; {HOW_TO_GET}")
    content = read_torch(path)
    if not isinstance(content, dict):
        raise PoseliftError(f"{path}: expected a dict, found a {type(content).__name__}")
    return content


def _keys(content: dict, path: Path) -> Iterator[tuple[tuple, _Key]]:
    """Yield each key with the subject, sequence and camera index it stands for."""
    cameras = [str(number) for number in CAMERA_IDS]
    for key in content:
        if not isinstance(key, tuple) or len(key) != 3 or not all(isinstance(x, str) for x in key):
            raise PoseliftError(f"{path}: expected keys (subject, action, file name), got {key!r}")
        subject, _, file = key
        name, _, camera = file.rpartition(".")
        if camera not in cameras:
            raise PoseliftError(
                f"{path}: {key}: expected a file name that ends in one of the cameras "
                f"{', '.join(cameras)}"
            )
        yield key, (subject, sequence_name(name, f"{path}: {key}"), cameras.index(camera))


def _views(
    parts: list[tuple[_Key, tuple, Float32[np.ndarray, "_ 34"]]],
    poses: dict,
    path: Path,
    progress: Callable[[int, int], None] | None,
) -> Iterator[SequenceView]:
    for done, ((subject, sequence, camera), key, flat) in enumerate(parts, start=1):
        where, entry = f"{path}: {key}", poses.get(key)
        if not isinstance(entry, dict):
            raise PoseliftError(f"{where}: expected a dict of joint_3d, pelvis and camera")
        name = "joints_3d" if "joints_3d" in entry and "joint_3d" not in entry else "joint_3d"
        joints = _array(entry.get(name), 3 * len(H36M_17), f"{where}: {name}")
        pelvis = _array(entry.get("pelvis"), 3, f"{where}: pelvis")
        for kind, array in ((name, joints), ("pelvis", pelvis)):
            if len(array) < len(flat):
                raise PoseliftError(
                    f"{where}: expected {len(flat)} frames of {kind} as there are of keypoints, "
                    f"found {len(array)}"
                )
        points = joints[: len(flat)].reshape(-1, len(H36M_17), 3) / _MILLIMETRE
        yield SequenceView(
            subject=subject,
            sequence=sequence,
            camera=camera,
            keypoints=flat.reshape(-1, len(H36M_17), 2),
            points=points - points[:, :1],
            root=pelvis[: len(flat)] / _MILLIMETRE,
            intrinsics=_intrinsics(entry.get("camera"), where),
            size=IMAGE_SIZE,
        )
        if progress is not None:
            progress(done, len(parts))


def _array(value: Any, columns: int, where: str) -> Float32[np.ndarray, "T C"]:
    """Return a table of `columns` numbers a frame as float32."""
    if not isinstance(value, np.ndarray) or value.ndim != 2 or value.shape[1] != columns:
        found = value.shape if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
        raise PoseliftError(f"{where}: expected an array of (frames, {columns}), found {found}")
    return value.astype(np.float32, copy=False)


def _intrinsics(camera: Any, where: str) -> tuple[float, ...]:
    """Return fx, fy, cx, cy of a dict with these keys or of four numbers."""
    names = ("fx", "fy", "cx", "cy")
    try:
        values = [camera[name] for name in names] if isinstance(camera, dict) else list(camera)
        fx, fy, cx, cy = map(float, values)
    except (KeyError, TypeError, ValueError):
        raise PoseliftError(f"{where}: expected a camera of {', '.join(names)}") from None
    return fx, fy, cx, cy
