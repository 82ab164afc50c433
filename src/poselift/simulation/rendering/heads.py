"""A head with face, ears and hair, as tubes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from poselift.simulation.rendering.looks import Look
from poselift.simulation.rendering.proportions import HEAD
from poselift.simulation.rendering.tubes import (
    AROUND,
    PARTS,
    Tube,
    cross,
    ellipses,
    tube,
    unit,
    upright,
)
from poselift.skeletons import H36M_17

_AT = {joint: H36M_17.index(joint) for joint in H36M_17.joints}


def head_tubes(joints: Float[np.ndarray, "S 17 3"], look: Look) -> list[Tube]:
    """Head with nose, ears and hair. Nose, neck and top of the head say where it looks."""
    thorax, nose, top = (joints[:, _AT[one]] for one in ("thorax", "neck", "head"))
    shoulders = joints[:, _AT["left_shoulder"]] - joints[:, _AT["right_shoulder"]]
    chest = unit(cross(shoulders, thorax - joints[:, _AT["spine"]]))
    up = unit(top - thorax + 0.3 * (top - nose))
    ahead = nose - (thorax + top) / 2 + 0.01 * chest
    ahead = upright(ahead, up)
    left = cross(up, ahead)
    size = np.clip(np.linalg.norm(top - nose, axis=1).mean() / 0.126, 0.88, 1.15) * look.head
    middle = top - 0.108 * size * up + 0.015 * size * ahead
    table = HEAD * size
    radius = ellipses(table)
    height, quarter = HEAD[:, 0], AROUND // 4
    radius[:, quarter, 1] += 0.022 * np.exp(-(((height + 0.022) / 0.018) ** 2))  # nose
    for ear in (0, AROUND // 2):
        radius[:, ear, 0] *= 1 + 0.16 * np.exp(-((height / 0.028) ** 4))
    scalp = is_hair(radius[..., 0] / size, height[:, None], radius[..., 1] / size, look)
    thick = {"bald": 0.0, "short": 0.012, "long": 0.016, "bun": 0.010, "cap": 0.010}[look.hair]
    radius += scalp[..., None] * thick * unit(np.pad(radius, ((0, 0), (0, 0), (0, 1))))[..., :2]
    along = height + 0.012 * (height > 0.1) * (thick > 0)
    rings = middle[:, None] + (along * size)[:, None] * up[:, None]
    shape = (len(joints), len(along), 3)
    across, front = (np.broadcast_to(axis[:, None], shape) for axis in (left, ahead))
    tubes = [Tube(PARTS.index("head"), height, rings, across, front, radius, -1.0)]
    chest_left = unit(shoulders)
    if look.hair == "long":
        line = [middle + 0.07 * up - 0.03 * ahead, middle - 0.06 * up - 0.062 * ahead]
        line += [thorax - 0.115 * look.girth * chest - 0.05 * unit(thorax - joints[:, 7])]
        strand = np.array([(0.0, 0.02, 0.02, 0.02), (0.1, 0.06, 0.04, 0.05)])
        strand = np.array([*strand, (1.0, 0.085, 0.07, 0.045), (1.6, 0.09, 0.03, 0.035)])
        strand = np.array([*strand, (2.0, 0.075, 0.02, 0.025), (2.1, 0.02, 0.01, 0.01)])
        axes = np.stack([left, left, chest_left], axis=1)
        tubes.append(tube("hair", np.stack(line, axis=1), axes, strand))
    if look.hair == "bun":
        knot = middle + 0.05 * up - 0.1 * ahead
        ball = np.array([(0.0, 0.01, 0.01, 0.01), (0.2, 0.04, 0.04, 0.04), (0.8, 0.04, 0.04, 0.04)])
        ball = np.array([*ball, (1.0, 0.01, 0.01, 0.01)])
        line = [knot, knot - 0.075 * ahead]
        tubes.append(tube("hair", np.stack(line, 1), np.stack([left, left], 1), ball))
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
