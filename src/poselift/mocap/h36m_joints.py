"""CMU's three encodings mapped to the 17 Human3.6M joints.

The table and its reasons are in the README of the data: limb joints are joint centres; pelvis is
the middle of the hips; nose and head top are constructed from the head bone; the wrist lies at
90 % of the radius + wrist chain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

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

# which bone of CMU's (ASF) and of the 38 joints ends where; the face turns with the head
_BONES = """
    spine     lowerback  Spine
    chest     upperback  Spine1
    thorax    thorax     Neck
    skull     upperneck  Head
    face      head       Head
    head      head       HeadEnd
    hip       hipjoint   UpLeg
    knee      femur      Leg
    ankle     tibia      Foot
    shoulder  clavicle   Arm
    elbow     humerus    ForeArm
    forearm   radius     Hand
"""
_ROWS = [line.split() for line in _BONES.strip().splitlines()]
#: Where the joints that only `h36m_32` has end in CMU's (ASF) skeleton.
_OUTER = {
    "toe_base": "foot",
    "toe_end": "toes",
    "thumb": "wrist",
    "thumb_end": "thumb",
    "hand": "hand",
    "hand_end": "fingers",
}
_ASF, _EXPMAP = ({row[0]: row[column] for row in _ROWS} for column in (1, 2))


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
    return _from_bones(*motion.world(), motion.skeleton.index, _ASF, ("l", "r"))


def joints_32_from_amc(motion: AmcMotion) -> Float[np.ndarray, "T 32 3"]:
    """Map the ends of CMU's bones to `h36m_32`, metres; the 17 of them are as `from_amc` has them.

    Collars start where the thorax ends, both in one point, as Human3.6M's do; a thumb starts where
    the hand does. CMU does not capture thumbs and fingers: they turn with the wrist and the hand.
    """
    positions, _ = motion.world()

    def end(bone: str) -> Float[np.ndarray, "T 3"]:
        return positions[:, motion.skeleton.index(bone)]

    points = dict(zip(_H36M.joints, np.moveaxis(from_amc(motion), 1, 0), strict=True))
    points["spine_base"] = end("root")
    for side, own in (("left", "l"), ("right", "r")):
        points[f"{side}_collar"] = end("thorax")
        for joint, bone in _OUTER.items():
            points[f"{side}_{joint}"] = end(own + bone)
    return np.stack([points[joint] for joint in get_skeleton("h36m_32").joints], axis=1)


def from_expmap(motion: ExpmapMotion) -> Float[np.ndarray, "T 17 3"]:
    """Map the 38 joints to `h36m_17`, metres."""
    return _from_bones(*motion.world(), motion.skeleton.index, _EXPMAP, ("Left", "Right"))


def _from_bones(
    positions: Float[np.ndarray, "T B 3"],
    rotations: Float[np.ndarray, "T B 3 3"],
    index: Callable[[str], int],
    bones: Mapping[str, str],
    sides: tuple[str, str],
) -> Float[np.ndarray, "T 17 3"]:
    """Map what `bones` says ends at each joint; limbs are named by the side and that."""

    def end(joint: str, side: str = "") -> Float[np.ndarray, "T 3"]:
        return positions[:, index(side + bones[joint])]

    points = {
        "spine": end("spine"),
        "thorax": _beyond(end("chest"), end("thorax"), _NECK_BASE),
        "neck": end("skull") + rotations[:, index(bones["face"])] @ _NOSE,
        "head": _beyond(end("skull"), end("head"), _HEAD_TOP - 1),
    }
    for side, own in zip(("left", "right"), sides, strict=True):
        for joint in ("hip", "knee", "ankle", "shoulder", "elbow"):
            points[f"{side}_{joint}"] = end(joint, own)
        points[f"{side}_wrist"] = _beyond(end("elbow", own), end("forearm", own), _WRIST - 1)
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
