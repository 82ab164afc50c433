"""Markers for OpenSim (`trcfile`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from poselift.io.arrays import Sink
from poselift.io.jointsets import arrange
from poselift.io.motionfile import marker_set, motion_results
from poselift.io.peek import peek
from poselift.io.registry import Format, ReadOptions, WriteOptions
from poselift.io.trcfile import write_trc
from poselift.mocap import MarkerTrack, read_trc
from poselift.poses import Detections, Results

#: No person's markers are this far apart in metres: pixels that call themselves metres.
_TOO_FAR = 20.0


def matches(path: Path) -> bool:
    """Tell whether a file begins as TRC does."""
    return path.is_file() and peek(path).text.startswith(b"PathFileType")


def read(path: Path, options: ReadOptions) -> Detections | Results:
    """Read markers as 3D results, Y up; Sports2D's and Pose2Sim's pixels as 2D keypoints.

    Pixel files call themselves metres; they are known by their size and by z = 0 throughout.
    Raises `PoseliftError` naming the line.
    """
    track = read_trc(path)
    points = track.positions
    notes = tuple(f"warning: {one}" for one in track.notes)
    with np.errstate(invalid="ignore"):
        wide = np.nanmax(np.abs(points[..., :2]), initial=0.0) > _TOO_FAR
    flat = points.size > 0 and not (np.nan_to_num(points[..., 2]) != 0).any()
    if wide and flat:
        return _pixels(path, track, notes)
    if flat:
        words = "z is 0 in every frame: poses of a plane (Sports2D's metres), angles are those seen"
        notes += (f"warning: {path}: {words} in it",)
    skeleton, joints = marker_set(track.markers, points, str(path))
    return motion_results(
        path,
        skeleton,
        joints,
        "y-up",
        frames=track.frames - min(int(track.frames[0]), 1) if len(track) else track.frames,
        times=track.times,
        fps=track.fps,
        notes=notes,
    )


def _pixels(path: Path, track: MarkerTrack, notes: tuple[str, ...]) -> Detections:
    """Make keypoints of a file of pixels."""
    skeleton, order = arrange(track.markers, str(path))
    points = np.full((len(track), len(skeleton), 2), np.nan)
    kept = [place for place, column in enumerate(order) if column >= 0]
    points[:, kept] = track.positions[:, [order[place] for place in kept], :2]
    return Detections(
        frames=track.frames,
        keypoints=points,
        scores=np.full(points.shape[:2], np.nan),
        person_ids=np.zeros(len(track), dtype=np.int64),
        skeleton=skeleton,
        fps=track.fps,
        image_size=None,
        frame_count=int(track.frames[-1]) + 1,
        source=str(path),
        times=track.times,
        notes=(*notes, "units: pixels, by size and flat z, though the file says metres"),
    )


def write(results: Results, stream: Sink, options: WriteOptions) -> tuple[str, ...]:
    """Write one person as markers; raises `PoseliftError`."""
    return write_trc(results.people[0].poses_3d, stream, options.axes or "y-up", options.name)


FORMAT = Format(
    "trc",
    "markers for OpenSim: metres, y up, one person a file; missing joints are NaN",
    {".trc": "markers for OpenSim"},
    holds="2D, 3D",
    persons="one",
    recognised="a file that begins with PathFileType; pixels by their size and z = 0",
    matches=matches,
    read=read,
    write=write,
    axes="y-up",
    sidecar=True,
)
