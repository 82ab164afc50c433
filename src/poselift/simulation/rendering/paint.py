"""Colours of surfaces: cloth with patterns and folds, faces, hair, walls and furniture.

Axes: N point of a surface. Colours are linear RGB, 0 to 1.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, Int

from poselift.simulation.rendering.heads import is_hair
from poselift.simulation.rendering.looks import Look, Material
from poselift.simulation.rendering.tubes import PARTS

Points = Float[np.ndarray, " N"]

#: Side of the lattice that noise is interpolated from, a power of two.
_LATTICE = 64


def draw_noise(rng: np.random.Generator) -> Float32[np.ndarray, "L L 3"]:
    """Draw the lattice that `noise` interpolates: three values from -1 to 1 at each place."""
    return rng.uniform(-1, 1, (_LATTICE, _LATTICE, 3)).astype(np.float32)


def noise(
    lattice: Float32[np.ndarray, "L L C"], u: Points, v: Points
) -> Float32[np.ndarray, "N C"]:
    """Smooth random values at each place, one a channel; one unit is the size of a blotch."""
    column, row = np.floor(u), np.floor(v)
    x, y = (u - column).astype(np.float32)[:, None], (v - row).astype(np.float32)[:, None]
    x, y = x * x * (3 - 2 * x), y * y * (3 - 2 * y)
    i, j = column.astype(np.int32) & (_LATTICE - 1), row.astype(np.int32) & (_LATTICE - 1)
    right, j, below = (i + 1) & (_LATTICE - 1), j * _LATTICE, ((j + 1) & (_LATTICE - 1)) * _LATTICE
    flat = lattice.reshape(-1, lattice.shape[2])
    upper, lower = flat[j + i], flat[below + i]
    upper += (flat[j + right] - upper) * x
    lower += (flat[below + right] - lower) * x
    upper += (lower - upper) * y
    return upper


def cover(
    material: Material, u: Points, v: Points, lattice: Float32[np.ndarray, "L L 3"]
) -> Float[np.ndarray, "N 3"]:
    """Colour of a material at places u, v in metres along its surface."""
    one, two = material.color.astype(np.float32), material.second.astype(np.float32)
    if material.pattern == "plain":
        return np.broadcast_to(one, (len(u), 3))
    a, b = u / material.scale + material.shift, v / material.scale + 0.37 * material.shift
    if material.pattern == "mottled":
        share = np.clip(0.5 + 0.8 * noise(lattice[..., :1], a, b)[:, 0], 0, 1)
    elif material.pattern == "blocks":  # one edge across the whole thing
        share = ((b + a * 0.2) % 7 < 3).astype(np.float32)
    else:
        a, b = a % 1, b % 1
        share = {
            "rings": b < 0.5,
            "bars": a < 0.5,
            "checks": (a < 0.5) ^ (b < 0.5),
            "dots": (a - 0.5) ** 2 + (b - 0.5) ** 2 < 0.09,
        }[material.pattern].astype(np.float32)
    return one + (two - one) * share[:, None]


def paint_person(
    part: Int[np.ndarray, " N"],
    place: Float[np.ndarray, "N 4"],
    look: Look,
    lattice: Float32[np.ndarray, "L L 3"],
) -> tuple[Float[np.ndarray, "N 3"], Points, Float[np.ndarray, "N 3"]]:
    """Colour a body's points; returns colour, gloss, and how folds turn the surface.

    part, place  as of `tubes.Mesh`.
    """
    along, left, height, front = place.T
    names = list(look.materials)
    number = {name: names.index(name) for name in names}
    is_part = {name: part == PARTS.index(name) for name in PARTS}
    head, capped = is_part["head"], look.hair == "cap"
    scalp = head & is_hair(left, height, front, look)
    top = (is_part["trunk"] & (along > look.waist) & (along < look.collar)) | (
        is_part["arm"] & (along < look.sleeve)
    )
    trousers = (is_part["trunk"] & (along <= look.waist)) | (
        is_part["leg"] & (along < look.trousers)
    )
    which = np.full(len(part), number["skin"])
    for name, chosen in (
        ("top", top),
        ("below", top & is_part["trunk"] & (front > 0) & (np.abs(left) < look.opening)),
        ("trousers", trousers),
        ("shoes", is_part["foot"]),
        ("skirt", is_part["skirt"]),
        ("hair", is_part["hair"] | (scalp & (not capped))),
        ("cap", scalp & capped),
    ):
        which[chosen] = number[name]
    thick = np.where(is_part["trunk"] | is_part["skirt"], 0.13, 0.055)
    around = np.arctan2(front, left) * thick
    color = np.empty((len(part), 3), dtype=np.float32)
    gloss, wrinkles = np.empty(len(part), np.float32), np.empty(len(part), np.float32)
    for name, material in look.materials.items():
        rows = np.flatnonzero(which == number[name])
        color[rows] = cover(material, around[rows], height[rows], lattice)
        gloss[rows], wrinkles[rows] = material.gloss, material.wrinkles
    _paint_face(color, np.flatnonzero(head & ~scalp), left, height, front, look)
    folds = noise(lattice, around / 0.045, height / 0.06 + 3 * along)
    folds += np.float32(0.5) * noise(lattice, around / 0.02 + 7, height / 0.03)
    color *= 1 + np.float32(0.06) * folds[:, :1]
    return color, gloss, folds * (np.float32(0.4) * wrinkles[:, None])


def _paint_face(
    color: Float[np.ndarray, "N 3"],
    rows: Int[np.ndarray, " M"],
    left: Points,
    height: Points,
    front: Points,
    look: Look,
) -> None:
    """Put eyes, brows, mouth and beard on the front of a head, in place."""
    rows = rows[front[rows] > 0.02]
    side, level = np.abs(left[rows]), height[rows]
    hair, skin = look.materials["hair"].color, look.materials["skin"].color
    if look.beard:
        color[rows[(level < -0.045) & (level > -0.125)]] = hair
    color[rows[(np.abs(level + 0.064) < 0.007) & (side < 0.026)]] = skin * (0.7, 0.35, 0.35)
    color[rows[(np.abs(level - 0.033) < 0.005) & (np.abs(side - 0.033) < 0.018)]] = hair
    color[rows[(np.abs(level - 0.014) < 0.008) & (np.abs(side - 0.033) < 0.015)]] = 0.6
    color[rows[(np.abs(level - 0.014) < 0.008) & (np.abs(side - 0.033) < 0.007)]] = 0.015
