"""A small file of each layout that other programs write, for tests of readers and for fuzzing."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from io_samples import in_order, walker, write
from poselift.poses import AXES_3D, Person, PoseSequence, Results
from poselift.skeletons import COCO_17, HALPE_26, MEDIAPIPE_33, get_skeleton

SIZE = (1920, 1080)
COUNT = 4


def clip(name: str) -> np.ndarray:
    """(4, J, 2) the walker in a joint set; joints that COCO lacks stand beside the nose."""
    points = in_order(walker(COUNT), get_skeleton(name))
    return np.where(np.isnan(points), walker(COUNT)[:, :1] + 1.5, points)


def flat(points: np.ndarray, score: float = 0.9) -> list[float]:
    """x, y, c of each joint."""
    return np.concatenate([points, np.full((*points.shape[:1], 1), score)], axis=1).ravel().tolist()


def alphapose(path: Path, points: np.ndarray, **more: Any) -> Path:
    entries = [
        {"image_id": f"{i}.jpg", "category_id": 1, "keypoints": flat(one), "score": 2.5, **more}
        for i, one in enumerate(points)
    ]
    return write(path / "alphapose-results.json", entries)


def alphapose_136(path: Path) -> Path:
    points = clip("halpe_26")
    rest = np.full((COUNT, 110, 2), 7.0)
    return alphapose(path, np.concatenate([points, rest], axis=1), idx=[3.0])


def alphapose_open(path: Path) -> Path:
    people = [{"pose_keypoints_2d": flat(one)} for one in clip("openpose_18")]
    return write(
        path / "a.json",
        {f"{i}.jpg": {"version": "AlphaPose v0.3", "people": [p]} for i, p in enumerate(people)},
    )


def alphapose_cmu(path: Path) -> Path:
    people = [{"joints": flat(one)} for one in clip("openpose_18")]
    return write(
        path / "a.json",
        {f"{i}.jpg": {"version": "AlphaPose v0.3", "bodies": [p]} for i, p in enumerate(people)},
    )


def coco_results(path: Path) -> Path:
    return write(
        path / "a.json",
        [
            {"image_id": i, "category_id": 1, "keypoints": flat(one), "score": 0.9}
            for i, one in enumerate(walker(COUNT))
        ],
    )


def coco(path: Path, **more: Any) -> Path:
    content = {
        "images": [
            {"id": 7 + i, "file_name": f"v_{i:04d}.jpg", "width": 1920, "height": 1080}
            for i in range(COUNT)
        ],
        "annotations": [
            {"id": i, "image_id": 7 + i, "category_id": 1, "keypoints": flat(one, 2), **more}
            for i, one in enumerate(walker(COUNT))
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO_17.joints)}],
    }
    return write(path / "a.json", content)


def coco_whole_body(path: Path) -> Path:
    return coco(path, foot_kpts=[5.0, 6.0, 2.0] * 6)


def landmarks(one: np.ndarray) -> list[dict[str, float]]:
    return [{"x": x / 1920, "y": y / 1080, "z": 0.1, "visibility": 0.9} for x, y in one.tolist()]


def mediapipe_list(path: Path) -> Path:
    frames = [{"pose_landmarks": landmarks(one)} for one in clip("mediapipe_33")]
    return write(path / "a.json", frames)


def mediapipe_people(path: Path) -> Path:
    frames = [
        {"frame": i, "timestamp_ms": 40 * i, "landmarks": [landmarks(one)]}
        for i, one in enumerate(clip("mediapipe_33"))
    ]
    return write(path / "a.json", {"fps": 25, "frames": frames})


def mediapipe_bare(path: Path) -> Path:
    frames = [
        [[x / 1920, y / 1080, 0.0, 0.9] for x, y in one.tolist()] for one in clip("mediapipe_33")
    ]
    return write(path / "a.json", {"frames": [{"poseLandmarks": one} for one in frames]})


def table(path: Path, names: list[str], rows: list[list[object]]) -> Path:
    lines = [",".join(names), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def mediapipe_wide(path: Path, names: list[str]) -> Path:
    rows = [
        [i, *(v for x, y in one.tolist() for v in (x / 1920, y / 1080, 0.1, 0.9))]
        for i, one in enumerate(clip("mediapipe_33"))
    ]
    return table(path / "a.csv", ["frame", *names], rows)


def mediapipe_numbered(path: Path) -> Path:
    return mediapipe_wide(path, [f"{c}{i}" for i in range(1, 34) for c in "xyzv"])


def mediapipe_underscored(path: Path) -> Path:
    axes = ("x", "y", "z", "visibility")
    return mediapipe_wide(path, [f"landmark_{i}_{c}" for i in range(33) for c in axes])


def mediapipe_named(path: Path) -> Path:
    axes = ("x", "y", "z", "visibility")
    return mediapipe_wide(path, [f"{j.upper()}_{c}" for j in MEDIAPIPE_33.joints for c in axes])


def mediapipe_long(path: Path) -> Path:
    rows: list[list[object]] = [
        [i, 0.04 * i, joint, x / 1920, y / 1080, 0.9]
        for i, one in enumerate(clip("mediapipe_33"))
        for joint, (x, y) in enumerate(one.tolist())
    ]
    return table(path / "a.csv", ["frame", "time", "landmark", "x", "y", "visibility"], rows)


def yolo_person(one: np.ndarray) -> dict[str, Any]:
    return {
        "name": "person",
        "class": 0,
        "confidence": 0.9,
        "box": {"x1": 1.0, "y1": 1.0, "x2": 9.0, "y2": 9.0},
        "keypoints": {"x": one[:, 0].tolist(), "y": one[:, 1].tolist(), "visible": [0.9] * 17},
        "track_id": 1,
    }


def yolo_list(path: Path) -> Path:
    return write(path / "a.json", [[yolo_person(one)] for one in walker(COUNT)])


def yolo_folder(path: Path) -> Path:
    for i, one in enumerate(walker(COUNT)):
        write(path / "labels" / f"v_{i}.json", [yolo_person(one)])
    return path / "labels"


def yolo_txt(path: Path, rest: str = "", per: int = 3) -> Path:
    (path / "labels").mkdir()
    for i, one in enumerate(walker(COUNT)):
        triples = np.concatenate([one / SIZE, np.full((17, 1), 0.9)], axis=1)[:, :per]
        numbers = " ".join(f"{v:.9f}" for v in triples.ravel())
        (path / "labels" / f"clip_{i}.txt").write_text(f"0 0.5 0.5 0.1 0.1 {numbers}{rest}\n")
    return path / "labels"


def yolo_txt_tracked(path: Path) -> Path:
    return yolo_txt(path, " 0.91 4")


def yolo_txt_flat(path: Path) -> Path:
    return yolo_txt(path, per=2)


def videopose3d(path: Path) -> Path:
    content = {"clip.mp4": {"custom": [walker(COUNT).astype(np.float32)]}}
    metadata = {
        "layout_name": "coco",
        "num_joints": 17,
        "video_metadata": {"clip.mp4": {"w": 1920, "h": 1080}},
    }
    np.savez(
        path / "a.npz",
        positions_2d=np.array(content, dtype=object),
        metadata=np.array(metadata, dtype=object),
    )
    return path / "a.npz"


def detectron(path: Path) -> Path:
    keypoints = np.empty((COUNT, 2), dtype=object)
    boxes = np.empty((COUNT, 2), dtype=object)
    for i, one in enumerate(walker(COUNT)):
        keypoints[i, 0], boxes[i, 0] = [], []
        person = np.concatenate([one.T, np.zeros((1, 17)), np.full((1, 17), 0.9)])
        keypoints[i, 1] = person[None].astype(np.float32)
        boxes[i, 1] = np.array([[0, 0, 9, 9, 0.9]], np.float32)
    metadata = np.array({"w": 1920, "h": 1080}, dtype=object)
    np.savez(path / "a.npz", boxes=boxes, segments=boxes, keypoints=keypoints, metadata=metadata)
    return path / "a.npz"


def deeplabcut(path: Path, individuals: bool = False) -> Path:
    joints = [*COCO_17.joints, "tail"]
    names = [(joint, axis) for joint in joints for axis in ("x", "y", "likelihood")]
    head = [["scorer", *["DLC_resnet"] * len(names)]]
    head += [["individuals", *["one"] * len(names)]] * individuals
    head += [["bodyparts", *(n for n, _ in names)], ["coords", *(a for _, a in names)]]
    rows = [[str(i), *map(str, [*flat(one), 1, 2, 0.1])] for i, one in enumerate(walker(COUNT))]
    text = "\r\n".join(",".join(line) for line in [*head, *rows])
    (path / "a.csv").write_bytes(text.encode())
    return path / "a.csv"


def deeplabcut_many(path: Path) -> Path:
    return deeplabcut(path, individuals=True)


def deeplabcut_h5(path: Path) -> Path:
    h5py = pytest.importorskip("h5py")
    names = [("DLC", j, a) for j in COCO_17.joints for a in ("x", "y", "likelihood")]
    rows = np.zeros(COUNT, dtype=[("index", "<i8"), ("values_block_0", "<f8", (51,))])
    rows["index"] = np.arange(COUNT)
    rows["values_block_0"] = [flat(one) for one in walker(COUNT)]
    with h5py.File(path / "a.h5", "w") as file:
        made = file.create_group("df_with_missing").create_dataset("table", data=rows)
        made.attrs["values_block_0_kind"] = np.void(pickle.dumps(names, protocol=0))
    return path / "a.h5"


def pixel_trc(path: Path) -> Path:
    names = {"left": "L", "right": "R"}
    joints = [
        names.get(j.split("_")[0], "") + "".join(w.title() for w in j.split("_")[j[:1] in "lr" :])
        for j in HALPE_26.joints
    ]
    head = [
        "PathFileType\t4\t(X/Y/Z)\ta.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame"
        "\tOrigNumFrames",
        f"25\t25\t{COUNT}\t26\tm\t25\t0\t{COUNT}",
        "Frame#\tTime\t" + "\t\t\t".join(joints) + "\t\t",
        "\t\t" + "\t".join(f"X{i}\tY{i}\tZ{i}" for i in range(1, 27)),
    ]
    rows = [
        "\t".join(map(str, [i, i / 25, *(v for x, y in one.tolist() for v in (x, y, 0.0))]))
        for i, one in enumerate(clip("halpe_26"))
    ]
    (path / "a.trc").write_text("\n".join([*head, *rows]) + "\n")
    return path / "a.trc"


def npy(path: Path) -> Path:
    np.save(path / "a.npy", walker(COUNT))
    return path / "a.npy"


def npz_scores(path: Path) -> Path:
    triples = np.concatenate([walker(COUNT), np.full((COUNT, 17, 1), 0.9)], axis=2)
    np.savez(path / "a.npz", kpts=triples[:, None])
    return path / "a.npz"


def body_of() -> np.ndarray:
    """(2, 25, 2) the walker in OpenPose's order."""
    return in_order(walker(2), get_skeleton("body_25"))


Case = tuple[Callable[[Path], Path], str, str, dict[str, Any]]
SIZED = {"image_size": SIZE}
CASES: list[Case] = [
    (lambda path: alphapose(path, walker(COUNT)), "alphapose", "coco_17", {}),
    (lambda path: alphapose(path, clip("halpe_26"), idx=3), "alphapose", "halpe_26", {}),
    (alphapose_136, "alphapose", "halpe_26", {}),
    (alphapose_open, "alphapose", "openpose_18", {}),
    (alphapose_cmu, "alphapose", "openpose_18", {}),
    (coco_results, "coco-results", "coco_17", {}),
    (coco, "coco", "coco_17", {}),
    (coco_whole_body, "coco", "coco_23", {}),
    (mediapipe_list, "mediapipe", "mediapipe_33", SIZED),
    (mediapipe_people, "mediapipe", "mediapipe_33", SIZED),
    (mediapipe_bare, "mediapipe", "mediapipe_33", SIZED),
    (mediapipe_numbered, "mediapipe-csv", "mediapipe_33", SIZED),
    (mediapipe_underscored, "mediapipe-csv", "mediapipe_33", SIZED),
    (mediapipe_named, "mediapipe-csv", "mediapipe_33", SIZED),
    (mediapipe_long, "mediapipe-csv", "mediapipe_33", SIZED),
    (yolo_list, "yolo", "coco_17", {}),
    (yolo_folder, "yolo", "coco_17", {}),
    (yolo_txt, "yolo-txt", "coco_17", SIZED),
    (yolo_txt_tracked, "yolo-txt", "coco_17", SIZED),
    (yolo_txt_flat, "yolo-txt", "coco_17", SIZED),
    (videopose3d, "videopose3d", "coco_17", {}),
    (detectron, "detectron", "coco_17", {}),
    (deeplabcut, "deeplabcut", "coco_17", {}),
    (deeplabcut_many, "deeplabcut", "coco_17", {}),
    (deeplabcut_h5, "deeplabcut-h5", "coco_17", {}),
    (pixel_trc, "trc", "halpe_26", {}),
    (npy, "numpy", "coco_17", {"skeleton": "coco_17"}),
    (npz_scores, "numpy", "coco_17", {"skeleton": "coco_17"}),
]
IDS = [make.__name__ if make.__name__ != "<lambda>" else name for make, name, _, _ in CASES]


def moving(skeleton: str = "h36m_17") -> Results:
    """One person in the room, metres."""

    joints = get_skeleton(skeleton)
    rng = np.random.default_rng(0)
    rest = rng.uniform(-0.8, 0.8, (len(joints), 3))
    positions = rest + 0.02 * rng.normal(size=(5, len(joints), 3))
    positions -= positions[:, joints.root : joints.root + 1]
    sequence = PoseSequence(
        positions.astype(np.float32),
        joints,
        scores=np.full(positions.shape[:2], np.nan),
        frames=np.arange(5),
        times=np.arange(5) / 25,
        fps=25.0,
        image_size=None,
        units="m",
        axes=AXES_3D,
        tracks={"root": np.array([[0.1 * i, 0.2, 3.0] for i in range(5)], np.float32)},
    )
    return Results((Person.only_3d(sequence),), {})


BVH = """HIERARCHY
ROOT Hips
{
	OFFSET 0 0 0
	CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
	JOINT Spine
	{
		OFFSET 0 60 0
		CHANNELS 3 Zrotation Xrotation Yrotation
		End Site
		{
			OFFSET 0 30 0
		}
	}
	JOINT LeftUpLeg
	{
		OFFSET 10 0 0
		CHANNELS 3 Zrotation Xrotation Yrotation
		JOINT LeftLeg
		{
			OFFSET 0 -80 0
			CHANNELS 3 Zrotation Xrotation Yrotation
		}
	}
}
MOTION
Frames: 2
Frame Time: 0.04
0 90 0 0 0 0 0 0 0 0 0 0 0 0 0
5 90 0 90 0 0 0 0 0 0 0 0 0 0 0
"""
