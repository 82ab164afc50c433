"""Poses as bones: vectors, lengths, directions, and bones made longer on both sides alike.

What PoseAug changes (Gong et al., "PoseAug: A Differentiable Pose Augmentation Framework for 3D
Human Pose Estimation", CVPR 2021), for any skeleton. Axes: N pose, J joint, B bone, K class of
bones. Bones are in the order of their children (`Skeleton.edges`) and point from child to parent.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from poselift.skeletons import Skeleton


def joint_to_bone(skeleton: Skeleton) -> Float[np.ndarray, "B J"]:
    """Matrix that takes joints to bone vectors: 1 at the parent, -1 at the child."""
    matrix = np.zeros((len(skeleton.edges), len(skeleton)))
    for bone, (parent, child) in enumerate(skeleton.edges):
        matrix[bone, [parent, child]] = 1.0, -1.0
    return matrix


def bone_to_joint(skeleton: Skeleton) -> Float[np.ndarray, "J B"]:
    """Matrix that takes bone vectors to joints, the root at 0: minus all bones up to the root."""
    bone_of = {child: bone for bone, (_, child) in enumerate(skeleton.edges)}
    matrix = np.zeros((len(skeleton), len(skeleton.edges)))
    for joint in range(len(skeleton)):
        at = joint
        while at != skeleton.root:
            matrix[joint, bone_of[at]] = -1.0
            at = skeleton.parents[at]
    return matrix


def length_classes(skeleton: Skeleton) -> Int[np.ndarray, " B"]:
    """Class of each bone, counted from 0: a left and its right bone share one."""
    first = [min(child, int(skeleton.flip_order[child])) for _, child in skeleton.edges]
    _, classes = np.unique(first, return_inverse=True)
    return classes.astype(np.int64).reshape(-1)


def bone_vectors(
    poses: Float[np.ndarray, "N J 3"], skeleton: Skeleton
) -> Float[np.ndarray, "N B 3"]:
    """Parent minus child, in the unit of the poses."""
    return (joint_to_bone(skeleton) @ poses).astype(poses.dtype)


def bone_lengths(
    poses: Float[np.ndarray, "N J 3"], skeleton: Skeleton
) -> Float[np.ndarray, "N B 1"]:
    """Length of each bone, in the unit of the poses."""
    return np.linalg.norm(bone_vectors(poses, skeleton), axis=-1, keepdims=True)


def unit_bones(poses: Float[np.ndarray, "N J 3"], skeleton: Skeleton) -> Float[np.ndarray, "N B 3"]:
    """Direction of each bone; NaN for one of no length."""
    with np.errstate(invalid="ignore"):
        return bone_vectors(poses, skeleton) / bone_lengths(poses, skeleton)


def from_bones(bones: Float[np.ndarray, "N B 3"], skeleton: Skeleton) -> Float[np.ndarray, "N J 3"]:
    """Put joints together from bone vectors, the root at 0; inverts `bone_vectors` up to that."""
    return (bone_to_joint(skeleton) @ bones).astype(bones.dtype)


def lengthened(
    poses: Float[np.ndarray, "N J 3"], ratios: Float[np.ndarray, "N K 1"], skeleton: Skeleton
) -> Float[np.ndarray, "N J 3"]:
    """Change bone lengths by classes (`length_classes`), directions and the root kept.

    ratios  relative changes: 0.1 makes the bones of a class a tenth longer.
    """
    longer = bone_vectors(poses, skeleton) * (1 + ratios[:, length_classes(skeleton)])
    root = poses[:, skeleton.root : skeleton.root + 1]
    return (from_bones(longer, skeleton) + root).astype(poses.dtype)
