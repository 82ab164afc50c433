"""The formats by name: what is read, what is written, how each is recognised.

A format is one module in `poselift.io.formats` with a `Format` called FORMAT. It is found by being
there: nothing else has to name it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import msgspec

from poselift.errors import PATH, PoseliftError, expect
from poselift.io.arrays import Sink
from poselift.io.axes import AXES, Axes
from poselift.io.folder import first_file, names_of
from poselift.io.jsonfile import content, decode
from poselift.io.peek import peek
from poselift.io.unread import why_unread
from poselift.poses import Detections, PoseSequence, Results
from poselift.skeletons import Skeleton

#: Formats that a higher room knows, by its module: this room may not see that one, so the module
#: is imported by name when the formats are listed.
_OUTSIDE = ("poselift.viewer.format", "poselift.viewer.overlay_format")


@dataclass(frozen=True)
class ReadOptions:
    """What the user says about a source that is read.

    skeleton    the joint set, where the source leaves it open.
    image_size  (width, height) in pixels; sources of 0..1 need it.
    fps         frames a second.
    normalised  whether coordinates are 0..1 of the picture.
    """

    skeleton: Skeleton | None = None
    image_size: tuple[int, int] | None = None
    fps: float | None = None
    normalised: bool = False


@dataclass(frozen=True)
class WriteOptions:
    """What the user, and `save`, say about a file that is written.

    suffix  the suffix of the file, one of the format's.
    axes    axes of 3D poses (see `poselift.io.axes`); None keeps those that the poses are in.
    title   name of the clip, for formats that show one.
    name    name of the file.
    video   what was filmed, for formats that show it.
    scale   size of a picture written in that of what was filmed; None leaves it to the format.
    folder  where the file will lie.
    frame_count  frames of the source, those without a person included; None if unknown.
    progress  called with the number of pictures drawn, by formats that draw them.
    interrupted  called with the number of pictures drawn when Ctrl-C ended the drawing, what was
                 drawn being kept; None lets Ctrl-C through, so that nothing is written.
    """

    suffix: str
    axes: Axes | None = None
    title: str = "poselift"
    video: Path | None = None
    scale: float | None = None
    folder: Path | None = None
    frame_count: int | None = None
    progress: Callable[[int], None] | None = None
    interrupted: Callable[[int], None] | None = None
    name: str = ""


@dataclass(frozen=True)
class Format:
    """A format of files; what it cannot do is None.

    name        what `--format` takes.
    summary     one line for the list of formats.
    suffixes    with the dot, lower case, and what a file of it is: {".npz": "arrays"}. Of two that
                fit, the longer is meant (`.wide.csv`, `.csv`).
    holds       what is in it, for the list: "2D", "3D", "2D, 3D" or "angles".
    persons     "many", or "one": then several persons become several files.
    recognised  how it is recognised when it is read, in words.
    matches     tells from a path and the start of a file whether it is in this format.
    read        reads it; raises `PoseliftError`.
    write       writes 3D results into an open file; may return what had to be decided, a sentence
                each, which goes into the file beside it.
    write_2d    writes 2D sequences into an open file.
    axes        axes of 3D poses that its users expect; None for those that the poses are in.
    fixed_axes  whether its standard knows no other axes.
    sidecar     whether the facts about the poses go into `name.poselift.json` beside the file,
                because it has no place for them.
    units       of what it holds, if that is no coordinates.
    """

    name: str
    summary: str
    suffixes: Mapping[str, str]
    holds: str
    persons: str = "many"
    recognised: str = ""
    matches: Callable[[Path], bool] | None = None
    read: Callable[[Path, ReadOptions], Detections | Results] | None = None
    write: Callable[[Results, Sink, WriteOptions], tuple[str, ...] | None] | None = None
    write_2d: Callable[[Sequence[PoseSequence], Sink, WriteOptions], None] | None = None
    axes: Axes | None = None
    fixed_axes: bool = False
    sidecar: bool = False
    units: str | None = None


@cache
def all_formats() -> tuple[Format, ...]:
    """Return all formats, in the order of their names."""
    here = import_module("poselift.io.formats")
    modules = [f"{here.__name__}.{entry.name}" for entry in iter_modules(here.__path__)]
    found = [import_module(name).FORMAT for name in (*modules, *_OUTSIDE)]
    return tuple(sorted(found, key=lambda entry: entry.name))


def readable() -> tuple[Format, ...]:
    """Return the formats that are read."""
    return tuple(entry for entry in all_formats() if entry.read is not None)


def format_names() -> tuple[str, ...]:
    """Names that `load` takes as `format`, "auto" first."""
    return ("auto", *(entry.name for entry in readable()))


def find_format(path: Path, name: str = "auto") -> Format:
    """Return the format of that name, or the one that the path is in.

    Raises `PoseliftError` that lists the formats if the name is unknown, if none or several
    match, or if there is nothing to read.
    """
    expect(path, PATH, "the path of a file or folder to read")
    expect(name, str, "the name of a format")
    path = Path(path)
    if not path.exists():
        raise PoseliftError(f"{path}: there is no such file or folder")
    if name != "auto":
        for entry in readable():
            if entry.name == name:
                return entry
        raise PoseliftError(f"unknown format {name!r}, expected one of {', '.join(format_names())}")
    asked = [entry for entry in readable() if entry.matches is not None]
    if path.is_file() and peek(path).is_json:  # the others begin otherwise
        asked = [entry for entry in asked if ".json" in entry.suffixes]
    found = [entry for entry in asked if entry.matches is not None and entry.matches(path)]
    if len(found) == 1:
        return found[0]
    if found:
        names = " and ".join(entry.name for entry in found)
        raise PoseliftError(f"{path}: looks like {names}, say which it is (--format)")
    why = why_unread(path)
    if why is not None:
        raise PoseliftError(f"{path}: {why}")
    if path.is_dir() and not names_of(path):
        raise PoseliftError(f"{path}: no .json file in this folder, no labels and no pictures")
    _explain_json((path.is_dir() and first_file(path)) or path)
    listed = ", ".join(entry.name for entry in readable())
    raise PoseliftError(
        f"{path}: is in none of the formats that are read: {listed} (see `poselift formats`)"
    )


def _explain_json(path: Path) -> None:
    """If the file claims to be JSON, let the parser say what is wrong with it, if anything is."""
    if path.suffix.lower() == ".json":
        found = bytes(decode(content(path), msgspec.json.Decoder(msgspec.Raw), str(path)))
        if not found.strip(b"[]{} \t\r\n"):
            raise PoseliftError(f"{path}: is an empty list or object, nobody is in it")


def writers(*, flat: bool = False) -> dict[str, Format]:
    """Return the formats that are written by suffix: those of results, or of 2D poses (`flat`)."""
    return {
        suffix: entry
        for entry in all_formats()
        for suffix in entry.suffixes
        if (entry.write_2d if flat else entry.write) is not None
    }


def kinds(known: Mapping[str, Format]) -> dict[str, str]:
    """Return what a file of each suffix is, for messages."""
    return {suffix: entry.suffixes[suffix] for suffix, entry in known.items()}


def suffix_of(path: Path, kinds: Mapping[str, str]) -> str:
    """Return the longest of the suffixes `kinds` (and what files of them are) that a path has.

    Raises `PoseliftError` that lists them if it has none of them.
    """
    fitting = [suffix for suffix in kinds if path.name.lower().endswith(suffix)]
    if not fitting:
        what = repr(path.suffix) if path.suffix else "a file without suffix"
        listed = ", ".join(f"{suffix} ({kind})" for suffix, kind in kinds.items())
        if path.suffix.lower() in writers() and kinds.keys() == writers(flat=True).keys():
            what += " of 2D keypoints (`poselift lift` makes 3D poses of them)"
        raise PoseliftError(f"{path}: cannot write {what}, expected one of {listed}")
    return max(fitting, key=len)


def axes_for(path: Path, entry: Format, wanted: str | None) -> Axes | None:
    """Return the axes in which a file is written, of what the user wants and what is expected.

    Raises `PoseliftError` for an unknown name, and for axes that the format's standard rules out.
    """
    axes = next((name for name in AXES if name == wanted), None)
    if axes is None and wanted is not None:
        raise PoseliftError(f"unknown axes {wanted!r}, expected one of {', '.join(AXES)}")
    if entry.fixed_axes and axes not in (None, entry.axes):
        raise PoseliftError(
            f"{path}: {entry.name} files are {entry.axes} by their standard, got axes {axes!r}"
        )
    return axes or entry.axes


def check_axes_of(paths: Sequence[Path], known: Mapping[str, Format], wanted: str | None) -> None:
    """Refuse, before any work is done, axes in which one of the files cannot be written."""
    for path in paths:
        axes_for(path, known[suffix_of(path, kinds(known))], wanted)
