"""Motion capture, calibrations, and the files that stand beside others, with valid inputs."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from fuzzing.children import Surface
from poselift.io import load, save
from poselift.io.registry import all_formats
from poselift.mocap import read_amc, read_asf, read_bvh, read_trc
from poselift.mocap.expmap import read_expmap, read_expmap_skeleton
from poselift.motion.calibration import read_calibration
from poselift.poses import Results

ASF = """:version 1.10
:units
  mass 1.0
  length 0.45
  angle deg
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 1
     name lfemur
     direction 0.3 -0.9 0
     length 7.2
     axis 0 0 20 XYZ
     dof rx ry rz
     limits (-160.0 20.0)
            (-70.0 70.0)
            (-60.0 70.0)
  end
:hierarchy
  begin
    root lfemur
  end
"""
AMC = ":FULLY-SPECIFIED\n:DEGREES\n" + "".join(
    f"{n}\nroot 1 2 3 4 5 6\nlfemur {n} 2 3\n" for n in range(1, 6)
)
BVH = """HIERARCHY
ROOT Hips
{
  OFFSET 0.0 0.0 0.0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Spine
  {
    OFFSET 0.0 10.0 0.0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0.0 5.0 0.0
    }
  }
}
MOTION
Frames: 4
Frame Time: 0.0333333
""" + "".join(f"{n} 90 0 1 2 3 4 5 6\n" for n in range(4))
TRC = (
    "PathFileType\t4\t(X/Y/Z)\ta.trc\n"
    "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames\n"
    "60\t60\t5\t2\tm\t60\t1\t5\nFrame#\tTime\tRHip\t\t\tLHip\t\t\n\t\tX1\tY1\tZ1\tX2\tY2\tZ2\n\n"
) + "".join(f"{n + 1}\t{n / 60:.4f}\t0.1\t1.0\t{n}\t0.2\t1.1\t0.3\n" for n in range(5))
SKELETON = (
    "index,name,parent,offset_x,offset_y,offset_z\n"
    "0,hips,-1,0,0,0\n1,leg,0,0,-2,0\n2,foot,1,0,-1,0\n"
)
EXPMAP = "0,1,0,0,0,0,0,0,0,0,0,0\n5,1,0,0,0,0,0,0,1.57079,0,0,0\n"

MATRIX = [[1200.0, 0.0, 640.0], [0.0, 1190.0, 360.0], [0.0, 0.0, 1.0]]
OPENCV = """%YAML:1.0
---
image_width: 1280
image_height: 720
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 1200., 0., 640., 0., 1190., 360., 0., 0., 1. ]
distortion_coefficients: !!opencv-matrix
   rows: 1
   cols: 5
   dt: d
   data: [ -0.2, 0.1, 0.001, -0.002, 0.01 ]
"""
POSE2SIM = """[left]
name = "left"
size = [ 1280.0, 720.0]
matrix = [ [ 1200.0, 0.0, 640.0], [ 0.0, 1190.0, 360.0], [ 0.0, 0.0, 1.0]]
distortions = [ -0.2, 0.1, 0.001, -0.002]
rotation = [ 1.5, 0.2, -0.4]
translation = [ 0.3, 0.9, 2.8]
fisheye = false

[metadata]
adjusted = false
"""
CALIBRATIONS = {
    "a.toml": POSE2SIM,
    "opencv.yml": OPENCV,
    "ros.yaml": "camera_name: a\nimage_width: 640\nimage_height: 480\ncamera_matrix:\n  rows: 3\n"
    "  cols: 3\n  data: [600, 0, 320, 0, 600, 240, 0, 0, 1]\n"
    "x: &x [1, 2]\ny: [*x, *x]\nwhen: 2026-01-01\n",
    "a.json": json.dumps({"K": MATRIX, "dist": [-0.2, 0.1, 0, 0, 0.01], "image_size": [1280, 720]}),
    "cameras.json": json.dumps(
        {
            "cam": {
                "camera_matrix": {"rows": 3, "data": [v for row in MATRIX for v in row]},
                "D": [[-0.2, 0.1, 0.001, -0.002, 0.01]],
                "width": 1280,
                "height": 720,
            }
        }
    ),
    "list.json": json.dumps([{"name": "c", "mtx": MATRIX, "resolution": [1280, 720]}]),
}


def motion(folder: Path) -> list[Surface]:
    """Readers of motion capture."""
    folder.mkdir()
    samples = {
        "a.asf": ASF, "a.amc": AMC, "a.bvh": BVH, "a.trc": TRC, "a.csv": SKELETON, "a.txt": EXPMAP,
    }  # fmt: skip
    for name, text in samples.items():
        (folder / name).write_text(text)
    packed = folder / "b.bvh"  # gzip is recognised by content, not by name
    packed.write_bytes(gzip.compress(BVH.encode(), mtime=0))
    skeleton, table = read_asf(folder / "a.asf"), read_expmap_skeleton(folder / "a.csv")
    readers: dict[str, Callable[[Path], object]] = {
        "a.asf": read_asf,
        "a.amc": lambda path: read_amc(path, skeleton),
        "a.bvh": lambda path: read_bvh(path).places(),
        "a.trc": read_trc,
        "a.csv": read_expmap_skeleton,
        "a.txt": lambda path: read_expmap(path, table).world(),
    }
    return [
        Surface(f"mocap{Path(name).suffix}", sorted(folder.glob(f"*{Path(name).suffix}")), read)
        for name, read in readers.items()
    ]


def calibration(folder: Path) -> list[Surface]:
    """Every dialect of calibration files."""
    folder.mkdir()
    for name, text in CALIBRATIONS.items():
        (folder / name).write_text(text)

    def read(path: Path) -> object:
        camera = read_calibration(str(path), "left")
        camera = camera.fitting(camera.size)
        return camera.slopes(np.array([[10.0, 700.0], [640.0, 360.0]]))

    return [Surface("calibration", [folder / name for name in CALIBRATIONS], read)]


def sidecars(folder: Path, results: Results) -> list[Surface]:
    """What stands beside files whose formats have no place for it; only that is damaged."""
    found = []
    for entry in all_formats():
        if not (entry.sidecar and entry.read and entry.write) or entry.name == "c3d":
            continue
        suffix = next(iter(entry.suffixes))
        place = folder / entry.name / "jump"
        place.mkdir(parents=True)
        save(results, place / f"jump{suffix}")
        read = partial(_read_beside, name=f"jump{suffix}")
        found.append(Surface(f"beside.{entry.name}", [place], read, 0.4, "*.poselift.json"))
    return found


def _read_beside(folder: Path, name: str) -> object:
    return load(next(folder.glob(f"{Path(name).stem}*{Path(name).suffix}")))
