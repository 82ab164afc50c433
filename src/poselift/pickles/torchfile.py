"""Reading files of `torch.save` without torch: plain Python, NumPy arrays, and tensors as arrays.

Two layouts exist. Until torch 1.5 a file was five pickles after each other (magic number, version,
the machine, the object, keys of the storages) followed by the storages; since 1.6 it is a zip
archive with the object in `data.pkl` and a storage each in `data/<key>`.
"""

from __future__ import annotations

import io
import math
import os
import struct
import zipfile
from collections.abc import Callable
from typing import Any, final

import numpy as np

from poselift.errors import PoseliftError
from poselift.pickles.unpickle import (
    DAMAGE,
    Pending,
    damaged,
    open_binary,
    plain,
    unpickle,
)

_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001

_STORAGES: dict[str, np.dtype] = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}


@final
class _Storage(Pending):
    """The numbers behind tensors; `data` arrives after the pickle, in the older layout."""

    __slots__ = ("count", "data", "dtype")

    def __init__(self, dtype: np.dtype, count: int) -> None:
        self.dtype, self.count = dtype, count
        self.data: np.ndarray | None = None

    def fill(self, raw: bytes) -> None:
        if len(raw) != self.count * self.dtype.itemsize:
            raise ValueError("a tensor's numbers end early")
        self.data = np.frombuffer(raw, dtype=self.dtype) if raw else np.empty(0, self.dtype)

    def value(self, plain: Callable[[Any], Any]) -> np.ndarray:
        if self.data is None:
            raise ValueError("a tensor without numbers")
        return self.data


@final
class _Tensor(Pending):
    """What a tensor is made of: a storage, where it starts, sizes and strides in elements."""

    __slots__ = ("_offset", "_size", "_storage", "_stride")

    def __init__(self, storage: Any, offset: int, size: Any, stride: Any, *rest: Any) -> None:
        whole = [offset, *size, *stride]
        if not isinstance(storage, _Storage) or len(size) != len(stride):
            raise TypeError("a tensor without numbers")
        if any(type(number) is not int or number < 0 for number in whole):
            raise ValueError("a tensor of impossible shape")
        self._storage, self._offset = storage, offset
        self._size, self._stride = tuple(size), tuple(stride)

    def value(self, plain: Callable[[Any], Any]) -> np.ndarray:
        numbers = self._storage.value(plain)
        steps = zip(self._size, self._stride, strict=True)
        last = self._offset + sum((size - 1) * stride for size, stride in steps)
        if 0 in self._size:
            return np.empty(self._size, self._storage.dtype)
        if last >= len(numbers):
            raise ValueError("a tensor reaches beyond its numbers")
        if math.prod(self._size) > len(numbers):  # a few bytes that would become gigabytes
            raise ValueError("a tensor that repeats its numbers")
        item = self._storage.dtype.itemsize
        strides = [stride * item for stride in self._stride]
        view = np.lib.stride_tricks.as_strided(numbers[self._offset :], self._size, strides)
        return np.array(view)


class _Storages:
    """The storages that a pickle refers to, by key."""

    def __init__(self) -> None:
        self.by_key: dict[str, _Storage] = {}

    def refer(self, reference: Any) -> _Storage:
        """Take ("storage", type, key, device, element count), perhaps with None after it."""
        kind, dtype, key, _, count, *view = reference
        if kind != "storage" or not isinstance(dtype, _StorageType) or view not in ([], [None]):
            raise ValueError("a reference to something that is no storage")
        return self.by_key.setdefault(str(key), _Storage(dtype.dtype, int(count)))


@final
class _StorageType(Pending):
    """A class of storages, which pickles only ever mention."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype

    def value(self, plain: Callable[[Any], Any]) -> np.dtype:
        return self.dtype


_MAKERS: dict[tuple[str, str], Any] = {
    ("torch._utils", "_rebuild_tensor"): _Tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
    ("collections", "OrderedDict"): dict,
    **{("torch", name): _StorageType(dtype) for name, dtype in _STORAGES.items()},
}


def read_torch(path: str | os.PathLike[str]) -> Any:
    """Read what `torch.save` wrote: arrays, dict, list, tuple, str, numbers; tensors as arrays.

    Raises `PoseliftError` for a file that is missing, no such file, cut short or damaged, and
    for one that names anything else (networks, other kinds of tensors), naming it.
    """
    source = str(path)
    with open_binary(path) as file:
        try:
            if zipfile.is_zipfile(file):
                return _read_archive(file, source)
            file.seek(0)
            return _read_stream(file, source)
        except DAMAGE as error:
            raise damaged(source, error) from None


def _read_archive(file: io.BufferedReader, source: str) -> Any:
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(names) != 1:
            raise PoseliftError(f"{source}: expected a file of torch.save, found another archive")
        folder = names[0].removesuffix("data.pkl")
        order = f"{folder}byteorder"
        if order in archive.namelist() and archive.read(order) != b"little":
            raise PoseliftError(f"{source}: written on a big-endian machine, expected little")
        storages = _Storages()
        with archive.open(names[0]) as stream:
            value = unpickle(stream, source, _MAKERS, storages.refer)
        for key, storage in storages.by_key.items():
            storage.fill(archive.read(f"{folder}data/{key}"))
        return plain(value, source)


def _read_stream(file: io.BufferedReader, source: str) -> Any:
    if _is_no_torch_file(file, source):
        raise PoseliftError(f"{source}: expected a file of torch.save, found something else")
    if plain(unpickle(file, source), source) != _VERSION:
        raise PoseliftError(f"{source}: a torch.save file of another version than {_VERSION}")
    machine = plain(unpickle(file, source), source)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise PoseliftError(f"{source}: written on a big-endian machine, expected little")
    storages = _Storages()
    value = unpickle(file, source, _MAKERS, storages.refer)
    for key in plain(unpickle(file, source), source):
        storage = storages.by_key[str(key)]
        (count,) = struct.unpack("<q", file.read(8))
        if count != storage.count:
            raise ValueError(f"expected {storage.count} numbers, found {count}")
        storage.fill(file.read(count * storage.dtype.itemsize))
    return plain(value, source)


def _is_no_torch_file(file: io.BufferedReader, source: str) -> bool:
    try:
        return bool(plain(unpickle(file, source), source) != _MAGIC)
    except PoseliftError as error:
        if "asks to run" in str(error):
            raise
        return True
