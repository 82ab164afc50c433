"""Markers of motion capture labs (`c3dfile`)."""

from __future__ import annotations

from poselift.io.arrays import Sink
from poselift.io.c3dfile import write_c3d
from poselift.io.registry import Format, WriteOptions
from poselift.poses import Results


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
    write=write,
    axes="z-up",
)
