"""Where a person is seen: floor, walls or a skyline, lights, furniture behind and in front.

World axes: right-handed, y up, metres. Colours are linear RGB.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from poselift.simulation.rendering.looks import Material, draw_color, draw_material

#: Parts of a scene's mesh are numbered from here, so that a body's can stand before them.
FIRST_PART = 100


@dataclass(frozen=True, eq=False)
class Wall:
    """An upright plane with things on it.

    normal    unit, level, towards the camera.
    distance  of the plane from the origin along `normal`.
    top       height where it ends.
    """

    normal: Float[np.ndarray, " D"]
    distance: float
    top: float
    material: Material
    hung: tuple[tuple[float, float, float, float, Material], ...]


@dataclass(frozen=True, eq=False)
class Box:
    """A box of some size, turned about the vertical; metres, radians."""

    middle: Float[np.ndarray, " D"]
    half: Float[np.ndarray, " D"]
    yaw: float
    material: Material


@dataclass(frozen=True, eq=False)
class Scene:
    """All that is not the person.

    floor      height of the floor, metres, and what it is covered with.
    sky        colours of the sky (or ceiling) low and high.
    light      unit vector towards the lamp or the sun, its colour times its strength.
    ambient    colours of the light from above and from below.
    furniture  points, normals (V, 3), place (V, 4), part (V,) and faces (F, 3) as of `tubes.Mesh`.
    materials  of the furniture: part FIRST_PART + k has materials[k].
    """

    floor: float
    ground: Material
    walls: tuple[Wall, ...]
    sky: tuple[Float[np.ndarray, " D"], Float[np.ndarray, " D"]]
    light: tuple[Float[np.ndarray, " D"], Float[np.ndarray, " D"]]
    ambient: tuple[Float[np.ndarray, " D"], Float[np.ndarray, " D"]]
    points: Float[np.ndarray, "V 3"]
    normals: Float[np.ndarray, "V 3"]
    place: Float[np.ndarray, "V 4"]
    part: Int[np.ndarray, " V"]
    faces: Int[np.ndarray, "F 3"]
    materials: tuple[Material, ...]


def draw_scene(
    rng: np.random.Generator,
    joints: Float[np.ndarray, "17 3"],
    eye: Float[np.ndarray, " D"],
    floor: float,
    occlusion: float,
) -> Scene:
    """Draw a scene around a person that a camera at `eye` sees.

    occlusion  how often there is something between the camera and the person.
    """
    person = joints[0]
    to_eye = (eye - person) * (1, 0, 1)
    distance = float(np.linalg.norm(to_eye))
    to_eye /= distance
    indoors = rng.random() < 0.65
    walls: list[Wall] = []
    for _ in range(2 if indoors else 1):
        turn = rng.uniform(-1.1, 1.1) if walls else rng.uniform(-0.7, 0.7)
        cosine, sine = np.cos(turn), np.sin(turn)
        normal = np.array([cosine * to_eye[0] + sine * to_eye[2], 0, 0])
        normal[2] = cosine * to_eye[2] - sine * to_eye[0]
        behind = rng.gamma(2.0, 0.8) + 0.35 if indoors else rng.uniform(4, 40)
        reach = float((joints @ normal).min()) - behind
        top = floor + (rng.uniform(2.3, 4.5) if indoors else rng.uniform(0.5, 6.0))
        walls.append(Wall(normal, reach, top, _draw_wall(rng), _draw_hung(rng, floor)))
    azimuth = np.arctan2(to_eye[0], to_eye[2]) + rng.normal(0.0, 1.0)
    height = np.deg2rad(rng.uniform(25, 80))
    light = np.array([np.sin(azimuth), np.tan(height), np.cos(azimuth)])
    tint = 1 + 0.12 * rng.normal(size=3)
    strength = rng.uniform(0.2, 1.6)
    above = np.clip(rng.uniform(0.35, 0.8) * (1 + 0.1 * rng.normal(size=3)), 0.05, 2)
    pieces = _place_furniture(rng, joints, eye, floor, occlusion)
    points, normals, place, part, faces = _box_mesh(pieces)
    sky = np.clip(draw_color(rng), 0.1, 1.0) * 0.5 + (0.45 if indoors else 0.6)
    ground = replace(draw_material(rng, cloth=False), scale=float(rng.uniform(0.1, 1.0)))
    return Scene(
        floor,
        ground,
        tuple(walls),
        (sky, sky * rng.uniform(0.4, 1.0, 3)),
        (light / np.linalg.norm(light), strength * np.clip(tint, 0.3, 1.7)),
        (above, above * rng.uniform(0.2, 0.7) * np.clip(ground.color * 2, 0.3, 1.0)),
        points,
        normals,
        place,
        part,
        faces,
        tuple(box.material for box in pieces),
    )


_FURNITURE = ("box", "table", "chair", "sofa", "post", "shelf")


def _draw_wall(rng: np.random.Generator) -> Material:
    material = draw_material(rng, cloth=False)
    if rng.random() < 0.5:  # walls are light more often than not
        material = replace(material, color=0.3 + 0.65 * material.color)
    return replace(material, scale=float(rng.uniform(0.05, 0.8)), gloss=0.0)


def _draw_hung(
    rng: np.random.Generator, floor: float
) -> tuple[tuple[float, float, float, float, Material], ...]:
    """Pictures, windows, doors, shelves: left, right, low, high on a wall, metres."""
    hung = []
    for _ in range(rng.poisson(2.5)):
        middle, low = rng.uniform(-3.5, 3.5), floor + rng.choice([0.0, 0.5, 1.0, 1.4])
        wide, high = rng.uniform(0.15, 0.8), rng.uniform(0.3, 2.0)
        material = draw_material(rng, cloth=False)
        frame = replace(material, pattern="plain", color=draw_color(rng))
        hung.append(
            (middle - wide - 0.05, middle + wide + 0.05, low - 0.05, low + high + 0.05, frame)
        )
        hung.append((middle - wide, middle + wide, low, low + high, material))
    return tuple(hung)


def _draw_piece(
    rng: np.random.Generator, names: tuple[str, ...]
) -> list[tuple[Float[np.ndarray, " D"], ...]]:
    """Draw a piece of furniture: middles (above the floor) and half sizes of its boxes."""
    kind = rng.choice(names)
    wide, deep = rng.uniform(0.15, 0.6), rng.uniform(0.12, 0.4)
    high = rng.uniform(0.35, 0.95)
    if kind == "chair":
        wide = deep = rng.uniform(0.18, 0.26)
        high = rng.uniform(0.4, 0.5)
    legs = [
        ((sx * (wide - 0.03), high / 2, sz * (deep - 0.03)), (0.025, high / 2, 0.025))
        for sx in (-1, 1)
        for sz in (-1, 1)
    ]
    top = ((0.0, high, 0.0), (wide, 0.025, deep))
    kinds: dict[str, list[tuple[tuple[float, ...], tuple[float, ...]]]] = {
        "box": [((0, high / 2, 0), (wide, high / 2, deep))],
        "table": [top, *legs],
        "chair": [top, *legs, ((0, high + 0.25, -deep), (wide, 0.25, 0.02))],
        "sofa": [
            ((0, 0.2, 0), (wide + 0.3, 0.2, 0.38)),
            ((0, 0.45, -0.36), (wide + 0.3, 0.4, 0.1)),
            ((-wide - 0.25, 0.3, 0), (0.09, 0.3, 0.4)),
            ((wide + 0.25, 0.3, 0), (0.09, 0.3, 0.4)),
        ],
        "post": [((0, 1.1, 0), (0.06 * wide / 0.3, 1.1, 0.06))],
        "shelf": [((0, level, 0), (wide, 0.02, 0.15)) for level in np.arange(0.05, 1.9, 0.36)]
        + [((sx * wide, 0.95, 0), (0.02, 0.95, 0.15)) for sx in (-1, 1)],
    }
    return [(np.array(middle, float), np.array(half, float)) for middle, half in kinds[str(kind)]]


def _place_furniture(
    rng: np.random.Generator,
    joints: Float[np.ndarray, "17 3"],
    eye: Float[np.ndarray, " D"],
    floor: float,
    occlusion: float,
) -> list[Box]:
    """Put furniture behind the person and, by the chance `occlusion`, between it and the camera.

    A piece that would reach into the person is left out.
    """
    person = joints[0]
    forward = (eye - person) * (1, 0, 1)
    distance = float(np.linalg.norm(forward))
    forward /= distance
    aside = np.array([forward[2], 0, -forward[0]])
    places = [(-rng.uniform(0.5, 3.0), rng.uniform(-2, 2)) for _ in range(rng.poisson(1.5))]
    if rng.random() < occlusion:
        nearest = min(1.8, distance - 1.5)
        places += [
            (rng.uniform(0.4, nearest), rng.normal(0, 0.3))
            for _ in range(1 + int(rng.random() < 0.3))
        ]
    boxes: list[Box] = []
    for ahead, beside in places:
        names = _FURNITURE[: 5 if ahead > 0 else 6]  # seen through a shelf, little is left
        shapes, yaw = _draw_piece(rng, names), float(rng.uniform(0, 2 * np.pi))
        base = (person + ahead * forward + beside * aside) * (1, 0, 1) + (0, floor, 0)
        cosine, sine = np.cos(yaw), np.sin(yaw)
        turn = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
        own = (joints - base) @ turn
        reach = np.max([np.abs(middle) + half for middle, half in shapes], axis=0)
        if (np.abs(own) < reach + 0.13)[:, [0, 2]].all(axis=1).any():
            continue
        materials = [draw_material(rng, cloth=False) for _ in range(2)]
        boxes += [
            Box(base + turn @ middle, half, yaw, materials[min(number, 1)])
            for number, (middle, half) in enumerate(shapes)
        ]
    return boxes


def _box_mesh(
    boxes: list[Box],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Six faces a box: points, normals, places, parts, faces as of `tubes.Mesh`, one moment."""
    if not boxes:
        none = np.zeros((0, 3))
        return none, none, np.zeros((0, 4)), np.zeros(0, int), np.zeros((0, 3), int)
    corner, normal, place = _UNIT_BOX
    half = np.array([box.half for box in boxes])
    yaw = np.array([box.yaw for box in boxes])
    zero, one = np.zeros_like(yaw), np.ones_like(yaw)
    turn = np.array(
        [[np.cos(yaw), zero, np.sin(yaw)], [zero, one, zero], [-np.sin(yaw), zero, np.cos(yaw)]]
    )
    points = np.einsum("ijb,bvj->bvi", turn, corner * half[:, None])
    points += np.array([box.middle for box in boxes])[:, None]
    normals = np.einsum("ijb,vj->bvi", turn, normal)
    u = (np.abs(place[0]) * half[:, None]).sum(-1) * place[0].sum(-1)
    v = (np.abs(place[1]) * half[:, None]).sum(-1) * place[1].sum(-1)
    places = np.stack([u * 0, u, v, u * 0], axis=-1)
    quad = np.array([(0, 1, 2), (0, 2, 3)])
    faces = (quad + 4 * np.arange(6 * len(boxes))[:, None, None]).reshape(-1, 3)
    parts = FIRST_PART + np.repeat(np.arange(len(boxes)), 24)
    return points.reshape(-1, 3), normals.reshape(-1, 3), places.reshape(-1, 4), parts, faces


def _unit_box() -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """24 corners of a cube from -1 to 1, their normals, and the axes of paint on each face."""
    corners, normals, us, vs = [], [], [], []
    for axis in range(3):
        for sign in (1.0, -1.0):
            normal, u, v = np.zeros(3), np.zeros(3), np.zeros(3)
            normal[axis], u[(axis + 1) % 3], v[(axis + 2) % 3] = sign, sign, 1.0
            for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
                corners.append(normal + a * u + b * v)
                normals.append(normal)
                us.append(a * np.abs(u))
                vs.append(b * v)
    return np.array(corners), np.array(normals), (np.array(us), np.array(vs))


_UNIT_BOX = _unit_box()
