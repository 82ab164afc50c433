"""Rendered pictures as files: a folder of PNG and a manifest with the truth about each."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import orjson

from poselift.datasets.rendered import RenderedPictures
from poselift.errors import PoseliftError, how_to_install
from poselift.skeletons import H36M_17

MANIFEST = "manifest.json"

#: Pictures that a worker takes at once.
_CHUNK = 8


def store_rendered(
    pictures: RenderedPictures,
    folder: str | os.PathLike[str],
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write all pictures as PNG into a new folder, with `manifest.json`; returns that file's path.

    workers   processes that make pictures; the files are the same whatever their number.
    progress  called with (pictures done, pictures in all).

    The manifest has `pictures`, a list with the file, the keypoints, and all else that
    `RenderedPicture` has; and how they were made. The folder appears when everything is in it.
    Raises `PoseliftError` without Pillow, for a folder that is there and not empty, and for a
    place that cannot be written.
    """
    try:
        import PIL.Image  # noqa: F401  (before anything is drawn)
    except ImportError:
        raise PoseliftError(f"storing pictures needs Pillow: {how_to_install('video')}") from None
    place = Path(folder)
    if place.exists() and not (place.is_dir() and not any(place.iterdir())):
        raise PoseliftError(f"{place}: is there already and not an empty folder")
    if workers < 1:
        raise PoseliftError(f"expected at least one worker, got {workers}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{place.name[:100]}-", dir=place.parent))
    except OSError as error:
        raise PoseliftError(f"{place}: cannot be written ({error.strerror})") from None
    try:
        listed = _store_all(pictures, part, workers, progress)
        described = {
            "poselift": version("poselift"),
            "data": "cmu17-rendered",
            "split": pictures.split,
            "size": pictures.size,
            "seed": pictures.seed,
            "count": pictures.count,
            "joints": H36M_17.joints,
            "units": {"keypoints": "pixels of the file", "poses": "metres, camera space"},
            "pictures": listed,
        }
        (part / MANIFEST).write_bytes(orjson.dumps(described, option=orjson.OPT_SERIALIZE_NUMPY))
        part.chmod(0o755)
        if place.exists():
            place.rmdir()
        part.replace(place)
    except OSError as error:
        raise PoseliftError(f"{place}: cannot be written ({error.strerror})") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return place / MANIFEST


def _store_all(
    pictures: RenderedPictures,
    part: Path,
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> list[dict[str, Any]]:
    """Write the files, in this process or in others; returns what is known of each."""
    numbers, listed = range(len(pictures)), []
    if workers == 1:
        _start(pictures, part)
        for number in numbers:
            listed.append(_store(number))
            if progress is not None:
                progress(len(listed), len(numbers))
        return listed
    # fresh processes: a copy of this one may hold locks of threads that it has not
    workers = min(workers, -(-len(numbers) // _CHUNK))
    try:
        with ProcessPoolExecutor(
            workers, get_context("spawn"), initializer=_start_worker, initargs=(pictures, part)
        ) as pool:
            for known in pool.map(_store, numbers, chunksize=_CHUNK):
                listed.append(known)
                if progress is not None:
                    progress(len(listed), len(numbers))
    except BrokenProcessPool:
        raise PoseliftError("a worker was ended before it was done: give fewer --workers") from None
    return listed


#: What a worker makes, and where to.
_work: tuple[RenderedPictures, Path]


def _start(pictures: RenderedPictures, part: Path) -> None:
    global _work
    _work = pictures, part


def _start_worker(pictures: RenderedPictures, part: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that the user started
    _start(pictures, part)


def _store(number: int) -> dict[str, Any]:
    from PIL import Image

    pictures, part = _work
    item = dict(pictures[number])
    name = f"{number:06d}.png"
    # the picture; of a plain dict the checker only knows that values are objects
    Image.fromarray(item.pop("image")).save(part / name)  # type: ignore[arg-type]
    return {"file": name, **item}
