"""Tubes: rings of ellipses around a line through joints, and the surface over them.

Axes: S sample (moment), K joint of a tube, R ring, A angle around a ring, V vertex, F face.
World axes: right-handed, y up, metres. At angle 0 a ring is at the body's left, at a quarter turn
in front. "Along" counts joints: 0.5 is halfway from a tube's first joint to its second.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

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
    sign      1 where rings follow each other down or away from the body, -1 where they go up.
    """

    part: int
    along: Float[np.ndarray, " R"]
    middle: Float[np.ndarray, "S R 3"]
    across: Float[np.ndarray, "S R 3"]
    ahead: Float[np.ndarray, "S R 3"]
    radius: Float[np.ndarray, "R A 2"]
    sign: float = 1.0


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
    length = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))[..., None]
    return vectors / np.maximum(length, 1e-9)


def cross(
    a: Float[np.ndarray, "*batch 3"], b: Float[np.ndarray, "*batch 3"]
) -> Float[np.ndarray, "*batch 3"]:
    """Cross products; NumPy's own takes three times as long for a few vectors."""
    product = np.empty_like(a)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        product[..., i] = a[..., j] * b[..., k] - a[..., k] * b[..., j]
    return product


def upright(
    vectors: Float[np.ndarray, "*batch 3"], axis: Float[np.ndarray, "*batch 3"]
) -> Float[np.ndarray, "*batch 3"]:
    """Unit vectors at right angles to an axis (unit), as near to the given ones as can be."""
    along = np.einsum("...i,...i->...", vectors, axis)[..., None]
    return unit(vectors - along * axis)


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
    sign   as of `Tube`.
    """
    along, count, rounding = table[:, 0], points.shape[1], 0.12
    before, after = linear(count, along - rounding), linear(count, along + rounding)
    middle = (before + after + 2 * linear(count, along)) / 4 @ points
    tangent = unit((after - before) @ points)
    held = linear(count, np.clip(along, 0, count - 1)) @ left
    across = upright(held, tangent)
    ahead = sign * cross(tangent, across)
    return Tube(PARTS.index(part), along, middle, across, ahead, ellipses(table), sign)


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
    middle, across, ahead = (
        np.concatenate([getattr(one, name) for one in tubes], axis=1).astype(np.float32)[:, :, None]
        for name in ("middle", "across", "ahead")
    )
    radius = np.concatenate([one.radius for one in tubes]).astype(np.float32)
    grid = middle + radius[..., :1] * across + radius[..., 1:] * ahead
    counts = tuple(len(one.along) for one in tubes)
    before, after, sign, faces = _topology(counts, tuple(one.sign for one in tubes))
    down = grid[:, after] - grid[:, before]
    turn = np.empty_like(grid)
    turn[:, :, 1:-1] = grid[:, :, 2:] - grid[:, :, :-2]
    turn[:, :, 0], turn[:, :, -1] = grid[:, :, 1] - grid[:, :, -1], grid[:, :, 0] - grid[:, :, -2]
    normals = unit(cross(turn, down) * sign)

    steps = np.diff(middle[0, :, 0], axis=0, prepend=middle[0, :1, 0])
    length = np.cumsum(np.sqrt(np.einsum("ri,ri->r", steps, steps)))
    part = np.repeat([one.part for one in tubes], counts)
    along = np.concatenate([one.along for one in tubes])
    length = np.where(part == PARTS.index("head"), along, length)
    place = np.empty((*radius.shape[:2], 4), dtype=np.float32)
    place[..., 0], place[..., 2] = along[:, None], length[:, None]
    place[..., 1], place[..., 3] = radius[..., 0], radius[..., 1]
    return Mesh(
        points=grid.reshape(len(grid), -1, 3),
        normals=normals.reshape(len(grid), -1, 3),
        place=place.reshape(-1, 4),
        part=np.repeat(part, AROUND),
        faces=faces,
    )


@lru_cache(maxsize=256)
def _topology(
    counts: tuple[int, ...], signs: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For tubes of so many rings: the ring before and after each, its sign, and all faces."""
    around = np.arange(AROUND)
    beside = np.roll(around, -1)
    fan = np.stack([np.zeros(AROUND - 2, int), around[2:], around[1:-1]], axis=-1)
    before, after, faces, first = [], [], [], 0
    for rings, sign in zip(counts, signs, strict=True):
        order = np.arange(rings)
        before.append(first + np.maximum(order - 1, 0))
        after.append(first + np.minimum(order + 1, rings - 1))
        ring = AROUND * order[:-1, None]
        a, b = ring + around, ring + beside
        quads = [np.stack([a, b, a + AROUND], -1), np.stack([b, b + AROUND, a + AROUND], -1)]
        ends = [fan, fan[:, ::-1] + AROUND * (rings - 1)]
        own = np.concatenate([one.reshape(-1, 3) for one in (*quads, *ends)])
        faces.append((own if sign > 0 else own[:, ::-1]) + AROUND * first)
        first += rings
    side = np.repeat(np.array(signs, np.float32), counts)[:, None, None]
    return np.concatenate(before), np.concatenate(after), side, np.concatenate(faces)
