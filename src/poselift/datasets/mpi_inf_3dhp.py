"""The test set of MPI-INF-3DHP: six people in three scenes, 2929 annotated pictures.

Each folder TS1 to TS6 has an `annot_data.mat`, a MATLAB v7.3 file, which is HDF5 with the axes in
reverse: MATLAB's 3 x 17 x 1 x n is read as (n, 1, 17, 3). Of its arrays these are used:

| array | read as | content |
| --- | --- | --- |
| `valid_frame` | (n, 1) | 1 where the frame counts |
| `activity_annotation` | (n, 1) | number of the activity, from 1 |
| `annot2` | (n, 1, 17, 2) | pixels |
| `annot3` | (n, 1, 17, 3) | camera space, millimetres |
| `univ_annot3` | (n, 1, 17, 3) | the same, scaled to the height of Human3.6M's universal skeleton |

Source: the data set's README and its `mpii_test_predictions.m` (Mehta et al., 3DV 2017).
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from poselift.datasets.lifting_data import LiftingData, concatenate
from poselift.errors import PoseliftError
from poselift.geometry import root_relative
from poselift.skeletons import H36M_17, MPI_INF_3DHP_17, conversion

#: Which 3D annotation is the target; results differ with the choice, so tables name it.
ANNOTATIONS = ("univ_annot3", "annot3")

#: By number, from 1, in the order of the official tables.
ACTIVITIES = (
    "Stand/Walk",
    "Exercise",
    "Sit on Chair",
    "Crouch/Reach",
    "On the Floor",
    "Sports",
    "Misc.",
)

#: Where each clip was filmed: green screen, studio without one, outdoors.
SCENES = {
    "TS1": "GS",
    "TS2": "GS",
    "TS3": "noGS",
    "TS4": "noGS",
    "TS5": "outdoor",
    "TS6": "outdoor",
}

_FILE = "annot_data.mat"
_FOLDER = "mpi_inf_3dhp_test_set"
_STUDIO, _OUTDOORS = (2048, 2048), (1920, 1080)  # width, height in pixels
_WHERE = "docs/data.md says where to get the MPI-INF-3DHP test set and where to put it"
_TAILS = {"annot2": (1, 17, 2), "annot3": (1, 17, 3), "univ_annot3": (1, 17, 3)}
#: Millimetres and pixels that are beyond any studio.
_FARTHEST = 1e9
_NUMBERS = ("valid_frame", "activity_annotation")


def load_mpi_inf_3dhp(
    root: str | os.PathLike[str],
    *,
    poses: str = "univ_annot3",
    subjects: Sequence[int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LiftingData:
    """Load the valid frames of the test set as `h36m_17`, in metres and camera space.

    root      folder of TS1 to TS6, or the one that has it as `mpi_inf_3dhp_test_set`.
    poses     "univ_annot3" (the official target) or "annot3" (the person's true size).
    subjects  which of 1 to 6 (TS1 to TS6); all if left out.
    progress  called with (clips done, clips in all) after each clip.

    The 17 joints correspond one to one: the official neck is `thorax`, its head `neck` (a point of
    the face), its head_top `head`. `frame` is the 0-based frame in the file; valid ones may lie
    apart. `action` is the activity, `subject` the number of the clip, `camera` 0. `root` belongs to
    the chosen annotation. The files have no intrinsics: focal lengths and centre are those with
    which `annot3` meets `annot2` best (least squares over the valid frames, axis by axis).

    Raises `PoseliftError` if h5py is not installed and for files that are missing, no HDF5, cut
    off, or other than said above.
    """
    if poses not in ANNOTATIONS:
        raise PoseliftError(f"unknown annotation {poses!r}, expected {' or '.join(ANNOTATIONS)}")
    numbers = tuple(range(1, 7)) if subjects is None else tuple(subjects)
    for number in numbers:
        if f"TS{number}" not in SCENES:
            raise PoseliftError(f"unknown subject {number!r}, expected numbers from 1 to 6")
    h5py, folder, parts = _import_h5py(), _folder_of_clips(Path(root)), []
    for done, number in enumerate(numbers, start=1):
        parts.append(_load_clip(h5py, folder / f"TS{number}" / _FILE, number, poses))
        if progress is not None:
            progress(done, len(numbers))
    return concatenate(parts, f"mpi_inf_3dhp test, {poses}, 2D ground truth")


def scenes_of(data: LiftingData) -> Shaped[np.ndarray, " N"]:
    """Name the scene of each row: "GS", "noGS" or "outdoor"."""
    return np.array([SCENES[clip] for clip in data.clips])[data.clip]


def _import_h5py() -> ModuleType:
    try:
        return importlib.import_module("h5py")
    except ImportError:
        raise PoseliftError(
            f"reading {_FILE} takes the package h5py, which is not installed: pip install h5py"
        ) from None


def _folder_of_clips(root: Path) -> Path:
    """Find TS1 to TS6 in the folder given or in `mpi_inf_3dhp_test_set` below it."""
    for folder in (root, root / _FOLDER):
        if any((folder / clip).is_dir() for clip in SCENES):
            return folder
    raise PoseliftError(f"{root}: expected the folders TS1 to TS6, found none of them; {_WHERE}")


def _load_clip(h5py: ModuleType, path: Path, number: int, poses: str) -> LiftingData:
    arrays = _read(h5py, path)
    rows = np.flatnonzero(arrays["valid_frame"] == 1)
    if len(rows) == 0:
        raise PoseliftError(f"{path}: valid_frame is 1 for none of the frames")
    kept = {name: array[rows] for name, array in arrays.items()}
    for name in _TAILS:
        _check_finite(path, name, kept[name], rows)
    to_h36m = conversion(MPI_INF_3DHP_17, H36M_17).positions
    pose = to_h36m(kept[poses]) / 1000.0
    size = np.array(_STUDIO if number <= 4 else _OUTDOORS, np.float32)
    intrinsics = _fit_intrinsics(path, kept["annot2"], kept["annot3"], rows)
    count = len(rows)
    return LiftingData(
        keypoints=to_h36m(kept["annot2"]).astype(np.float32),
        poses=root_relative(pose, H36M_17.root).astype(np.float32),
        image_size=np.tile(size, (count, 1)),
        root=pose[:, H36M_17.root].astype(np.float32),
        intrinsics=np.tile(intrinsics.astype(np.float32), (count, 1)),
        subject=np.full(count, number, np.int64),
        action=_activities(path, kept["activity_annotation"], rows),
        camera=np.zeros(count, np.int64),
        frame=rows.astype(np.int64),
        clip=np.zeros(count, np.int64),
        clips=(f"TS{number}",),
        skeleton=H36M_17,
        name=f"mpi_inf_3dhp TS{number}",
    )


def _read(h5py: ModuleType, path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a file: numbers (n,), annotations (n, 17, D), float64."""
    if not path.is_file():
        raise PoseliftError(f"{path}: no such file; {_WHERE}")
    if not h5py.is_hdf5(path):
        raise PoseliftError(f"{path}: expected a MATLAB v7.3 file (HDF5), this is none")
    try:
        with h5py.File(path, "r") as file:
            found = {name: _array(h5py, file, name, path) for name in (*_NUMBERS, *_TAILS)}
    except (OSError, RuntimeError):
        raise PoseliftError(
            f"{path}: cannot be read, it is cut off or damaged; copy or download it again"
        ) from None
    count = len(found["annot2"])
    for name, array in found.items():
        shapes = ((count, *_TAILS[name]),) if name in _TAILS else ((count, 1), (1, count))
        if array.shape not in shapes:
            raise PoseliftError(
                f"{path}: expected {name} of shape {shapes[0]}, which is "
                f"{' x '.join(map(str, shapes[0][::-1]))} in MATLAB, got {array.shape}"
            )
        found[name] = array.reshape(count) if name in _NUMBERS else array[:, 0]
    return found


def _array(h5py: ModuleType, file: Any, name: str, path: Path) -> np.ndarray:
    """Return one array of numbers as float64."""
    entry = file.get(name)
    if entry is None:
        raise PoseliftError(f"{path}: has no array {name!r}, which the test set's files have")
    if not isinstance(entry, h5py.Dataset) or entry.dtype.kind not in "biuf" or not entry.shape:
        raise PoseliftError(f"{path}: expected {name} to be an array of numbers")
    return np.asarray(entry[()], dtype=np.float64)


def _check_finite(path: Path, name: str, values: np.ndarray, rows: np.ndarray) -> None:
    bad = ~(np.abs(values) < _FARTHEST).all(axis=2)
    if bad.any():
        row, joint = (int(i) for i in np.argwhere(bad)[0])
        raise PoseliftError(
            f"{path}: frame {rows[row]} is valid, but {name} of its joint "
            f"{MPI_INF_3DHP_17.joints[joint]} is not finite"
        )


def _activities(
    path: Path, codes: Float[np.ndarray, " N"], rows: Shaped[np.ndarray, " N"]
) -> Shaped[np.ndarray, " N"]:
    """Name the activities by their numbers, from 1."""
    bad = ~np.isin(codes, np.arange(1, len(ACTIVITIES) + 1))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise PoseliftError(
            f"{path}: expected activity_annotation from 1 to {len(ACTIVITIES)} in valid frames, "
            f"got {codes[row]:g} in frame {rows[row]}"
        )
    return np.array(ACTIVITIES)[codes.astype(np.int64) - 1]


def _fit_intrinsics(
    path: Path,
    pixels: Float[np.ndarray, "N 17 2"],
    points: Float[np.ndarray, "N 17 3"],
    rows: Shaped[np.ndarray, " N"],
) -> Float[np.ndarray, " 4"]:
    """Fit fx, fy, cx, cy (pixels) of a pinhole camera: pixel = f * X / Z + c."""
    behind = points[..., 2] <= 0
    if behind.any():
        row, joint = (int(i) for i in np.argwhere(behind)[0])
        raise PoseliftError(
            f"{path}: frame {rows[row]}: joint {MPI_INF_3DHP_17.joints[joint]} of annot3 is not in "
            "front of the camera (z forward, millimetres)"
        )
    slopes = (points[..., :2] / points[..., 2:]).reshape(-1, 2)
    seen = pixels.reshape(-1, 2)
    centred = slopes - slopes.mean(axis=0)
    spread = (centred**2).sum(axis=0)
    together = (centred * seen).sum(axis=0)
    if not (together > 0).all():  # so is the spread, then
        raise PoseliftError(f"{path}: no camera sees annot3 where annot2 says it is")
    focal = together / spread
    return np.concatenate([focal, seen.mean(axis=0) - focal * slopes.mean(axis=0)])
