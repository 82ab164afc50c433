"""Results and 2D sequences into files, each in the format of its suffix, all of them or none."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from poselift.errors import PATH, PoseliftError, expect
from poselift.files import write_together
from poselift.io.facts import SUFFIX, about_file, facts, facts_2d, sidecar
from poselift.io.registry import WriteOptions, axes_for, kinds, suffix_of, writers
from poselift.poses import PoseSequence, Results

#: What may be saved: 3D results, or persons in 2D.
Savable = Results | Sequence[PoseSequence]

#: A file to be written, and what fills it.
_Job = tuple[Path, Callable[[BinaryIO], None]]

#: What a format writes with, `Format.write` or `Format.write_2d`.
_Write = Callable[..., tuple[str, ...] | None] | None

#: A file that another one says more about: its name, what is in it, how, and what was decided.
_Noted = tuple[Savable, WriteOptions, list[str], str | None]


def save(
    what: Savable,
    path: str | os.PathLike[str],
    *,
    axes: str | None = None,
    title: str | None = None,
    frame_count: int | None = None,
    video: Path | None = None,
    scale: float | None = None,
) -> tuple[Path, ...]:
    """Write results, or 2D sequences, in the format that the suffix says; return what was written.

    axes         "camera", "y-up" or "z-up" for 3D poses; None takes what the format's users expect.
    title        name of the clip, for formats that show one; None takes the file's name.
    frame_count  frames of the source, those without a person included, for files of keypoints.
    video        what was filmed, for formats that show it.
    scale  size of a picture written in that of what was filmed, for formats that draw one.

    Formats that hold one person give one file for each of several, `name.person00.trc`; formats
    without a place for how the poses were made get `name.poselift.json` beside them. Raises
    `PoseliftError` for an unknown suffix, poses that a format cannot hold, and a place that cannot
    be written.
    """
    expect(path, PATH, "the path of a file to write")
    return save_all(
        [(what, Path(path))],
        axes=axes,
        title=title,
        frame_count=frame_count,
        video=video,
        scale=scale,
    )


def _checked(files: Sequence[tuple[Savable, Path]], axes: str | None) -> list[tuple[Savable, Path]]:
    """Refuse what is no list of things to write, each with its path, and axes of 2D alone."""
    expect(files, (list, tuple), "a list of pairs (what, path) to write")
    for pair in files:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise PoseliftError(
                f"expected a pair (what, path) for each file to write, got {type(pair).__name__}"
            )
        expect(pair[1], PATH, "the path of a file to write")
    if axes is not None and not any(isinstance(what, Results) for what, _ in files):
        raise PoseliftError(f"2D keypoints have no axes to choose, got axes {axes!r}, leave it out")
    return [(what, Path(path)) for what, path in files]


def save_all(
    files: Sequence[tuple[Savable, Path]],
    *,
    axes: str | None = None,
    title: str | None = None,
    frame_count: int | None = None,
    video: Path | None = None,
    scale: float | None = None,
    progress: Callable[[int], None] | None = None,
    interrupted: Callable[[int], None] | None = None,
) -> tuple[Path, ...]:
    """Write several files as `save` does, so that either all of them appear or none does.

    progress     called with the number of pictures drawn since the last call.
    interrupted  as in `WriteOptions`.
    """
    files = _checked(files, axes)
    jobs: list[_Job] = []
    beside: dict[Path, tuple[Savable, list[_Noted]]] = {}
    for what, path in files:
        if isinstance(what, PoseSequence):
            raise PoseliftError(f"{path}: expected persons to write; of one pass a list: [poses]")
        if not isinstance(what, Results):
            for one in what if isinstance(what, list | tuple) else [what]:
                expect(one, PoseSequence, "Results to write, or a list of PoseSequence")
        known = writers(flat=not isinstance(what, Results))
        suffix = suffix_of(path, kinds(known))
        entry, stem = known[suffix], path.name[: -len(suffix)]
        chosen = axes_for(path, entry, axes)
        options = WriteOptions(
            suffix, chosen, title or stem, video, scale, path.parent, frame_count
        )
        options = replace(options, progress=progress, interrupted=interrupted)
        write = entry.write if isinstance(what, Results) else entry.write_2d
        if not len(what):
            raise PoseliftError(f"{path}: expected at least one person to write, got none")
        parts: list[tuple[Path, Savable]] = [(path, what)]
        if entry.persons == "one" and len(what) > 1 and isinstance(what, Results):
            parts = [
                (
                    path.with_name(f"{stem}.person{one.poses_3d.person_id:02d}{suffix}"),
                    replace(what, people=(one,)),
                )
                for one in what.people
            ]
        for place, part in parts:
            notes: list[str] = []
            own = replace(options, name=place.name)
            jobs.append((place, partial(_fill, write, part, own, notes)))
            if entry.sidecar:
                _, noted = beside.setdefault(path.with_name(f"{stem}{SUFFIX}"), (what, []))
                noted.append((part, own, notes, entry.units))
    # last, when what had to be decided for the others is known
    jobs += [(place, partial(_fill_beside, *said)) for place, said in beside.items()]
    places = [place for place, _ in jobs]
    twice = next((place for place in places if places.count(place) > 1), None)
    if twice is not None:
        raise PoseliftError(f"{twice}: would be written twice, choose another output")
    write_together(jobs)
    return tuple(places)


def _fill(
    write: _Write,
    what: Savable,
    options: WriteOptions,
    notes: list[str],
    stream: BinaryIO,
) -> None:
    """Write one file, and keep what had to be decided for the file beside it."""
    assert write is not None  # only formats that have it are taken
    notes += write(what, stream, options) or ()


def _fill_beside(what: Savable, noted: list[_Noted], stream: BinaryIO) -> None:
    """Write the facts about poses, for formats that have no place for them."""
    said = facts(what) if isinstance(what, Results) else facts_2d(what)
    files = [
        about_file(options.name, part, options.axes, notes, units)
        for part, options, notes, units in noted
    ]
    stream.write(sidecar(said, files))
