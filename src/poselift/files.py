"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from poselift.errors import PoseliftError


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` and rename it over `path` on success.

    On any exception the temporary file is removed and `path` is left as it was. Missing parent
    folders are created. Raises `PoseliftError` if the place cannot be written.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            raise PoseliftError(f"{target}: cannot write a file here, it is a folder")
        handle, name = tempfile.mkstemp(
            prefix=f".{target.name}.", suffix=".part", dir=target.parent
        )
    except OSError as error:
        raise PoseliftError(f"{target}: cannot be written ({error.strerror})") from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise PoseliftError(f"{target}: cannot be written ({error.strerror})") from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path` atomically (see `atomic_write`)."""
    with atomic_write(path) as stream:
        stream.write(data)


def write_bytes_together(contents: list[tuple[Path, bytes]]) -> None:
    """Write several files of known content as `write_together` does."""

    def filling(data: bytes) -> Callable[[BinaryIO], None]:
        def fill(stream: BinaryIO) -> None:
            stream.write(data)

        return fill

    write_together([(path, filling(data)) for path, data in contents])


def write_together(writers: list[tuple[Path, Callable[[BinaryIO], None]]]) -> None:
    """Write several files so that either all of them appear or none does.

    Each entry is a path and a function that fills the open file. Raises `PoseliftError` as
    `atomic_write` does, before any of the paths has changed.
    """
    if not writers:
        return
    (path, fill), rest = writers[0], writers[1:]
    with atomic_write(path) as stream:
        fill(stream)
        write_together(rest)
