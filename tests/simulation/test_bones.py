"""Bones of a pose: against PoseAug's own helpers, and by their laws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from golden_support import Golden, assert_close
from poselift.simulation.bones import bone_to_joint, joint_to_bone, length_classes
from poselift.skeletons import H36M_16, H36M_17, Skeleton

BOTH = [H36M_16, H36M_17]


def test_as_poseaug_has_them(shared: Path) -> None:
    golden = Golden(shared / "golden" / "poseaug_bones.npz")
    vectors = joint_to_bone(H36M_16) @ golden["pose3d"]
    longer = vectors * (1 + golden["bone_ratio9"][:, length_classes(H36M_16)])
    for name, found in (
        ("joint_to_bone_matrix", joint_to_bone(H36M_16)),
        ("bone_to_joint_matrix", bone_to_joint(H36M_16)),
        ("bone_vectors", vectors),
        ("pose_from_bones", bone_to_joint(H36M_16) @ golden["bone_vectors"]),
        ("augmented_pose", bone_to_joint(H36M_16) @ longer + golden["pose3d"][:, :1]),
    ):
        assert_close(found, golden[name], 1e-6)


@pytest.mark.parametrize("skeleton", BOTH, ids=lambda s: s.name)
def test_there_and_back(skeleton: Skeleton) -> None:
    poses = np.random.default_rng(0).normal(size=(8, len(skeleton), 3))
    back = bone_to_joint(skeleton) @ joint_to_bone(skeleton) @ poses
    np.testing.assert_allclose(back, poses - poses[:, :1], atol=1e-12)


@pytest.mark.parametrize("skeleton", BOTH, ids=lambda s: s.name)
def test_left_and_right_bones_share_a_length(skeleton: Skeleton) -> None:
    classes = length_classes(skeleton)
    assert len(set(classes.tolist())) == len(skeleton) - 7  # six pairs of bones, and the root
    bone_of = {child: bone for bone, (_, child) in enumerate(skeleton.edges)}
    for left, right in zip(skeleton.left, skeleton.right, strict=True):
        assert classes[bone_of[left]] == classes[bone_of[right]]
