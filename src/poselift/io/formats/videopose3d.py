"""VideoPose3D's 2D keypoints, `data_2d_*.npz`, of one clip.

`positions_2d` is an object `{subject: {action: [(T, J, 2) array for each camera]}}` in pixels,
`metadata` says the layout, and for clips in the wild `video_metadata` their picture's size. Objects
are read without running anything (`poselift.pickles`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from poselift.errors import PoseliftError
from poselift.io.arrays import array_names
from poselift.io.jointsets import by_count, decide_order
from poselift.io.peek import peek
from poselift.io.registry import Format, ReadOptions
from poselift.pickles.arrayfile import read_npz
from poselift.poses import Detections

COUNTS = {17: ("coco_17", "h36m_17"), 16: ("h36m_16",), 32: ("h36m_32",)}


def matches(path: Path) -> bool:
    """Tell whether an .npz has such an array."""
    return path.is_file() and peek(path).is_zip and "positions_2d" in array_names(path)


def read(path: Path, options: ReadOptions) -> Detections:
    """Read the only clip of a file; raises `PoseliftError` that lists them if there are several."""
    found = read_npz(path, ["positions_2d"], ["metadata"])
    clips = dict(_clips(found["positions_2d"], str(path)))
    if len(clips) != 1:
        listed = ", ".join(list(clips)[:4]) + (", ..." if len(clips) > 4 else "")
        raise PoseliftError(f"{path}: expected one clip, got {len(clips)}: {listed or 'none'}")
    (name, points), metadata = *clips.items(), found.get("metadata")
    facts = metadata if isinstance(metadata, dict) else {}
    layout = str(facts.get("layout_name", ""))
    counts = {17: ("h36m_17",), 16: ("h36m_16",)} if layout.startswith("h36m") else COUNTS
    skeleton = by_count(points.shape[1], options.skeleton, {**COUNTS, **counts}, f"{path}, {name}")
    notes = [f"clip: {name}"]
    if options.skeleton is None and not layout.startswith(("h36m", "coco")):
        skeleton, warning = decide_order(points, skeleton)
        notes += [warning] if warning else []
    videos = facts.get("video_metadata")
    first = next(iter(videos.values()), None) if isinstance(videos, dict) else None
    size = None
    if isinstance(first, dict) and all(isinstance(first.get(k), int | np.integer) for k in "wh"):
        size = int(first["w"]), int(first["h"])
    return Detections(
        frames=np.arange(len(points)),
        keypoints=points,
        scores=np.full(points.shape[:2], np.nan),
        person_ids=np.zeros(len(points), dtype=np.int64),
        skeleton=skeleton,
        fps=None,
        image_size=size,
        frame_count=len(points),
        source=str(path),
        notes=tuple(notes),
    )


def _clips(content: Any, where: str) -> list[tuple[str, np.ndarray]]:
    """Return all clips of the nested objects by name."""
    what = f"{where}: expected positions_2d as arrays by subject and action"
    if not isinstance(content, dict):
        raise PoseliftError(what)
    found = []
    for subject, actions in content.items():
        if not isinstance(actions, dict):
            raise PoseliftError(what)
        for action, cameras in actions.items():
            listed = [cameras] if isinstance(cameras, np.ndarray) and cameras.ndim == 3 else cameras
            if not isinstance(listed, list | tuple | np.ndarray):
                raise PoseliftError(what)
            for camera, points in enumerate(listed):
                good = isinstance(points, np.ndarray) and points.dtype.kind in "fiu"
                if not good or points.ndim != 3 or points.shape[2] < 2 or not len(points):
                    raise PoseliftError(f"{what}, of shape (frames, joints, 2)")
                name = f"{subject}, {action}, camera {camera}"
                found.append((name, points[..., :2].astype(np.float32)))
    return found


FORMAT = Format(
    "videopose3d",
    "VideoPose3D 2D keypoints (.npz) of one clip, as made in the wild",
    {".npz": "keypoints"},
    holds="2D",
    persons="one",
    recognised="an .npz with positions_2d",
    matches=matches,
    read=read,
)
