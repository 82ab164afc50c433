"""A plain body around the bones of a rig, so that a skeleton is seen as a person.

Every bone is a tube with round ends that moves with its node and with no other. Lengths are those
of the person's bones, thicknesses those of a mean person scaled to the person's legs. Axes and pose
are those of the rig at rest: T pose, x to the person's left, y up, z to the front, metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from poselift.io.bvhfile import end_of
from poselift.motion.skeleton import Rig

#: Half of width and depth where a bone begins and where it ends, metres, of a person whose hips are
#: 0.94 m above the floor; by what the bone ends in.
_THICK: dict[str, tuple[float, float, float, float]] = {
    "spine": (0.135, 0.095, 0.125, 0.09),
    "thorax": (0.125, 0.09, 0.10, 0.075),
    "hip": (0.085, 0.09, 0.085, 0.09),
    "knee": (0.078, 0.082, 0.052, 0.056),
    "ankle": (0.052, 0.056, 0.036, 0.038),
    "shoulder": (0.055, 0.06, 0.055, 0.055),
    "elbow": (0.046, 0.046, 0.037, 0.037),
    "wrist": (0.037, 0.037, 0.025, 0.028),
    "upper_neck": (0.055, 0.055, 0.05, 0.05),
    "nose": (0.05, 0.055, 0.05, 0.055),
    "head_top": (0.072, 0.09, 0.06, 0.075),
}
_THIN = (0.02, 0.02, 0.015, 0.015)

#: Hips of that person above the floor, metres.
_HIPS = 0.94

#: Corners of a tube around its axis, and its rings: part of a radius before or behind an end, and
#: part of the full thickness.
_SIDES = 12
_CAP = ((0.9, 0.1), (0.75, 0.6), (0.4, 0.9), (0.0, 1.0))


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles that nodes carry.

    points   (V, 3) metres, at rest, where the root joint is at `rest` (see `posture`).
    normals  (V, 3) unit.
    nodes    (V,) the node that a point moves with.
    corners  (F, 3) points of each triangle, counter-clockwise from outside.
    """

    points: Float[np.ndarray, "V 3"]
    normals: Float[np.ndarray, "V 3"]
    nodes: Int[np.ndarray, " V"]
    corners: Int[np.ndarray, "F 3"]


def mannequin(rig: Rig, rest: Float[np.ndarray, " D"]) -> Mesh:
    """Build the body of a rig whose root joint is at `rest`."""
    size = float(rest[1]) / _HIPS
    places = rig.rest + rest
    parts: list[Mesh] = []
    for node, joint in enumerate(rig.joints):
        below = [child for child in rig.children(node) if rig.joints[child] != joint]
        for child in below:
            start, end = places[joint], places[rig.joints[child]]
            if rig.skeleton.landmarks[joint] != "head":  # whose eyes and crown are in it
                parts.append(_tube(start, end, _thickness(rig, rig.joints[child]), size, node))
        if rig.skeleton.landmarks[joint] == "head" and rig.joints.index(joint) == node:
            crown = places[joint] + [0.0, 0.19 * size, 0.02 * size]
            parts.append(_tube(places[joint], crown, _THICK["head_top"], size, node))
        if not rig.children(node):
            parts += _extremity(rig, node, places[joint], rest, size)
    count = np.cumsum([0, *(len(part.points) for part in parts)])
    return Mesh(
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.normals for part in parts]),
        np.concatenate([part.nodes for part in parts]),
        np.concatenate([part.corners + n for part, n in zip(parts, count, strict=False)]),
    )


def _thickness(rig: Rig, joint: int) -> tuple[float, float, float, float]:
    landmark = rig.skeleton.landmarks[joint]
    return _THICK.get(landmark, _THICK.get(landmark.partition("_")[2], _THIN))


def _extremity(
    rig: Rig,
    node: int,
    place: Float[np.ndarray, " D"],
    rest: Float[np.ndarray, " D"],
    size: float,
) -> list[Mesh]:
    """Return the hand or foot that hangs on a last joint, if it is a wrist or an ankle."""
    part = rig.skeleton.landmarks[rig.joints[node]].partition("_")[2]
    end = place + end_of(rig, node, rest)
    if part == "wrist":
        return [_tube(place, end, (0.026, 0.03, 0.012, 0.035), size, node)]
    if part == "ankle":
        sole = 0.028 * size
        heel = np.array([place[0], sole, place[2] - 0.035 * size])
        toes = np.array([end[0], 0.8 * sole, end[2] - sole])
        return [_tube(heel, toes, (0.034, 0.028, 0.045, 0.022), size, node)]
    return []


def _tube(
    start: Float[np.ndarray, " D"],
    end: Float[np.ndarray, " D"],
    thick: tuple[float, float, float, float],
    size: float,
    node: int,
) -> Mesh:
    """Build a tube from one point to another; `thick` is half of width and depth at both."""
    along = end - start
    length = float(np.linalg.norm(along))
    along = along / length if length > 1e-6 else np.array([0.0, 1.0, 0.0])
    front = np.array([0.0, 0.0, 1.0]) if abs(along[2]) < 0.7 else np.array([0.0, 1.0, 0.0])
    across = np.cross(front, along)
    across /= np.linalg.norm(across)
    front = np.cross(along, across)
    first, last = size * np.array(thick[:2]), size * np.array(thick[2:])
    rings = [(start, -back * first.min(), part * first) for back, part in _CAP]
    rings += [(end, ahead * last.min(), part * last) for ahead, part in reversed(_CAP)]
    angle = np.arange(_SIDES) * (2 * np.pi / _SIDES)
    points = [
        middle
        + shift * along
        + np.cos(angle)[:, None] * wide * across
        + np.sin(angle)[:, None] * deep * front
        for middle, shift, (wide, deep) in rings
    ]
    number = np.arange(len(rings) * _SIDES).reshape(len(rings), _SIDES)
    low, high = number[:-1], number[1:]
    next_low, next_high = np.roll(low, -1, axis=1), np.roll(high, -1, axis=1)
    corners = [np.stack([low, next_low, next_high], -1), np.stack([low, next_high, high], -1)]
    fans = [number[0][[0, k + 1, k]] for k in range(1, _SIDES - 1)]
    fans += [number[-1][[0, k, k + 1]] for k in range(1, _SIDES - 1)]
    triangles = np.concatenate([*(one.reshape(-1, 3) for one in corners), np.array(fans)])
    table = np.concatenate(points)
    normals = _normals(table, triangles)
    return Mesh(table, normals, np.full(len(table), node), triangles)


def _normals(
    points: Float[np.ndarray, "V 3"], corners: Int[np.ndarray, "F 3"]
) -> Float[np.ndarray, "V 3"]:
    """Return the mean direction, by area, of the triangles at each point."""
    a, b, c = (points[corners[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    total = np.zeros_like(points)
    for k in range(3):
        np.add.at(total, corners[:, k], face)
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
