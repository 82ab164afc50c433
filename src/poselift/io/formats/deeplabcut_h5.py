"""DeepLabCut H5: the table that pandas writes (`df_with_missing`); needs h5py (extra `data`)."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from poselift.errors import PoseliftError, how_to_install
from poselift.io.formats.deeplabcut import from_columns
from poselift.io.peek import peek
from poselift.io.registry import Format, ReadOptions
from poselift.pickles.unpickle import plain, unpickle
from poselift.poses import Detections

#: More numbers than any recording has: the file is not what it seems.
MAX_NUMBERS = 1 << 28


def matches(path: Path) -> bool:
    """Tell whether this is an HDF5 file."""
    return path.is_file() and peek(path).data.startswith(b"\x89HDF\r\n\x1a\n")


def read(path: Path, options: ReadOptions) -> Detections:
    """Read one file; raises `PoseliftError`, also if h5py is not installed."""
    try:
        import h5py
    except ModuleNotFoundError:
        raise PoseliftError(f"reading .h5 needs h5py: {how_to_install('data')}") from None
    try:
        with h5py.File(path, "r") as file:
            groups = [one for one in file.values() if isinstance(one, h5py.Group)]
            tables = [one["table"] for one in groups if "table" in one]
            if len(tables) != 1:
                raise PoseliftError(f"{path}: expected the table of DeepLabCut in this HDF5 file")
            table = tables[0]
            names = table.dtype.names or ()
            blocks = [name for name in names if name.startswith("values_block_")]
            width = sum(int(np.prod(table.dtype[name].shape)) for name in blocks)
            if not blocks or "index" not in names or len(table) * width > MAX_NUMBERS:
                raise PoseliftError(f"{path}: expected the table of DeepLabCut in this HDF5 file")
            columns = [
                column for name in blocks for column in _columns(table.attrs[f"{name}_kind"], path)
            ]
            rows = table[:]
    except (OSError, LookupError, AttributeError, RuntimeError, ValueError, TypeError) as error:
        raise PoseliftError(
            f"{path}: is damaged or no HDF5 file of DeepLabCut ({error})"[:300]
        ) from None
    values = np.concatenate([rows[name].reshape(len(rows), -1) for name in blocks], axis=1)
    if len(columns) != values.shape[1] or values.dtype.kind not in "fiu":
        raise PoseliftError(f"{path}: expected a name for each of {values.shape[1]} columns")
    frames = rows["index"]
    if frames.dtype.kind not in "iuf":  # names of pictures stand there
        frames = np.arange(len(rows))
    return from_columns(str(path), columns, frames.astype(np.float64), values)


def _columns(kind: Any, path: Path) -> list[tuple[str, str, str]]:
    """Return the names of a block's columns: a pickle of tuples, read without running it."""
    text = kind.tobytes() if isinstance(kind, np.ndarray) else bytes(kind)
    names = plain(unpickle(io.BytesIO(text), str(path)), str(path))
    if not isinstance(names, list) or not all(
        isinstance(one, tuple) and len(one) in (3, 4) and all(isinstance(w, str) for w in one)
        for one in names
    ):
        raise PoseliftError(f"{path}: expected columns named scorer, bodyparts, coords")
    return [(one[1] if len(one) == 4 else "", one[-2], one[-1]) for one in names]


FORMAT = Format(
    "deeplabcut-h5",
    "DeepLabCut H5, one or many individuals (needs h5py)",
    {".h5": "a row a frame"},
    holds="2D",
    recognised="an HDF5 file",
    matches=matches,
    read=read,
)
