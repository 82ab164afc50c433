"""Writing files so that a reader never sees half of one, and several so that all appear or none."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from poselift.errors import PoseliftError, quoted

try:
    import fcntl
except ImportError:  # Windows: parts of killed processes stay there
    fcntl = None  # type: ignore[assignment]  # a module there, nothing here

#: Whether this system has locks that end with their holder.
LOCKS = fcntl is not None

#: What the names of videos end in.
VIDEOS = (
    *(".mp4", ".m4v", ".mov", ".3gp", ".avi", ".mkv", ".webm", ".ogv", ".flv", ".wmv", ".gif"),
    *(".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".mjpeg", ".3g2", ".asf", ".dv", ".m2v"),
    *(".mod", ".mxf", ".vob"),
)

# Longest stem of a temporary name: file systems take 255 bytes, and more is added to it.
_STEM_BYTES = 150

# What the names of folders for a while end in.
_SCRATCH = ".scratch"


def inside(folder: Path, name: str) -> Path:
    """Return the path of what a file calls `name` below its folder.

    Raises `PoseliftError` for a name that leads out of the folder: who opens a data set or a job
    does not mean to open other files.
    """
    path = Path(name)
    if path.is_absolute() or path.drive or ".." in path.parts or "\0" in name:
        raise PoseliftError(f"{folder}: names {quoted(name)}, which is no file inside of it")
    return folder / path


@contextmanager
def scratch_folder(parent: Path | None = None, name: str = "poselift-scratch") -> Iterator[Path]:
    """Make a folder for what is only needed for a while; it goes away with all that is in it.

    parent  where; None is the system's place for such things.
    name    what its name begins with.

    A folder that a killed process left behind is removed by the next one of the same name; that of
    a living process is held by a lock.
    """
    place = Path(tempfile.gettempdir()) if parent is None else parent
    _remove_abandoned_folders(place, name)
    folder, lock = _own_folder(place, name)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def told(path: Path) -> str:
    """Return a path as histories tell it: of what came through a pipe only what it was called."""
    return path.name if path.parent.name.endswith(_SCRATCH) else str(path)


def _own_folder(place: Path, name: str) -> tuple[Path, int | None]:
    """Make a folder and hold its lock, where there are locks."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", suffix=_SCRATCH, dir=place))
        if fcntl is None:
            return folder, None
        with suppress(FileNotFoundError):  # another process took it for abandoned
            lock = os.open(folder, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.is_dir():
                return folder, lock
            os.close(lock)


def _remove_abandoned_folders(place: Path, name: str) -> None:
    """Remove folders of killed processes: those whose lock nobody holds."""
    if fcntl is None:
        return
    for folder in place.iterdir():
        if not (folder.name.startswith(f"{name}-") and folder.name.endswith(_SCRATCH)):
            continue
        with suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


@dataclass
class _Part:
    """An open temporary file that will become `place`; `shown` is what the user calls it."""

    stream: BinaryIO
    temporary: Path
    place: Path
    shown: Path


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` and rename it over `path` on success.

    On any exception the temporary file is removed and `path` is left as it was. Missing parent
    folders are created. A link is written through; a pipe or device takes the bytes as they come.
    Raises `PoseliftError` if the place cannot be written or is read-only.
    """
    with _all_or_none([Path(path)]) as (stream,):
        yield stream


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path` atomically (see `atomic_write`)."""
    with atomic_write(path) as stream:
        stream.write(data)


def write_bytes_together(contents: list[tuple[Path, bytes]]) -> None:
    """Write several files of known content as `write_together` does."""

    with _all_or_none([path for path, _ in contents]) as streams:
        for (path, data), stream in zip(contents, streams, strict=True):
            try:
                stream.write(data)
            except OSError as error:
                raise _unwritable(path, error) from error


def write_together(writers: Sequence[tuple[Path, Callable[[BinaryIO], object]]]) -> None:
    """Write several files so that either all of them appear or none does.

    Each entry is a path and a function that fills the open file. All are filled and on the disk
    before the first is renamed. Raises `PoseliftError` as `atomic_write` does, before any of the
    paths has changed.
    """
    with _all_or_none([path for path, _ in writers]) as streams:
        for (path, fill), stream in zip(writers, streams, strict=True):
            try:
                fill(stream)
            except OSError as error:
                raise _unwritable(path, error) from error


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold the lock of this name while the block runs; yields False if another process has it.

    It ends with its holder, however that ends. The file is there only meanwhile. Raises
    `PoseliftError` if it cannot be made, or if the file system has no locks.
    """
    if fcntl is None:
        raise PoseliftError(f"{path}: this system has no locks that end with their holder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                ours = False
                break
            ours = path.exists() and path.stat().st_ino == os.fstat(handle).st_ino
            if ours:
                break
            os.close(handle)  # who had it has removed it meanwhile
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield ours
    finally:
        if ours:
            path.unlink(missing_ok=True)
        os.close(handle)


@contextmanager
def _all_or_none(paths: list[Path]) -> Iterator[list[BinaryIO]]:
    """Open a temporary file for each path; flush all of them, then rename all of them."""
    path = Path()
    with ExitStack() as stack:
        try:
            parts: list[_Part] = []
            streams: list[BinaryIO] = []
            for path in paths:
                if path.exists() and not (path.is_file() or path.is_dir()):  # pipe or device
                    stream: BinaryIO = path.open("wb")
                else:
                    part = _open_part(path)
                    stack.callback(part.temporary.unlink, missing_ok=True)  # if it is still there
                    parts.append(part)
                    stream = part.stream
                stack.callback(_close_quietly, stream)
                streams.append(stream)
            yield streams
            for path, stream in zip(paths, streams, strict=True):  # noqa: B007 (named below)
                stream.flush()
            for part in parts:
                path = part.shown
                os.fsync(part.stream.fileno())
                os.chmod(part.temporary, _mode(part.place))
            for part in parts:
                path = part.shown
                part.temporary.replace(part.place)
        except OSError as error:
            raise _unwritable(path, error) from error


def _open_part(path: Path) -> _Part:
    """Open a temporary file beside the place that `path` leads to, and hold a lock on it.

    Parts for the same place that nobody holds are what a killed process left: they are removed.
    """
    place = Path(os.path.realpath(path))
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_dir():
        raise PoseliftError(f"{path}: cannot write a file here, it is a folder")
    if place.exists() and not place.stat().st_mode & 0o222:
        raise PoseliftError(f"{path}: is read-only, choose another output or make it writable")
    stem = f".{place.name}."
    if len(os.fsencode(stem)) > _STEM_BYTES:
        stem = f".{hashlib.sha256(os.fsencode(place.name)).hexdigest()[:32]}."
    _remove_abandoned(place.parent, stem)
    while True:
        handle, name = tempfile.mkstemp(prefix=stem, suffix=".part", dir=place.parent)
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.path.exists(name) and os.stat(name).st_ino == os.fstat(handle).st_ino:
            return _Part(os.fdopen(handle, "wb"), Path(name), place, path)
        os.close(handle)  # another process took it for abandoned before it was locked


def _remove_abandoned(folder: Path, stem: str) -> None:
    """Remove parts of a killed process: those whose lock nobody holds."""
    if fcntl is None:
        return
    for part in folder.iterdir():
        if not (part.name.startswith(stem) and part.name.endswith(".part")):
            continue
        with suppress(OSError), part.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink(missing_ok=True)


def _close_quietly(stream: BinaryIO) -> None:
    """Close a stream whose contents are safe already, or given up."""
    with suppress(OSError):
        stream.close()


def _mode(place: Path) -> int:
    """Permissions of the file that is replaced, or those of a new one."""
    if place.exists():
        return stat.S_IMODE(place.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def _unwritable(path: Path, error: OSError) -> PoseliftError:
    return PoseliftError(f"{path}: cannot be written ({error.strerror or error})")
