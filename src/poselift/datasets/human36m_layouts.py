"""Human3.6M in whichever of the three layouts a folder holds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from poselift.datasets.gridconv_files import load_gridconv
from poselift.datasets.human36m import POSES, load_human36m
from poselift.datasets.human36m_protocol import HOW_TO_GET, joints_to_keep, skeleton_named
from poselift.datasets.lifting_data import LiftingData
from poselift.datasets.mmpose_h36m import load_mmpose_h36m
from poselift.errors import PoseliftError


def open_human36m(
    root: str | os.PathLike[str],
    split: str,
    detections: str = "gt",
    *,
    skeleton: str = "h36m_17",
    drop_drifting: bool = False,
    actions: Iterable[str] | None = None,
    subjects: Iterable[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LiftingData:
    """Load a split, recognising the files by their names.

    VideoPose3D   `root` holds `data_3d_h36m.npz`: see `load_human36m`.
    GridConv      `root` (if it is called like the detections) or its folder `detections` holds
                  `test_custom_3d_unnorm.pth.tar` or the one of train: see `load_gridconv`.
    MMPose        `root` holds `h36m_train.npz` or `h36m_test.npz`; "gt" only: see
                  `load_mmpose_h36m`.

    Arguments as in `load_human36m`; the latter two have no joints beyond `h36m_17`. Raises
    `PoseliftError` if none or two of them are there, and as the loaders do.
    """
    folder = Path(root)
    joints = skeleton_named(skeleton)
    found: dict[str, Callable[..., LiftingData]] = {}
    if (folder / POSES).is_file():
        found["VideoPose3D"] = lambda **rest: load_human36m(
            folder, split, detections, skeleton=skeleton, **rest
        )
    inner = folder if folder.resolve().name == detections else folder / detections
    if _any_of(inner, "{}_custom_3d_unnorm.pth.tar"):
        found["GridConv"] = lambda **rest: load_gridconv(inner, split, **rest)
    if _any_of(folder, "h36m_{}.npz"):
        found["MMPose"] = lambda **rest: load_mmpose_h36m(folder, split, **rest)
    if not found:
        raise PoseliftError(
            f"{folder}: expected Human3.6M as VideoPose3D ({POSES}), GridConv "
            f"({detections}/test_custom_3d_unnorm.pth.tar) or MMPose (h36m_test.npz) prepares it, "
            f"found none of these files; {HOW_TO_GET}"
        )
    if len(found) > 1:
        raise PoseliftError(
            f"{folder}: holds Human3.6M as prepared by {' and '.join(found)}, expected one of "
            "them; keep them in folders of their own"
        )
    ((layout, load),) = found.items()
    if layout == "MMPose" and detections != "gt":
        raise PoseliftError(f"{folder}: MMPose's files have keypoints of 'gt' only")
    data = load(drop_drifting=drop_drifting, actions=actions, subjects=subjects, progress=progress)
    if data.skeleton == joints:
        return data
    keep = joints_to_keep(joints, len(data.skeleton), str(folder))
    return replace(
        data, keypoints=data.keypoints[:, keep], poses=data.poses[:, keep], skeleton=joints
    )


def _any_of(folder: Path, pattern: str) -> bool:
    return any((folder / pattern.format(phase)).is_file() for phase in ("train", "test"))
