"""Markers for OpenSim (`trcfile`)."""

from __future__ import annotations

from poselift.io.arrays import Sink
from poselift.io.registry import Format, WriteOptions
from poselift.io.trcfile import write_trc
from poselift.poses import Results


def write(results: Results, stream: Sink, options: WriteOptions) -> tuple[str, ...]:
    """Write one person as markers; raises `PoseliftError`."""
    return write_trc(results.people[0].poses_3d, stream, options.axes or "y-up", options.title)


FORMAT = Format(
    "trc",
    "markers for OpenSim: metres, y up, one person a file; missing joints are NaN",
    {".trc": "markers for OpenSim"},
    holds="3D",
    persons="one",
    write=write,
    axes="y-up",
    sidecar=True,
)
