"""Folders with one file a frame, whatever the format of the files."""

from __future__ import annotations

import os
from pathlib import Path

from poselift.errors import PoseliftError
from poselift.io.numbering import number_files
from poselift.io.table import Table


def names_of(path: Path, suffix: str = ".json") -> list[str]:
    """Return the names of a folder's files with a suffix, hidden ones left out."""
    try:
        with os.scandir(path) as entries:
            names = [e.name for e in entries if e.name.lower().endswith(suffix) and e.is_file()]
    except OSError as error:
        raise PoseliftError(f"{path}: cannot be read ({error.strerror})") from error
    return [name for name in names if not name.startswith(".")]


def frame_files(path: Path, table: Table, suffix: str = ".json") -> list[tuple[int, str]]:
    """Return the files of a folder with their frame numbers, in order.

    What the names say of times and numbers is noted in the table. Raises `PoseliftError` if there
    are none, or for names that do not tell.
    """
    names = names_of(path, suffix)
    if not names:
        raise PoseliftError(f"{path}: no {suffix} file in this folder")
    numbering = number_files(names, str(path), suffix)
    table.notes += (numbering.note,)
    table.take_times(numbering.times)
    table.frame_count = max(table.frame_count, numbering.frames[-1][0] + 1)
    return [(number, f"{path}{os.sep}{name}") for number, name in numbering.frames]


def first_file(path: Path, suffix: str = ".json") -> Path | None:
    """Return a file of a folder to recognise its format by; None if there is none."""
    names = names_of(path, suffix)
    return path / min(names) if names else None
