"""LiftingData: rows selected and joined, shapes and values refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from poselift.datasets.lifting_data import LiftingData, concatenate
from poselift.errors import PoseliftError
from poselift.skeletons import H36M_16, H36M_17, Skeleton, get_skeleton


def sample(count: int, skeleton: Skeleton = H36M_17, name: str = "made up") -> LiftingData:
    joints = len(skeleton)
    return LiftingData(
        keypoints=np.arange(count * joints * 2, dtype=np.float32).reshape(count, joints, 2),
        poses=np.zeros((count, joints, 3), dtype=np.float32),
        image_size=np.full((count, 2), 1000, dtype=np.float32),
        root=np.full((count, 3), 4.0, dtype=np.float32),
        intrinsics=np.tile(np.array([1100, 1102, 500, 500], np.float32), (count, 1)),
        subject=np.arange(count, dtype=np.int64),
        action=np.array(["walk", "jump"] * count)[:count],
        camera=np.zeros(count, dtype=np.int64),
        frame=np.arange(count, dtype=np.int64) * 4,
        clip=np.zeros(count, dtype=np.int64),
        clips=("a.bvh",),
        skeleton=skeleton,
        name=name,
    )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (2, [2]),
        (-1, [4]),
        (slice(1, None, 2), [1, 3]),
        (np.array([True, False, False, True, True]), [0, 3, 4]),
        (np.array([3, 0]), [3, 0]),
        (slice(0, 0), []),
    ],
)
def test_rows_are_selected(rows: int | slice | np.ndarray, expected: list[int]) -> None:
    data = sample(5)
    part = data[rows]
    assert len(part) == len(expected)
    np.testing.assert_array_equal(part.subject, expected)
    np.testing.assert_array_equal(part.keypoints, data.keypoints[expected])
    assert part.name == data.name


def test_actions_select_rows() -> None:
    data = sample(5)
    assert set(data[data.action == "walk"].action.tolist()) == {"walk"}
    assert len(data[data.action == "walk"]) == 3


def test_joining_numbers_clips_anew() -> None:
    first, second = sample(3), replace(sample(2, name="other"), clips=("b.bvh",))
    both = concatenate([first, second])
    assert len(both) == 5
    assert both.clips == ("a.bvh", "b.bvh")
    np.testing.assert_array_equal(both.clip, [0, 0, 0, 1, 1])
    np.testing.assert_array_equal(both[3:].keypoints, second.keypoints)
    assert both.name == "made up + other"
    assert concatenate([first, second], "all").name == "all"


def test_arrays_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        sample(2).poses[0] = 1


def test_what_does_not_fit_is_refused() -> None:
    data = sample(3)
    with pytest.raises(PoseliftError, match="expected at least one data set to join, got none"):
        concatenate([])
    with pytest.raises(PoseliftError, match=r"cannot join made up .* the skeletons differ"):
        concatenate([data, sample(3, H36M_16)])
    poses = data.poses.copy()
    poses[1, 4] = np.nan
    with pytest.raises(PoseliftError, match=r"frame 4 of a\.bvh has a 3D pose with missing"):
        replace(data, poses=poses)
    with pytest.raises(PoseliftError, match=r"expected keypoints of shape \(3, 16, 2\)"):
        replace(data, skeleton=H36M_16)


def test_joints_are_matched_by_name() -> None:
    data = sample(3)
    fewer = data.in_joints_of(H36M_16)
    assert fewer.skeleton == H36M_16
    kept = [data.skeleton.index(joint) for joint in H36M_16.joints]
    np.testing.assert_array_equal(fewer.poses, data.poses[:, kept])
    np.testing.assert_array_equal(fewer.keypoints, data.keypoints[:, kept])
    assert data.in_joints_of(data.skeleton) is data
    with pytest.raises(
        PoseliftError, match=r"joints of h36m_17, found those of h36m_16, which lack"
    ):
        fewer.in_joints_of(data.skeleton)
    with pytest.raises(PoseliftError, match="the roots of h36m_17 and h36m_16_no_pelvis differ"):
        data.in_joints_of(get_skeleton("h36m_16_no_pelvis"))


def test_the_focal_length_is_the_mean_of_both_axes() -> None:
    np.testing.assert_array_equal(sample(2).focal, np.full(2, 1101, np.float32))
