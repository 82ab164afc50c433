"""A body of rings around 17 joints: trunk, limbs, hands, feet, head, hair, skirt, as one mesh.

Nothing is stored: the mesh follows from the
joints, so bones keep their lengths and joints lie inside, where motion capture has them.

Axes: S sample (moment), K joint of a tube. World axes: right-handed, y up, metres.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from poselift.simulation.rendering.heads import head_tubes
from poselift.simulation.rendering.looks import Look
from poselift.simulation.rendering.proportions import ARM, FOOT, HAND, LEG, THUMB, TRUNK
from poselift.simulation.rendering.tubes import (
    PARTS,
    Mesh,
    Tube,
    cross,
    cut,
    ellipses,
    linear,
    surface,
    tube,
    unit,
    upright,
)
from poselift.skeletons import H36M_17

_AT = {joint: H36M_17.index(joint) for joint in H36M_17.joints}

Joints = Float[np.ndarray, "S 17 3"]


def body_mesh(joints: Joints, look: Look, floor: float) -> Mesh:
    """Make the mesh of a person.

    joints  (S, 17, 3) `h36m_17`, metres, world y up, in each moment of the exposure.
    floor   height of the floor, which shoes do not go through.
    """
    joints = joints.astype(np.float64)
    tubes = [*_trunk(joints, look), *head_tubes(joints, look)]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        tubes += _limbs(joints, look, side, sign, floor)
    return surface(tubes)


def _trunk(joints: Joints, look: Look) -> list[Tube]:
    """Trunk and neck, and the skirt around the hips."""
    pelvis, spine, thorax = (joints[:, _AT[one]] for one in ("pelvis", "spine", "thorax"))
    hips = joints[:, _AT["left_hip"]] - joints[:, _AT["right_hip"]]
    shoulders = joints[:, _AT["left_shoulder"]] - joints[:, _AT["right_shoulder"]]
    up = unit(spine - pelvis)
    throat = (joints[:, _AT["neck"]] + 2 * joints[:, _AT["head"]] + 2 * thorax) / 5
    wide_hips = np.linalg.norm(hips, axis=1).mean() / 0.184
    wide_shoulders = np.linalg.norm(shoulders, axis=1).mean() / 0.38
    points = np.stack([pelvis - 0.09 * wide_hips * up, pelvis, spine, thorax, throat], axis=1)
    left, right = unit(hips), unit(shoulders)
    lateral = np.stack([left, left, left + right, right, right], axis=1)
    table = cut(TRUNK, look.waist, -1.0, 0.0, look.girth)
    along = table[:, 0]
    table[:, 1] *= np.interp(along, [1, 2, 2.6, 3.2], [1, 0.97, 1, 1]) * np.interp(
        along, [1.2, 2.6, 3.3], [wide_hips * look.hips, wide_shoulders * look.shoulders, 1.0]
    )
    table[:, 2] += look.belly * np.exp(-(((along - 1.8) / 0.5) ** 2))
    table[:, 2] += look.bust * np.exp(-(((along - 2.6) / 0.2) ** 2))
    table[:, 1:] += (
        np.where(along < look.waist, look.loose[1], look.loose[0])[:, None]
        * ((along > 0.1) & (along < 2.97))[:, None]
    )
    tubes = [tube("trunk", points, lateral, table, -1.0)]
    if look.skirt:
        tubes.append(_skirt(joints, look, points, lateral))
    return tubes


def _skirt(
    joints: Joints,
    look: Look,
    trunk: Float[np.ndarray, "S K 3"],
    lateral: Float[np.ndarray, "S K 3"],
) -> Tube:
    """A cone from the waist that holds both legs down to the hem."""
    legs = [
        joints[:, [_AT[f"{side}_{one}"] for one in ("hip", "knee", "ankle")]]
        for side in ("left", "right")
    ]
    along = np.concatenate([[0.0, 0.001], np.linspace(0.1, 1.0, 7), [1.001]])
    weights = linear(3, along * look.skirt)
    left, right = weights @ legs[0], weights @ legs[1]
    waist = linear(5, np.array([1.55]))[0] @ trunk
    down = (1 - along[:, None]) ** 2
    middle = (left + right) / 2 * (1 - down) + waist[:, None] * down
    across = np.repeat(lateral[:, 1:2], len(along), axis=1)
    tangent = unit(np.gradient(middle, axis=1))
    across = upright(across, tangent)
    ahead = cross(tangent, across)
    apart = (left - right) / 2
    half = np.interp(along, [0.0, 0.3, 1.0], [0.145, 0.175, 0.14 + look.flare])
    spread = [np.abs((apart * axis).sum(axis=-1)).max(axis=0) for axis in (across, ahead)]
    share = np.clip(along * 1.5, 0, 1)
    table = np.stack(
        [
            along * look.skirt,
            half * look.girth + spread[0] * share,
            half * look.girth * 0.85 + spread[1] * share,
            half * look.girth * 0.85 + spread[1] * share,
        ],
        axis=1,
    )
    table[[0, -1], 1:] = 0.01
    return Tube(PARTS.index("skirt"), table[:, 0], middle, across, ahead, ellipses(table))


def _limbs(joints: Joints, look: Look, side: str, sign: float, floor: float) -> list[Tube]:
    """A leg with its foot, an arm with its hand."""
    at = {name: joints[:, _AT[f"{side}_{name}"]] for name in ("hip", "knee", "ankle")}
    hips = unit(joints[:, _AT["left_hip"]] - joints[:, _AT["right_hip"]])
    thigh, shin = unit(at["knee"] - at["hip"]), unit(at["ankle"] - at["knee"])
    lateral = cross(thigh, shin) + 0.25 * hips
    table = cut(LEG, look.trousers, 1.0, look.loose[1], look.girth)
    wide = look.flare * np.clip(table[:, 0] - 0.8, 0, 1.2) * (table[:, 0] < look.trousers)
    table[:, 1:] += wide[:, None]
    line = np.stack([at["hip"], at["knee"], at["ankle"]], axis=1)
    leg = tube("leg", line, np.stack([lateral] * 3, axis=1), table)
    tubes = [leg, _foot(at["ankle"], shin, lateral, floor, look)]

    arm = {name: joints[:, _AT[f"{side}_{name}"]] for name in ("shoulder", "elbow", "wrist")}
    thorax, spine = joints[:, _AT["thorax"]], joints[:, _AT["spine"]]
    across = unit(joints[:, _AT["left_shoulder"]] - joints[:, _AT["right_shoulder"]])
    upper, fore = unit(arm["elbow"] - arm["shoulder"]), unit(arm["wrist"] - arm["elbow"])
    lateral = -cross(upper, fore) + 0.25 * across + 0.1 * sign * unit(thorax - spine)
    inner = arm["shoulder"] + 0.6 * (thorax - arm["shoulder"])
    inner -= 0.04 * unit(thorax - spine)
    line = np.stack([inner, arm["shoulder"], arm["elbow"], arm["wrist"]], axis=1)
    table = cut(ARM, look.sleeve, 1.0, look.loose[0], look.girth)
    table[:, 0] = np.where(table[:, 0] < 0, table[:, 0] / 0.6, table[:, 0]) + 1
    one = tube("arm", line, np.stack([lateral] * 4, axis=1), table)
    wrist = Tube(one.part, one.along - 1, one.middle, one.across, one.ahead, one.radius)
    tubes.append(wrist)

    palm = one.ahead[:, -1]
    for shape, start, way in (
        (HAND, arm["wrist"], fore - 0.25 * sign * one.across[:, -1]),
        (THUMB, arm["wrist"] + 0.035 * fore + 0.025 * palm, fore + 0.7 * palm),
    ):
        ends = np.stack([start, start + unit(way)], axis=1)
        tubes.append(tube("hand", ends, np.stack([palm, palm], axis=1), shape))
    return tubes


def _foot(
    ankle: Float[np.ndarray, "S 3"],
    shin: Float[np.ndarray, "S 3"],
    lateral: Float[np.ndarray, "S 3"],
    floor: float,
    look: Look,
) -> Tube:
    """A shoe at right angles to the shin; near the floor its sole turns to lie on it."""
    left = upright(lateral, shin)
    ahead = cross(shin, left)
    above = ankle[:, 1] - floor
    flat = ahead.copy()
    flat[:, 1] = 0.0
    tilt = np.clip((0.08 - above) / 0.2, -0.95, 0.3)[:, None]
    flat = unit(flat) * np.sqrt(1 - tilt**2) + tilt * np.array([0.0, 1.0, 0.0])
    share = np.clip((0.34 - above) / 0.14, 0, 1)[:, None]
    ahead = unit(ahead * (1 - share) + flat * share)
    left = upright(left, ahead)
    up = cross(ahead, left)
    heel = ankle - 0.07 * ahead - 0.045 * up
    table = FOOT.copy()
    table[:, 1:] += 0.004 * look.girth
    ends = np.stack([heel, heel + ahead], axis=1)
    return tube("foot", ends, np.stack([left, left], axis=1), table)
