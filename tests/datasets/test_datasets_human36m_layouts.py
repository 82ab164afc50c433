"""GridConv's and MMPose's files of Human3.6M, and telling the three layouts apart."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from human36m_samples import TEST, TRAIN, gridconv_dicts, write_mmpose, write_videopose3d
from poselift.datasets import (
    LiftingData,
    load_gridconv,
    load_human36m,
    load_mmpose_h36m,
    open_human36m,
)
from poselift.errors import PoseliftError
from poselift.skeletons import H36M_16
from python2_pickles import python2_torch

FACTS = ("subject", "action", "camera", "frame", "intrinsics")


def write_gridconv(folder: Path, change: Callable[[dict, dict], None] | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for phase, sequences in (("train", TRAIN), ("test", TEST)):
        flat, poses = gridconv_dicts(sequences)
        if change is not None:
            change(flat, poses)
        for kind, content in (("2d", flat), ("3d", poses)):
            path = folder / f"{phase}_custom_{kind}_unnorm.pth.tar"
            path.write_bytes(python2_torch(content))


def sorted_rows(data: LiftingData) -> LiftingData:
    """Rows by clip name, camera and frame, for layouts of other orders."""
    names = [data.clips[clip] for clip in data.clip]
    order = sorted(range(len(data)), key=lambda i: (names[i], data.camera[i], data.frame[i]))
    return data[np.array(order)]


def assert_same_people(one: LiftingData, other: LiftingData) -> None:
    one, other = sorted_rows(one), sorted_rows(other)
    assert sorted(one.clips) == sorted(other.clips)
    for name in FACTS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    np.testing.assert_allclose(one.poses, other.poses, rtol=0, atol=2e-6)
    np.testing.assert_allclose(one.root, other.root, rtol=0, atol=2e-6)
    np.testing.assert_allclose(one.keypoints, other.keypoints, rtol=0, atol=2e-3)


@pytest.mark.parametrize("split", ["test", "val", "train"])
def test_the_three_layouts_hold_the_same(split: str, tmp_path: Path) -> None:
    # the samples draw train and test one after the other, the two phases from the start
    for name in ("vp", "gc", "mm"):
        (tmp_path / name).mkdir()
    write_gridconv(tmp_path / "gc" / "gt")
    write_mmpose(tmp_path / "mm")
    gridconv = load_gridconv(tmp_path / "gc" / "gt", split)
    mmpose = load_mmpose_h36m(tmp_path / "mm" / "fps50", split)
    assert_same_people(gridconv, mmpose)
    assert gridconv.name == f"human36m {split}, gt"
    assert mmpose.name == f"human36m {split}, gt (MMPose)"
    assert set(map(tuple, gridconv.image_size)) == {(1000, 1000)}
    assert set(map(tuple, mmpose.image_size)) == {(1000, 1000), (1000, 1002)}
    write_videopose3d(tmp_path / "vp")
    reference = load_human36m(tmp_path / "vp", split)
    assert sorted(reference.clips) == sorted(mmpose.clips)
    if split != "test":  # train comes first in both
        assert_same_people(reference, mmpose)


def test_gridconv_rows_come_in_the_order_of_the_tables(tmp_path: Path) -> None:
    write_gridconv(tmp_path / "hrnet")
    seen: list[tuple[int, int]] = []
    data = load_gridconv(
        tmp_path / "hrnet",
        "test",
        drop_drifting=True,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert data.name == "human36m test, hrnet, without the 12 drifting sequences of S9"
    assert data.clips[:3] == ("S9 Sitting", "S9 WalkDog 1", "S11 Directions 1")
    assert data.camera[:16].tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4
    assert seen == [(done, 20) for done in range(1, 21)]
    only = load_gridconv(tmp_path / "hrnet", "test", actions=["Photo"], subjects=["S11"])
    assert only.clips == ("S11 Photo",)


def test_gridconv_files_as_its_page_describes_them(tmp_path: Path) -> None:
    """`joints_3d`, and the camera as a list."""

    def change(flat: dict, poses: dict) -> None:
        for entry in poses.values():
            entry["joints_3d"] = entry.pop("joint_3d")
            entry["camera"] = [entry["camera"][name] for name in ("fx", "fy", "cx", "cy")]

    write_gridconv(tmp_path / "gt")
    write_gridconv(tmp_path / "page", change)
    assert_same_people(
        load_gridconv(tmp_path / "gt", "test"), load_gridconv(tmp_path / "page", "test")
    )


def test_gridconv_files_of_today_are_read(tmp_path: Path) -> None:
    """The samples are written as the published files were, by Python 2; this is today's torch."""
    torch = pytest.importorskip("torch")
    write_gridconv(tmp_path / "gt")
    for kind, content in zip(("2d", "3d"), gridconv_dicts(TEST), strict=True):
        (tmp_path / "new").mkdir(exist_ok=True)
        torch.save(content, tmp_path / "new" / f"test_custom_{kind}_unnorm.pth.tar")
    assert_same_people(
        load_gridconv(tmp_path / "gt", "test"), load_gridconv(tmp_path / "new", "test")
    )


KEY = ("S9", "Sitting", "Sitting.58860488")


def replaced(key: tuple, value: Any = None, entry: str | None = None) -> Callable:
    """Change what one key (or an entry of its poses) holds; without a value it is deleted."""

    def change(flat: dict, poses: dict) -> None:
        target: Any = flat if entry is None else poses
        if key not in target and entry is not None:
            return
        target, name = (target, key) if not entry else (target[key], entry)
        if value is None:
            del target[name]
        else:
            target[name] = value

    return change


def only_test(change: Callable) -> Callable:
    """Leave train as it is."""

    def wrapped(flat: dict, poses: dict) -> None:
        if KEY in flat:
            change(flat, poses)

    return wrapped


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            replaced(KEY, np.zeros((4, 32), np.float32)),
            r"2d_unnorm.pth.tar: \('S9', 'Sitting', 'Sitting.58860488'\): expected an array of "
            r"\(frames, 34\), found \(4, 32\)",
        ),
        (replaced(KEY, "x"), r"expected an array of \(frames, 34\), found a str"),
        (
            replaced(KEY, entry="joint_3d"),
            r"joint_3d: expected an array of \(frames, 51\), found a",
        ),
        (replaced(KEY, np.zeros((4, 2)), "pelvis"), r"pelvis: expected an array of \(frames, 3\)"),
        (
            replaced(KEY, np.zeros((3, 3)), "pelvis"),
            r"expected 4 frames of pelvis as there are of keypoints, found 3",
        ),
        (replaced(KEY, [1.0, 2.0], "camera"), r"expected a camera of fx, fy, cx, cy"),
        (lambda flat, poses: poses.pop(KEY), r"expected a dict of joint_3d, pelvis and camera"),
        (
            replaced(("S9", "Sitting"), 1),
            r"expected keys \(subject, action, file name\), got \('S9'",
        ),
        (
            replaced(("S9", "Sitting", "Sitting.1"), 1),
            r"ends in one of the cameras 54138969, 550112",
        ),
        (replaced(("S9", "x", "Jump.54138969"), 1), r"unknown action 'Jump', expected one of Dire"),
        (
            lambda flat, poses: [flat.pop(key) for key in list(flat) if key[0] == "S11"],
            r"expected subject S11, found no sequence of it",
        ),
        (
            lambda flat, poses: [x.update(joint_3d=x["joint_3d"] / 1000) for x in poses.values()],
            r"3d_unnorm.pth.tar: expected people in metres, but the poses typically reach 0.00",
        ),
    ],
)
def test_gridconv_files_that_do_not_fit_are_refused(
    change: Callable, message: str, tmp_path: Path
) -> None:
    write_gridconv(tmp_path / "gt", only_test(change))
    with pytest.raises(PoseliftError, match=message):
        load_gridconv(tmp_path / "gt", "test")


def test_missing_gridconv_files_and_other_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        PoseliftError, match=r"test_custom_2d_unnorm\.pth\.tar: no such file; docs/"
    ):
        load_gridconv(tmp_path, "test")
    (tmp_path / "test_custom_2d_unnorm.pth.tar").write_bytes(python2_torch([1]))
    with pytest.raises(PoseliftError, match="expected a dict, found a list"):
        load_gridconv(tmp_path, "test")


def test_mmpose_frames_keep_their_numbers(tmp_path: Path) -> None:
    """At 10 fps every fifth frame is there; numbers are those of the video, from 0."""
    write_mmpose(tmp_path, step=2)
    seen: list[tuple[int, int]] = []
    data = load_mmpose_h36m(
        tmp_path / "fps25",
        "test",
        drop_drifting=True,
        progress=lambda done, total: seen.append((done, total)),
    )
    rows = data[(data.clip == data.clips.index("S9 Sitting")) & (data.camera == 3)]
    assert rows.frame.tolist() == [0, 2]
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert data.name == "human36m test, gt (MMPose), without the 12 drifting sequences of S9"
    assert not {"S11 Directions", "S9 Greeting"} & set(data.clips)


def rewrite(path: Path, **arrays: Any) -> None:
    """Change some arrays of a `.npz` file."""
    with np.load(path) as old:
        content = {**old, **arrays}
    np.savez(path, **content)


def test_mmpose_joints_that_are_not_seen_are_missing(tmp_path: Path) -> None:
    write_mmpose(tmp_path)
    path = tmp_path / "fps50" / "h36m_test.npz"
    part = np.load(path)["part"]
    part[:, 5, 2] = 0
    rewrite(path, part=part)
    missing = np.isnan(load_mmpose_h36m(tmp_path / "fps50", "test").keypoints).all(axis=(0, 2))
    assert np.flatnonzero(missing).tolist() == [5]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"imgname": np.array(["S9_x.jpg"] * 92)},
            r"row 0: expected a name like S1_Directions_1\.5",
        ),
        ({"imgname": np.array(["S9_Sitting.1_1.jpg"])}, r"row 0: unknown camera 1 in 'S9_Sitting"),
        ({"imgname": np.array(["S9_Jump.54138969_1.jpg"])}, r"row 0: unknown action 'Jump', expec"),
        ({"imgname": np.zeros((2, 2))}, r"expected imgname to be a list of names"),
        (
            {"S": np.zeros((3, 17, 4))},
            r"S of shape \(88, 17, 4\) in numbers, found \(3, 17, 4\) of float64",
        ),
        ({"S": np.full((88, 17, 4), "+")}, r"in numbers, found \(88, 17, 4\) of <U1"),
        (
            {"part": np.zeros((88, 16, 3))},
            r"expected part of shape \(88, 17, 3\) in numbers, found \(88, 16, 3",
        ),
        ({"S": np.full((88, 17, 4), 3000.0)}, r"expected people in metres"),
    ],
)
def test_mmpose_files_that_do_not_fit_are_refused(
    arrays: dict[str, Any], message: str, tmp_path: Path
) -> None:
    write_mmpose(tmp_path)
    rewrite(tmp_path / "fps50" / "h36m_test.npz", **arrays)
    with pytest.raises(PoseliftError, match=message):
        load_mmpose_h36m(tmp_path / "fps50", "test")


def test_mmpose_cameras_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match=r"h36m_test\.npz: no such file; docs/data\.md says"):
        load_mmpose_h36m(tmp_path, "test")
    write_mmpose(tmp_path)
    path = tmp_path / "cameras.pkl"
    cameras = pickle.loads(path.read_bytes())
    del cameras["S9", "55011271"]["f"]
    path.write_bytes(pickle.dumps(cameras))
    with pytest.raises(
        PoseliftError, match=r"expected a camera \('S9', '55011271'\) with f, c, w and h"
    ):
        load_mmpose_h36m(tmp_path / "fps50", "test")
    path.write_bytes(pickle.dumps([cameras]))
    with pytest.raises(PoseliftError, match=r"cameras\.pkl: expected a dict, found a list"):
        load_mmpose_h36m(tmp_path / "fps50", "test")
    path.unlink()
    with pytest.raises(PoseliftError, match=r"cameras\.pkl: no such file; docs/data\.md says"):
        load_mmpose_h36m(tmp_path / "fps50", "test")


def test_a_folder_is_recognised_by_its_files(tmp_path: Path) -> None:
    (tmp_path / "vp").mkdir()
    write_videopose3d(tmp_path / "vp")
    write_videopose3d(tmp_path / "vp", "cpn_ft_h36m_dbb")
    write_gridconv(tmp_path / "data" / "hrnet")
    write_mmpose(tmp_path / "mm")
    names = {
        ("vp", "cpn"): "human36m test, cpn",
        ("data", "hrnet"): "human36m test, hrnet",
        ("data/hrnet", "hrnet"): "human36m test, hrnet",
        ("mm/fps50", "gt"): "human36m test, gt (MMPose)",
    }
    for (folder, detections), name in names.items():
        data = open_human36m(tmp_path / folder, "test", detections)
        assert data.name == name
        fewer = open_human36m(tmp_path / folder, "test", detections, skeleton="h36m_16")
        assert fewer.skeleton == H36M_16
        np.testing.assert_array_equal(fewer.poses[:, 9], data.poses[:, 10])
        np.testing.assert_array_equal(fewer.keypoints[:, 9], data.keypoints[:, 10])


def test_no_layout_or_two_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match=r"found none of these files; docs/data\.md says how"):
        open_human36m(tmp_path, "test")
    write_mmpose(tmp_path / "mm")
    folder = tmp_path / "mm" / "fps50"
    with pytest.raises(PoseliftError, match=r"MMPose's files have keypoints of 'gt' only"):
        open_human36m(folder, "test", "cpn")
    with pytest.raises(PoseliftError, match=r"expected the 32 joints of h36m_32, found 17 joints"):
        open_human36m(folder, "test", skeleton="h36m_32")
    write_videopose3d(folder)
    with pytest.raises(PoseliftError, match=r"as prepared by VideoPose3D and MMPose, expected one"):
        open_human36m(folder, "test")
