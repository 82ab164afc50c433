""".npz files of plain arrays: written the same for the same content, read without pickle."""

from __future__ import annotations

import math
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, final

import numpy as np

from poselift.errors import PoseliftError
from poselift.io.jsonfile import read_head

#: A binary file that is open for writing (a runtime type checker counts a BytesIO as none).
Sink = BinaryIO | BytesIO

# Coordinates hardly shrink, missing ones do: what inflates more is made to fill the memory.
_INFLATED, _SMALL = 10, 16 << 20

#: Kinds of NumPy data that are read: whole numbers, floats, text.
_KINDS = "iufU"


def write_arrays(stream: Sink, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an .npz that `numpy.load(allow_pickle=False)` reads; equal content, equal bytes."""
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            # a fixed date, the oldest that zip knows
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)


def array_names(path: Path) -> set[str]:
    """Return the names of the arrays of an .npz file, none if it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except Exception:  # whatever a broken archive brings up; `read_arrays` has the words for it
        return set()


def read_arrays(path: Path) -> Mapping[str, Any]:
    """Return the arrays of an .npz file by name; each is read when it is asked for.

    Raises `PoseliftError`, now or then, if the file is no .npz, is damaged, holds pickled
    objects, or an array whose header asks for more than the file has, or for far more than the
    file's size on the disk.
    """
    if not read_head(path).startswith(b"PK\x03\x04"):
        raise PoseliftError(f"{path}: is not an .npz file (no zip archive)")
    return _Arrays(path)


@final
class _Arrays(Mapping[str, np.ndarray]):
    """Arrays of an archive, read one at a time: what is not needed is not inflated."""

    def __init__(self, path: Path) -> None:
        """Read the archive's table of contents."""
        self._path = path
        self._most = _INFLATED * path.stat().st_size + _SMALL
        with self._opened() as archive:
            listed = [one for one in archive.infolist() if one.filename.endswith(".npy")]
        self._entries = {one.filename.removesuffix(".npy"): one for one in listed}

    def __getitem__(self, name: str) -> np.ndarray:
        """Read an array."""
        entry = self._entries[name]
        with self._opened() as archive:
            return self._read(archive, entry, f"{self._path}, array {name!r}")

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self._entries)

    def __len__(self) -> int:
        """Return the number of arrays."""
        return len(self._entries)

    @contextmanager
    def _opened(self) -> Iterator[zipfile.ZipFile]:
        """Open the archive; whatever is wrong with it becomes one sentence."""
        try:
            with zipfile.ZipFile(self._path) as archive:
                yield archive
        except PoseliftError:
            raise
        except Exception as error:  # zlib.error and whatever else a broken archive brings up
            reason = _first_line(error)
            raise PoseliftError(f"{self._path}: is a damaged .npz file ({reason})") from None

    def _read(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, where: str) -> np.ndarray:
        """Read one array after a look at its header."""
        with archive.open(entry) as member:
            size = _checked_size(member, entry.file_size, where)
            if size > self._most:
                raise PoseliftError(
                    f"{where}: would inflate to {size / 2**20:.0f} MiB, expected at most "
                    f"{_INFLATED} times the file's size"
                )
        with archive.open(entry) as member:
            array: np.ndarray = np.lib.format.read_array(member, allow_pickle=False)
        return _in_unicode(array, where)


def read_array(path: Path) -> np.ndarray:
    """Return the array of an .npy file; raises `PoseliftError` as `read_arrays`."""
    try:
        with path.open("rb") as stream:
            _checked_size(stream, path.stat().st_size, str(path))
            stream.seek(0)
            array: np.ndarray = np.lib.format.read_array(stream, allow_pickle=False)
    except PoseliftError:
        raise
    except Exception as error:  # SyntaxError, TokenError and whatever else a broken header brings
        raise PoseliftError(f"{path}: is a damaged .npy file ({_first_line(error)})") from None
    return array


def _checked_size(stream: Any, available: int, where: str) -> int:
    """Return the bytes an array's header asks for; refuse objects, and more than there are."""
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise PoseliftError(f"{where}: unknown .npy version {version}")
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = read(stream)
    if dtype.hasobject:
        raise PoseliftError(f"{where}: holds pickled Python objects, which are not read")
    if dtype.kind not in _KINDS:
        raise PoseliftError(f"{where}: expected numbers or text, got {dtype}")
    size, there = dtype.itemsize * math.prod(shape), available - stream.tell()
    if size != there:
        raise PoseliftError(f"{where}: its header promises {size} bytes, there are {there}")
    return size


def _in_unicode(array: np.ndarray, where: str) -> np.ndarray:
    """Refuse text with letters beyond Unicode, which NumPy takes and Python cannot hold."""
    if array.dtype.kind == "U" and array.size and array.dtype.itemsize:
        letters = np.frombuffer(array.tobytes(), np.dtype("u4").newbyteorder(array.dtype.byteorder))
        if letters.max() > sys.maxunicode:
            raise PoseliftError(f"{where}: holds text that is not Unicode")
    return array


def _first_line(error: Exception) -> str:
    """Shorten a library's message to one line."""
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def need(
    arrays: Mapping[str, Any],
    name: str,
    shape: tuple[int | None, ...],
    kinds: str,
    where: str,
) -> np.ndarray:
    """Return an array after checking its shape (None: any length) and kind of data.

    `kinds` are NumPy's letters: "f" floats, "iu" whole numbers, "U" text. Raises `PoseliftError`
    that says what was expected.
    """
    if name not in arrays:
        raise PoseliftError(
            f"{where}: expected an array {name!r}, found {', '.join(arrays) or 'none'}"
        )
    array = arrays[name]
    fits = len(array.shape) == len(shape) and all(
        want is None or want == got for want, got in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = " x ".join("any" if want is None else str(want) for want in shape) or "one value"
        raise PoseliftError(f"{where}: expected {name!r} of shape {wanted}, got {array.shape}")
    if array.dtype.kind not in kinds:
        words = {"f": "floats", "i": "whole numbers", "U": "text"}
        raise PoseliftError(
            f"{where}: expected {name!r} to hold {words[kinds[0]]}, got {array.dtype}"
        )
    return array
