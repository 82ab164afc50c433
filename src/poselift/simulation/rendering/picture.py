"""One picture of a person: mesh, scene, light and camera put together.

Axes: S sample (a moment of the exposure, shifted by part of a pixel), V vertex, N fragment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from poselift.geometry import Camera
from poselift.simulation.rendering.body import body_mesh
from poselift.simulation.rendering.effects import draw_effects, take
from poselift.simulation.rendering.looks import draw_look
from poselift.simulation.rendering.paint import cover, draw_noise, noise, paint_person
from poselift.simulation.rendering.raster import Fragments, rasterise
from poselift.simulation.rendering.scenes import FIRST_PART, Scene, draw_scene

#: Where in a pixel, and when in the exposure, each sample looks: shares from -0.5 to 0.5.
_JITTER = np.array([(-0.125, -0.375), (0.375, -0.125), (-0.375, 0.125), (0.125, 0.375)])
_MOMENTS = np.array([-0.375, -0.125, 0.125, 0.375])

#: Metres of body between a joint's centre and the surface, at most: what is nearer than that to
#: the camera is something else. In the order of `h36m_17`.
_TRUNK, _NECK, _HEAD = (0.16, 0.16, 0.15), 0.13, 0.15
_LEG, _ARM = (0.15, 0.09, 0.09), (0.11, 0.08, 0.07)
_THICKNESS = np.array([_TRUNK[0], *_LEG, *_LEG, *_TRUNK[1:], _NECK, _HEAD, *_ARM, *_ARM])


@dataclass(frozen=True, eq=False)
class Picture:
    """image (size, size, 3) RGB; visible (17,): joints that nothing hides from the camera."""

    image: UInt8[np.ndarray, "H W 3"]
    visible: Bool[np.ndarray, " J"]


def render(
    rng: np.random.Generator,
    joints: Float[np.ndarray, "17 3"],
    velocity: Float[np.ndarray, "17 3"],
    camera: Camera,
    crop: Float[np.ndarray, "3 3"],
    size: int,
    floor: float,
    occlusion: float = 0.3,
) -> Picture:
    """Draw a person, clothes and a scene, and take a picture of them.

    rng        decides everything that is not given.
    joints     `h36m_17`, metres, world y up, in the middle of the exposure; velocity in m/s.
    camera     projects, with the distortion of its lens.
    crop       affine map from its pixels to those of the picture, `size` by `size`.
    floor      height of the floor, metres.
    occlusion  how often something stands between the camera and the person.
    """
    look, lattice = draw_look(rng), draw_noise(rng)
    scene = draw_scene(rng, joints, np.array(camera.translation), floor, occlusion)
    effects = draw_effects(rng)
    times = _MOMENTS * effects.shutter
    mesh = body_mesh(joints + times[:, None, None] * velocity, look, floor)
    still = np.broadcast_to(scene.points, (len(times), *scene.points.shape))
    points = np.concatenate([mesh.points, still], axis=1)
    faces = np.concatenate([mesh.faces, scene.faces + mesh.points.shape[1]])
    seen = camera.to_camera(points)
    pixels = camera.project(seen) @ crop[:2, :2].T + crop[:2, 2] - _JITTER[:, None]
    found = rasterise(pixels, seen[..., 2], faces, (size, size))

    # what is behind, once; what is found, sample by sample
    shadow = _Shadow(points[len(times) // 2], faces, scene, joints)
    behind = _background(camera, crop, size, scene, shadow, lattice, joints)
    behind = effects.soften(behind.reshape(size, size, 3))
    samples = np.tile(behind.reshape(-1, 3), (len(times), 1))
    corners = faces[found.face]
    place = np.concatenate([mesh.place, scene.place])[corners]
    place = np.einsum("nk,nkd->nd", found.weights, place)
    part = np.concatenate([mesh.part, scene.part])[corners[:, 0]]
    moment = (found.pixel // (size * size))[:, None]
    where = np.einsum("nk,nkd->nd", found.weights, points[moment, corners])
    normals = np.concatenate([mesh.normals, np.broadcast_to(scene.normals, still.shape)], axis=1)[
        moment, corners
    ]
    normal = np.einsum("nk,nkd->nd", found.weights, normals)

    color = np.empty((len(part), 3), dtype=np.float32)
    gloss = np.zeros(len(part), dtype=np.float32)
    body = np.flatnonzero(part < FIRST_PART)
    color[body], gloss[body], folds = paint_person(part[body], place[body], look, lattice)
    normal[body] += folds
    for number, material in enumerate(scene.materials):
        rows = np.flatnonzero(part == FIRST_PART + number)
        color[rows] = cover(material, place[rows, 1], place[rows, 2], lattice)
    samples[found.pixel] = _lit(color, gloss, normal, where, scene, camera, shadow)
    image = samples.reshape(len(times), size, size, 3).mean(axis=0)
    on_person = np.zeros(found.depth.size, dtype=bool)
    on_person[found.pixel[body]] = True
    brightness = samples[on_person].mean() if on_person.any() else samples.mean()
    return Picture(
        image=take(rng, image, float(brightness), effects),
        visible=_visible(camera, crop, joints, found, size),
    )


def _visible(
    camera: Camera,
    crop: Float[np.ndarray, "3 3"],
    joints: Float[np.ndarray, "17 3"],
    found: Fragments,
    size: int,
) -> Bool[np.ndarray, " J"]:
    """Tell which joints lie in the picture with nothing before them but their own body part."""
    seen = camera.to_camera(joints.astype(np.float64))
    pixels = camera.project(seen) @ crop[:2, :2].T + crop[:2, 2]
    inside = ((pixels >= 0) & (pixels < size)).all(axis=1)
    column, row = np.clip(pixels, 0, size - 1).astype(np.int64).T
    surface = found.depth[:, row, column].max(axis=0)
    visible: np.ndarray = inside & (surface > seen[:, 2] - _THICKNESS)
    return visible


class _Shadow:
    """What the lamp sees: a map of depths around the person, from which shadows follow."""

    _SIDE = 96

    def __init__(
        self,
        points: Float[np.ndarray, "V 3"],
        faces: np.ndarray,
        scene: Scene,
        joints: Float[np.ndarray, "17 3"],
    ) -> None:
        """Look along the light at all points within reach of the person."""
        down = -scene.light[0]
        right = np.cross(down, (0.0, 0.0, 1.0) if abs(down[2]) < 0.9 else (1.0, 0.0, 0.0))
        right /= np.linalg.norm(right)
        self._axes = np.stack([right, np.cross(down, right), down], axis=1)
        self._middle = (joints.max(axis=0) + joints.min(axis=0)) / 2
        reach = float(np.abs((joints - self._middle) @ self._axes[:, :2]).max()) + 0.35
        self._scale = self._SIDE / 2 / reach
        places, depth = self._project(points)
        # far away, so that the perspective of the rasteriser is next to none
        found = rasterise(places[None], depth[None] + 100, faces, (self._SIDE, self._SIDE))
        self._depth = found.depth[0].ravel() - np.float32(100)

    def _project(
        self, points: Float[np.ndarray, "N 3"]
    ) -> tuple[Float[np.ndarray, "N 2"], Float[np.ndarray, " N"]]:
        local = (points - self._middle) @ self._axes
        return local[:, :2] * self._scale + self._SIDE / 2, local[:, 2]

    def share(self, points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
        """Share of the light that reaches each point, 0 to 1, soft at the edges."""
        places, depth = self._project(points)
        lit = np.zeros(len(points), dtype=np.float32)
        for dx, dy in ((-0.6, -0.2), (0.2, -0.6), (0.6, 0.2), (-0.2, 0.6)):
            column = np.floor(places[:, 0] + dx).astype(np.int64)
            row = np.floor(places[:, 1] + dy).astype(np.int64)
            off = (column < 0) | (row < 0) | (column >= self._SIDE) | (row >= self._SIDE)
            index = np.where(off, 0, row * self._SIDE + column)
            lit += off | (self._depth[index] > depth - 0.035)
        return lit / 4


def _lit(
    color: Float[np.ndarray, "N 3"],
    gloss: Float[np.ndarray, " N"],
    normal: Float[np.ndarray, "N 3"],
    where: Float[np.ndarray, "N 3"],
    scene: Scene,
    camera: Camera,
    shadow: _Shadow,
) -> Float[np.ndarray, "N 3"]:
    """Light that comes from points of a surface to the camera."""
    normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    toward, strength = scene.light
    above, below = scene.ambient
    up = (0.5 + 0.5 * normal[:, 1:2]).astype(np.float32)
    # corners near the floor see less of the sky
    near = np.clip(0.6 + 0.5 * (where[:, 1:2] - scene.floor), 0, 1)
    ambient = (below + (above - below) * up) * near
    facing = np.clip(normal @ toward, 0, 1) * shadow.share(where)
    eye = np.array(camera.translation) - where
    eye /= np.linalg.norm(eye, axis=1, keepdims=True)
    half = toward + eye
    half /= np.maximum(np.linalg.norm(half, axis=1, keepdims=True), 1e-6)
    mirrored = gloss * np.clip((normal * half).sum(axis=1), 0, 1) ** 24 * (facing > 0) * 4
    return color * (ambient + facing[:, None] * strength) + mirrored[:, None] * strength


def _background(
    camera: Camera,
    crop: Float[np.ndarray, "3 3"],
    size: int,
    scene: Scene,
    shadow: _Shadow,
    lattice: Float[np.ndarray, "L L 3"],
    joints: Float[np.ndarray, "17 3"],
) -> Float[np.ndarray, "N 3"]:
    """Light from sky, walls and floor at each pixel, (size * size, 3); the lens is a pinhole's."""
    at = np.arange(size) + 0.5
    x = ((at - crop[0, 2]) / crop[0, 0] - camera.center[0]) / camera.focal[0]
    y = ((at - crop[1, 2]) / crop[1, 1] - camera.center[1]) / camera.focal[1]
    rays = np.stack([*np.meshgrid(x, y), np.ones((size, size))], axis=-1).reshape(-1, 3)
    eye = np.array(camera.translation)
    rays = camera.to_world(rays) - eye
    steep = rays[:, 1] / np.linalg.norm(rays, axis=1)
    low, high = scene.sky
    color = (low + (high - low) * np.clip(2 * steep, 0, 1)[:, None]).astype(np.float32)
    with np.errstate(divide="ignore"):
        reach = np.where(rays[:, 1] < 0, (scene.floor - eye[1]) / rays[:, 1], np.inf)
    on = np.where(np.isfinite(reach), 0, -1)
    for number, wall in enumerate(scene.walls, start=1):
        with np.errstate(divide="ignore"):
            there = (wall.distance - eye @ wall.normal) / (rays @ wall.normal)
        nearer = (there > 0) & (there < reach) & (eye[1] + there * rays[:, 1] < wall.top)
        reach, on = np.where(nearer, there, reach), np.where(nearer, number, on)
    above, below = scene.ambient
    toward, strength = scene.light
    rows = np.flatnonzero(on == 0)
    where = eye + reach[rows, None] * rays[rows]
    ground = cover(scene.ground, where[:, 0], where[:, 2], lattice)
    ground = ground * (1 + 0.15 * noise(lattice, where[:, 0] / 0.4, where[:, 2] / 0.4)[:, :1])
    dark = np.ones(len(rows))
    for joint in (0, 3, 6):  # pelvis and feet keep light from the floor
        away = where[:, [0, 2]] - joints[joint, [0, 2]]
        high_up = max(float(joints[joint, 1]) - scene.floor, 0.1)
        dark *= 1 - 0.4 * np.exp(-(away**2).sum(axis=1) / (0.9 * high_up + 0.04) ** 2)
    lamp = (shadow.share(where) * toward[1])[:, None] * strength
    far = np.clip(reach[rows] / 30, 0, 1)[:, None]
    color[rows] = ground * (above * dark[:, None] + lamp) * (1 - far) + color[rows] * far
    for number, wall in enumerate(scene.walls, start=1):
        rows = np.flatnonzero(on == number)
        where = eye + reach[rows, None] * rays[rows]
        along = where @ np.cross((0.0, 1.0, 0.0), wall.normal)
        paint = cover(wall.material, along, where[:, 1], lattice)
        paint = paint * (1 + 0.1 * noise(lattice, along / 0.7, where[:, 1] / 0.7)[:, :1])
        for left, right, base, top, material in wall.hung:
            held = (along > left) & (along < right) & (where[:, 1] > base) & (where[:, 1] < top)
            paint[held] = cover(material, along[held], where[held, 1], lattice)
        facing = max(float(wall.normal @ toward), 0.0)
        lamp = (shadow.share(where) * facing)[:, None] * strength
        color[rows] = paint * ((above + below) / 2 + lamp)
    return color
