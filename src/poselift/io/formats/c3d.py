"""Markers of motion capture labs (`c3dfile`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from poselift.io.arrays import Sink
from poselift.io.c3dfile import read_c3d, write_c3d
from poselift.io.motionfile import marker_set, motion_results
from poselift.io.peek import peek
from poselift.io.registry import Format, ReadOptions, WriteOptions
from poselift.poses import Results


def matches(path: Path) -> bool:
    """Tell whether this is a C3D file: the second byte of its header is 80."""
    return path.is_file() and path.suffix.lower() == ".c3d" and peek(path).data[1:2] == b"\x50"


def read(path: Path, options: ReadOptions) -> Results:
    """Read points as 3D results; raises `PoseliftError`, also if ezc3d is not installed."""
    found = read_c3d(path)
    skeleton, joints = marker_set(found.labels, found.points, str(path))
    frames = found.first + np.arange(len(joints))
    return motion_results(
        path,
        skeleton,
        joints,
        found.axes,
        frames=frames,
        times=frames / found.fps,
        fps=found.fps,
        notes=found.notes,
        person=found.person,
        sure=found.sure,
    )


def write(results: Results, stream: Sink, options: WriteOptions) -> tuple[str, ...]:
    """Write one person as points; raises `PoseliftError`."""
    return write_c3d(results.people[0], results.meta, stream, options.axes or "z-up")


FORMAT = Format(
    "c3d",
    "points for Visual3D, Mokka, MATLAB and labs: millimetres, z up, one person a file; missing "
    "joints stay missing (needs ezc3d)",
    {".c3d": "points in millimetres"},
    holds="3D",
    persons="one",
    recognised="a .c3d with the mark of one",
    matches=matches,
    read=read,
    write=write,
    axes="z-up",
)
