"""Formats of 2D keypoints: a reader is a function plus a registration."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from poselift.errors import PoseliftError
from poselift.io import mmpose, native, openpose
from poselift.io.jointsets import resolve
from poselift.io.jsonparts import without_collector
from poselift.poses import Detections
from poselift.skeletons import Skeleton


@dataclass(frozen=True)
class Format:
    """A format that can be read.

    name     what `--format` takes.
    summary  one line for the list of formats.
    matches  tells, from the start of a file, whether a path is in this format.
    read     reads it, with the joint set if the user named one; raises `PoseliftError`.
    """

    name: str
    summary: str
    matches: Callable[[Path], bool]
    read: Callable[[Path, Skeleton | None], Detections]


#: All formats, in the order in which they are listed.
FORMATS: tuple[Format, ...] = (
    Format(
        "openpose",
        "OpenPose JSON: a folder with one file a frame, or the frames in one file",
        openpose.matches,
        openpose.read,
    ),
    Format(
        "mmpose",
        "MMPose prediction JSON, of the inferencer or of the demo script",
        mmpose.matches,
        mmpose.read,
    ),
    Format(
        "poselift",
        "poselift's own keypoints or results, .json or .npz",
        native.matches,
        native.read,
    ),
)


def format_names() -> tuple[str, ...]:
    """Names that `read_detections` takes as `format`, "auto" first."""
    return ("auto", *(entry.name for entry in FORMATS))


def find_format(path: Path, name: str = "auto") -> Format:
    """Return the format of that name, or the one that the path is in.

    Raises `PoseliftError` that lists the formats if the name is unknown, if none or several
    match, or if there is nothing to read.
    """
    if not path.exists():
        raise PoseliftError(f"{path}: there is no such file or folder")
    if name != "auto":
        for entry in FORMATS:
            if entry.name == name:
                return entry
        raise PoseliftError(f"unknown format {name!r}, expected one of {', '.join(format_names())}")
    found = [entry for entry in FORMATS if entry.matches(path)]
    if len(found) == 1:
        return found[0]
    if found:
        names = " and ".join(entry.name for entry in found)
        raise PoseliftError(f"{path}: looks like {names}, say which it is (--format)")
    _explain_json(path)
    listed = "; ".join(f"{entry.name} ({entry.summary})" for entry in FORMATS)
    raise PoseliftError(f"{path}: is in none of the formats that are read: {listed}")


def _explain_json(path: Path) -> None:
    """If the file claims to be JSON, let the parser say what is wrong with it, if anything is."""
    from poselift.io.jsonfile import load_json

    if path.suffix.lower() == ".json":
        load_json(path)


def read_detections(
    path: str | os.PathLike[str],
    *,
    format: str = "auto",
    skeleton: str | Skeleton | None = None,
    image_size: tuple[int, int] | None = None,
    fps: float | None = None,
) -> Detections:
    """Read 2D keypoints of any known format.

    format      a name of `format_names()`; "auto" recognises it.
    skeleton    joint set by name, where the file leaves it open.
    image_size  (width, height) in pixels; wins over the file's.
    fps         frames a second; wins over the file's, and then time stamps are frames / fps.

    Raises `PoseliftError`, in one sentence, for whatever cannot be read.
    """
    path = Path(path)
    entry = find_format(path, format)
    with without_collector():
        found = entry.read(path, resolve(skeleton))
    notes = [f"read: {path} ({entry.name}, {found.skeleton.name})", *found.notes]
    if image_size is not None and found.image_size not in (None, tuple(image_size)):
        notes.append(f"image size: {found.image_size} in the file, taken as {image_size}")
    times = found.times
    if fps is not None and found.fps is not None and fps != found.fps:
        notes.append(f"fps: {found.fps:g} in the file, taken as {fps:g}")
    if fps is not None and fps != found.fps:
        times = None
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise PoseliftError(f"expected fps above 0, got {fps}")
    return replace(
        found,
        image_size=found.image_size if image_size is None else (image_size[0], image_size[1]),
        fps=found.fps if fps is None else float(fps),
        times=times,
        notes=tuple(notes),
    )
