"""Reading `.npz` archives whose arrays may hold objects, without running anything in them."""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.lib import format as npy

from poselift.errors import PoseliftError
from poselift.pickles.unpickle import DAMAGE, Readable, damaged, open_binary, plain, unpickle

_CHUNK = 1 << 24


def read_npz(
    path: str | os.PathLike[str], names: Iterable[str], optional: Iterable[str] = ()
) -> dict[str, Any]:
    """Return some arrays of a `.npz` file; a 0-d array of objects becomes the object it holds.

    Those in `optional` may be missing. Raises `PoseliftError` for a file that is missing, no
    `.npz` file, cut short or damaged, has not got an array, or asks for more than `unpickle`
    admits.
    """
    with open_binary(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                present = {name.removesuffix(".npy") for name in archive.namelist()}
                lacking = [name for name in names if name not in present]
                if lacking:
                    raise PoseliftError(
                        f"{path}: expected an array {lacking[0]!r}, "
                        f"found {', '.join(sorted(present)) or 'none'}"
                    )
                wanted = [*names, *(name for name in optional if name in present)]
                return {name: _read_member(archive, name, str(path)) for name in wanted}
        except zipfile.BadZipFile as error:
            raise PoseliftError(f"{path}: expected a .npz file ({error})") from None
        except DAMAGE as error:
            raise damaged(str(path), error) from None


def _read_member(archive: zipfile.ZipFile, name: str, source: str) -> Any:
    with archive.open(f"{name}.npy") as stream:
        version = npy.read_magic(stream)
        if version == (1, 0):
            shape, fortran, dtype = npy.read_array_header_1_0(stream)
        elif version == (2, 0):
            shape, fortran, dtype = npy.read_array_header_2_0(stream)
        else:
            raise ValueError(f"{name} is of an unknown .npy version {version}")
        if dtype.hasobject:
            array = plain(unpickle(stream, source), source)
            if not isinstance(array, np.ndarray) or array.shape != shape:
                raise ValueError(f"{name} does not hold the array its header announces")
            return array.item() if array.shape == () else array
        flat = _read_numbers(stream, dtype, math.prod(shape))
        return flat.reshape(shape, order="F" if fortran else "C")


def _read_numbers(stream: Readable, dtype: np.dtype, count: int) -> np.ndarray:
    """Read `count` numbers into their array in pieces: such files are up to a gigabyte."""
    array = np.empty(count, dtype=dtype)
    view, start = array.view(np.uint8).data, 0
    while start < len(view):
        chunk = stream.read(min(_CHUNK, len(view) - start))
        if not chunk:
            raise EOFError("an array ends early")
        view[start : start + len(chunk)] = chunk
        start += len(chunk)
    return array
