"""Data sets by their registry, with a few valid frames of each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from fuzzing.children import Surface
from fuzzing.motion import ASF, POSE2SIM
from poselift.datasets.cmu_more import load_cmu_more
from poselift.datasets.own import check_folder
from poselift.datasets.pose2sim import load_pose2sim
from poselift.datasets.registry import DATA_SETS, Part, get_data_set, silently
from poselift.io import load, write_keypoints
from poselift.mocap.h36m_joints import _ASF, _AVATAR, _AVATAR_HEAD, _EXPMAP, _OUTER
from poselift.poses import PoseSequence
from poselift.skeletons import H36M_17

_HEAD = _AVATAR_HEAD.removeprefix("CC_Base_")
#: Encodings of CMU's motion: their bones by joint, and what stands before those of limbs.
_ENCODINGS: list[tuple[str, Mapping[str, str], tuple[str, str]]] = [
    ("bvh", {n: f"CC_Base_{bone}" for n, bone in enumerate([*_AVATAR.values(), _HEAD])}, ("", "")),  # type: ignore[misc]
    ("amc", {**_ASF, **_OUTER}, ("l", "r")),
    ("expmap", _EXPMAP, ("Left", "Right")),
]


def data_sets(folder: Path) -> list[Surface]:
    """Readers of all registered data sets, in all their layouts, and of `cmu_more`.

    Raises `LookupError` for a data set without valid inputs.
    """
    found = []
    for name, entry in DATA_SETS.items():
        if name not in SAMPLES:
            raise LookupError(
                f"data set {name}: no valid input, add one to scripts/fuzzing/data.py"
            )
        for layout, (write, part) in SAMPLES[name].items():
            place = folder / name / layout
            place.mkdir(parents=True)
            write(place)
            read = partial(_read, name, part)
            title = f"data.{name}" + (f".{layout}" if len(SAMPLES[name]) > 1 else "")
            found.append(Surface(title, [place], read, share=0.3))
        assert entry.name == name
    more = folder / "cmu_more"
    more.mkdir()
    _write_more(more)
    found.append(Surface("data.cmu_more", [more], load_cmu_more))
    with suppress(ModuleNotFoundError):  # the extra for videos is not installed
        filmed = folder / "filmed"
        filmed.mkdir()
        _write_filmed(filmed)
        found.append(Surface("data.h36m pictures", [filmed], _filmed, share=0.05))
    return found


def _read(name: str, part: Part, folder: Path) -> object:
    """Read a data set, and turn it into what networks see."""
    if name == "own":
        check_folder(folder, silently)
        own = get_data_set(name, folder)
        every = [Part("train", variant, skeleton=own.skeleton) for variant in own.kinds]
        return [own.read(folder, one) for one in every]
    if name in ("pose2sim", "robustness"):
        return [load(clip.keypoints) for clip in load_pose2sim(folder)]
    found = DATA_SETS[name].read(folder, part)
    from poselift.training.sources import as_network_sees, views_of

    views_of(found, "screen")
    return as_network_sees(found, "person")


def _write_cmu(folder: Path) -> None:
    """One clip in each encoding; every joint hangs on the root."""
    rng, frames = np.random.default_rng(0), 9
    bones = {kind: _bones(names, sides) for kind, names, sides in _ENCODINGS}
    (folder / "expmap").mkdir()
    (folder / "01_01.bvh").write_text(_bvh(bones["bvh"], frames, rng))
    (folder / "02.asf").write_text(_asf(bones["amc"]))
    rows = [
        f"{n}\nroot 1 17 3 0 9 0\n" + "".join(f"{b} {n} 2 3\n" for b in bones["amc"])
        for n in range(1, frames + 1)
    ]
    (folder / "02_01.amc").write_text(":FULLY-SPECIFIED\n:DEGREES\n" + "".join(rows))
    places = rng.uniform(-3, 3, (len(bones["expmap"]), 3)).round(2).tolist()
    table = [
        f"{n + 1},{bone},0,{x},{y},{z}"
        for n, (bone, (x, y, z)) in enumerate(zip(bones["expmap"], places, strict=True))
    ]
    head = "index,name,parent,offset_x,offset_y,offset_z\n0,Hips,-1,0,0,0\n"
    (folder / "expmap" / "SKELETON38.csv").write_text(head + "\n".join(table) + "\n")
    motion = rng.uniform(-0.3, 0.3, (frames, 6 + 3 * len(table))).round(4).tolist()
    (folder / "03.txt").write_text("\n".join(",".join(map(str, row)) for row in motion) + "\n")
    index = ["path,format,subject,trial,frames,fps,description,first_frame,skip_spans,split"]
    for subject, (path, (kind, _, _)) in enumerate(
        zip(("01_01.bvh", "02_01.amc", "03.txt"), _ENCODINGS, strict=True), 1
    ):
        for split in ("train", "val", "test"):
            index.append(f"{path},{kind},{subject},1,{frames},60,walk - slow,1,4-5,{split}")
    (folder / "INDEX.csv").write_text("\n".join(index) + "\n")


def _bones(names: Mapping[str, str], sides: tuple[str, str]) -> list[str]:
    """Return the names of all bones of an encoding, those of limbs on both sides."""
    limbs = ("hip", "knee", "ankle", "shoulder", "elbow", "forearm", *_OUTER)
    both = [side + names[limb] for limb in limbs if limb in names for side in sides]
    return list(dict.fromkeys([*(n for limb, n in names.items() if limb not in limbs), *both]))


def _bvh(bones: list[str], frames: int, rng: np.random.Generator) -> str:
    inner = "".join(
        f"JOINT {bone}\n{{\nOFFSET {n} {3 * n} 1\nCHANNELS 3 Zrotation Yrotation Xrotation\n"
        "End Site\n{\nOFFSET 0 1 0\n}\n}\n"
        for n, bone in enumerate(bones)
    )
    head = (
        "HIERARCHY\nROOT CC_Base_Hip\n{\nOFFSET 0 0 0\n"
        "CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation\n"
        f"{inner}}}\nMOTION\nFrames: {frames}\nFrame Time: 0.0166667\n"
    )
    rows = rng.uniform(-5, 5, (frames, 6 + 3 * len(bones))).round(3).tolist()
    return head + "\n".join(" ".join(map(str, row)) for row in rows) + "\n"


def _asf(bones: list[str]) -> str:
    one = ASF[ASF.index("  begin\n     id 1") : ASF.index(":hierarchy")]
    data = "".join(
        one.replace("id 1", f"id {n}").replace("lfemur", bone) for n, bone in enumerate(bones, 1)
    )
    head, below = ASF[: ASF.index("  begin")], " ".join(bones)
    return f"{head}{data}:hierarchy\n  begin\n    root {below}\n  end\n"


def _write_videopose3d(folder: Path) -> None:
    from human36m_samples import write_videopose3d

    write_videopose3d(folder)


def _write_gridconv(folder: Path) -> None:
    import torch

    from human36m_samples import TEST, TRAIN, gridconv_dicts

    (folder / "gt").mkdir()
    for phase, sequences in (("train", TRAIN), ("test", TEST)):
        for kind, content in zip(("2d", "3d"), gridconv_dicts(sequences), strict=True):
            torch.save(content, folder / "gt" / f"{phase}_custom_{kind}_unnorm.pth.tar")


def _write_mmpose(folder: Path) -> None:
    from human36m_samples import write_mmpose

    write_mmpose(folder / "all")
    for path in (*(folder / "all").glob("fps*/*"), folder / "all" / "cameras.pkl"):
        shutil.move(path, folder / path.name)
    shutil.rmtree(folder / "all")


def _write_3dhp(folder: Path) -> None:
    from mpi_samples import write_test_set

    write_test_set(folder)


def _write_pose2sim(folder: Path) -> None:
    """Both cameras' keypoints of three frames, and the markers of the limbs."""
    (folder / "calibration").mkdir()
    text = "".join(POSE2SIM.replace("left", name) for name in ("cam_01", "cam_03"))
    tables = text.replace("[metadata]\nadjusted = false\n", "")
    (folder / "calibration" / "Calib_qualisys.toml").write_text(tables)
    names = [
        side + part
        for side in "RL"
        for part in ("Hip", "Knee", "Ankle", "Shoulder", "Elbow", "Wrist")
    ]
    head = (
        "PathFileType\t4\t(X/Y/Z)\ta.trc\n"
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame"
        f"\tOrigNumFrames\n60\t60\t3\t{len(names)}\tm\t60\t1\t3\n"
        "Frame#\tTime\t"
        + "\t\t\t".join(names)
        + "\t\t\n\t\t"
        + "\t".join(f"{axis}{n}" for n in range(1, len(names) + 1) for axis in "XYZ")
        + "\n\n"
    )
    rows = "".join(
        f"{n + 1}\t{n / 60:.4f}\t"
        + "\t".join(f"{0.1 * k:.1f}" for k in range(3 * len(names)))
        + "\n"
        for n in range(3)
    )
    for camera in ("cam01", "cam03"):
        place = folder / "balancing" / f"{camera}_json"
        place.mkdir(parents=True)
        for n in range(3):
            person = [v for k in range(25) for v in (300 + 9 * k, 200 + 20 * k, 0.9)]
            frame = {"version": 1.3, "people": [{"pose_keypoints_2d": person}]}
            (place / f"a_{n:012d}_keypoints.json").write_text(json.dumps(frame))
    for name in ("balancing", "balancing_filt_butterworth"):
        (folder / "balancing" / f"{name}.trc").write_text(head + rows)


def _write_more(folder: Path) -> None:
    poses = (1000 * np.random.default_rng(0).uniform(-0.5, 0.5, (8, 17, 3))).astype(np.int16)
    np.savez_compressed(folder / "cmu_more.npz", poses=poses, clip=np.repeat([0, 1], 4))
    (folder / "INDEX.csv").write_text(
        "clip,name,encoding,subject,trial,frames,description\n"
        "0,13_01,amc,13,1,4,walk\n1,13_02,daz-bvh,13,2,4,jump\n"
    )


def _write_filmed(folder: Path) -> None:
    """Poses of one sequence with the videos of its four cameras, and boxes."""
    from human36m_samples import people, write_poses
    from poselift.datasets.human36m_cameras import CAMERA_IDS
    from poselift.datasets.human36m_pictures import BOXES
    from video_samples import write_video

    write_poses(folder, people({"S8": {"Smoking": 3}}))
    (folder / "S8" / "Videos").mkdir(parents=True)
    grey = [np.full((1000, 1000, 3), 90 + 20 * n, np.uint8) for n in range(3)]
    for camera in CAMERA_IDS:
        write_video(folder / "S8" / "Videos" / f"Smoking.{camera}.mp4", grey, rate=50)
    views = [np.tile(np.array([300, 400, 500, 600], np.float32), (3, 1))] * 4
    np.savez(folder / BOXES, boxes={"S8": {"Smoking": views}})  # type: ignore[arg-type]


def _filmed(folder: Path) -> object:
    """Decode every picture."""
    from poselift.datasets.human36m_pictures import load_human36m_pictures

    pictures = load_human36m_pictures(folder, "val", size=(64, 64), every=1)
    return [pictures[row]["image"] for row in range(len(pictures))]


def _write_own(folder: Path) -> None:
    """Three people as TRC, seen by calibrated cameras, one of them detected in 2D."""
    from own_samples import TOML, make_folder, seen, swaying

    keypoints = 'keypoints = "{subject}_{action}_{camera}.json"\naxes'
    make_folder(folder, TOML.replace("axes", keypoints))
    flat = PoseSequence.from_2d(
        seen(folder, "cam_01", swaying(12)).astype(np.float32), H36M_17, fps=30.0
    )
    write_keypoints(folder / "anna_walk_cam_01.json", [flat])


def _write_own_joints(folder: Path) -> None:
    """Joints of one's own, and a table of them in the description."""
    from own_samples import LAB14, make_folder

    make_folder(folder, LAB14)


_PART = Part(split="test")
#: By data set and layout: what writes a valid one, and which part of it is read.
SAMPLES: dict[str, dict[str, tuple[Callable[[Path], None], Part]]] = {
    "cmu17": {"bvh": (_write_cmu, _PART)},
    "cmu32": {"amc": (_write_cmu, replace(_PART, skeleton="h36m_32"))},
    "cmu17-rendered": {"bvh": (_write_cmu, _PART)},
    "own": {"lab": (_write_own, _PART), "joints": (_write_own_joints, _PART)},
    "h36m": {
        "videopose3d": (_write_videopose3d, replace(_PART, detections="gt")),
        "gridconv": (_write_gridconv, replace(_PART, detections="gt")),
        "mmpose": (_write_mmpose, replace(_PART, detections="gt")),
    },
    "3dhp": {"mat": (_write_3dhp, _PART)},
    "pose2sim": {"clip": (_write_pose2sim, _PART)},
    "robustness": {"clip": (_write_pose2sim, _PART)},
}
