"""The Pose2Sim balancing trial: real OpenPose keypoints with triangulated 3D markers.

One person balances on a beam, seen by two of four calibrated 60 fps cameras. The markers are
triangulated by Pose2Sim from the 2D keypoints of all four: expect errors of 2 to 4 cm. They come as
triangulated (`balancing.trc`) and after a Butterworth low-pass, which takes out single wild frames.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from poselift.errors import PoseliftError
from poselift.evaluation import LIMB_JOINTS
from poselift.mocap.trc import MarkerTrack, read_trc
from poselift.motion.calibration import read_calibration
from poselift.skeletons import BODY_25B, Skeleton

CAMERAS = ("cam01", "cam03")

#: The marker tracks by name.
TRACKS = {"raw": "balancing.trc", "filtered": "balancing_filt_butterworth.trc"}


@dataclass(frozen=True, eq=False)
class Pose2SimClip:
    """What one camera saw, and where the limbs were.

    name        "cam01" or "cam03".
    keypoints   folder of OpenPose's files, one a frame.
    skeleton    of these keypoints: `body_25b`.
    image_size  (width, height) of the calibrated picture, to which the keypoints refer.
    focal       focal length in pixels, mean of both axes.
    fps         60.
    joints      names of the columns of `poses`: the 12 limb joints, as in `h36m_17`.
    poses       (T, 12, 3) float32, metres, camera space (x right, y down, z forward; origin: the
                camera); missing is NaN.
    frames      (T,) int64, 0-based frame numbers of the rows of `poses`.
    """

    name: str
    keypoints: Path
    skeleton: Skeleton
    image_size: tuple[int, int]
    focal: float
    fps: float
    joints: tuple[str, ...]
    poses: Float[np.ndarray, "T 12 3"]
    frames: Int[np.ndarray, " T"]


def load_pose2sim(root: str | os.PathLike[str], track: str = "raw") -> list[Pose2SimClip]:
    """Load both cameras from the data folder (`balancing/`, `calibration/`).

    track  which markers, one of `TRACKS`.

    Raises `PoseliftError` if a file or folder is missing or cannot be read, or for another track.
    """
    folder = Path(root)
    if track not in TRACKS:
        raise PoseliftError(f"unknown track {track!r}, expected one of {', '.join(TRACKS)}")
    markers = read_trc(folder / "balancing" / TRACKS[track])
    calibration = folder / "calibration" / "Calib_qualisys.toml"
    cameras = {name: read_calibration(f"{calibration}:{name}") for name in CAMERAS}
    clips = []
    for name in CAMERAS:
        keypoints = folder / "balancing" / f"{name}_json"
        if not keypoints.is_dir():
            raise PoseliftError(f"{keypoints}: expected a folder of OpenPose files")
        camera = cameras[name]
        if camera.size is None or camera.rotation is None or camera.translation is None:
            raise PoseliftError(f"{camera.source}: expected size, rotation and translation")
        clips.append(
            Pose2SimClip(
                name=name,
                keypoints=keypoints,
                skeleton=BODY_25B,
                image_size=camera.size,
                focal=sum(camera.focal) / 2,
                fps=markers.fps,
                joints=LIMB_JOINTS,
                poses=_limbs_seen_by(camera.rotation, camera.translation, markers),
                frames=markers.frames - 1,
            )
        )
    return clips


def _limbs_seen_by(
    rotation: Float[np.ndarray, "3 3"], translation: Float[np.ndarray, " D"], markers: MarkerTrack
) -> Float[np.ndarray, "T 12 3"]:
    """Turn the limb markers (TRC axes, Y up) into the space of a camera: R X + t, metres."""
    # right_hip -> RHip
    names = [side[0].upper() + part.capitalize() for side, part in map(_split, LIMB_JOINTS)]
    points = markers.positions[:, [markers.index(name) for name in names]]
    # the calibration's world is Z up: (X, Y, Z) = (Z, X, Y) of the TRC
    world = points[..., [2, 0, 1]]
    return (world @ rotation.T + translation).astype(np.float32)


def _split(joint: str) -> tuple[str, str]:
    side, _, part = joint.partition("_")
    return side, part
