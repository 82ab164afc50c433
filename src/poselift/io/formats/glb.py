"""Moving bodies for Blender, Unity, Unreal and browsers (`glbfile`)."""

from __future__ import annotations

from poselift.io.arrays import Sink
from poselift.io.glbfile import write_glb
from poselift.io.registry import Format, WriteOptions
from poselift.poses import Results


def write(results: Results, stream: Sink, options: WriteOptions) -> None:
    """Write all persons as one scene that moves; raises `PoseliftError`."""
    write_glb(results, stream, options.title, options.name)


FORMAT = Format(
    "glb",
    "moving bodies for Blender, Unity, Unreal and browsers (binary glTF): a skinned figure for "
    "each person, T pose on the floor, metres, y up, bones of constant length",
    {".glb": "moving bodies"},
    holds="3D",
    write=write,
    axes="y-up",
    fixed_axes=True,
)
