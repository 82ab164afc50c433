"""Angles: exact on poses built from known angles, blind to camera and size, sides exchanged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from motion_samples import LENGTHS, posed, sequence, walk, wandering
from poselift.errors import PoseliftError
from poselift.geometry import about_axis, from_rotation_vector
from poselift.motion import Rig
from poselift.motion.angles import DEFINITIONS, angles
from poselift.poses import AXES_WORLD, PoseSequence
from poselift.skeletons import COCO_17, H36M_17, HALPE_26, get_skeleton

RIG = Rig.of(H36M_17, LENGTHS)
DEGREES = np.array([0.0, 10.0, 45.0, 80.0])
TURN = np.radians(DEGREES)


def about(axis: str, angle: np.ndarray) -> np.ndarray:
    return about_axis(axis, angle)


def hanging(side: str) -> np.ndarray:
    """Turn that lets a T pose's arm hang."""
    return about("z", np.array(-np.pi / 2 if side == "left" else np.pi / 2))


@pytest.mark.parametrize("side", ["left", "right"])
def test_legs_built_from_known_angles(side: str) -> None:
    away = 1.0 if side == "left" else -1.0
    poses = posed(
        RIG,
        **{
            # first flexion about the pelvis' x, then abduction about the axis that went along
            f"{side}_hip": about("x", -TURN) @ about("z", away * TURN[::-1] / 2),
            f"{side}_knee": about("x", TURN),
        },
    )
    found = angles(sequence(poses))
    np.testing.assert_allclose(found[f"{side}_knee_flexion"], DEGREES, atol=1e-3)
    np.testing.assert_allclose(found[f"{side}_hip_flexion"], DEGREES, atol=1e-3)
    np.testing.assert_allclose(found[f"{side}_hip_abduction"], DEGREES[::-1] / 2, atol=1e-3)
    other = "right" if side == "left" else "left"
    for name in ("knee_flexion", "hip_flexion", "hip_abduction"):
        np.testing.assert_allclose(found[f"{other}_{name}"], 0, atol=1e-3)


@pytest.mark.parametrize("side", ["left", "right"])
def test_arms_built_from_known_angles(side: str) -> None:
    away = 1.0 if side == "left" else -1.0
    raised = np.radians([0.0, 10.0, 45.0, 120.0])
    front = posed(
        RIG,
        **{
            f"{side}_shoulder": about("x", -raised) @ hanging(side),
            f"{side}_elbow": about("y", -away * TURN),
        },
    )
    found = angles(sequence(front))
    np.testing.assert_allclose(found[f"{side}_shoulder_flexion"], [0, 10, 45, 120], atol=1e-3)
    np.testing.assert_allclose(found[f"{side}_elbow_flexion"], DEGREES, atol=1e-3)
    aside = posed(RIG, **{f"{side}_shoulder": about("z", away * raised) @ hanging(side)})
    found = angles(sequence(aside))
    np.testing.assert_allclose(found[f"{side}_shoulder_abduction"], [0, 10, 45, 120], atol=1e-3)
    t_pose = angles(sequence(RIG.rest[None]))
    assert t_pose[f"{side}_shoulder_abduction"][0] == pytest.approx(90, abs=1e-3)
    assert np.isnan(t_pose[f"{side}_shoulder_flexion"][0])  # the arm is across the plane


def test_the_trunk_built_from_known_angles() -> None:
    turned = posed(RIG, spine=about("y", TURN / 2))
    found = angles(sequence(turned))
    np.testing.assert_allclose(found["trunk_turn"], DEGREES / 2, atol=1e-3)
    for name, axis, sign in (("trunk_lean", "x", 1), ("trunk_tilt", "z", -1)):
        for node in ("pelvis",):
            world = posed(RIG, **{node: about(axis, sign * TURN)})
            upright = angles(sequence(world, axes=AXES_WORLD))
            np.testing.assert_allclose(upright[name], DEGREES, atol=1e-3)
            assert np.isnan(angles(sequence(world))[name]).all()
    nod = posed(RIG, thorax_to_neck=about("x", np.radians([0.0, 20.0, 40.0])))
    np.testing.assert_allclose(np.diff(angles(sequence(nod))["neck_flexion"]), 20, atol=4)
    lay = posed(RIG, thorax_to_neck=about("z", np.radians([0.0, -20.0])))
    assert np.diff(angles(sequence(lay))["neck_tilt"]) == pytest.approx(20, abs=3)


def test_neither_camera_nor_size_matters() -> None:
    poses = wandering(H36M_17, LENGTHS, np.random.default_rng(1))
    turn = from_rotation_vector(np.array([0.5, -1.1, 2.0]))
    there, here = angles(sequence(1.7 * poses @ turn.T)), angles(sequence(poses))
    np.testing.assert_allclose(there.degrees, here.degrees, atol=0.02)


def test_the_way_a_person_faces_does_not_matter_to_the_lean() -> None:
    world, _ = walk(40)
    turn = about("y", np.array(1.3))
    here = angles(sequence(world - world[:, :1], axes=AXES_WORLD))
    there = angles(sequence((world - world[:, :1]) @ turn.T, axes=AXES_WORLD))
    np.testing.assert_allclose(there.degrees, here.degrees, atol=0.02)
    assert here["trunk_lean"] == pytest.approx(np.zeros(40), abs=0.1)


def test_mirrored_poses_exchange_sides() -> None:
    poses = sequence(wandering(H36M_17, LENGTHS, np.random.default_rng(2)), axes=AXES_WORLD)
    here, there = angles(poses), angles(replace(poses, positions=H36M_17.flip(poses.positions)))
    for name in here.names:
        side, _, rest = name.partition("_")
        other = {"left": "right_", "right": "left_"}.get(side, "")
        sign = -1 if name in ("trunk_tilt", "trunk_turn", "neck_tilt") else 1
        twin = there[f"{other}{rest}" if other else name]
        apart = (sign * twin - here[name] + 180) % 360 - 180  # unwrapping may differ by turns
        np.testing.assert_allclose(apart, np.where(np.isnan(apart), np.nan, 0), atol=0.02)
        assert np.isfinite(here[name]).mean() > 0.5


def test_angles_are_unwrapped() -> None:
    whole = np.radians(np.linspace(150, 230, 20))
    over = posed(RIG, left_shoulder=about("x", -whole) @ hanging("left"))
    flexion = angles(sequence(over))["left_shoulder_flexion"]
    assert np.ptp(np.diff(flexion)) < 1e-2
    assert np.ptp(flexion) == pytest.approx(80, abs=1e-2)


def test_after_a_gap_an_angle_is_where_a_body_can_have_it() -> None:
    """A swinging arm goes over the top, then is not seen, then hangs again, not at -360 degrees."""
    whole = np.radians(np.concatenate([np.linspace(100, 250, 30), np.linspace(-40, 40, 30)]))
    poses = posed(RIG, left_shoulder=about("x", -whole) @ hanging("left"))
    poses[28:32] = np.nan
    flexion = angles(sequence(poses))["left_shoulder_flexion"]
    wanted = np.degrees(whole)
    wanted[28:32] = np.nan
    np.testing.assert_allclose(flexion, wanted, atol=1e-2)


def test_what_is_missing_or_has_no_length_is_nan() -> None:
    poses = wandering(H36M_17, LENGTHS, np.random.default_rng(3), 4)
    poses[1, H36M_17.index("left_ankle")] = np.nan
    poses[2, H36M_17.index("left_elbow")] = poses[2, H36M_17.index("left_shoulder")]
    found = angles(sequence(poses))
    assert np.isnan(found["left_knee_flexion"]).tolist() == [False, True, False, False]
    assert np.isnan(found["left_elbow_flexion"]).tolist() == [False, False, True, False]
    assert np.isfinite(found["right_knee_flexion"]).all()
    assert found.person_id == 0
    assert found.history[-1].startswith("angles: 17 measured, trunk's lean not known")


def test_the_ankle_where_toes_are_known() -> None:
    joints = np.zeros((2, len(HALPE_26), 3))

    def put(joint: str, *place: float) -> None:
        joints[:, HALPE_26.index(joint)] = place

    put("left_knee", 0, 0.5, 0)
    put("left_heel", 0, 0, -0.05)
    put("left_big_toe", 0, 0, 0.2)
    joints[1, HALPE_26.index("left_big_toe")] = 0, 0.25 * np.tan(np.radians(20)), 0.2
    found = angles(sequence(joints, HALPE_26))
    np.testing.assert_allclose(found["left_ankle_flexion"], [0, 20], atol=1e-3)
    assert (
        "left_ankle_flexion"
        not in angles(sequence(wandering(H36M_17, LENGTHS, np.random.default_rng(4), 2))).names
    )


def test_a_pelvis_and_a_thorax_that_are_lacking_are_middles() -> None:
    """Of markers as Pose2Sim and OpenCap write them all angles come out, not only the planar."""
    rng = np.random.default_rng(5)
    body = get_skeleton("body_25b")
    lengths = np.full(len(body), 0.3)
    poses = sequence(wandering(body, lengths, rng, 30), body, axes=AXES_WORLD)
    found = angles(poses)
    converted = angles(poses.to_skeleton(H36M_17))
    assert found.history[-1] == (
        f"angles: {len(found.names)} measured, pelvis in the middle of the hips, thorax in the "
        "middle of the shoulders"
    )
    assert {"left_hip_flexion", "trunk_lean", "left_ankle_flexion"} <= set(found.names)
    for name in converted.names:
        np.testing.assert_allclose(found[name], converted[name], atol=1e-2)


def test_what_is_refused() -> None:
    flat = PoseSequence.from_2d(np.zeros((2, 17, 2), np.float32), H36M_17)
    with pytest.raises(PoseliftError, match="expected 3D poses to measure angles"):
        angles(flat)
    poses = sequence(wandering(H36M_17, LENGTHS, np.random.default_rng(5), 2))
    with pytest.raises(PoseliftError, match="no angle 'knee', expected one of left_knee_flexion"):
        angles(poses)["knee"]
    partly = sequence(np.random.default_rng(6).normal(size=(2, 17, 3)), COCO_17)
    assert angles(partly).names[0] == "left_knee_flexion"
    assert all(definition.reference for definition in DEFINITIONS)
    assert len(angles(poses)) == 2
    assert get_skeleton("h36m_17") == H36M_17


def test_the_page_of_definitions_is_true() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "angles.md").read_text("utf-8")
    for one in DEFINITIONS:
        row = f"| {one.between} | {one.zero} | {one.sign} | {one.plane} | {one.reference} |"
        assert row in page, one.name
