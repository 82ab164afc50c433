"""Joint rotations for animation programs (`bvhfile`)."""

from __future__ import annotations

from poselift.io.arrays import Sink
from poselift.io.bvhfile import write_bvh
from poselift.io.registry import Format, WriteOptions
from poselift.poses import Results


def write(results: Results, stream: Sink, options: WriteOptions) -> tuple[str, ...]:
    """Write one person as joint rotations; raises `PoseliftError`."""
    return write_bvh(results.people[0].poses_3d, stream, options.axes or "y-up")


FORMAT = Format(
    "bvh",
    "joint rotations for Blender, Maya and MotionBuilder: a T pose on the floor, metres, y up, "
    "bones of constant length, one person a file",
    {".bvh": "joint rotations"},
    holds="3D",
    persons="one",
    write=write,
    axes="y-up",
    sidecar=True,
)
