"""Balancing clip by the whole pipeline: the error after each stage, against triangulated markers.

    python scripts/video_table.py ../shared/data/pose2sim [--model gln] [--detector movenet]

2D: median distance of the 12 limb joints from the projected markers, pixels; "centred" without the
median offset, which is the cameras' own (9 to 16 px). 3D: P-MPJPE of the 12 limb joints, mm, mean
over joints and frames. The rows with "markers" lift the projected markers: what is left is the
lifter's part.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from poselift.datasets.pose2sim import Pose2SimClip, load_pose2sim
from poselift.detection import Video, open_detector, record
from poselift.evaluation import p_mpjpe
from poselift.lifting import Lifter
from poselift.motion import Lens, constant_bones, smooth
from poselift.poses import PoseSequence
from poselift.tracking import people_of

#: How cam01.mp4 was made of what was calibrated (README of the data).
MAPS = {"cam01": f"{1080 / 1088},0,7", "cam03": None}


def markers_2d(clip: Pose2SimClip, root: Path, size: tuple[int, int]) -> np.ndarray:
    """Project the markers into the video's pixels, (T, 12, 2)."""
    file = root / "calibration" / "Calib_qualisys.toml"
    lens = Lens(
        calibration=f"{file}:{clip.name.replace('cam', 'cam_')}",
        calibration_map=MAPS[clip.name],
    )
    camera = lens.camera(size)
    seen = clip.poses[..., :2] / clip.poses[..., 2:]
    pixels: np.ndarray = seen * np.array(camera.focal) + np.array(camera.center)
    return pixels


def error_2d(found: PoseSequence, clip: Pose2SimClip, truth: np.ndarray) -> tuple[float, float]:
    """Median error in pixels, as it is and without the median offset."""
    rows, columns = _common(found, clip)
    away = found.positions[rows[0]][:, columns] - truth[rows[1]]
    centred = away - np.nanmedian(away, axis=(0, 1))
    first, second = (float(np.nanmedian(np.linalg.norm(d, axis=-1))) for d in (away, centred))
    return first, second


def error_3d(poses: PoseSequence, clip: Pose2SimClip) -> float:
    """P-MPJPE of the limb joints, mm."""
    rows, columns = _common(poses, clip)
    found, truth = poses.positions[rows[0]][:, columns], clip.poses[rows[1]]
    known = ~(np.isnan(found).any(axis=(1, 2)) | np.isnan(truth).any(axis=(1, 2)))
    return 1000 * float(p_mpjpe(found[known], truth[known]))


def _common(
    poses: PoseSequence, clip: Pose2SimClip
) -> tuple[tuple[np.ndarray, np.ndarray], list[int]]:
    """Rows of the frames that both have, and the columns of the limb joints."""
    _, mine, theirs = np.intersect1d(poses.frames, clip.frames, return_indices=True)
    return (mine, theirs), [poses.skeleton.index(joint) for joint in clip.joints]


def stages(flat: PoseSequence, clip: Pose2SimClip, lifter: Lifter) -> list[float]:
    """Errors of lifted, smoothed, and smoothed with constant bones, mm."""
    lifted = lifter(flat)
    smoothed = smooth(lifted)
    return [error_3d(one, clip) for one in (lifted, smoothed, constant_bones(smoothed))]


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--model", default="gln")
    parser.add_argument("--detector", default="movenet")
    options = parser.parse_args()
    lifter = Lifter(options.model)
    print("| clip | 2D from | median px | centred px | lifted mm | smoothed mm | bones mm |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for clip in load_pose2sim(options.root):
        with Video(options.root / "balancing" / f"{clip.name}.mp4") as video:
            truth = markers_2d(clip, options.root, video.size)
            seen = record(video, open_detector(options.detector, threads=2))
        found = people_of(seen.detections)[0]
        positions = np.full_like(found.positions, np.nan)
        positions[:] = found.positions  # the face is the detector's: there are no markers of it
        rows, columns = _common(found, clip)
        positions[np.ix_(rows[0], np.array(columns))] = truth[rows[1]]
        exact = replace(found, positions=positions)
        for name, flat in ((options.detector, found), ("markers", exact)):
            pixels = error_2d(flat, clip, truth)
            cells = [f"{value:.1f}" for value in (*pixels, *stages(flat, clip, lifter))]
            print(f"| {clip.name} | {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
