"""`cmu32`: the part of cmu17 that has Human3.6M's 32 joints, CMU's own ASF/AMC files.

Clips and splits are those of cmu17, and so are the 17 joints that both have. Cameras are placed by
the same rule, around all 32. The validation and test sets of cmu17 are all of this part, of its
training set about 43 %.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from poselift.datasets.cmu import FPS, Clip, MotionReader, clips_of, seen_by_cameras
from poselift.datasets.lifting_data import LiftingData
from poselift.errors import PoseliftError
from poselift.mocap.chain import Motion
from poselift.mocap.h36m_joints import joints_32_from_amc
from poselift.skeletons import H36M_32


def load_cmu32(root: str | os.PathLike[str], split: str) -> LiftingData:
    """Load the ASF/AMC clips of a split as `h36m_32`, true 2D keypoints of four cameras.

    Rows, cameras and errors are as `load_cmu17` has them.
    """
    clips = [clip for clip in clips_of(root, split) if clip.format == "amc"]
    if not clips:
        raise PoseliftError(f"{Path(root) / 'INDEX.csv'}: no clip of split {split!r} is AMC")
    return seen_by_cameras(_motions(Path(root), clips), clips, H36M_32, f"cmu32 {split}")


def _motions(root: Path, clips: list[Clip]) -> Iterator[Motion]:
    """Read clips as 32 joints."""
    reader = MotionReader(root)
    for clip in clips:
        frames = clip.frames_at(FPS)
        yield Motion(
            positions=joints_32_from_amc(reader.amc(clip, frames)).astype("float32"),
            frames=frames,
            fps=float(FPS),
            subject=clip.subject,
            trial=clip.trial,
            action=clip.action,
            path=clip.path,
        )
