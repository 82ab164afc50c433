"""Joint rotations: positions come back exactly, twists are anatomical and held where straight."""

from __future__ import annotations

import numpy as np
import pytest

from motion_samples import posed, wandering
from poselift.errors import PoseliftError
from poselift.geometry import about_axis, from_rotation_vector
from poselift.motion.skeleton import Rig, bone_vectors, shortest_turn
from poselift.skeletons import H36M_17, get_skeleton, skeleton_names


@pytest.mark.parametrize("name", skeleton_names())
def test_positions_come_back_exactly_for_every_joint_set(name: str) -> None:
    rng, skeleton = np.random.default_rng(1), get_skeleton(name)
    lengths = rng.uniform(0.1, 0.5, len(skeleton))
    root = rng.normal(0, 2, (40, 3))
    points = wandering(skeleton, lengths, rng) + root[:, None]
    rig = Rig.of(skeleton, lengths)
    rotations = rig.to_rotations(points)
    np.testing.assert_allclose(
        rotations @ rotations.swapaxes(-1, -2),
        np.broadcast_to(np.eye(3), rotations.shape),
        atol=1e-9,
    )
    np.testing.assert_allclose(np.linalg.det(rotations), 1, atol=1e-9)
    np.testing.assert_allclose(rig.to_positions(rotations, root), points, atol=1e-9)


def test_rest_is_no_rotation_and_a_turned_rest_turns_the_root_only() -> None:
    lengths = np.random.default_rng(2).uniform(0.1, 0.5, 17)
    rig = Rig.of(H36M_17, lengths)
    turn = from_rotation_vector(np.array([0.3, -1.2, 0.7]))
    rotations = rig.to_rotations((rig.rest @ turn.T)[None])[0]
    np.testing.assert_allclose(rotations[0], turn, atol=1e-9)
    np.testing.assert_allclose(
        rotations[1:], np.broadcast_to(np.eye(3), rotations[1:].shape), atol=1e-9
    )
    left, right = H36M_17.index("left_wrist"), H36M_17.index("right_wrist")
    assert rig.rest[left, 0] > 0.5 > -0.5 > rig.rest[right, 0]


def test_a_limb_bends_about_the_axis_it_has_at_rest() -> None:
    rig = Rig.of(H36M_17, np.full(17, 0.3))
    bend = np.radians(np.linspace(20, 120, 6))
    twist = np.radians(40)
    points = posed(
        rig,
        left_hip=np.tile(about_axis("y", np.array(twist)), (6, 1, 1)),
        left_knee=about_axis("x", bend),  # the shin goes back
        left_shoulder=np.tile(about_axis("x", np.array(-twist)), (6, 1, 1)),
        left_elbow=about_axis("y", -bend),  # the forearm goes to the front
    )
    found = rig.to_rotations(points)
    for node, expected in (
        ("left_hip", about_axis("y", np.full(6, twist))),
        ("left_knee", about_axis("x", bend)),
        ("left_shoulder", about_axis("x", np.full(6, -twist))),
        ("left_elbow", about_axis("y", -bend)),
    ):
        np.testing.assert_allclose(found[:, rig.nodes.index(node)], expected, atol=1e-9)


def test_the_twist_of_a_straight_limb_is_held_between_the_frames_around() -> None:
    rig = Rig.of(H36M_17, np.full(17, 0.3))
    twist = np.radians(np.array([20.0, 30.0, 0.0, 0.0, 60.0, 60.0, 0.0]))
    bend = np.radians(np.array([50.0, 40.0, 5.0, 0.0, 50.0, 60.0, 3.0]))
    points = posed(rig, right_hip=about_axis("y", twist), right_knee=about_axis("x", bend))
    thigh = rig.to_rotations(points)[:, rig.nodes.index("right_hip")]
    held = np.degrees(np.arctan2(thigh[:, 0, 2], thigh[:, 0, 0]))
    np.testing.assert_allclose(held, [20, 30, 40, 50, 60, 60, 60], atol=1e-6)
    straight = posed(rig, right_hip=about_axis("x", twist))
    still = rig.to_rotations(straight)[:, rig.nodes.index("right_hip")]
    np.testing.assert_allclose(still, about_axis("x", twist), atol=1e-9)


def test_missing_joints_and_bones_without_length() -> None:
    rng = np.random.default_rng(3)
    lengths = rng.uniform(0.1, 0.5, 17)
    points = wandering(H36M_17, lengths, rng, 3)
    points[1, 5] = np.nan
    rig = Rig.of(H36M_17, lengths)
    rotations = rig.to_rotations(points)
    assert np.isnan(rotations[1]).all()
    assert np.isfinite(rotations[[0, 2]]).all()
    assert np.isnan(rig.to_rotations(points[1:2])).all()
    together = np.zeros((2, 17, 3))
    flat = Rig.of(H36M_17, np.zeros(17))
    np.testing.assert_allclose(flat.to_positions(flat.to_rotations(together)), together)
    with pytest.raises(PoseliftError, match="bone thorax to neck: expected a length"):
        Rig.of(H36M_17, np.where(np.arange(17) == 9, np.nan, 0.2))


def test_other_lengths_keep_the_directions() -> None:
    rng = np.random.default_rng(4)
    points = wandering(H36M_17, np.full(17, 0.3), rng, 5)
    longer = Rig.of(H36M_17, np.full(17, 0.6))
    again = longer.to_positions(longer.to_rotations(points))
    np.testing.assert_allclose(bone_vectors(again, H36M_17), 2 * bone_vectors(points, H36M_17))


def test_the_shortest_turn() -> None:
    rng = np.random.default_rng(5)
    a, b = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in rng.normal(size=(2, 50, 3)))
    b[0], b[1], b[2] = a[0], -a[1], np.nan
    turn = shortest_turn(a, b)
    np.testing.assert_allclose(np.linalg.det(turn), 1, atol=1e-9)
    moved = (turn @ a[..., None])[..., 0]
    np.testing.assert_allclose(moved[[0, 1, *range(3, 50)]], b[[0, 1, *range(3, 50)]], atol=1e-9)
    np.testing.assert_allclose(turn[2], np.eye(3))
    angle = np.arccos((np.trace(turn[3:], axis1=1, axis2=2) - 1) / 2)
    np.testing.assert_allclose(np.cos(angle), (a[3:] * b[3:]).sum(-1), atol=1e-9)
