"""Constant bones: lengths are exact, and poses that have them already stay."""

from __future__ import annotations

import numpy as np
import pytest

from motion_samples import LENGTHS, sequence, wandering
from poselift.errors import PoseliftError
from poselift.motion.bones import CROWN, bone_lengths, constant_bones, keep_lengths, standing_height
from poselift.motion.skeleton import bone_vectors
from poselift.skeletons import COCO_17, H36M_17

CHILDREN = [child for _, child in H36M_17.edges]


def trembling(rng: np.random.Generator) -> np.ndarray:
    points = wandering(H36M_17, LENGTHS, rng) + rng.normal(0, 0.02, (40, 17, 3))
    return points - points[:, :1]


def test_lengths_are_exact_and_the_pelvis_stays() -> None:
    points = trembling(np.random.default_rng(1))
    kept = keep_lengths(points, LENGTHS, H36M_17)
    found = np.linalg.norm(bone_vectors(kept, H36M_17), axis=-1)
    np.testing.assert_allclose(found, np.tile(LENGTHS, (40, 1)), atol=1e-9)
    np.testing.assert_allclose(kept[:, 0], points[:, 0], atol=1e-9)
    assert np.abs(kept - points).mean() < 0.03


def test_poses_with_these_bones_stay() -> None:
    points = wandering(H36M_17, LENGTHS, np.random.default_rng(2))
    np.testing.assert_allclose(keep_lengths(points, LENGTHS, H36M_17), points, atol=1e-12)
    np.testing.assert_allclose(bone_lengths(points, H36M_17), LENGTHS, atol=1e-12)


def test_the_clips_own_lengths_are_medians_that_wild_frames_do_not_move() -> None:
    points = wandering(H36M_17, LENGTHS, np.random.default_rng(3))
    points[::7] *= 3
    points[5] = np.nan
    np.testing.assert_allclose(bone_lengths(points, H36M_17), LENGTHS, atol=1e-12)
    poses = constant_bones(sequence(points))
    found = np.linalg.norm(bone_vectors(poses.positions, H36M_17), axis=-1)
    assert np.isnan(poses.positions[5]).all()
    assert np.nanmax(np.ptp(np.delete(found, 5, axis=0), axis=0)) < 1e-6
    assert poses.history[-1] == "bones: constant lengths, medians over the clip"


def test_left_and_right_alike_on_request() -> None:
    lengths = LENGTHS.copy()
    lengths[H36M_17.index("left_knee")] += 0.02
    points = wandering(H36M_17, lengths, np.random.default_rng(4))
    same = bone_lengths(points, H36M_17, symmetric=True)
    np.testing.assert_allclose(same, same[H36M_17.flip_order], atol=1e-12)
    assert same[H36M_17.index("right_knee")] == pytest.approx(0.44)


def test_a_height_scales_all_bones() -> None:
    points = wandering(H36M_17, LENGTHS, np.random.default_rng(5))
    poses = constant_bones(sequence(points), height=1.6)
    found = bone_lengths(poses.positions, H36M_17)
    assert CROWN * standing_height(found, H36M_17) == pytest.approx(1.6, abs=1e-5)
    ratio = found[CHILDREN] / LENGTHS[CHILDREN]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)
    assert "for a height of 1.6 m" in poses.history[-1]


def test_a_missing_joint_stays_missing_and_the_rest_keeps_its_lengths() -> None:
    points = trembling(np.random.default_rng(6))
    points[3, H36M_17.index("left_elbow")] = np.nan
    kept = keep_lengths(points, LENGTHS, H36M_17)
    assert np.isnan(kept[3]).any(axis=-1).sum() == 1
    found = np.linalg.norm(bone_vectors(kept, H36M_17), axis=-1)
    there = np.isfinite(found)
    np.testing.assert_allclose(found[there], np.tile(LENGTHS, (40, 1))[there], atol=1e-9)


def test_what_cannot_be_is_refused_or_said() -> None:
    poses = sequence(wandering(H36M_17, LENGTHS, np.random.default_rng(7), 2))
    for height in (-1.8, 0.0, 178.0, float("nan")):
        with pytest.raises(PoseliftError, match="expected the person's height in metres"):
            constant_bones(poses, height=height)
    with pytest.raises(PoseliftError, match="coco_17 is not known: expected a joint head_top"):
        standing_height(np.ones(17), COCO_17)
    nothing = constant_bones(sequence(np.full((2, 17, 3), np.nan)))
    assert nothing.history[-1] == "bones: left as they are, no pose is there"
