"""Joint rotations for animation programs (`bvhfile`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from poselift.io.arrays import Sink
from poselift.io.bvhfile import joints_of, write_bvh
from poselift.io.facts import beside
from poselift.io.motionfile import motion_results, rig, unit_of
from poselift.io.peek import peek
from poselift.io.registry import Format, ReadOptions, WriteOptions
from poselift.mocap import read_bvh
from poselift.poses import Results

#: Metres by which hips that do not move may be off where they are at rest, as written.
_HELD = 1e-4


def matches(path: Path) -> bool:
    """Tell whether a file begins as BVH does."""
    return path.is_file() and peek(path).text[:9].upper() == b"HIERARCHY"


def read(path: Path, options: ReadOptions) -> Results:
    """Read joint rotations as joint positions; raises `PoseliftError` naming line or frame.

    BVH names no unit: it is the one in which the body at rest is about as tall as people are. Of
    our own files only the joints of the joint set are taken, in metres.
    """
    motion = read_bvh(path)
    positions = motion.places()
    rest = motion.rest()
    unit, metres = unit_of(float(np.ptp(rest[:, 1]) or np.ptp(rest, axis=0).max()))
    frames = np.arange(len(motion))
    how = f"{unit}, by the body's size"
    if (ours := joints_of(motion)) is not None:
        skeleton, columns = ours
        lacking = np.array(columns) < 0
        positions, how, metres = positions[:, columns], "m", 1.0
        positions[:, lacking] = np.nan
        hips = rest[columns[skeleton.root]]
        held = np.abs(positions[:, skeleton.root] - hips).max(initial=0.0) < _HELD
        if held and beside(path) is None:  # hips held at rest were in no room (`posture`)
            positions = positions - hips
    else:
        skeleton = rig(motion.names, motion.parents)
    return motion_results(
        path,
        skeleton,
        positions * metres,
        "y-up",
        frames=frames,
        times=frames * motion.frame_time,
        fps=1 / motion.frame_time,
        notes=(
            *(f"warning: {one}" for one in motion.notes),
            f"units: {how}",
        ),
    )


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
    recognised="a file that begins with HIERARCHY",
    matches=matches,
    read=read,
    write=write,
    axes="y-up",
    sidecar=True,
)
