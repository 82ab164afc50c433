"""Small folders of one's own recordings: a person who sways, filmed by two calibrated cameras."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from poselift.motion.calibration import Calibration, read_cameras
from poselift.skeletons import H36M_17

CAMERAS = """
[cam_01]
name = "cam_01"
size = [ 1000, 800 ]
matrix = [[ 900.0, 0.0, 510.0 ], [ 0.0, 910.0, 395.0 ], [ 0.0, 0.0, 1.0 ]]
distortions = [ -0.1, 0.05, 0.001, -0.002 ]
rotation = [[ 1.0, 0.0, 0.0 ], [ 0.0, 0.0, -1.0 ], [ 0.0, 1.0, 0.0 ]]
translation = [ 0.0, 1.0, 4.0 ]

[cam_02]
name = "cam_02"
size = [ 1000, 800 ]
matrix = [[ 900.0, 0.0, 500.0 ], [ 0.0, 900.0, 400.0 ], [ 0.0, 0.0, 1.0 ]]
rotation = [[ 0.0, 1.0, 0.0 ], [ 0.0, 0.0, -1.0 ], [ -1.0, 0.0, 0.0 ]]
translation = [ 0.0, 1.0, 5.0 ]
"""

TOML = """
skeleton = "h36m_17"
poses = "{subject}_{action}.trc"
calibration = "calibration.toml"
axes = ["z", "x", "y"]

[splits]
train = ["anna"]
val = ["ben"]
test = ["carl"]
"""

LAB14 = """
poses = "{subject}_{action}.trc"
calibration = "calibration.toml"
axes = ["z", "x", "y"]

[skeleton]
name = "lab14"
joints = ["pelvis", "RHip", "RKnee", "RAnkle", "LHip", "LKnee", "LAnkle", "top", "LShoulder",
          "LElbow", "LWrist", "RShoulder", "RElbow", "RWrist"]
parents = ["", "pelvis", "RHip", "RKnee", "pelvis", "LHip", "LKnee", "pelvis", "top", "LShoulder",
           "LElbow", "top", "RShoulder", "RElbow"]

[joints]
top = ["head", "thorax"]

[splits]
train = ["anna"]
val = ["ben"]
test = ["carl"]
"""

#: h36m_17 standing, metres, the cameras' world: x to the right of cam_01, y away from it, z up.
BODY = np.array(
    [
        [0, 0, 0.9], [-0.12, 0, 0.9], [-0.13, 0.02, 0.5], [-0.13, 0.03, 0.1], [0.12, 0, 0.9],
        [0.13, 0.02, 0.5], [0.13, 0.03, 0.1], [0, 0, 1.15], [0, 0, 1.4], [0, -0.08, 1.5],
        [0, 0, 1.65], [0.17, 0, 1.4], [0.22, 0.05, 1.15], [0.25, -0.05, 0.9], [-0.17, 0, 1.4],
        [-0.22, 0.05, 1.15], [-0.25, -0.05, 0.9],
    ]
)  # fmt: skip


def swaying(count: int, seed: int = 0) -> np.ndarray:
    """(count, 17, 3) metres, the cameras' world: the body, its joints moving by centimetres."""
    rng = np.random.default_rng(seed)
    phase, size = rng.uniform(0, 6, BODY.shape), rng.uniform(0.0, 0.04, BODY.shape)
    return BODY + size * np.sin(np.arange(count)[:, None, None] / 5 + phase)


def to_files(world: np.ndarray) -> np.ndarray:
    """The cameras' world -> the axes of the 3D files, for axes = ["z", "x", "y"]."""
    return world[..., [1, 2, 0]]


def cameras(folder: Path) -> dict[str, Calibration]:
    """The two cameras, of the calibration in a folder."""
    return read_cameras(folder / "calibration.toml")


def write_trc(
    path: Path,
    points: np.ndarray,
    names: tuple[str, ...] = H36M_17.joints,
    *,
    unit: str = "m",
    rate: float = 50,
) -> None:
    """Write points (T, M, 3) as they are, frames from 1; NaN is missing."""
    head = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits",
        f"{rate:g}\t{rate:g}\t{len(points)}\t{len(names)}\t{unit}",
        "Frame#\tTime\t" + "\t\t\t".join(names),
        "\t\t" + "\t".join(f"{axis}{i + 1}" for i in range(len(names)) for axis in "XYZ"),
    ]
    for number, row in enumerate(points):
        words = ("" if np.isnan(value) else f"{value:.9g}" for value in row.ravel())
        head.append("\t".join([str(number + 1), f"{number / rate:.4f}", *words]))
    path.write_text("\n".join(head) + "\n", encoding="utf-8")


def make_folder(folder: Path, toml: str = TOML, count: int = 12) -> Path:
    """Make a whole folder: three people, a TRC of each."""
    folder.mkdir(exist_ok=True)
    (folder / "dataset.toml").write_text(toml, encoding="utf-8")
    (folder / "calibration.toml").write_text(CAMERAS, encoding="utf-8")
    for seed, name in enumerate(("anna", "ben", "carl")):
        write_trc(folder / f"{name}_walk.trc", to_files(swaying(count, seed)))
    return folder


def seen(folder: Path, camera: str, world: np.ndarray) -> np.ndarray:
    """(T, J, 2) pixels of points in the cameras' world."""
    lens = cameras(folder)[camera]
    return lens.project(lens.to_camera(world))
