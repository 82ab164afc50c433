"""Where bodies stand: a stage each, or one room with its floor at height 0."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from poselift.poses import AXES_3D
from poselift.skeletons import H36M_17, Skeleton
from poselift.viewer import scene
from poselift.viewer.clip import body
from viewer_samples import pair, stroll, without


def test_without_a_path_the_lowest_joint_stands_on_the_floor_of_a_stage():
    solid = pair(np.arange(40)).poses_3d
    stage = scene.arrange([solid])
    assert not stage.room
    assert stage.camera is None
    placed = scene.in_scene(solid) + stage.offsets[0][:, None]
    np.testing.assert_allclose(placed[..., 1].min(axis=1), 0, atol=1e-6)
    np.testing.assert_array_equal(stage.offsets[0][:, [0, 2]], 0)
    assert placed[:, H36M_17.index("head"), 1].min() > 1.4  # upright: y is up
    assert stage.axes == {"x": [1, 0, 0], "y": [0, -1, 0], "z": [0, 0, -1]}
    assert stage.up == pytest.approx(placed[..., 1].max(), abs=0.01)


def test_while_the_feet_are_missing_the_body_does_not_drop():
    solid = pair(np.arange(20)).poses_3d
    whole = scene.standing(solid)[:, 1]
    legs = ["left_ankle", "right_ankle", "left_knee", "right_knee"]
    lost = scene.standing(without(solid, legs, slice(8, 12)))[:, 1]
    np.testing.assert_allclose(lost[:8], whole[:8])
    np.testing.assert_allclose(lost[8:12], whole[7])
    np.testing.assert_allclose(lost[12:], whole[12:])
    first = scene.standing(without(solid, legs, slice(0, 3)))[:, 1]
    assert 0 < first[0] < 0.3  # nothing better is known than what is seen
    np.testing.assert_array_equal(
        scene.standing(without(solid, list(solid.skeleton.joints), slice(0, 20))), 0
    )


def test_in_a_room_poses_stand_where_the_path_says():
    people = [stroll(np.arange(60), place=place).poses_3d for place in (0.0, 1.0)]
    room = scene.arrange(people)
    assert room.room
    assert room.axes["y"] == [0, 1, 0]
    for person, offset in zip(people, room.offsets, strict=True):
        np.testing.assert_allclose(scene.in_scene(person) + offset[:, None], person.placed)
    x0, x1, z0, z1 = room.floor
    assert x0 < 0
    assert x1 > 1 + 1.2 * 59 / 30
    assert z0 < 0
    assert z1 > 1


def test_in_camera_space_the_floor_is_at_the_lowest_foot_and_the_camera_is_known():
    solid = pair(np.arange(60)).poses_3d
    path = np.stack([np.linspace(-1, 1, 60), np.full(60, 0.3), np.full(60, 4.0)], axis=1)
    room = scene.arrange([replace(solid, axes=AXES_3D, tracks={"root": path})])
    assert room.room
    placed = scene.in_scene(solid) + room.offsets[0][:, None]
    assert placed[..., 1].min() == pytest.approx(0, abs=0.02)
    np.testing.assert_allclose(placed[..., 2].mean(), -4, atol=0.1)
    ankle = solid.positions[:, [3, 6], 1].max() + 0.3  # below the camera
    assert room.camera == pytest.approx([0, ankle, 0], abs=0.02)


def test_someone_never_seen_in_3d_has_a_place_all_the_same():
    solid = pair(np.arange(5)).poses_3d
    lost = without(solid, list(solid.skeleton.joints), slice(0, 5))
    for one in (lost, replace(lost, tracks={"root": np.ones((5, 3))})):
        stage = scene.arrange([one])
        assert (stage.up, stage.side) == (0.9, 0.45)
        assert np.isfinite(stage.floor).all()


def test_one_person_without_a_path_puts_everyone_on_stages():
    path = np.full((20, 3), np.nan)
    lost = stroll(np.arange(20), root=path).poses_3d
    assert not scene.arrange([stroll(np.arange(20)).poses_3d, lost]).room


def test_steps_are_where_feet_stood():
    """A foot that stands for frames 10 to 19 has left one print, where it was in the mean."""
    contacts = np.zeros((60, 2))
    contacts[10:20, 1] = 1
    contacts[30:33, 0] = 1
    contacts[40:42, 0] = np.nan
    solid = stroll(np.arange(60), contacts=contacts).poses_3d
    left, right = scene.footprints(solid, scene.arrange([solid]).offsets[0])
    placed = solid.placed[:, [H36M_17.index("left_ankle"), H36M_17.index("right_ankle")]]
    assert left[2:] == [0, 31]
    assert right[2:] == [1, 15]
    np.testing.assert_allclose(right[:2], placed[10:20, 1][:, [0, 2]].mean(axis=0), atol=1e-3)
    np.testing.assert_allclose(left[:2], placed[30:33, 0][:, [0, 2]].mean(axis=0), atol=1e-3)


def test_a_long_path_is_thinned():
    solid = stroll(np.arange(5000)).poses_3d
    offset = scene.arrange([solid]).offsets[0]
    path = scene.path_of(solid, offset)
    assert 500 < len(path) <= 600
    np.testing.assert_allclose(path[0], offset[0, [0, 2]])


def test_markers_of_no_known_set_are_points() -> None:
    """They hang on the first one only in name: no bones join them."""
    markers = Skeleton("markers", ("LFHD", "RFHD", "C7"), (-1, 0, 0))
    assert [bone[:2] for bone in body(markers)["bones"]] == [[0, 0], [1, 1], [2, 2]]
    assert [tuple(bone[:2]) for bone in body(H36M_17)["bones"]] == list(H36M_17.edges)
