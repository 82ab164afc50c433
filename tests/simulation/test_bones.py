"""Bones of a pose: against PoseAug's own helpers, and by their laws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from golden_support import Golden, assert_close
from poselift.simulation.bones import (
    bone_lengths,
    bone_to_joint,
    bone_vectors,
    from_bones,
    joint_to_bone,
    length_classes,
    lengthened,
    unit_bones,
)
from poselift.skeletons import H36M_16, H36M_17, Skeleton

BOTH = [H36M_16, H36M_17]


def poses_of(skeleton: Skeleton) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(8, len(skeleton), 3))


def test_as_poseaug_has_them(shared: Path) -> None:
    golden = Golden(shared / "golden" / "poseaug_bones.npz")
    poses = golden["pose3d"]
    for name, found in (
        ("bone_vectors", bone_vectors(poses, H36M_16)),
        ("bone_lengths", bone_lengths(poses, H36M_16)),
        ("bone_unit_vectors", unit_bones(poses, H36M_16)),
        ("pose_from_bones", from_bones(golden["bone_vectors"], H36M_16)),
        ("augmented_pose", lengthened(poses, golden["bone_ratio9"], H36M_16)),
        ("joint_to_bone_matrix", joint_to_bone(H36M_16)),
        ("bone_to_joint_matrix", bone_to_joint(H36M_16)),
    ):
        assert_close(found, golden[name], 1e-6)


@pytest.mark.parametrize("skeleton", BOTH, ids=lambda s: s.name)
def test_there_and_back(skeleton: Skeleton) -> None:
    poses = poses_of(skeleton)
    back = from_bones(bone_vectors(poses, skeleton), skeleton)
    np.testing.assert_allclose(back, poses - poses[:, :1], atol=1e-12)
    directions = unit_bones(poses, skeleton) * bone_lengths(poses, skeleton)
    np.testing.assert_allclose(directions, bone_vectors(poses, skeleton))


@pytest.mark.parametrize("skeleton", BOTH, ids=lambda s: s.name)
def test_lengths_change_alike_on_both_sides_and_nothing_else(skeleton: Skeleton) -> None:
    poses, classes = poses_of(skeleton), length_classes(skeleton)
    assert len(set(classes.tolist())) == len(skeleton) - 7  # six pairs of bones, and the root
    ratios = np.random.default_rng(1).uniform(-0.2, 0.2, (8, classes.max() + 1, 1))
    longer = lengthened(poses, ratios, skeleton)
    factor = bone_lengths(longer, skeleton) / bone_lengths(poses, skeleton)
    np.testing.assert_allclose(factor, 1 + ratios[:, classes])
    bone_of = {child: bone for bone, (_, child) in enumerate(skeleton.edges)}
    for left, right in zip(skeleton.left, skeleton.right, strict=True):
        np.testing.assert_allclose(factor[:, bone_of[left]], factor[:, bone_of[right]])
    np.testing.assert_array_equal(longer[:, 0], poses[:, 0])
    np.testing.assert_allclose(unit_bones(longer, skeleton), unit_bones(poses, skeleton))


def test_a_bone_without_length_has_no_direction() -> None:
    poses = np.zeros((1, 17, 3))
    assert np.isnan(unit_bones(poses, H36M_17)).all()
