"""Human3.6M as MMPose prepares it: `h36m_{train,test}.npz` and `cameras.pkl`.

One row a picture: `imgname` ("S1/S1_Directions_1.54138969/S1_Directions_1.54138969_000001.jpg",
frames counted from 1 at 50 fps), `part` (N, 17, 3) pixels and visibility, `S` (N, 17, 4) metres in
camera space and visibility. `cameras.pkl` is by (subject, camera number); of each camera f, c, w
and h are used here, for S is in camera space already.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int64

from poselift.datasets.human36m_cameras import CAMERA_IDS
from poselift.datasets.human36m_protocol import (
    HOW_TO_GET,
    action_of,
    check_any,
    check_metres,
    check_present,
    select,
    sequence_name,
)
from poselift.datasets.lifting_data import LiftingData
from poselift.errors import PoseliftError
from poselift.pickles.arrayfile import read_npz
from poselift.pickles.unpickle import read_pickle
from poselift.skeletons import H36M_17

_IMAGE = re.compile(r"(?:.*/)?(S\d{1,4})_([^./]+)\.(\d{1,12})_(\d{1,12})\.jpg")
_View = tuple[str, str, int]


def load_mmpose_h36m(
    root: str | os.PathLike[str],
    split: str,
    *,
    drop_drifting: bool = False,
    actions: Iterable[str] | None = None,
    subjects: Iterable[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LiftingData:
    """Load a split, `h36m_17`, from MMPose's `annotation_body3d/fps50` (or `fps10`).

    Arguments as in `load_human36m`; `cameras.pkl` is looked for in the folder and the one above.
    Keypoints are the true ones. Rows stay in the order of the file. `progress` is called with
    (arrays read, arrays in all).

    Raises `PoseliftError` for a file that is missing, broken or asks to run something; for a
    missing subject or camera; for arrays of wrong shape, a picture's name of another pattern, and
    poses that are not in metres.
    """
    chosen = select(split, subjects, actions, drop_drifting)
    folder = Path(root)
    path = folder / f"h36m_{'test' if split == 'test' else 'train'}.npz"
    cameras = next((x for x in (folder, folder.parent) if (x / "cameras.pkl").is_file()), folder)
    for needed in (path, cameras / "cameras.pkl"):
        if not needed.is_file():
            raise PoseliftError(f"{needed}: no such file; {HOW_TO_GET}")
    step = progress or (lambda done, total: None)
    names = read_npz(path, ["imgname"])["imgname"]
    views, view, frame = _parse(names, str(path))
    wanted = np.array([chosen.wants(*pair) for *pair, _ in views], dtype=bool)
    check_present(
        chosen, [pair[:2] for pair, on in zip(views, wanted, strict=True) if on], str(path)
    )
    rows = np.flatnonzero(wanted[view])
    title = chosen.title("gt (MMPose)")
    check_any(len(rows), title, str(path))
    step(1, 3)
    poses = _values(path, "S", 4, len(names))[rows]
    step(2, 3)
    keypoints = _values(path, "part", 3, len(names))[rows]
    step(3, 3)
    return _table(poses, keypoints, views, view[rows], frame[rows], (path, cameras), title)


def _parse(
    names: Any, source: str
) -> tuple[list[_View], Int64[np.ndarray, " N"], Int64[np.ndarray, " N"]]:
    """Split the pictures' names: all views (subject, sequence, camera index), and of each row
    the index of its view and its frame number from 0.
    """
    if not isinstance(names, np.ndarray) or names.ndim != 1:
        raise PoseliftError(f"{source}: expected imgname to be a list of names")
    known: dict[tuple[str, ...], int] = {}
    views: list[_View] = []
    view, frame = np.empty(len(names), np.int64), np.empty(len(names), np.int64)
    for row, name in enumerate(names.tolist()):
        match = _IMAGE.fullmatch(str(name))
        if match is None:
            raise PoseliftError(
                f"{source}: row {row}: expected a name like S1_Directions_1.54138969_000001.jpg, "
                f"found {name!r}"
            )
        *parts, number = match.groups()
        key = tuple(parts)
        if key not in known:
            subject, sequence, camera = key
            if int(camera) not in CAMERA_IDS:
                raise PoseliftError(f"{source}: row {row}: unknown camera {camera} in {name!r}")
            known[key] = len(views)
            usual = sequence_name(sequence, f"{source}: row {row}")
            views.append((subject, usual, CAMERA_IDS.index(int(camera))))
        view[row], frame[row] = known[key], int(number) - 1
    return views, view, frame


def _values(path: Path, name: str, columns: int, rows: int) -> Float32[np.ndarray, "N 17 C"]:
    """Return coordinates as float32, NaN where the last column says that a joint is not seen."""
    array = read_npz(path, [name])[name]
    shape = (rows, len(H36M_17), columns)
    known = isinstance(array, np.ndarray)
    if not known or array.shape != shape or array.dtype.kind not in "fiu":
        found = f"{array.shape} of {array.dtype}" if known else f"a {type(array).__name__}"
        raise PoseliftError(f"{path}: expected {name} of shape {shape} in numbers, found {found}")
    values = array[..., :-1].astype(np.float32)
    values[array[..., -1] == 0] = np.nan
    return values


def _table(
    points: Float32[np.ndarray, "N 17 3"],
    keypoints: Float32[np.ndarray, "N 17 2"],
    views: list[_View],
    view: Int64[np.ndarray, " N"],
    frame: Int64[np.ndarray, " N"],
    files: tuple[Path, Path],
    title: str,
) -> LiftingData:
    """Put the chosen rows together; what belongs to a view is looked up once a view."""
    lenses, sizes = _lenses(files[1] / "cameras.pkl", views, set(view.tolist()))
    clips: dict[str, int] = {}
    clip = np.zeros(len(views), dtype=np.int64)
    for index in dict.fromkeys(view.tolist()):
        clip[index] = clips.setdefault(" ".join(views[index][:2]), len(clips))
    root = points[:, H36M_17.root].copy()
    points -= root[:, None]
    check_metres(points, str(files[0]))
    return LiftingData(
        keypoints=keypoints,
        poses=points,
        image_size=sizes[view],
        root=root,
        intrinsics=lenses[view],
        subject=np.array([int(subject[1:]) for subject, _, _ in views], dtype=np.int64)[view],
        action=np.array([action_of(sequence) for _, sequence, _ in views])[view],
        camera=np.array([camera for _, _, camera in views], dtype=np.int64)[view],
        frame=frame,
        clip=clip[view],
        clips=tuple(clips),
        skeleton=H36M_17,
        name=title,
    )


def _lenses(
    path: Path, views: list[_View], used: set[int]
) -> tuple[Float32[np.ndarray, "V 4"], Float32[np.ndarray, "V 2"]]:
    """Return fx, fy, cx, cy and width, height of each view that is used."""
    cameras = read_pickle(path)
    if not isinstance(cameras, dict):
        raise PoseliftError(f"{path}: expected a dict, found a {type(cameras).__name__}")
    lenses = np.zeros((len(views), 4), np.float32)
    sizes = np.zeros((len(views), 2), np.float32)
    for index in used:
        subject, _, number = views[index]
        key = (subject, str(CAMERA_IDS[number]))
        try:
            camera = cameras[key]
            lens: list[Float[np.ndarray, " 2"]] = [
                np.asarray(camera[name], np.float64).reshape(2) for name in "fc"
            ]
            lenses[index], sizes[index] = np.concatenate(lens), (camera["w"], camera["h"])
        except (KeyError, TypeError, ValueError, IndexError):
            raise PoseliftError(f"{path}: expected a camera {key} with f, c, w and h") from None
    return lenses, sizes
