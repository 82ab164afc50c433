"""Tubes: rings of ellipses around a line through joints, and the surface over them.

Axes: S sample (moment), K joint of a tube, R ring, A angle around a ring, V vertex, F face.
World axes: right-handed, y up, metres. At angle 0 a ring is at the body's left, at a quarter turn
in front. "Along" counts joints: 0.5 is halfway from a tube's first joint to its second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

#: Vertices around a ring.
AROUND = 16

#: Parts that a vertex belongs to, by number.
PARTS = ("trunk", "leg", "arm", "foot", "hand", "head", "hair", "skirt")

_TURN = 2 * np.pi * np.arange(AROUND) / AROUND


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


def unit(vectors: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
    """Vectors of length 1 in the same directions."""
    length = np.sqrt((vectors * vectors).sum(axis=-1, keepdims=True))
    return vectors / np.maximum(length, 1e-9)


def linear(count: int, along: Float[np.ndarray, " R"]) -> Float[np.ndarray, "R K"]:
    """Weights of `count` joints at places along their line; straight on beyond its ends."""
    first = np.clip(np.floor(along), 0, count - 2).astype(np.int64)
    weights = np.zeros((len(along), count))
    rows = np.arange(len(along))
    weights[rows, first] = first + 1 - along
    weights[rows, first + 1] = along - first
    return weights


def tube(
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
    before, after = linear(count, along - rounding), linear(count, along + rounding)
    middle = (before + after + 2 * linear(count, along)) / 4 @ points
    tangent = unit((after - before) @ points)
    held = linear(count, np.clip(along, 0, count - 1)) @ left
    across = unit(held - (held * tangent).sum(axis=-1, keepdims=True) * tangent)
    ahead = sign * np.cross(tangent, across)
    return Tube(PARTS.index(part), along, middle, across, ahead, ellipses(table))


def ellipses(table: Float[np.ndarray, "R 4"]) -> Float[np.ndarray, "R A 2"]:
    """How far each vertex of a ring lies to its left and front, of rows of a table."""
    cosine, sine = np.cos(_TURN), np.sin(_TURN)
    wide, front, behind = table[:, 1:2], table[:, 2:3], table[:, 3:4]
    return np.stack([wide * cosine, np.where(sine > 0, front, behind) * sine], axis=-1)


def cut(
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


def surface(tubes: list[Tube]) -> Mesh:
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
        normals.append(unit(sign * outwards).reshape(len(grid), -1, 3))
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
