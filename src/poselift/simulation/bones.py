"""Poses as bones: the matrices there and back, and which bones have one length.

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
