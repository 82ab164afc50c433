"""CMU's three encodings mapped to the 17 Human3.6M joints.

The table and its reasons are in the README of the data: limb joints are joint centres; pelvis is
the middle of the hips; nose and head top are constructed from the head bone; the wrist lies at
90 % of the radius + wrist chain.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from poselift.mocap.asfamc import AmcMotion
from poselift.mocap.bvh import BvhMotion
from poselift.mocap.expmap import ExpmapMotion
from poselift.skeletons import get_skeleton

_H36M = get_skeleton("h36m_17")
_CENTIMETRE = 0.01

# how far beyond the thorax the base of the neck, beyond the neck the top of the head, and beyond
# the radius the wrist lie, as multiples of the bone before
_NECK_BASE, _HEAD_TOP, _WRIST = 0.8, 1.4, 1.35
# nose (and for the avatar head top) in the head bone's axes, metres
_NOSE = np.array([0.0, 0.02, 0.06])
_AVATAR_NOSE, _AVATAR_TOP = np.array([0.0, 0.06, 0.05]), np.array([0.0, 0.195, 0.01])

_AVATAR = {
    "right_hip": "R_Thigh",
    "right_knee": "R_Calf",
    "right_ankle": "R_Foot",
    "left_hip": "L_Thigh",
    "left_knee": "L_Calf",
    "left_ankle": "L_Foot",
    "spine": "Spine02",
    "thorax": "NeckTwist01",
    "left_shoulder": "L_Upperarm",
    "left_elbow": "L_Forearm",
    "left_wrist": "L_Hand",
    "right_shoulder": "R_Upperarm",
    "right_elbow": "R_Forearm",
    "right_wrist": "R_Hand",
}
_AVATAR_HEAD = "CC_Base_Head"


def from_bvh(motion: BvhMotion) -> Float[np.ndarray, "T 17 3"]:
    """Map the iClone avatar's joints (`CC_Base_...`, centimetres) to `h36m_17`, metres."""
    bones = {joint: f"CC_Base_{bone}" for joint, bone in _AVATAR.items()}
    motion = motion.restricted_to([*bones.values(), _AVATAR_HEAD])
    positions, rotations = motion.world()
    positions *= _CENTIMETRE
    head = motion.index(_AVATAR_HEAD)
    points = {joint: positions[:, motion.index(bone)] for joint, bone in bones.items()}
    points["neck"] = positions[:, head] + rotations[:, head] @ _AVATAR_NOSE
    points["head"] = positions[:, head] + rotations[:, head] @ _AVATAR_TOP
    return _stack(points)


def from_amc(motion: AmcMotion) -> Float[np.ndarray, "T 17 3"]:
    """Map the ends of CMU's bones to `h36m_17`, metres."""
    ends, rotations = motion.world()
    index = motion.skeleton.index

    def end(bone: str) -> Float[np.ndarray, "T 3"]:
        return ends[:, index(bone)]

    points = {
        "spine": end("lowerback"),
        "thorax": _beyond(end("upperback"), end("thorax"), _NECK_BASE),
        "neck": end("upperneck") + rotations[:, index("head")] @ _NOSE,
        "head": _beyond(end("upperneck"), end("head"), _HEAD_TOP - 1),
    }
    for side in ("left", "right"):
        s = side[0]
        points[f"{side}_hip"] = end(f"{s}hipjoint")
        points[f"{side}_knee"] = end(f"{s}femur")
        points[f"{side}_ankle"] = end(f"{s}tibia")
        points[f"{side}_shoulder"] = end(f"{s}clavicle")
        points[f"{side}_elbow"] = end(f"{s}humerus")
        points[f"{side}_wrist"] = _beyond(end(f"{s}humerus"), end(f"{s}radius"), _WRIST - 1)
    return _stack(points)


def from_expmap(motion: ExpmapMotion) -> Float[np.ndarray, "T 17 3"]:
    """Map the 38 joints to `h36m_17`, metres."""
    positions, rotations = motion.world()
    names = motion.skeleton.names

    def joint(name: str) -> Float[np.ndarray, "T 3"]:
        return positions[:, names.index(name)]

    points = {
        "spine": joint("Spine"),
        "thorax": _beyond(joint("Spine1"), joint("Neck"), _NECK_BASE),
        "neck": joint("Head") + rotations[:, names.index("Head")] @ _NOSE,
        "head": _beyond(joint("Head"), joint("HeadEnd"), _HEAD_TOP - 1),
    }
    for side in ("left", "right"):
        s = side.capitalize()
        points[f"{side}_hip"] = joint(f"{s}UpLeg")
        points[f"{side}_knee"] = joint(f"{s}Leg")
        points[f"{side}_ankle"] = joint(f"{s}Foot")
        points[f"{side}_shoulder"] = joint(f"{s}Arm")
        points[f"{side}_elbow"] = joint(f"{s}ForeArm")
        points[f"{side}_wrist"] = _beyond(joint(f"{s}ForeArm"), joint(f"{s}Hand"), _WRIST - 1)
    return _stack(points)


def _beyond(
    start: Float[np.ndarray, "T 3"], end: Float[np.ndarray, "T 3"], part: float
) -> Float[np.ndarray, "T 3"]:
    """Go on past `end` by a part of the bone."""
    return end + part * (end - start)


def _stack(points: dict[str, np.ndarray]) -> Float[np.ndarray, "T 17 3"]:
    """Put the joints in order; the pelvis is the middle of the hips."""
    points["pelvis"] = (points["left_hip"] + points["right_hip"]) / 2
    return np.stack([points[joint] for joint in _H36M.joints], axis=1)
