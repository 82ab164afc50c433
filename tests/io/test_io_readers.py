"""Readers of other programs' files: a small file of each layout gives the poses it was made of."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from io_samples import in_order, walker, write
from poselift.errors import PoseliftError
from poselift.io import find_format, load, read_detections
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


@pytest.mark.parametrize(("make", "name", "skeleton", "options"), CASES, ids=IDS)
def test_each_layout_gives_the_poses_it_was_made_of(
    tmp_path: Path, make: Callable[[Path], Path], name: str, skeleton: str, options: dict[str, Any]
) -> None:
    path = make(tmp_path)
    assert find_format(path).name == name
    found = read_detections(path, **options)
    assert found.skeleton.name == skeleton
    assert found.frames.tolist() == [0, 1, 2, 3]
    assert found.frame_count == COUNT
    seen = slice(0, 17) if skeleton == "coco_23" else slice(None)
    np.testing.assert_allclose(found.keypoints[:, seen], clip(skeleton)[:, seen], atol=2e-3)


@pytest.mark.parametrize("make", [mediapipe_list, mediapipe_long, yolo_txt])
def test_without_the_pictures_size_shares_of_it_are_refused(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    path = make(tmp_path)
    with pytest.raises(PoseliftError, match=r"0\.\.1 of the picture, say its size \(--size\)"):
        read_detections(path)
    normalised = read_detections(path, normalised=True, image_size=SIZE)
    np.testing.assert_array_equal(
        normalised.keypoints, read_detections(path, image_size=SIZE).keypoints
    )


def test_trackers_numbers_and_times_are_kept(tmp_path: Path) -> None:
    assert read_detections(alphapose(tmp_path, walker(4), idx=[[5]])).person_ids.tolist() == [5] * 4
    assert read_detections(yolo_list(tmp_path)).person_ids.tolist() == [1] * 4
    labels = read_detections(yolo_txt_tracked(tmp_path), image_size=SIZE)
    assert labels.person_ids.tolist() == [4] * 4
    timed = read_detections(mediapipe_people(tmp_path), image_size=SIZE)
    assert timed.fps == 25.0
    assert timed.times is not None
    np.testing.assert_allclose(timed.times, [0, 0.04, 0.08, 0.12])


def test_pictures_keep_their_numbers_and_sizes(tmp_path: Path) -> None:
    entries = json.loads(alphapose(tmp_path, walker(4)).read_text())
    for number, entry in zip((90, 92, 10, 91), entries, strict=True):
        entry["image_id"] = f"v_{number}.png"
    found = read_detections(write(tmp_path / "b.json", entries))
    assert found.frames.tolist() == [10, 90, 91, 92]
    np.testing.assert_allclose(found.keypoints[0], walker(4)[2], atol=1e-3)
    assert read_detections(coco(tmp_path)).image_size == SIZE
    assert read_detections(detectron(tmp_path)).image_size == SIZE


def test_irregular_times_mean_no_frame_rate(tmp_path: Path) -> None:
    content = json.loads(mediapipe_people(tmp_path).read_text())
    for frame, stamp in zip(content["frames"], (0, 40, 130, 150), strict=True):
        frame["timestamp_ms"] = stamp
    found = read_detections(write(tmp_path / "b.json", content), image_size=SIZE)
    assert found.fps is None
    assert any("irregular" in note for note in found.notes)


def _several_clips(path: Path) -> Path:
    one = walker(COUNT).astype(np.float32)
    content = {"S1": {"Walking": [one, one], "Eating": [one]}}
    np.savez(path / "a.npz", positions_2d=np.array(content, dtype=object))
    return path / "a.npz"


def _no_landmarks(path: Path) -> Path:
    return write(path / "a.json", [{"pose_landmarks": None}, {"pose_landmarks": []}])


def _wrong_width(path: Path) -> Path:
    labels = yolo_txt(path)
    (labels / "clip_9.txt").write_text("0 0.5 0.5 0.1 0.1 0.2 0.3\n")
    return labels


def _word(path: Path) -> Path:
    labels = yolo_txt(path)
    (labels / "clip_2.txt").write_text("0 0.5 x 0.1\n")
    return labels


def _no_picture(path: Path) -> Path:
    content = json.loads(coco(path).read_text())
    content["annotations"][2]["image_id"] = 1
    return write(path / "a.json", content)


def _no_body(path: Path) -> Path:
    text = deeplabcut(path).read_text()
    for joint in COCO_17.joints:
        text = text.replace(f"{joint},", f"wing of {joint},")
    (path / "a.csv").write_text(text)
    return path / "a.csv"


def _mixed(path: Path) -> Path:
    entries = json.loads(alphapose(path, walker(4)).read_text())
    return write(path / "a.json", [*entries[:3], entries[3] | {"image_id": 7}])


REFUSED: list[tuple[Callable[[Path], Path], str]] = [
    (_several_clips, "expected one clip, got 3: S1, Walking, camera 0, S1, Walking, camera 1"),
    (_no_landmarks, "no person in any frame"),
    (_wrong_width, r"17 or 26 joints in each line, got 7, 56 numbers"),
    (_word, r"clip_2\.txt, line 1: expected numbers"),
    (_no_picture, "annotation 2: there is no image 1"),
    (_no_body, "no known skeleton has joints of these names: wing of nose"),
    (_mixed, "looks like alphapose and coco-results, say which it is"),
    (npy, "does not say which joints it has"),
]


@pytest.mark.parametrize(("make", "match"), REFUSED)
def test_what_cannot_be_read_is_said(
    tmp_path: Path, make: Callable[[Path], Path], match: str
) -> None:
    with pytest.raises(PoseliftError, match=match):
        read_detections(make(tmp_path), image_size=SIZE)


def test_pictures_by_name_and_by_number_do_not_mix(tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match="entry 3: expected image_id as in the entries before"):
        read_detections(_mixed(tmp_path), format="alphapose")


# 3D


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


@pytest.mark.parametrize("suffix", [".trc", ".c3d"])
def test_markers_come_back(tmp_path: Path, suffix: str) -> None:
    if suffix == ".c3d":
        pytest.importorskip("ezc3d")
    (before,) = moving().people
    moving().save(tmp_path / f"a{suffix}")
    found = load(tmp_path / f"a{suffix}")
    assert isinstance(found, Results)
    after = found.people[0].poses_3d
    assert (after.skeleton.name, after.fps) == ("h36m_17", 25.0)
    assert after.axes.startswith("world")
    placed = before.poses_3d.placed * (1, -1, -1)
    np.testing.assert_allclose(after.placed, placed, atol=2e-4)
    np.testing.assert_allclose(after.times, before.poses_3d.times, atol=1e-6)


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


def test_bvh_is_read_in_metres_with_its_joints(tmp_path: Path) -> None:
    (tmp_path / "a.bvh").write_text(BVH)
    found = load(tmp_path / "a.bvh")
    assert isinstance(found, Results)
    one = found.people[0].poses_3d
    assert one.skeleton.joints == ("Hips", "Spine", "Spine_end", "LeftUpLeg", "LeftLeg")
    assert one.skeleton.landmarks[3:] == ("left_hip", "left_knee")
    assert (one.fps, one.times[1]) == (25.0, 0.04)
    np.testing.assert_allclose(one.placed[0, 4], (0.1, 0.1, 0.0), atol=1e-6)
    np.testing.assert_allclose(one.placed[1, 2], (0.05 - 0.9, 0.9, 0.0), atol=1e-6)
    assert any("units: cm" in step for step in one.history)


def test_bvh_becomes_a_model_that_moves(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    (tmp_path / "a.bvh").write_text(BVH.replace("Frames: 2", "Frames: 3"))
    status, out, err = run("convert", tmp_path / "a.bvh", "-o", tmp_path / "a.npz")
    assert (status, "announces 3 frames, 2 come" in err) == (0, True)
    assert "1 person, 2 frames" in out
    assert isinstance(load(tmp_path / "a.npz"), Results)


def test_markers_of_no_known_body_stay_themselves(tmp_path: Path) -> None:
    text = (
        "PathFileType\t4\t(X/Y/Z)\ta.trc\n"
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\n"
        "50\t50\t2\t2\tmm\t50\t1\nFrame#\tTime\tBall\t\t\tBat\t\t\n\t\tX1\tY1\tZ1\tX2\tY2\tZ2\n"
        "1\t0\t\t\t\t1000\t500\t0\n2\t0.02\t100\t200\t300\t1000\t500\t0\n"
    )
    (tmp_path / "a.trc").write_text(text)
    found = load(tmp_path / "a.trc")
    assert isinstance(found, Results)
    one = found.people[0].poses_3d
    assert (one.skeleton.joints, one.frames.tolist()) == (("Ball", "Bat"), [0, 1])
    np.testing.assert_allclose(one.placed[:, 1], [[1, 0.5, 0]] * 2, atol=1e-6)
    assert np.isnan(one.placed[0, 0]).all()
