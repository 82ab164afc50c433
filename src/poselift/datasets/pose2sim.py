"""The Pose2Sim balancing trial: real OpenPose keypoints with triangulated 3D markers.

One person balances on a beam, seen by two of four calibrated 60 fps cameras. The markers are
triangulated by Pose2Sim from the 2D keypoints of all four: expect errors of 2 to 4 cm. They come as
triangulated (`balancing.trc`) and after a Butterworth low-pass, which takes out single wild frames.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from poselift.errors import PoseliftError
from poselift.evaluation import LIMB_JOINTS
from poselift.geometry import from_rotation_vector
from poselift.mocap.trc import MarkerTrack, read_trc
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


@dataclass(frozen=True, eq=False)
class _Calibration:
    """One camera of a Pose2Sim calibration file; `rotation` is world (Z up) -> camera."""

    size: tuple[int, int]
    focal: float
    rotation: Float[np.ndarray, "3 3"]
    translation: Float[np.ndarray, " D"]


def load_pose2sim(root: str | os.PathLike[str], track: str = "raw") -> list[Pose2SimClip]:
    """Load both cameras from the data folder (`balancing/`, `calibration/`).

    track  which markers, one of `TRACKS`.

    Raises `PoseliftError` if a file or folder is missing or cannot be read, or for another track.
    """
    folder = Path(root)
    if track not in TRACKS:
        raise PoseliftError(f"unknown track {track!r}, expected one of {', '.join(TRACKS)}")
    markers = read_trc(folder / "balancing" / TRACKS[track])
    calibrations = _read_calibration(folder / "calibration" / "Calib_qualisys.toml")
    clips = []
    for name in CAMERAS:
        keypoints = folder / "balancing" / f"{name}_json"
        if not keypoints.is_dir():
            raise PoseliftError(f"{keypoints}: expected a folder of OpenPose files")
        camera = calibrations[name]
        clips.append(
            Pose2SimClip(
                name=name,
                keypoints=keypoints,
                skeleton=BODY_25B,
                image_size=camera.size,
                focal=camera.focal,
                fps=markers.fps,
                joints=LIMB_JOINTS,
                poses=_limbs_seen_by(camera, markers),
                frames=markers.frames - 1,
            )
        )
    return clips


def _limbs_seen_by(camera: _Calibration, markers: MarkerTrack) -> Float[np.ndarray, "T 12 3"]:
    """Turn the limb markers (TRC axes, Y up) into camera space."""
    # right_hip -> RHip
    names = [side[0].upper() + part.capitalize() for side, part in map(_split, LIMB_JOINTS)]
    points = markers.positions[:, [markers.index(name) for name in names]]
    # the calibration's world is Z up: (X, Y, Z) = (Z, X, Y) of the TRC
    world = points[..., [2, 0, 1]]
    return (world @ camera.rotation.T + camera.translation).astype(np.float32)


def _split(joint: str) -> tuple[str, str]:
    side, _, part = joint.partition("_")
    return side, part


def _read_calibration(path: Path) -> dict[str, _Calibration]:
    """Read the cameras of a Pose2Sim calibration by the names used here (cam01 is [cam_01])."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PoseliftError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError):
        raise PoseliftError(f"{path}: cannot be read") from None
    tables = _read_toml(path, text)
    cameras = {}
    for name in CAMERAS:
        key = name.replace("cam", "cam_")
        try:
            table = tables[key]
            width, height = table["size"]
            matrix = np.array(table["matrix"], dtype=np.float64).reshape(3, 3)
            cameras[name] = _Calibration(
                size=(int(width), int(height)),
                focal=float((matrix[0, 0] + matrix[1, 1]) / 2),
                rotation=from_rotation_vector(np.array(table["rotation"]).reshape(3)),
                translation=np.array(table["translation"], dtype=np.float64).reshape(3),
            )
        except KeyError as error:
            raise PoseliftError(f"{path}: camera {key} has no {error.args[0]!r}") from None
        except (TypeError, ValueError):
            raise PoseliftError(f"{path}: camera {key} cannot be read") from None
    return cameras


def _read_toml(path: Path, text: str) -> dict[str, dict]:
    """Read the part of TOML that Pose2Sim writes (Python 3.10 has no reader of all of it):
    tables, and keys whose values on one line are also JSON.
    """
    tables: dict[str, dict] = {}
    current: dict = {}
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("[") and line.endswith("]"):
            current = tables.setdefault(line[1:-1].strip(), {})
            continue
        key, _, value = line.partition("=")
        try:
            current[key.strip()] = json.loads(value)
        except ValueError:
            raise PoseliftError(f"{path}, line {number}: expected 'name = value'") from None
    return tables
