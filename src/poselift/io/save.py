"""Results and 2D sequences into files, each in the format of its suffix, all of them or none."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from poselift.errors import PoseliftError
from poselift.files import write_together
from poselift.io import rows
from poselift.io.registry import AXES, Format, WriteOptions, kinds, suffix_of, writers
from poselift.io.results import full_meta
from poselift.poses import PoseSequence, Results

#: What may be saved: 3D results, or persons in 2D.
Savable = Results | Sequence[PoseSequence]

#: A file to be written, and what fills it.
_Job = tuple[Path, Callable[[BinaryIO], None]]


def save(
    what: Savable,
    path: str | os.PathLike[str],
    *,
    axes: str | None = None,
    title: str | None = None,
) -> tuple[Path, ...]:
    """Write results, or 2D sequences, in the format that the suffix says; return what was written.

    axes   one of `AXES` for 3D poses; None takes what the format's users expect.
    title  name of the clip, for formats that show one; None takes the file's name.

    Formats that hold one person give one file for each of several, `name.person00.trc`; formats
    without a place for how the poses were made get `name.poselift.json` beside them. Raises
    `PoseliftError` for an unknown suffix, poses that a format cannot hold, and a place that cannot
    be written.
    """
    return save_all([(what, Path(path))], axes=axes, title=title)


def save_all(
    files: Sequence[tuple[Savable, Path]], *, axes: str | None = None, title: str | None = None
) -> tuple[Path, ...]:
    """Write several files as `save` does, so that either all of them appear or none does."""
    if axes is not None and axes not in AXES:
        raise PoseliftError(f"expected axes as one of {', '.join(AXES)}, got {axes!r}")
    jobs: list[_Job] = []
    for what, path in files:
        known = writers(flat=not isinstance(what, Results))
        suffix = suffix_of(path, kinds(known))
        options = WriteOptions(suffix, axes or known[suffix].axes, title or path.stem)
        jobs += _jobs(what, path, known[suffix], options)
    write_together(jobs)
    return tuple(path for path, _ in jobs)


def _jobs(what: Savable, path: Path, entry: Format, options: WriteOptions) -> list[_Job]:
    """Return the files that one output becomes."""
    stem = path.name[: -len(options.suffix)]
    if not isinstance(what, Results):
        assert entry.write_2d is not None  # only such formats are taken
        return [(path, partial(_fill, entry.write_2d, what, options))]
    assert entry.write is not None
    parts = [(path, what)]
    if entry.persons == "one" and len(what) > 1:
        parts = [
            (
                path.with_name(f"{stem}.person{one.poses_3d.person_id:02d}{options.suffix}"),
                replace(what, people=(one,)),
            )
            for one in what.people
        ]
    jobs: list[_Job] = [(place, partial(_fill, entry.write, one, options)) for place, one in parts]
    if entry.sidecar:
        facts = {"file": path.name, "axes_written": options.axes, **full_meta(what)}
        jobs.append((path.with_name(f"{stem}.poselift.json"), partial(_dump, facts)))
    return jobs


def _fill(
    write: Callable[..., None], what: Savable, options: WriteOptions, stream: BinaryIO
) -> None:
    """Write one file."""
    write(what, stream, options)


def _dump(facts: dict[str, object], stream: BinaryIO) -> None:
    """Write the facts about poses, for formats that have no place for them."""
    stream.write(rows.dump(facts) + b"\n")
