"""A plain NumPy array of keypoints, .npy or the only one of an .npz; --skeleton says the joints.

(T, J, 2) or (T, J, 3), frames of one person; (T, P, J, 2 or 3), frames of P persons. The third
number is the confidence. A row of NaN is nobody.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from poselift.errors import PoseliftError
from poselift.io.arrays import array_names, read_array, read_arrays
from poselift.io.peek import peek
from poselift.io.registry import Format, ReadOptions
from poselift.poses import Detections

#: Names of arrays that other formats have.
_TAKEN = {"keypoints", "positions_2d", "poses_3d", "boxes"}


def matches(path: Path) -> bool:
    """Tell whether this is an .npy, or an .npz with one array of no other format."""
    if not path.is_file():
        return False
    head = peek(path)
    names = array_names(path) if head.is_zip else set()
    return head.data.startswith(b"\x93NUMPY") or (len(names) == 1 and not names & _TAKEN)


def read(path: Path, options: ReadOptions) -> Detections:
    """Read one array; raises `PoseliftError` for another shape, and without --skeleton."""
    if peek(path).is_zip:
        arrays = read_arrays(path)
        if len(arrays) != 1:
            raise PoseliftError(f"{path}: expected one array, found {', '.join(arrays) or 'none'}")
        ((name, table),) = arrays.items()
        where = f"{path}, array {name!r}"
    else:
        table, where = read_array(path), str(path)
    joints = "" if options.skeleton is None else f" with {len(options.skeleton)} joints"
    good = table.dtype.kind in "fiu" and table.ndim in (3, 4) and table.shape[-1] in (2, 3)
    if not good or table.size == 0:
        raise PoseliftError(
            f"{where}: expected an array (frames, joints, 2 or 3) or (frames, persons, joints, "
            f"2 or 3){joints}, got {table.shape} of {table.dtype}"
        )
    if options.skeleton is None:
        raise PoseliftError(f"{where}: does not say which joints it has, name them (--skeleton)")
    if table.shape[-2] != len(options.skeleton):
        raise PoseliftError(
            f"{where}: expected {len(options.skeleton)} joints ({options.skeleton.name}), got "
            f"{table.shape[-2]}"
        )
    count, persons = table.shape[0], table.shape[1] if table.ndim == 4 else 1
    with np.errstate(over="ignore"):
        flat = table.reshape(count * persons, *table.shape[-2:]).astype(np.float32)
    scores = np.full(flat.shape[:2], np.nan, np.float32)
    if flat.shape[2] == 3:
        scores = flat[..., 2]
        if (scores < 0).any() or np.nanmax(scores, initial=0.0) > 100:
            raise PoseliftError(
                f"{where}: expected x, y and a confidence, got a third number below 0"
            )
    there = ~np.isnan(flat[..., 0]).all(axis=1)
    if not there.any():
        raise PoseliftError(f"{path}: no person in any frame")
    return Detections(
        frames=np.repeat(np.arange(count), persons)[there],
        keypoints=flat[there, :, :2],
        scores=scores[there],
        person_ids=np.full(int(there.sum()), 0 if persons == 1 else -1),
        skeleton=options.skeleton,
        fps=None,
        image_size=None,
        frame_count=count,
        source=str(path),
    )


FORMAT = Format(
    "numpy",
    "a NumPy array of keypoints, .npy or alone in an .npz, with --skeleton",
    {".npy": "array", ".npz": "array"},
    holds="2D",
    recognised="an .npy, or an .npz with one array of another name than keypoints",
    matches=matches,
    read=read,
)
