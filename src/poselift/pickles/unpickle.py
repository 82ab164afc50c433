"""Reading pickles without running them: NumPy arrays and plain Python, nothing else.

A pickle is a program that may call anything it can name. Here it can name a dozen things, all of
them below; they build nothing but arrays, and what they are told is checked first. Not even
NumPy's own functions are handed out: a dtype that lies about holding objects turns numbers into
pointers. Pickles of Python 2 (text read as Latin-1) and of NumPy 1 and 2 are read alike.
"""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import re
import struct
import tokenize
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, final, runtime_checkable

import numpy as np

from poselift.errors import PoseliftError

ADMITTED = "NumPy arrays, dict, list, tuple, str, bytes and numbers"

#: What reading a damaged pickle, array or archive may end in.
DAMAGE = (
    pickle.UnpicklingError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)

_PLAIN = (str, bytes, bytearray, bool, int, float, complex, type(None), np.generic)
_DTYPE = re.compile(r"[<>|=]?([?]|b1|[iufc]\d+|[SU]\d+|O8?)")
_NDARRAY = ("numpy", "ndarray")


@runtime_checkable
class Readable(Protocol):
    """An open file, or a member of an archive."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, all of them if `size` is below 0."""

    def readline(self) -> bytes:
        """Return the bytes up to the end of the line."""

    def tell(self) -> int:
        """Return the place of the next byte."""

    def seek(self, place: int, /) -> int:
        """Go to a place."""


class Pending(ABC):
    """A thing that a pickle builds in steps and that becomes a value when all of it is read."""

    __slots__ = ()

    @abstractmethod
    def value(self, plain: Callable[[Any], Any]) -> Any:
        """Return the value; `plain` turns parts of it into theirs."""

    def __setstate__(self, state: Any) -> None:
        """Refuse to be changed by the pickle, unless a kind of thing overrides this."""
        raise ValueError("nothing to set here")


@final
class _Maker:
    """One of the functions a pickle may call, wrapped so that it cannot alter the function."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __call__(self, *arguments: Any) -> Any:
        return self._make(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise ValueError("nothing to set here")


@final
class _Dtype(Pending):
    """A dtype of booleans, numbers, text, bytes or objects; none with fields."""

    __slots__ = ("dtype",)

    def __init__(self, text: Any, align: object = False, copy: object = True) -> None:
        if not isinstance(text, str) or not _DTYPE.fullmatch(text):
            raise ValueError(f"the data type {text!r}, expected numbers, text or objects")
        self.dtype = np.dtype(text)

    def __setstate__(self, state: Any) -> None:
        """Take (version, byte order, subarray, names, fields, ...); only the order may be set."""
        order, *compound = state[1:5]
        if compound != [None, None, None] or order not in ("<", ">", "|", "="):
            raise ValueError("a data type with fields, expected numbers, text or objects")
        if order in "<>":
            self.dtype = self.dtype.newbyteorder(order)

    def value(self, plain: Callable[[Any], Any]) -> np.dtype:
        return self.dtype


@final
class _Array(Pending):
    """An array; one of objects holds what else the pickle built."""

    __slots__ = ("_array", "_items")

    def __init__(self, subtype: Any = None, shape: Any = None, kind: Any = None) -> None:
        # what NumPy calls `_reconstruct`: an array of nothing, to be filled by its state
        self._array: np.ndarray | None = None
        self._items: list[Any] | None = None

    def __setstate__(self, state: Any) -> None:
        """Take (version, shape, dtype, whether Fortran order, bytes or list of objects)."""
        _, shape, dtype, fortran, data = state
        self.fill(data, dtype, shape, "F" if fortran else "C")

    def fill(self, data: Any, dtype: Any, shape: Any, order: Any) -> _Array:
        """Take the contents; `ValueError` or `TypeError` if they do not fit each other."""
        if not isinstance(dtype, _Dtype) or order not in ("C", "F"):
            raise TypeError("an array without a data type")
        if dtype.dtype.hasobject:
            if not isinstance(data, list):
                raise TypeError("an array of objects without a list of them")
            self._items = data
            flat = np.empty(len(data), dtype=object)
        else:
            flat = _numbers(data, dtype.dtype)
        self._array = flat.reshape(shape, order=order)
        return self

    def exchange(self, axes: tuple[int, ...]) -> _Array:
        """Transpose the array."""
        assert self._array is not None  # it has just been filled
        self._array = self._array.transpose(axes)
        return self

    def value(self, plain: Callable[[Any], Any]) -> np.ndarray:
        if self._array is None:
            raise ValueError("an array without contents")
        if self._items is not None:
            items, self._items = self._items, None
            flat = self._array.reshape(-1, order="F" if self._array.flags.f_contiguous else "C")
            for index, item in enumerate(items):
                flat[index] = plain(item)
        return self._array


def _numbers(data: Any, dtype: np.dtype) -> np.ndarray:
    """View bytes as a read-only vector. Python 2 wrote bytes as text."""
    raw = data.encode("latin-1") if isinstance(data, str) else data
    if not isinstance(raw, bytes | bytearray):
        raise TypeError("an array whose contents are no bytes")
    if not raw:
        return np.empty(0, dtype=dtype)
    array = np.frombuffer(raw, dtype=dtype)
    array.flags.writeable = False
    return array


def _from_buffer(
    data: Any, dtype: Any, shape: Any, order: Any, axes: tuple[int, ...] | None = None
) -> _Array:
    """Build an array as protocol 5 does; "K" is C order with the axes exchanged afterwards."""
    array = _Array().fill(data, dtype, shape, "C" if order == "K" else order)
    return array if axes is None else array.exchange(axes)


def _scalar(dtype: Any, data: Any) -> Any:
    """Build a NumPy scalar."""
    if not isinstance(dtype, _Dtype) or dtype.dtype.hasobject:
        raise TypeError("a scalar without a data type of numbers")
    (value,) = _numbers(data, dtype.dtype)
    return value


def _encode(text: str, encoding: str) -> bytes:
    """Protocols 0 to 2 of Python 3 write bytes as Latin-1 text."""
    if encoding != "latin1":
        raise ValueError(f"bytes encoded as {encoding!r}, expected latin1")
    return text.encode("latin-1")


def _no_bytes() -> bytes:
    """Empty bytes, as protocols 0 to 2 write them."""
    return b""


_MAKERS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _no_bytes,
}
for _core in ("numpy.core", "numpy._core"):
    _MAKERS[f"{_core}.multiarray", "_reconstruct"] = _Array
    _MAKERS[f"{_core}.multiarray", "scalar"] = _scalar
    _MAKERS[f"{_core}.numeric", "_frombuffer"] = _from_buffer


class _Unpickler(pickle.Unpickler):
    """Python's reader, with nothing to name but the makers."""

    def __init__(
        self,
        stream: Readable,
        source: str,
        makers: Mapping[tuple[str, str], Callable[..., Any]],
        persistent: Callable[[Any], Any] | None,
    ) -> None:
        super().__init__(stream, encoding="latin1")
        self._source = source
        self._makers = makers
        self._persistent = persistent

    def find_class(self, module: str, name: str) -> Any:
        """Return a maker; everything else is refused by name."""
        maker = _MAKERS.get((module, name)) or self._makers.get((module, name))
        if maker is not None:
            return maker if isinstance(maker, Pending) else _Maker(maker)
        if (module, name) == _NDARRAY:
            return None  # only ever the first argument of `_reconstruct`
        asked = repr(f"{module}.{name}"[:200])[1:-1]  # whatever it is, on one line
        raise PoseliftError(f"{self._source}: asks to run {asked}, only {ADMITTED} are admitted")

    def persistent_load(self, key: Any) -> Any:
        """Return what a file refers to outside its pickle, where its format knows such things."""
        if self._persistent is None:
            raise pickle.UnpicklingError("a reference to something outside the file")
        return self._persistent(key)


def unpickle(
    stream: Readable,
    source: str,
    makers: Mapping[tuple[str, str], Callable[..., Any]] | None = None,
    persistent: Callable[[Any], Any] | None = None,
) -> Any:
    """Read one pickle from `stream`, leaving `stream` behind it; `Pending` things are kept.

    `makers` are further functions it may name, by (module, name). Raises `PoseliftError`, with
    `source` for the name of the file, for one that names anything else or is cut short or
    damaged.
    """
    try:
        _check_memo(stream)
        return _Unpickler(stream, source, makers or {}, persistent).load()
    except DAMAGE as error:
        raise damaged(source, error) from None


def _check_memo(stream: Readable) -> None:
    """Refuse a pickle that numbers its parts beyond their count; leaves `stream` where it was.

    Python's reader makes a table as long as the greatest number: nine bytes can ask for gigabytes.
    """
    start = stream.tell()
    for count, (code, number, _) in enumerate(pickletools.genops(stream)):  # type: ignore[arg-type]
        if code.name in ("PUT", "BINPUT", "LONG_BINPUT") and not 0 <= (number or 0) <= count + 1:
            raise ValueError("a part with a number beyond their count")
    stream.seek(start)


def plain(value: Any, source: str) -> Any:
    """Turn what `unpickle` returned into plain Python and NumPy arrays.

    Arrays of numbers are read-only. Raises `PoseliftError` naming `source` for anything else.
    """
    done: dict[int, Any] = {}

    def turn(part: Any) -> Any:
        if isinstance(part, _PLAIN):
            return part
        if id(part) in done:
            return done[id(part)]
        result: Any
        if isinstance(part, list):
            result = done[id(part)] = []
            result.extend(map(turn, part))
        elif isinstance(part, dict):
            result = done[id(part)] = {}
            result.update((turn(key), turn(item)) for key, item in part.items())
        elif isinstance(part, tuple):
            result = done[id(part)] = tuple(map(turn, part))
        elif isinstance(part, Pending):
            result = done[id(part)] = part.value(turn)
        else:
            raise PoseliftError(
                f"{source}: holds a {type(part).__name__}, only {ADMITTED} are admitted"
            )
        return result

    try:
        return turn(value)
    except DAMAGE as error:
        raise damaged(source, error) from None


def damaged(source: str, error: BaseException) -> PoseliftError:
    """Return the sentence for a file that ends early or makes no sense."""
    reason = str(error).strip().partition("\n")[0][:200].rstrip(".") or type(error).__name__
    return PoseliftError(
        f"{source}: cannot be read; it is cut short, damaged or of another kind ({reason})"
    )


def open_binary(path: str | os.PathLike[str]) -> io.BufferedReader:
    """Open a file for reading; `PoseliftError` if it is missing or cannot be read."""
    name = Path(path)
    try:
        return name.open("rb")
    except FileNotFoundError:
        raise PoseliftError(f"{name}: no such file") from None
    except OSError as error:
        raise PoseliftError(f"{name}: cannot be read ({error.strerror})") from None


def read_pickle(path: str | os.PathLike[str]) -> Any:
    """Read a pickle file of arrays and plain Python; see `unpickle` for what is raised."""
    with open_binary(path) as stream:
        return plain(unpickle(stream, str(path)), str(path))
