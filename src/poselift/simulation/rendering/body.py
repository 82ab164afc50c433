"""A body of rings around 17 joints: trunk, limbs, hands, feet, head, hair, skirt, as one mesh.

Each part is a tube: rings around a line through the joints, closed at both ends. A ring is an
ellipse with a half of its own in front and behind. Nothing is stored: the mesh follows from the
joints, so bones keep their lengths and joints lie inside, where motion capture has them.

Axes: S sample (moment), K joint of a tube, R ring, A angle around a ring, V vertex, F face.
World axes: right-handed, y up, metres. At angle 0 a ring is at the body's left, at a quarter turn
in front. "Along" counts joints: 0.5 is halfway from a tube's first joint to its second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from poselift.simulation.rendering.looks import Look
from poselift.skeletons import H36M_17

#: Vertices around a ring.
AROUND = 16

#: Parts that a vertex belongs to, by number.
PARTS = ("trunk", "leg", "arm", "foot", "hand", "head", "hair", "skirt")

_AT = {joint: H36M_17.index(joint) for joint in H36M_17.joints}
_TURN = 2 * np.pi * np.arange(AROUND) / AROUND

Joints = Float[np.ndarray, "S 17 3"]

# along, half width, half depth in front, half depth behind, metres; of an adult of 1.75 m
_TRUNK = np.array(
    [
        (0.0, 0.030, 0.030, 0.030),
        (0.15, 0.085, 0.070, 0.080),
        (0.45, 0.135, 0.092, 0.112),
        (0.80, 0.160, 0.100, 0.122),
        (1.10, 0.166, 0.104, 0.116),
        (1.40, 0.158, 0.106, 0.098),
        (1.75, 0.144, 0.104, 0.088),
        (2.00, 0.138, 0.104, 0.088),
        (2.25, 0.146, 0.110, 0.094),
        (2.50, 0.160, 0.120, 0.100),
        (2.70, 0.170, 0.120, 0.104),
        (2.84, 0.168, 0.106, 0.100),
        (2.93, 0.142, 0.088, 0.090),
        (3.00, 0.100, 0.068, 0.076),
        (3.15, 0.066, 0.056, 0.062),
        (3.40, 0.054, 0.054, 0.056),
        (3.80, 0.054, 0.056, 0.056),
        (4.00, 0.030, 0.030, 0.030),
    ]
)
_LEG = np.array(
    [
        (-0.16, 0.030, 0.030, 0.030),
        (-0.10, 0.074, 0.080, 0.080),
        (0.05, 0.088, 0.092, 0.096),
        (0.25, 0.086, 0.088, 0.092),
        (0.50, 0.073, 0.078, 0.078),
        (0.75, 0.060, 0.066, 0.062),
        (0.90, 0.054, 0.060, 0.054),
        (1.00, 0.053, 0.058, 0.050),
        (1.10, 0.051, 0.053, 0.052),
        (1.30, 0.053, 0.048, 0.066),
        (1.50, 0.048, 0.044, 0.060),
        (1.75, 0.038, 0.038, 0.042),
        (1.92, 0.036, 0.036, 0.038),
        (2.00, 0.038, 0.038, 0.040),
        (2.06, 0.025, 0.025, 0.025),
    ]
)
_ARM = np.array(
    [
        (-0.60, 0.025, 0.025, 0.025),
        (-0.45, 0.058, 0.052, 0.056),
        (-0.15, 0.062, 0.058, 0.060),
        (0.05, 0.060, 0.058, 0.058),
        (0.25, 0.052, 0.052, 0.052),
        (0.50, 0.046, 0.048, 0.046),
        (0.80, 0.040, 0.041, 0.041),
        (1.00, 0.039, 0.039, 0.041),
        (1.20, 0.041, 0.041, 0.041),
        (1.50, 0.035, 0.035, 0.035),
        (1.80, 0.028, 0.027, 0.027),
        (2.00, 0.027, 0.024, 0.024),
        (2.05, 0.015, 0.015, 0.015),
    ]
)
# metres from the heel along the sole; half width, above and below the middle line
_FOOT = np.array(
    [
        (0.000, 0.012, 0.012, 0.012),
        (0.010, 0.030, 0.034, 0.026),
        (0.050, 0.036, 0.050, 0.032),
        (0.090, 0.038, 0.046, 0.032),
        (0.150, 0.044, 0.022, 0.030),
        (0.200, 0.047, 0.010, 0.030),
        (0.240, 0.040, 0.002, 0.028),
        (0.262, 0.020, -0.010, 0.020),
    ]
)
# metres from the wrist; half width across the palm, half thickness (both sides)
_HAND = np.array(
    [
        (-0.010, 0.014, 0.014, 0.014),
        (0.010, 0.027, 0.020, 0.020),
        (0.050, 0.040, 0.017, 0.019),
        (0.090, 0.042, 0.014, 0.016),
        (0.130, 0.036, 0.011, 0.013),
        (0.165, 0.027, 0.009, 0.010),
        (0.180, 0.010, 0.005, 0.005),
    ]
)
_THUMB = np.array(
    [
        (0.0, 0.006, 0.006, 0.006),
        (0.01, 0.014, 0.014, 0.014),
        (0.05, 0.011, 0.011, 0.011),
        (0.066, 0.004, 0.004, 0.004),
    ]
)
# metres above the middle of the head; half width, in front, behind
_HEAD = np.array(
    [
        (-0.118, 0.012, 0.066, -0.030),
        (-0.112, 0.032, 0.084, -0.010),
        (-0.095, 0.047, 0.092, 0.020),
        (-0.070, 0.058, 0.091, 0.055),
        (-0.045, 0.065, 0.093, 0.075),
        (-0.028, 0.068, 0.094, 0.083),
        (-0.005, 0.072, 0.092, 0.092),
        (0.020, 0.075, 0.090, 0.098),
        (0.045, 0.077, 0.092, 0.101),
        (0.070, 0.074, 0.086, 0.096),
        (0.092, 0.062, 0.070, 0.080),
        (0.108, 0.042, 0.046, 0.055),
        (0.116, 0.015, 0.016, 0.020),
    ]
)


@dataclass(frozen=True, eq=False)
class Tube:
    """One part in all moments, before its surface is made.

    part      index into `PARTS`.
    along     (R,) where the rings are; texture and clothes go by it.
    middle    (S, R, 3) of each ring, metres.
    across, ahead  (S, R, 3) unit vectors to the ring's left and front.
    radius    (R, A, 2) how far a vertex lies along them.
    """

    part: int
    along: Float[np.ndarray, " R"]
    middle: Float[np.ndarray, "S R 3"]
    across: Float[np.ndarray, "S R 3"]
    ahead: Float[np.ndarray, "S R 3"]
    radius: Float[np.ndarray, "R A 2"]


@dataclass(frozen=True, eq=False)
class Mesh:
    """A surface: where its vertices are in each moment, and what they need to be painted.

    points   (S, V, 3) metres, world.
    normals  (S, V, 3) outwards, unit.
    place    (V, 4) along, and the vertex's own left, up, front in metres: where paint goes.
    part     (V,) index into `PARTS`.
    faces    (F, 3) corners anticlockwise seen from outside.
    """

    points: Float[np.ndarray, "S V 3"]
    normals: Float[np.ndarray, "S V 3"]
    place: Float[np.ndarray, "V 4"]
    part: Int[np.ndarray, " V"]
    faces: Int[np.ndarray, "F 3"]


def body_mesh(joints: Joints, look: Look, floor: float) -> Mesh:
    """Make the mesh of a person.

    joints  (S, 17, 3) `h36m_17`, metres, world y up, in each moment of the exposure.
    floor   height of the floor, which shoes do not go through.
    """
    joints = joints.astype(np.float64)
    tubes = [*_trunk(joints, look), *_head(joints, look)]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        tubes += _limbs(joints, look, side, sign, floor)
    return _surface(tubes, look)


def _unit(vectors: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
    length = np.sqrt((vectors * vectors).sum(axis=-1, keepdims=True))
    return vectors / np.maximum(length, 1e-9)


def _linear(count: int, along: Float[np.ndarray, " R"]) -> Float[np.ndarray, "R K"]:
    """Weights of `count` joints at places along their line; straight on beyond its ends."""
    first = np.clip(np.floor(along), 0, count - 2).astype(np.int64)
    weights = np.zeros((len(along), count))
    rows = np.arange(len(along))
    weights[rows, first] = first + 1 - along
    weights[rows, first + 1] = along - first
    return weights


def _tube(
    part: str,
    points: Float[np.ndarray, "S K 3"],
    left: Float[np.ndarray, "S K 3"],
    table: Float[np.ndarray, "R 4"],
    sign: float = 1.0,
) -> Tube:
    """Lay rings along a line through joints, rounded where it bends.

    left   where a ring's left is, about, at each joint.
    table  along, and half width, half depth in front and behind.
    sign   1 for lines that run down or away from the body, -1 for those that run up.
    """
    along, count, rounding = table[:, 0], points.shape[1], 0.12
    before, after = _linear(count, along - rounding), _linear(count, along + rounding)
    middle = (before + after + 2 * _linear(count, along)) / 4 @ points
    tangent = _unit((after - before) @ points)
    held = _linear(count, np.clip(along, 0, count - 1)) @ left
    across = _unit(held - (held * tangent).sum(axis=-1, keepdims=True) * tangent)
    ahead = sign * np.cross(tangent, across)
    return Tube(PARTS.index(part), along, middle, across, ahead, _ellipses(table))


def _ellipses(table: Float[np.ndarray, "R 4"]) -> Float[np.ndarray, "R A 2"]:
    cosine, sine = np.cos(_TURN), np.sin(_TURN)
    wide, front, behind = table[:, 1:2], table[:, 2:3], table[:, 3:4]
    return np.stack([wide * cosine, np.where(sine > 0, front, behind) * sine], axis=-1)


def _cut(
    table: Float[np.ndarray, "R 4"], hem: float, covered: float, loose: float, bare: float
) -> Float[np.ndarray, "Q 4"]:
    """Add two rings at a hem, thicken what is clothed by `loose`, and all radii by `bare`.

    covered  1 if the clothes reach from the tube's start to the hem, -1 if from there to its end.
    """
    low, high = table[0, 0], table[-1, 0]
    if low + 0.05 < hem < high - 0.05:
        both = np.array([hem - 0.008, hem + 0.008])
        rings = np.stack([both, *(np.interp(both, table[:, 0], one) for one in table[:, 1:].T)], 1)
        table = np.concatenate([table, rings])
        table = table[np.argsort(table[:, 0], kind="stable")]
    clothed = ((hem - table[:, :1]) * covered > 0) & (table[:, 1:2] > 0.026)
    return np.concatenate([table[:, :1], table[:, 1:] * bare + clothed * loose], axis=1)


def _trunk(joints: Joints, look: Look) -> list[Tube]:
    """Trunk and neck, and the skirt around the hips."""
    pelvis, spine, thorax = (joints[:, _AT[one]] for one in ("pelvis", "spine", "thorax"))
    hips = joints[:, _AT["left_hip"]] - joints[:, _AT["right_hip"]]
    shoulders = joints[:, _AT["left_shoulder"]] - joints[:, _AT["right_shoulder"]]
    up = _unit(spine - pelvis)
    throat = (joints[:, _AT["neck"]] + 2 * joints[:, _AT["head"]] + 2 * thorax) / 5
    wide_hips = np.linalg.norm(hips, axis=1).mean() / 0.184
    wide_shoulders = np.linalg.norm(shoulders, axis=1).mean() / 0.38
    points = np.stack([pelvis - 0.09 * wide_hips * up, pelvis, spine, thorax, throat], axis=1)
    left, right = _unit(hips), _unit(shoulders)
    lateral = np.stack([left, left, left + right, right, right], axis=1)
    table = _cut(_TRUNK, look.waist, -1.0, 0.0, look.girth)
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
    tubes = [_tube("trunk", points, lateral, table, -1.0)]
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
    weights = _linear(3, along * look.skirt)
    left, right = weights @ legs[0], weights @ legs[1]
    waist = _linear(5, np.array([1.55]))[0] @ trunk
    down = (1 - along[:, None]) ** 2
    middle = (left + right) / 2 * (1 - down) + waist[:, None] * down
    across = np.repeat(lateral[:, 1:2], len(along), axis=1)
    tangent = _unit(np.gradient(middle, axis=1))
    across = _unit(across - (across * tangent).sum(axis=-1, keepdims=True) * tangent)
    ahead = np.cross(tangent, across)
    apart = (left - right) / 2
    half = np.interp(along, [0.0, 0.3, 1.0], [0.145, 0.17, 0.09 + 0.5 * look.flare + 0.03])
    spread = [np.abs((apart * axis).sum(axis=-1)).max(axis=0) for axis in (across, ahead)]
    share = np.clip(along * 1.5, 0, 1)
    table = np.stack(
        [
            along * look.skirt,
            half * look.girth + spread[0] * share,
            half * look.girth * 0.8 + spread[1] * share,
            half * look.girth * 0.8 + spread[1] * share,
        ],
        axis=1,
    )
    table[[0, -1], 1:] = 0.01
    return Tube(PARTS.index("skirt"), table[:, 0], middle, across, ahead, _ellipses(table))


def _head(joints: Joints, look: Look) -> list[Tube]:
    """Head with nose, ears and hair. Nose, neck and top of the head say where it looks."""
    thorax, nose, top = (joints[:, _AT[one]] for one in ("thorax", "neck", "head"))
    shoulders = joints[:, _AT["left_shoulder"]] - joints[:, _AT["right_shoulder"]]
    chest = _unit(np.cross(shoulders, thorax - joints[:, _AT["spine"]]))
    up = _unit(top - thorax + 0.3 * (top - nose))
    ahead = nose - (thorax + top) / 2 + 0.01 * chest
    ahead = _unit(ahead - (ahead * up).sum(axis=1, keepdims=True) * up)
    left = np.cross(up, ahead)
    size = np.clip(np.linalg.norm(top - nose, axis=1).mean() / 0.126, 0.88, 1.15) * look.head
    middle = top - 0.108 * size * up + 0.015 * size * ahead
    table = _HEAD * size
    radius = _ellipses(table)
    height, quarter = _HEAD[:, 0], AROUND // 4
    radius[:, quarter, 1] += 0.022 * np.exp(-(((height + 0.022) / 0.018) ** 2))  # nose
    for ear in (0, AROUND // 2):
        radius[:, ear, 0] *= 1 + 0.16 * np.exp(-((height / 0.028) ** 4))
    scalp = is_hair(radius[..., 0] / size, height[:, None], radius[..., 1] / size, look)
    thick = {"bald": 0.0, "short": 0.012, "long": 0.016, "bun": 0.010, "cap": 0.010}[look.hair]
    radius += scalp[..., None] * thick * _unit(np.pad(radius, ((0, 0), (0, 0), (0, 1))))[..., :2]
    along = height + 0.012 * (height > 0.1) * (thick > 0)
    rings = middle[:, None] + (along * size)[:, None] * up[:, None]
    shape = (len(joints), len(along), 3)
    across, front = (np.broadcast_to(axis[:, None], shape) for axis in (left, ahead))
    tubes = [Tube(PARTS.index("head"), height, rings, across, front, radius)]
    chest_left = _unit(shoulders)
    if look.hair == "long":
        line = [middle + 0.07 * up - 0.03 * ahead, middle - 0.06 * up - 0.062 * ahead]
        line += [thorax - 0.115 * look.girth * chest - 0.05 * _unit(thorax - joints[:, 7])]
        strand = np.array([(0.0, 0.02, 0.02, 0.02), (0.1, 0.06, 0.04, 0.05)])
        strand = np.array([*strand, (1.0, 0.085, 0.07, 0.045), (1.6, 0.09, 0.03, 0.035)])
        strand = np.array([*strand, (2.0, 0.075, 0.02, 0.025), (2.1, 0.02, 0.01, 0.01)])
        axes = np.stack([left, left, chest_left], axis=1)
        tubes.append(_tube("hair", np.stack(line, axis=1), axes, strand))
    if look.hair == "bun":
        knot = middle + 0.05 * up - 0.1 * ahead
        ball = np.array([(0.0, 0.01, 0.01, 0.01), (0.2, 0.04, 0.04, 0.04), (0.8, 0.04, 0.04, 0.04)])
        ball = np.array([*ball, (1.0, 0.01, 0.01, 0.01)])
        line = [knot, knot - 0.075 * ahead]
        tubes.append(_tube("hair", np.stack(line, 1), np.stack([left, left], 1), ball))
    return tubes


def is_hair(
    left: Float[np.ndarray, "*#batch"],
    height: Float[np.ndarray, "*#batch"],
    front: Float[np.ndarray, "*#batch"],
    look: Look,
) -> np.ndarray:
    """Tell where on the head hair (or the cap) is; metres from the head's middle."""
    line = 0.062 + 0.9 * np.minimum(front - 0.05, 0.0) * (look.hair != "cap")
    covered = height > np.maximum(line, -0.085)
    return covered & (look.hair != "bald")


def _limbs(joints: Joints, look: Look, side: str, sign: float, floor: float) -> list[Tube]:
    """A leg with its foot, an arm with its hand."""
    at = {name: joints[:, _AT[f"{side}_{name}"]] for name in ("hip", "knee", "ankle")}
    hips = _unit(joints[:, _AT["left_hip"]] - joints[:, _AT["right_hip"]])
    thigh, shin = _unit(at["knee"] - at["hip"]), _unit(at["ankle"] - at["knee"])
    lateral = np.cross(thigh, shin) + 0.25 * hips
    table = _cut(_LEG, look.trousers, 1.0, look.loose[1], look.girth)
    wide = look.flare * np.clip(table[:, 0] - 0.8, 0, 1.2) * (table[:, 0] < look.trousers)
    table[:, 1:] += wide[:, None]
    line = np.stack([at["hip"], at["knee"], at["ankle"]], axis=1)
    leg = _tube("leg", line, np.stack([lateral] * 3, axis=1), table)
    tubes = [leg, _foot(at["ankle"], shin, lateral, floor, look)]

    arm = {name: joints[:, _AT[f"{side}_{name}"]] for name in ("shoulder", "elbow", "wrist")}
    thorax, spine = joints[:, _AT["thorax"]], joints[:, _AT["spine"]]
    across = _unit(joints[:, _AT["left_shoulder"]] - joints[:, _AT["right_shoulder"]])
    upper, fore = _unit(arm["elbow"] - arm["shoulder"]), _unit(arm["wrist"] - arm["elbow"])
    lateral = -np.cross(upper, fore) + 0.25 * across + 0.1 * sign * _unit(thorax - spine)
    inner = arm["shoulder"] + 0.6 * (thorax - arm["shoulder"])
    inner -= 0.04 * _unit(thorax - spine)
    line = np.stack([inner, arm["shoulder"], arm["elbow"], arm["wrist"]], axis=1)
    table = _cut(_ARM, look.sleeve, 1.0, look.loose[0], look.girth)
    table[:, 0] = np.where(table[:, 0] < 0, table[:, 0] / 0.6, table[:, 0]) + 1
    one = _tube("arm", line, np.stack([lateral] * 4, axis=1), table)
    wrist = Tube(one.part, one.along - 1, one.middle, one.across, one.ahead, one.radius)
    tubes.append(wrist)

    palm = one.ahead[:, -1]
    for shape, start, way in (
        (_HAND, arm["wrist"], fore - 0.25 * sign * one.across[:, -1]),
        (_THUMB, arm["wrist"] + 0.035 * fore + 0.025 * palm, fore + 0.7 * palm),
    ):
        ends = np.stack([start, start + _unit(way)], axis=1)
        tubes.append(_tube("hand", ends, np.stack([palm, palm], axis=1), shape))
    return tubes


def _foot(
    ankle: Float[np.ndarray, "S 3"],
    shin: Float[np.ndarray, "S 3"],
    lateral: Float[np.ndarray, "S 3"],
    floor: float,
    look: Look,
) -> Tube:
    """A shoe at right angles to the shin; near the floor its sole turns to lie on it."""
    left = _unit(lateral - (lateral * shin).sum(axis=1, keepdims=True) * shin)
    ahead = np.cross(shin, left)
    above = ankle[:, 1] - floor
    flat = ahead.copy()
    flat[:, 1] = 0.0
    tilt = np.clip((0.08 - above) / 0.2, -0.95, 0.3)[:, None]
    flat = _unit(flat) * np.sqrt(1 - tilt**2) + tilt * np.array([0.0, 1.0, 0.0])
    share = np.clip((0.34 - above) / 0.14, 0, 1)[:, None]
    ahead = _unit(ahead * (1 - share) + flat * share)
    left = _unit(left - (left * ahead).sum(axis=1, keepdims=True) * ahead)
    up = np.cross(ahead, left)
    heel = ankle - 0.07 * ahead - 0.045 * up
    table = _FOOT.copy()
    table[:, 1:] += 0.004 * look.girth
    ends = np.stack([heel, heel + ahead], axis=1)
    return _tube("foot", ends, np.stack([left, left], axis=1), table)


def _surface(tubes: list[Tube], look: Look) -> Mesh:
    """Put vertices on the rings, faces between them, and close the tubes' ends."""
    around = np.arange(AROUND)
    after = np.roll(around, -1)
    points, normals, places, parts, faces, first = [], [], [], [], [], 0
    for tube in tubes:
        grid = (
            tube.middle[:, :, None]
            + tube.radius[:, :, :1] * tube.across[:, :, None]
            + tube.radius[:, :, 1:] * tube.ahead[:, :, None]
        )
        rings = len(tube.along)
        down = np.gradient(grid, axis=1)
        turn = np.roll(grid, -1, axis=2) - np.roll(grid, 1, axis=2)
        # trunk and head run up, the others down: outwards is the side of the radius
        outwards = np.cross(turn, down)
        sign = 1.0 if (outwards * (grid - tube.middle[:, :, None])).sum() > 0 else -1.0
        points.append(grid.reshape(len(grid), -1, 3))
        normals.append(_unit(sign * outwards).reshape(len(grid), -1, 3))
        steps = np.linalg.norm(np.diff(tube.middle[0], axis=0), axis=1)
        length = tube.along if tube.part == PARTS.index("head") else np.cumsum([0, *steps])
        place = np.empty((rings, AROUND, 4))
        place[..., 0], place[..., 2] = tube.along[:, None], length[:, None]
        place[..., [1, 3]] = tube.radius
        places.append(place.reshape(-1, 4))
        parts.append(np.full(rings * AROUND, tube.part))
        ring = AROUND * np.arange(rings - 1)[:, None]
        a, b = ring + around, ring + after
        quads = [np.stack([a, b, a + AROUND], -1), np.stack([b, b + AROUND, a + AROUND], -1)]
        fan = np.stack([np.zeros(AROUND - 2, int), around[2:], around[1:-1]], axis=-1)
        ends = np.concatenate([fan, fan[:, ::-1] + AROUND * (rings - 1)])
        own = np.concatenate([*(one.reshape(-1, 3) for one in quads), ends])
        faces.append((own if sign > 0 else own[:, ::-1]) + first)
        first += rings * AROUND
    return Mesh(
        points=np.concatenate(points, axis=1),
        normals=np.concatenate(normals, axis=1),
        place=np.concatenate(places),
        part=np.concatenate(parts),
        faces=np.concatenate(faces),
    )
