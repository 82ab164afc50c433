"""Readers of OpenPose and MMPose files, and how a format is recognised."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import poselift.io.formats
from io_samples import (
    body_25,
    in_order,
    mmpose_frames,
    mmpose_instance,
    openpose_frame,
    pair,
    sequence,
    triples,
    walker,
    write,
)
from poselift.errors import PoseliftError
from poselift.io import (
    AXES,
    Format,
    all_formats,
    format_names,
    load_poses,
    read_detections,
    registry,
    save,
    save_all,
    write_keypoints,
    writers,
)
from poselift.io.jointsets import from_joint_names
from poselift.io.numbering import number_files
from poselift.poses import Results
from poselift.skeletons import BODY_25, BODY_25B, H36M_17, get_skeleton, skeleton_names

CAMERAS = ("cam01", "cam03")


# OpenPose


@pytest.mark.parametrize("camera", CAMERAS)
def test_real_folder_and_real_single_file_agree(shared: Path, camera: str) -> None:
    data = shared / "data" / "pose2sim" / "balancing"
    folder = read_detections(data / f"{camera}_json")
    single = read_detections(data / f"{camera}_body25b.json")
    for name in ("frames", "keypoints", "scores", "person_ids"):
        np.testing.assert_array_equal(getattr(folder, name), getattr(single, name))
    assert folder.skeleton == single.skeleton == BODY_25B
    assert folder.frame_count == single.frame_count == 100
    assert (single.fps, single.image_size) == (60.0, (1088, 1920))
    assert (folder.fps, folder.image_size) == (None, None)
    assert any("body_25b" in note for note in folder.notes)


@pytest.mark.parametrize("camera", CAMERAS)
def test_wrong_order_of_25_joints_is_refused_by_name(shared: Path, camera: str) -> None:
    folder = shared / "data" / "pose2sim" / "balancing" / f"{camera}_json"
    with pytest.raises(PoseliftError, match=r"fit body_25b \(--skeleton body_25b\)"):
        read_detections(folder, skeleton="body_25")
    assert read_detections(folder, skeleton="body_25b").skeleton == BODY_25B


def test_real_undetected_joints_are_missing(shared: Path) -> None:
    file = shared / "data" / "pose2sim" / "balancing" / "cam01_body25b.json"
    raw = json.loads(file.read_text())
    zeros = sum(
        person[i : i + 3] == [0, 0, 0]
        for frame in raw["frames"]
        for person in frame["people"]
        for i in range(0, 75, 3)
    )
    found = read_detections(file)
    assert zeros > 0
    assert np.isnan(found.keypoints[..., 0]).sum() == zeros
    assert (found.scores[np.isnan(found.keypoints[..., 0])] == 0).all()


def test_body_25_is_recognised_and_confirmed(tmp_path: Path) -> None:
    file = write(tmp_path / "a.json", openpose_frame(*body_25(1)))
    assert read_detections(file).skeleton == BODY_25
    assert read_detections(file, skeleton="body_25").skeleton == BODY_25
    with pytest.raises(PoseliftError, match="--skeleton body_25\\)"):
        read_detections(file, skeleton="body_25b")


def test_25_joints_that_do_not_say_are_the_documented_default(tmp_path: Path) -> None:
    points = np.full((25, 2), np.nan)
    points[[2, 3, 4]] = [[100, 100], [110, 120], [120, 140]]
    found = read_detections(write(tmp_path / "a.json", openpose_frame(points)))
    assert found.skeleton == BODY_25
    assert any("taken as body_25, the poses do not say" in note for note in found.notes)


@pytest.mark.parametrize(("name", "count"), [("coco_17", 17), ("halpe_26", 26)])
def test_other_counts_have_one_meaning(tmp_path: Path, name: str, count: int) -> None:
    points = in_order(walker(1), get_skeleton(name))[0]
    found = read_detections(write(tmp_path / "a.json", openpose_frame(points)))
    assert (found.skeleton.name, found.keypoints.shape) == (name, (1, count, 2))
    np.testing.assert_allclose(found.keypoints[0], points.astype(np.float32), atol=1e-3)


def test_gaps_in_file_names_stay_gaps(tmp_path: Path) -> None:
    for number in (12, 9, 10, 103):
        write(tmp_path / f"cam2_{number}_keypoints.json", openpose_frame(*body_25(1)))
    write(tmp_path / "cam2_11_keypoints.json", {"people": []})
    (tmp_path / "notes.txt").write_text("not a frame")
    found = read_detections(tmp_path)
    assert found.frames.tolist() == [9, 10, 12, 103]
    assert found.frame_count == 104


NAMES = [
    (["b", "a"], [(0, "a"), (1, "b")], "without frame numbers"),
    (["only7"], [(0, "only7")], "one file"),
    (["f2", "f10"], [(2, "f2"), (10, "f10")], "frame numbers"),
    (["c.0001.v2", "c.0003.v2"], [(1, "c.0001.v2"), (3, "c.0003.v2")], "frame numbers"),
    (["clip1.0009", "clip1.0010"], [(9, "clip1.0009"), (10, "clip1.0010")], "frame numbers"),
    (["a_0_t0.00", "a_1_t0.03"], [(0, "a_0_t0.00"), (1, "a_1_t0.03")], "frame numbers"),
    (["7_0330", "8_0660", "9_0990"], [(7, "7_0330"), (8, "8_0660"), (9, "9_0990")], "group 1 of 2"),
    (["t0.5", "t0.25"], [(0, "t0.25"), (1, "t0.5")], "decimal seconds"),
    (
        ["11-59-59", "12-00-59", "12-00-00"],
        [(0, "11-59-59"), (1, "12-00-00"), (2, "12-00-59")],
        "k",
    ),
]


@pytest.mark.parametrize(("names", "expected", "note"), NAMES)
def test_frame_numbers(names: list[str], expected: list[tuple[int, str]], note: str) -> None:
    found = number_files(names, "folder")
    assert list(found.frames) == expected
    assert re.search(note, found.note)


def test_times_of_names() -> None:
    assert number_files(["t0.5", "t0.25"], "folder").times == (0.25, 0.5)
    found = number_files(["11-59-59", "12-00-59", "12-00-00"], "folder")
    assert found.times == (0.0, 1.0, 60.0)


def test_names_that_do_not_tell_are_refused() -> None:
    with pytest.raises(PoseliftError, match=r"a_1 and b_01 have the same frame number 1"):
        number_files(["a_1", "b_01"], "folder")
    with pytest.raises(PoseliftError, match="15 digits"):
        number_files(["1234567890123456", "2"], "folder")
    with pytest.raises(PoseliftError, match=r"several numbers .*, expected one that counts"):
        number_files(["1_9", "2_8", "3_7"], "folder")


def test_list_of_frames_and_person_ids(tmp_path: Path) -> None:
    frames = [openpose_frame(one, person_id=7) for one in body_25(3)]
    found = read_detections(write(tmp_path / "a.json", frames))
    assert found.person_ids.tolist() == [7, 7, 7]
    assert found.frames.tolist() == [0, 1, 2]


def test_person_without_body_is_none(tmp_path: Path) -> None:
    frame = openpose_frame(*body_25(1), np.full((25, 2), np.nan))
    frame["people"].append({"pose_keypoints_2d": [], "face_keypoints_2d": [1, 2, 0.5]})
    assert len(read_detections(write(tmp_path / "a.json", frame))) == 1


# MMPose


def test_mmpose_layouts_agree(tmp_path: Path) -> None:
    points = walker(4)
    video = write(tmp_path / "v.json", mmpose_frames(points))
    demo = write(
        tmp_path / "d.json", {"meta_info": {}, "instance_info": mmpose_frames(points, first=1)}
    )
    one, other = read_detections(video), read_detections(demo)
    for name in ("frames", "keypoints", "scores", "person_ids"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.frames.tolist() == [0, 1, 2, 3]
    assert one.skeleton.name == "coco_17"
    np.testing.assert_allclose(one.keypoints, points)
    assert (one.person_ids == -1).all()


def test_mmpose_image_forms(tmp_path: Path) -> None:
    people = [mmpose_instance(one) for one in walker(2)]
    plain = read_detections(write(tmp_path / "a.json", people))
    demo = read_detections(write(tmp_path / "b.json", {"meta_info": {}, "instance_info": people}))
    for found in (plain, demo):
        assert found.frames.tolist() == [0, 0]
        assert found.frame_count == 1


def test_mmpose_h36m_by_choice_and_by_names(tmp_path: Path) -> None:
    points = in_order(walker(1), H36M_17)
    points = np.nan_to_num(points, nan=300.0)
    plain = write(tmp_path / "a.json", mmpose_frames(points))
    assert read_detections(plain, skeleton="h36m_17").skeleton == H36M_17
    words = {"pelvis": "root", "right_ankle": "right_foot", "left_ankle": "left_foot"}
    names = {str(i): words.get(joint, joint) for i, joint in enumerate(H36M_17.joints)}
    names["9"] = "neck_base"
    named = {
        "meta_info": {"keypoint_id2name": names, "fps": 25, "image_size": [640, 480]},
        "instance_info": mmpose_frames(points, first=1),
    }
    found = read_detections(write(tmp_path / "b.json", named))
    assert (found.skeleton, found.fps, found.image_size) == (H36M_17, 25.0, (640, 480))
    with pytest.raises(PoseliftError, match="joint names are those of h36m_17"):
        read_detections(tmp_path / "b.json", skeleton="coco_17")


def test_mmpose_keeps_track_ids_and_gaps(tmp_path: Path) -> None:
    frames = mmpose_frames(walker(2), track_id=3)
    frames[1]["frame_id"] = 40
    found = read_detections(write(tmp_path / "a.json", frames))
    assert found.person_ids.tolist() == [3, 3]
    assert found.frames.tolist() == [0, 40]
    assert found.frame_count == 41


# Keys in any order, NaN, byte order marks


def test_a_header_is_the_same_behind_its_frames(tmp_path: Path) -> None:
    frames = [openpose_frame(one) for one in body_25(3)]
    head = {"fps": 9, "image_size": [640, 480], "keypoint_names": list(BODY_25.joints)}
    one = read_detections(write(tmp_path / "a.json", {**head, "frames": frames}))
    other = read_detections(write(tmp_path / "b.json", {"frames": frames, **head}))
    for found in (one, other):
        assert (found.fps, found.image_size, found.skeleton) == (9.0, (640, 480), BODY_25)
        assert found.frame_count == 3
    np.testing.assert_array_equal(one.keypoints, other.keypoints)


@pytest.mark.parametrize("name", ["openpose", "mmpose"])
def test_nan_is_missing_and_a_mark_is_no_content(tmp_path: Path, name: str) -> None:
    """Python's own JSON module writes NaN; what looks like it inside a text stays text."""
    bodies = body_25(3) if name == "openpose" else walker(3)
    frames = [openpose_frame(x) for x in bodies] if name == "openpose" else mmpose_frames(bodies)
    whole = read_detections(write(tmp_path / "a.json", frames))
    frames[1]["note"] = 'x, NaN, "NaN'
    if name == "openpose":
        frames[1]["people"][0]["pose_keypoints_2d"][6:9] = [float("nan")] * 3
    else:
        frames[1]["instances"][0]["keypoints"][2] = [float("nan")] * 2
        frames[1]["instances"][0]["keypoint_scores"][2] = float("nan")
    (tmp_path / "b.json").write_text("\ufeff" + json.dumps(frames), encoding="utf-8")
    found = read_detections(tmp_path / "b.json")
    assert np.isnan(found.keypoints[1, 2]).all()
    kept = np.ones(found.scores.shape, dtype=bool)
    kept[1, 2] = False
    np.testing.assert_array_equal(found.keypoints[kept], whole.keypoints[kept])


def test_long_own_json_is_read_in_blocks(tmp_path: Path) -> None:
    path, long = tmp_path / "a.json", sequence(5000)
    write_keypoints(path, [long])
    assert load_poses(path) == long


# Recognition and options


@pytest.mark.parametrize("name", skeleton_names())
def test_joint_names_find_their_skeleton(name: str) -> None:
    joints = get_skeleton(name).joints
    assert from_joint_names(joints, "file").joints == joints


def test_format_list() -> None:
    assert {"auto", "openpose", "mmpose", "poselift"} <= set(format_names())
    assert set(writers(flat=True)) >= {".npz", ".json"}
    assert set(writers()) >= {".npz", ".json", ".html"}


@pytest.mark.parametrize("entry", all_formats(), ids=lambda entry: entry.name)
def test_a_format_says_what_it_is(entry: Format) -> None:
    assert entry.summary
    assert entry.holds in ("2D", "3D", "2D, 3D", "angles")
    assert entry.persons in ("one", "many")
    assert entry.axes in (None, *AXES)
    assert all(suffix == suffix.lower() for suffix in entry.suffixes)
    assert (entry.read is None) == (entry.matches is None) == (entry.recognised == "")
    assert entry.read or entry.write or entry.write_2d


def test_a_format_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger adds a format by adding a module; here one that only writes."""
    folder = tmp_path / "formats"
    folder.mkdir()
    (folder / "counting.py").write_text(
        "from poselift.io.registry import Format\n"
        "def write(results, stream, options):\n"
        "    stream.write(f'{len(results)} {options.axes} {options.title}'.encode())\n"
        "FORMAT = Format('counting', 'counts', {'.count': 'a number'}, '3D', persons='one',\n"
        "                axes='y-up', write=write, sidecar=True)\n"
    )
    monkeypatch.setattr(
        poselift.io.formats, "__path__", [*poselift.io.formats.__path__, str(folder)]
    )
    all_formats.cache_clear()
    two = Results((pair(person_id=3), pair(person_id=12)))
    try:
        assert two.save(tmp_path / "a.count") == tuple(
            tmp_path / name for name in ("a.person03.count", "a.person12.count", "a.poselift.json")
        )
        assert save(Results((pair(),)), tmp_path / "b.count", axes="z-up", title="t")
    finally:
        monkeypatch.undo()
        all_formats.cache_clear()
        sys.modules.pop("poselift.io.formats.counting")
    assert (tmp_path / "a.person03.count").read_text() == "1 y-up a"
    assert (tmp_path / "b.count").read_text() == "1 z-up t"
    facts = json.loads((tmp_path / "b.poselift.json").read_text())
    (file,) = facts["files"]
    assert (file["name"], file["axes"]["name"], file["units"]) == ("b.count", "z-up", "m")
    assert facts["people"][0]["history_3d"] == ["made by a test", "lifted by a test"]


def test_what_cannot_be_saved_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    results = Results((pair(),))
    with pytest.raises(
        PoseliftError, match=r"cannot write '\.xyz', expected one of .*\.html \(page"
    ):
        results.save(tmp_path / "a.xyz")
    with pytest.raises(PoseliftError, match="axes 'up', expected one of camera, y-up, z-up"):
        results.save(tmp_path / "a.npz", axes="up")
    with pytest.raises(PoseliftError, match="at least one person"):
        save_all([(results, tmp_path / "a.npz"), (Results(()), tmp_path / "b.json")])
    assert not list(tmp_path.iterdir())


def test_two_formats_that_match_are_both_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = all_formats()
    other = replace(known[0], name="other", matches=lambda path: True, read=known[0].read or len)
    monkeypatch.setattr(registry, "all_formats", lambda: (*known, other))
    file = write(tmp_path / "a.json", openpose_frame(*body_25(1)))
    with pytest.raises(PoseliftError, match="looks like openpose and other, say which"):
        read_detections(file)
    assert len(read_detections(file, format="openpose")) == 1


def test_the_users_size_and_rate_win_and_are_noted(tmp_path: Path) -> None:
    frames = {"fps": 25, "image_size": [100, 50], "frames": [openpose_frame(*body_25(1))]}
    file = write(tmp_path / "a.json", frames)
    kept = read_detections(file)
    assert (kept.fps, kept.image_size) == (25.0, (100, 50))
    found = read_detections(file, fps=50.0, image_size=(200, 100))
    assert (found.fps, found.image_size) == (50.0, (200, 100))
    assert any("25 in the file" in note for note in found.notes)
    assert any("(100, 50) in the file" in note for note in found.notes)


def test_a_bare_list_of_numbers_is_a_person_too(tmp_path: Path) -> None:
    people = {"frames": [{"people": [triples(one)]} for one in body_25(2)]}
    assert len(read_detections(write(tmp_path / "a.json", people))) == 2
