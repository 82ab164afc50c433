"""Human3.6M as VideoPose3D prepares it, read from small files of the same structure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from human36m_samples import (
    ALL,
    KEEP17,
    SYMMETRY17,
    people,
    projected,
    write_keypoints,
    write_poses,
    write_videopose3d,
)
from poselift.datasets import LiftingData, load_human36m
from poselift.datasets.human36m_cameras import _PLACES, CAMERA_IDS, human36m_cameras
from poselift.datasets.human36m_protocol import ACTIONS, SKELETONS, joints_to_keep
from poselift.errors import PoseliftError
from poselift.geometry import H36M_S1_CAMERAS
from poselift.skeletons import H36M_16, H36M_17, H36M_32

SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
PIXEL = 2e-3  # what single precision leaves of 1000 pixels after a sum of squares


def sequences_of(data: LiftingData) -> list[str]:
    """Clips in the order of rows."""
    return [data.clips[clip] for clip in dict.fromkeys(data.clip.tolist())]


def test_cameras_of_s1_are_the_golden_ones(shared: Path) -> None:
    golden = np.load(shared / "golden" / "cameras_h36m_s1.npz")
    assert tuple(golden["camera_id"]) == CAMERA_IDS
    assert human36m_cameras("S1") == tuple(H36M_S1_CAMERAS.values())
    for number, camera in enumerate(human36m_cameras("S1")):
        np.testing.assert_array_equal(np.float32(camera.translation), golden["translation"][number])
        seen = camera.to_camera(golden["world"].astype(np.float64))
        np.testing.assert_allclose(seen, golden["camera_f64"][number], rtol=0, atol=1e-6)


def test_every_subject_was_seen_by_cameras_of_its_own() -> None:
    centres = {human36m_cameras(s)[c].translation for s in SUBJECTS for c in range(4)}
    turns = {human36m_cameras(s)[c].orientation for s in SUBJECTS for c in range(4)}
    assert len(centres) == len(turns) == 28
    for subject in SUBJECTS:
        for camera, first in zip(human36m_cameras(subject), human36m_cameras("S1"), strict=True):
            assert abs(np.linalg.norm(camera.orientation) - 1) < 1e-7
            # put up anew in the same corners of the room, turned by a few degrees
            assert np.linalg.norm(np.subtract(camera.translation, first.translation)) < 0.6
            assert abs(np.dot(camera.orientation, first.orientation)) > 0.999
            assert (camera.size, camera.focal) == (first.size, first.focal)


def test_the_calibration_is_single_precision_printed_in_full() -> None:
    """A digit mistyped makes a number that single precision does not have."""
    for places in _PLACES.values():
        numbers = np.array(places.split(), np.float64)
        np.testing.assert_allclose(numbers.astype(np.float32), numbers, rtol=1e-15, atol=0)


def test_all_cameras_look_at_the_middle_of_the_room() -> None:
    """Within a few degrees: a digit mistyped in an orientation would show here."""
    for subject in SUBJECTS:
        for camera in human36m_cameras(subject):
            x, y, z = camera.to_camera(np.array([0.1, 0.4, 0.9]))
            assert np.hypot(x, y) / z < 0.2
            assert 4 < z < 7
            # and stand upright: what is higher in the room is higher in the picture
            assert camera.to_camera(np.array([0.1, 0.4, 1.9]))[1] < y - 0.9


def test_the_joints_kept_are_those_of_the_papers() -> None:
    assert joints_to_keep(H36M_17, 32, "") == KEEP17
    assert joints_to_keep(H36M_16, 32, "") == [joint for joint in KEEP17 if joint != 14]
    assert joints_to_keep(H36M_16, 17, "") == [*range(9), *range(10, 17)]
    for skeleton in SKELETONS.values():
        assert joints_to_keep(skeleton, len(skeleton), "") == list(range(len(skeleton)))
    assert [list(H36M_17.left), list(H36M_17.right)] == SYMMETRY17


def test_a_split_comes_in_the_order_of_the_tables(tmp_path: Path) -> None:
    write_videopose3d(tmp_path)
    data = load_human36m(tmp_path, "test")
    assert data.name == "human36m test, gt"
    assert sequences_of(data) == [
        "S9 Greeting",
        "S9 Sitting",
        "S9 SittingDown 1",
        "S9 Waiting 1",
        "S9 WalkDog 1",
        "S11 Directions 1",
        "S11 Photo",
        "S11 Walking 1",
    ]
    assert len(data) == 4 * (2 + 4 + 2 + 2 + 3 + 2 + 2 + 2)
    first = data[data.clip == 1]
    assert first.camera.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4
    assert first.frame.tolist() == list(range(4)) * 4
    assert set(first.action) == {"Sitting"}
    assert set(data.action) <= set(ACTIONS)
    assert set(data.subject) == {9, 11}
    assert data.keypoints.dtype == data.poses.dtype == np.float32
    train = load_human36m(tmp_path, "train")
    assert sequences_of(train) == [
        "S1 Photo",
        "S5 Eating",
        "S6 Eating 2",
        "S7 WalkTogether",
        "S8 Smoking",
    ]
    assert sequences_of(load_human36m(tmp_path, "val")) == ["S8 Smoking"]


def test_rows_hold_what_the_cameras_saw(tmp_path: Path) -> None:
    world = write_videopose3d(tmp_path)
    data = load_human36m(tmp_path, "test")
    for number, camera in enumerate(human36m_cameras("S9")):
        rows = data[(data.clip == data.clips.index("S9 WalkDog 1")) & (data.camera == number)]
        seen = camera.to_camera(world["S9"]["WalkingDog 1"][:, KEEP17].astype(np.float64))
        np.testing.assert_allclose(rows.poses + rows.root[:, None], seen, rtol=0, atol=1e-6)
        assert not rows.poses[:, 0].any()
        np.testing.assert_allclose(rows.keypoints, camera.project(seen), rtol=0, atol=PIXEL)
        np.testing.assert_array_equal(rows.image_size, np.tile(np.float32(camera.size), (3, 1)))
        lens = np.float32([*camera.focal, *camera.center])
        np.testing.assert_array_equal(rows.intrinsics, np.tile(lens, (3, 1)))
    assert set(data.image_size[:, 1]) == {1000, 1002}


def test_keypoints_without_a_file_are_projected_alike(tmp_path: Path) -> None:
    """`data_2d_h36m_gt.npz` is the same projection, so that both ways agree."""
    world = write_videopose3d(tmp_path)
    from_file = load_human36m(tmp_path, "test")
    alone = tmp_path / "alone"
    alone.mkdir()
    write_poses(alone, world)
    made = load_human36m(alone, "test")
    assert made.name == "human36m test, gt projected from 3D"
    np.testing.assert_allclose(made.keypoints, from_file.keypoints, rtol=0, atol=PIXEL)
    np.testing.assert_array_equal(made.poses, from_file.poses)


@pytest.mark.parametrize("skeleton", [H36M_16, H36M_32])
def test_other_joint_sets_are_the_same_people(skeleton: Any, tmp_path: Path) -> None:
    write_videopose3d(tmp_path)
    data, other = (
        load_human36m(tmp_path, "test"),
        load_human36m(tmp_path, "test", skeleton=skeleton.name),
    )
    assert other.skeleton == skeleton
    mine = [i for i, joint in enumerate(H36M_17.joints) if joint in skeleton.joints]
    its = [skeleton.index(H36M_17.joints[i]) for i in mine]
    np.testing.assert_array_equal(other.poses[:, its], data.poses[:, mine])
    np.testing.assert_allclose(other.keypoints[:, its], data.keypoints[:, mine], rtol=0, atol=PIXEL)
    assert other.name.endswith("projected from 3D" if skeleton is H36M_32 else "gt")


def test_files_of_16_joints_are_read(tmp_path: Path) -> None:
    """SemGCN and PoseAug leave out the nose."""
    joints = [joint for joint in KEEP17 if joint != 14]
    write_videopose3d(tmp_path, "cpn_ft_h36m_dbb", joints=joints)
    data = load_human36m(tmp_path, "test", "cpn", skeleton="h36m_16")
    assert data.name == "human36m test, cpn"
    write_videopose3d(tmp_path)
    whole = load_human36m(tmp_path, "test", skeleton="h36m_16")
    np.testing.assert_array_equal(data.keypoints, whole.keypoints)
    with pytest.raises(PoseliftError, match=r"expected the 17 joints of h36m_17, found 16 joints"):
        load_human36m(tmp_path, "test", "cpn")


@pytest.mark.parametrize(
    ("detections", "file"),
    [("cpn", "cpn_ft_h36m_dbb"), ("detectron", "detectron_ft_h36m"), ("hr", "hr")],
)
def test_detections_longer_than_the_poses_are_cut(
    detections: str, file: str, tmp_path: Path
) -> None:
    write_videopose3d(tmp_path, file, extra_frames=3)
    data = load_human36m(tmp_path, "test", detections)
    assert len(data) == 76
    assert (data.keypoints > 0).all()
    assert data.name == f"human36m test, {detections}"


def test_drifting_sequences_are_left_out_where_asked(tmp_path: Path) -> None:
    write_videopose3d(tmp_path)
    whole = load_human36m(tmp_path, "test")
    data = load_human36m(tmp_path, "test", drop_drifting=True)
    assert data.name == "human36m test, gt, without the 12 drifting sequences of S9"
    gone = set(whole.clips) - set(data.clips)
    assert gone == {"S9 Greeting", "S9 SittingDown 1", "S9 Waiting 1"}
    views = {(clip, camera) for clip, camera in zip(whole.clip, whole.camera, strict=True)}
    kept = {(clip, camera) for clip, camera in zip(data.clip, data.camera, strict=True)}
    assert len(views) - len(kept) == 12
    # nothing is said of S9 where it is not among the subjects
    assert load_human36m(tmp_path, "val", drop_drifting=True).name == "human36m val, gt"


def test_a_choice_is_said_in_the_name(tmp_path: Path) -> None:
    write_videopose3d(tmp_path)
    seen: list[tuple[int, int]] = []
    data = load_human36m(
        tmp_path,
        "train",
        subjects=("S7", "S5"),
        actions=["WalkTogether", "Eating"],
        progress=lambda done, total: seen.append((done, total)),
    )
    assert data.name == "human36m train, gt, only S5 S7, only Eating WalkTogether"
    assert data.clips == ("S5 Eating", "S7 WalkTogether")
    assert seen == [(1, 2), (2, 2)]
    walking = load_human36m(tmp_path, "test", subjects=["S11"], actions=["Walking"])
    assert set(walking.action) == {"Walking"}


def test_a_file_without_joint_order_is_said_in_the_name(tmp_path: Path) -> None:
    world = write_videopose3d(tmp_path)
    bare = {
        subject: {action: projected(x, subject, KEEP17) for action, x in actions.items()}
        for subject, actions in world.items()
    }
    write_keypoints(tmp_path, "hr", bare)
    data = load_human36m(tmp_path, "test", "hr")
    assert data.name == "human36m test, hr (joint order not stated)"


def test_confidences_are_left_out_and_missing_joints_stay_missing(tmp_path: Path) -> None:
    world = write_videopose3d(tmp_path)
    positions = {
        subject: {
            action: [np.full((len(x), 17, 3), np.nan, np.float32) for _ in range(4)]
            for action, x in actions.items()
        }
        for subject, actions in world.items()
    }
    write_keypoints(tmp_path, "mine", positions, {"keypoints_symmetry": SYMMETRY17})
    assert np.isnan(load_human36m(tmp_path, "test", "mine").keypoints).all()


Change = Callable[[dict, dict, dict], None]


def changed(path: str, value: Any) -> Change:
    """A change at a path such as "2d/S9/Sitting" of what is written."""

    def change(world: dict, positions: dict, metadata: dict) -> None:
        name, *keys = path.split("/")
        target: Any = {"3d": world, "2d": positions, "meta": metadata}[name]
        for key in keys[:-1]:
            target = target[int(key) if key.isdecimal() else key]
        last: Any = int(keys[-1]) if keys[-1].isdecimal() else keys[-1]
        if value is None:
            del target[last]
        else:
            target[last] = value

    return change


SHORT = np.zeros((3, 17, 2), np.float32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed("3d/S9", None), r"3d_h36m\.npz: expected subject S9, found no sequence of it"),
        (changed("3d/S9", [1]), r"expected a dict of subjects with a dict of sequences each"),
        (changed("3d/S9/Juggling", SHORT), r"3d_h36m\.npz: S9: unknown action 'Juggling', expecte"),
        (
            changed("3d/S9/Sitting", SHORT),
            r"S9 Sitting: expected an array of \(frames, 32, 3\), found \(3, 17, 2\)",
        ),
        (changed("3d/S9/Sitting", "x"), r"S9 Sitting: expected an array of .*, found a str"),
        (
            changed("3d/S9/Sitting", np.full((4, 32, 3), np.nan, np.float32)),
            r"frame 0 of S9 Sitting has a 3D pose with missing or infinite values",
        ),
        (changed("2d/S9", None), r"gt\.npz: expected sequence S9 Greeting, as in data_3d_h36m"),
        (changed("2d/S9/Sitting", None), r"expected sequence S9 Sitting, as in data_3d_h36m"),
        (changed("2d/S9/Sitting", [SHORT] * 3), r"S9 Sitting: expected 4 cameras, found 3"),
        (changed("2d/S9/Sitting", {}), r"S9 Sitting: expected 4 cameras, found none"),
        (
            changed("2d/S9/Sitting/2", SHORT),
            r"gt\.npz: S9 Sitting, camera 2: expected at least 4 frames, as in data_3d_h36m\.npz, "
            r"found 3",
        ),
        (
            changed("2d/S9/Sitting/1", np.zeros((4, 34), np.float32)),
            r"S9 Sitting, camera 1: expected an array of \(frames, joints, 2\), found \(4, 34\)",
        ),
        (
            changed("2d/S9/Sitting/1", np.zeros((4, 15, 2), np.float32)),
            r"camera 1: expected the 17 joints of h36m_17, found 15 joints",
        ),
        (
            changed("meta/keypoints_symmetry", [[3, 4, 5, 13, 14, 15], [0, 1, 2, 10, 11, 12]]),
            r"its left joints are \[3, 4, 5, 13, 14, 15\], expected Human3.6M's joint order",
        ),
        (changed("meta/keypoints_symmetry", None), r"expected metadata with 'keypoints_symmetry'"),
    ],
)
def test_files_that_do_not_fit_are_refused(change: Change, message: str, tmp_path: Path) -> None:
    world = people(ALL)
    positions: dict = {
        subject: {action: projected(x, subject, KEEP17) for action, x in actions.items()}
        for subject, actions in world.items()
    }
    metadata: dict = {"keypoints_symmetry": SYMMETRY17}
    change(world, positions, metadata)
    write_poses(tmp_path, world)
    write_keypoints(tmp_path, "gt", positions, metadata)
    with pytest.raises(PoseliftError, match=message):
        load_human36m(tmp_path, "test")


def test_poses_in_millimetres_are_refused(tmp_path: Path) -> None:
    world = people(ALL)
    write_poses(tmp_path, {s: {a: x * 1000 for a, x in w.items()} for s, w in world.items()})
    with pytest.raises(PoseliftError, match=r"expected people in metres, but .* typically reach"):
        load_human36m(tmp_path, "test")


def test_missing_files_say_where_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match=r"data_3d_h36m\.npz: no such file; docs/data\.md says"):
        load_human36m(tmp_path, "test")
    write_poses(tmp_path, people(ALL))
    with pytest.raises(PoseliftError, match=r"data_2d_h36m_cpn_ft_h36m_dbb\.npz: no such file; do"):
        load_human36m(tmp_path, "test", "cpn")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "validation"}, r"unknown split 'validation', expected one of train, val, test"),
        ({"subjects": ["S9"]}, r"subject 'S9' is not in split 'train', expected some of S1, S5"),
        ({"actions": ["Walk"]}, r"unknown action 'Walk', expected some of Directions, Discussion"),
        ({"skeleton": "coco_17"}, r"unknown skeleton 'coco_17' for Human3.6M, expected one of h36"),
        (
            {"skeleton": "h36m_32", "detections": "cpn"},
            r"skeleton h36m_32 has keypoints of 'gt' only, not of 'cpn'",
        ),
        ({"subjects": []}, r"data_3d_h36m\.npz: there is nothing in it of human36m train"),
    ],
)
def test_choices_that_do_not_exist_are_refused(
    arguments: dict[str, Any], message: str, tmp_path: Path
) -> None:
    write_poses(tmp_path, people(ALL))
    with pytest.raises(PoseliftError, match=message):
        load_human36m(tmp_path, **{"split": "train", **arguments})
