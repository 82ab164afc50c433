"""Where shards come from and go to: a local folder, or an object store by fsspec.

Files have names relative to the store, with "/" between. Whatever is written appears whole: a
folder by renaming, an object store by its nature.
"""

from __future__ import annotations

import os
import re
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, final

from poselift.bulk.outcomes import Unwritable
from poselift.errors import PoseliftError, how_to_install
from poselift.files import write_bytes

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


class Found(NamedTuple):
    """A file in a store; `tag` changes with its content and is empty where the store has none."""

    name: str
    tag: str = ""


class Store(ABC):
    """A place for files.

    shown  the place as the user wrote it, for messages and histories.
    """

    shown: str

    @abstractmethod
    def place(self, name: str) -> str:
        """Return a file's place as the user would write it."""

    @abstractmethod
    def files(self) -> Iterator[Found]:
        """Yield all files but hidden ones and those of folders that begin with `_`.

        Raises `PoseliftError` if there is no such place, or it cannot be read.
        """

    @abstractmethod
    def names(self, folder: str) -> list[str]:
        """Return the names of the files in one folder of the store, sorted."""

    @abstractmethod
    def copy(self, name: str) -> Any:
        """Return a context that has a local file of the content, `PoseliftError` if there is none.

        The file has the name that it has in the store.
        """

    @abstractmethod
    def writing(self, name: str) -> Any:
        """Return a context with a local path; what is written there is the file afterwards.

        Raises `Unwritable`.
        """

    @abstractmethod
    def read(self, name: str) -> bytes | None:
        """Return a small file's content, None if there is none."""

    @abstractmethod
    def write(self, name: str, data: bytes) -> None:
        """Write a small file; raises `Unwritable`."""

    @abstractmethod
    def create(self, name: str, data: bytes) -> bool:
        """Write a small file unless it is there; tell whether it was not. Raises `Unwritable`."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a file if it is there."""

    @abstractmethod
    def size(self, name: str) -> int | None:
        """Return a file's bytes, None if there is none."""

    @abstractmethod
    def tag(self, name: str) -> str:
        """Return what changes with a file's content, as `Found.tag`."""

    @abstractmethod
    def schema(self, name: str) -> Any:
        """Return a Parquet file's schema without reading more than its end.

        Raises what PyArrow raises.
        """


@final
@dataclass(frozen=True)
class Folder(Store):
    """A folder; `path` is absolute, for workers that run elsewhere."""

    shown: str
    path: Path

    def place(self, name: str) -> str:
        """Return the path."""
        return str(Path(self.shown) / name)

    def files(self) -> Iterator[Found]:
        """Yield all files, sorted by name in each folder."""
        if not self.path.is_dir():
            what = "is a file" if self.path.exists() else "not found"
            raise PoseliftError(f"{self.shown}: {what}, expected a folder of shards")

        def refuse(error: OSError) -> None:
            raise PoseliftError(f"{error.filename}: cannot be read ({error.strerror})")

        for folder, inner, names in os.walk(self.path, onerror=refuse):
            inner[:] = sorted(one for one in inner if one[0] not in "._")
            place = Path(folder).relative_to(self.path)
            yield from (Found((place / one).as_posix()) for one in sorted(names) if one[0] != ".")

    def names(self, folder: str) -> list[str]:
        """List a folder; one that is not there is empty."""
        try:
            return sorted(f"{folder}/{one.name}" for one in os.scandir(self.path / folder))
        except OSError:
            return []

    @contextmanager
    def copy(self, name: str) -> Iterator[Path]:
        """Yield the file itself."""
        path = self.path / name
        if not path.is_file():
            raise PoseliftError(f"{self.place(name)}: not found")
        yield path

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Yield the path itself, to be written by renaming."""
        try:
            yield self.path / name
        except PoseliftError as error:
            raise Unwritable(str(error)) from error

    def read(self, name: str) -> bytes | None:
        """Read a file."""
        try:
            return (self.path / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise PoseliftError(f"{self.place(name)}: cannot be read ({error.strerror})") from None

    def write(self, name: str, data: bytes) -> None:
        """Write by renaming."""
        try:
            write_bytes(self.path / name, data)
        except PoseliftError as error:
            raise Unwritable(str(error)) from error

    def create(self, name: str, data: bytes) -> bool:
        """Write, without renaming: whose it is is decided by its being there."""
        path = self.path / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as stream:
                stream.write(data)
        except FileExistsError:
            return False
        except OSError as error:
            raise Unwritable(f"{path}: cannot be written ({error.strerror or error})") from error
        return True

    def remove(self, name: str) -> None:
        """Unlink."""
        (self.path / name).unlink(missing_ok=True)

    def size(self, name: str) -> int | None:
        """Ask the file system."""
        path = self.path / name
        return path.stat().st_size if path.is_file() else None

    def tag(self, name: str) -> str:
        """Return nothing: times and sizes of files say little about their content."""
        return ""

    def schema(self, name: str) -> Any:
        """Read the end of the file."""
        from pyarrow import parquet

        return parquet.read_schema(self.path / name)


@final
@dataclass(frozen=True)
class Bucket(Store):
    """A folder of an object store; `shown` is its URL."""

    shown: str

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        """The file system, and the path in it; opened anew in each process."""
        try:
            from fsspec.core import url_to_fs

            # what others write in the meantime has to be seen
            found: tuple[Any, str] = url_to_fs(self.shown, use_listings_cache=False)
        except ImportError as error:
            raise PoseliftError(
                f"{self.shown}: object stores need fsspec and a package for the kind ({error}); "
                f"for S3: {how_to_install('s3')}"
            ) from None
        except ValueError as error:
            raise PoseliftError(f"{self.shown}: {_first_line(error)}") from None
        return found

    def __reduce__(self) -> Any:
        """Travel as the URL alone."""
        return Bucket, (self.shown,)

    def place(self, name: str) -> str:
        """Return the URL."""
        return f"{self.shown.rstrip('/')}/{name}"

    def _path(self, name: str) -> tuple[Any, str]:
        fs, root = self._opened
        return fs, f"{root.rstrip('/')}/{name}"

    def files(self) -> Iterator[Found]:
        """Yield all objects below."""
        fs, root = self._opened
        try:
            found = fs.find(root, detail=True)
            if not found and not fs.exists(root):
                raise PoseliftError(f"{self.shown}: not found, expected a folder of shards")
        except PoseliftError:
            raise
        except Exception as error:  # of every store another kind
            raise PoseliftError(f"{self.shown}: cannot be listed ({_first_line(error)})") from None
        for path, about in sorted(found.items()):
            name = path[len(root.rstrip("/")) + 1 :]
            parts = name.split("/")
            if parts[-1][:1] not in ("", ".") and not any(one[:1] in "._" for one in parts[:-1]):
                yield Found(name, _tag(about))

    def names(self, folder: str) -> list[str]:
        """List a folder; one that is not there is empty."""
        fs, path = self._path(folder)
        try:
            return sorted(f"{folder}/{one.rpartition('/')[2]}" for one in fs.ls(path, detail=False))
        except FileNotFoundError:
            return []
        except Exception as error:
            raise PoseliftError(
                f"{self.place(folder)}: cannot be listed ({_first_line(error)})"
            ) from None

    @contextmanager
    def copy(self, name: str) -> Iterator[Path]:
        """Fetch the object into a temporary folder."""
        fs, path = self._path(name)
        with tempfile.TemporaryDirectory(prefix="poselift-") as folder:
            local = Path(folder) / name.rpartition("/")[2]
            try:
                fs.get_file(path, str(local))
            except FileNotFoundError:
                raise PoseliftError(f"{self.place(name)}: not found") from None
            except Exception as error:
                raise PoseliftError(
                    f"{self.place(name)}: cannot be read ({_first_line(error)})"
                ) from None
            yield local

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Yield a temporary path, and send the file at the end."""
        fs, path = self._path(name)
        with tempfile.TemporaryDirectory(prefix="poselift-") as folder:
            local = Path(folder) / name.rpartition("/")[2]
            yield local
            try:
                fs.put_file(str(local), path)
            except Exception as error:
                raise self._unwritable(name, error) from None

    def read(self, name: str) -> bytes | None:
        """Get an object."""
        fs, path = self._path(name)
        try:
            return bytes(fs.cat_file(path))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise PoseliftError(
                f"{self.place(name)}: cannot be read ({_first_line(error)})"
            ) from None

    def write(self, name: str, data: bytes) -> None:
        """Put an object."""
        fs, path = self._path(name)
        try:
            fs.pipe_file(path, data)
        except Exception as error:
            raise self._unwritable(name, error) from None

    def create(self, name: str, data: bytes) -> bool:
        """Put an object on the condition that there is none."""
        fs, path = self._path(name)
        try:
            fs.pipe_file(path, data, mode="create")
        except FileExistsError:
            return False
        except Exception as error:
            raise self._unwritable(name, error) from None
        return True

    def remove(self, name: str) -> None:
        """Delete the object."""
        fs, path = self._path(name)
        try:
            fs.rm_file(path)
        except FileNotFoundError:
            pass
        except Exception as error:
            raise self._unwritable(name, error) from None

    def _info(self, name: str) -> dict[str, Any] | None:
        """Ask for the object's head."""
        fs, path = self._path(name)
        try:
            found: dict[str, Any] = fs.info(path)
        except FileNotFoundError:
            return None
        except Exception as error:
            raise PoseliftError(
                f"{self.place(name)}: cannot be read ({_first_line(error)})"
            ) from None
        return found

    def size(self, name: str) -> int | None:
        """Return the size in the object's head."""
        about = self._info(name)
        return None if about is None else int(about["size"])

    def tag(self, name: str) -> str:
        """Return the ETag in the object's head."""
        return _tag(self._info(name) or {})

    def schema(self, name: str) -> Any:
        """Ask for the ranges at the end of the object."""
        from pyarrow import parquet

        fs, path = self._path(name)
        with fs.open(path, "rb", cache_type="none") as stream:
            return parquet.read_schema(stream)

    def _unwritable(self, name: str, error: Exception) -> Unwritable:
        return Unwritable(f"{self.place(name)}: cannot be written ({_first_line(error)})")


def open_store(place: str) -> Store:
    """Return the store at a path or URL; nothing is looked at yet."""
    if place.startswith("file://"):
        place = place.removeprefix("file://")
    if _URL.match(place):
        return Bucket(place)
    return Folder(place, Path(place).absolute())


def open_file(place: str, beside: Store, folder: str) -> tuple[Store, str]:
    """Return the store and name of a file; one without a folder or URL of its own is `beside`.

    folder  where in `beside` names start.
    """
    if _URL.match(place) or Path(place).is_absolute():
        head, _, tail = place.rpartition("/")
        return open_store(head or "/"), tail
    return beside, os.path.normpath(f"{folder}/{place}" if folder else place).replace(os.sep, "/")


def contains(outer: Store, inner: Store) -> bool:
    """Tell whether a store lies in another, or is the same."""
    if isinstance(outer, Folder) and isinstance(inner, Folder):
        around, within = outer.path.resolve(), inner.path.resolve()
        return around == within or around in within.parents
    if isinstance(outer, Bucket) and isinstance(inner, Bucket):
        return f"{inner.shown.rstrip('/')}/".startswith(f"{outer.shown.rstrip('/')}/")
    return False


def _tag(about: dict[str, Any]) -> str:
    """Return what a store says changes with an object's content; S3 and others call it ETag."""
    return str(about.get("ETag") or about.get("etag") or "").strip('"')


def _first_line(error: BaseException) -> str:
    """Shorten what a store says to one line."""
    text = str(getattr(error, "strerror", None) or error) or type(error).__name__
    return text.splitlines()[0][:200].rstrip(".")
