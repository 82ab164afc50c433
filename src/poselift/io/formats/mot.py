"""Joint angles for OpenSim (`anglefiles`, `poselift.motion.angles`)."""

from __future__ import annotations

from poselift.io.anglefiles import write_mot
from poselift.io.arrays import Sink
from poselift.io.registry import Format, WriteOptions
from poselift.motion.angles import angles
from poselift.poses import Results


def write(results: Results, stream: Sink, options: WriteOptions) -> tuple[str, ...]:
    """Write the joint angles of one person; raises `PoseliftError`."""
    return write_mot(angles(results.people[0].poses_3d), stream)


FORMAT = Format(
    "mot",
    "joint angles for OpenSim: degrees, one person a file (`poselift angles` has more kinds)",
    {".mot": "joint angles"},
    holds="angles",
    persons="one",
    units="degrees",
    write=write,
    sidecar=True,
)
