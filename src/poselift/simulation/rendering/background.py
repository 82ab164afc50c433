"""What is behind a person: sky, walls with what hangs on them, and the floor with shadows.

Axes: N pixel. World axes: right-handed, y up, metres.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from poselift.geometry import Camera
from poselift.simulation.rendering.light import Shadow
from poselift.simulation.rendering.paint import cover, noise
from poselift.simulation.rendering.scenes import Scene, Wall


def background(
    camera: Camera,
    crop: Float[np.ndarray, "3 3"],
    size: int,
    scene: Scene,
    shadow: Shadow,
    lattice: Float32[np.ndarray, "L L 3"],
    joints: Float[np.ndarray, "17 3"],
) -> Float32[np.ndarray, "H W 3"]:
    """Light from sky, walls and floor at each pixel; the lens is a pinhole's."""
    at = np.arange(size) + 0.5
    x = ((at - crop[0, 2]) / crop[0, 0] - camera.center[0]) / camera.focal[0]
    y = ((at - crop[1, 2]) / crop[1, 1] - camera.center[1]) / camera.focal[1]
    eye = np.array(camera.translation)
    axes = camera.to_world(np.eye(3)) - eye
    rays = x[None, :, None] * axes[0] + y[:, None, None] * axes[1] + axes[2]
    rays = rays.reshape(-1, 3).astype(np.float32)
    low, high = (one.astype(np.float32) for one in scene.sky)
    color = low + (high - low) * np.clip(2 * rays[:, 1:2], 0, 1)
    with np.errstate(divide="ignore"):
        reach = np.float32(scene.floor - eye[1]) / rays[:, 1]
    reach[reach <= 0] = np.inf
    on = np.where(np.isfinite(reach), 0, -1)
    for number, wall in enumerate(scene.walls, start=1):
        with np.errstate(divide="ignore"):
            there = np.float32(wall.distance - eye @ wall.normal) / (
                rays @ wall.normal.astype(np.float32)
            )
        nearer = (there > 0) & (there < reach)
        nearer &= np.float32(eye[1]) + there * rays[:, 1] < wall.top
        reach, on = np.where(nearer, there, reach), np.where(nearer, number, on)
    eye = eye.astype(np.float32)
    rows = np.flatnonzero(on == 0)
    away = np.clip(reach[rows] / 30, 0, 1)[:, None]
    ground = _ground(eye + reach[rows, None] * rays[rows], scene, shadow, lattice, joints)
    color[rows] = ground * (1 - away) + color[rows] * away
    for number, wall in enumerate(scene.walls, start=1):
        rows = np.flatnonzero(on == number)
        where = eye + reach[rows, None] * rays[rows]
        color[rows] = _upright(where, wall, scene, shadow, lattice)
    return color.reshape(size, size, 3)


def _ground(
    where: Float32[np.ndarray, "N 3"],
    scene: Scene,
    shadow: Shadow,
    lattice: Float32[np.ndarray, "L L 3"],
    joints: Float[np.ndarray, "17 3"],
) -> Float32[np.ndarray, "N 3"]:
    """Light from the floor: covering, worn places, shadows, the dark below a body."""
    x, z = where[:, 0], where[:, 2]
    worn = 1 + np.float32(0.15) * noise(lattice[..., :1], x / 0.4, z / 0.4)
    dark = np.ones(len(where), dtype=np.float32)
    for joint in (0, 3, 6):  # pelvis and feet
        high = max(float(joints[joint, 1]) - scene.floor, 0.1)
        aside = (x - joints[joint, 0].astype(np.float32)) ** 2
        aside += (z - joints[joint, 2].astype(np.float32)) ** 2
        dark *= 1 - np.float32(0.4) * np.exp(aside / np.float32(-((0.9 * high + 0.04) ** 2)))
    above, (toward, strength) = scene.ambient[0], scene.light
    lamp = shadow.share(where)[:, None] * (toward[1] * strength).astype(np.float32)
    light = above.astype(np.float32) * dark[:, None] + lamp
    return cover(scene.ground, x, z, lattice) * worn * light


def _upright(
    where: Float32[np.ndarray, "N 3"],
    wall: Wall,
    scene: Scene,
    shadow: Shadow,
    lattice: Float32[np.ndarray, "L L 3"],
) -> Float32[np.ndarray, "N 3"]:
    """Light from a wall and what hangs on it."""
    along, height = where @ np.array([wall.normal[2], 0, -wall.normal[0]], np.float32), where[:, 1]
    paint = cover(wall.material, along, height, lattice)
    paint = paint * (1 + np.float32(0.1) * noise(lattice[..., :1], along / 0.7, height / 0.7))
    for left, right, base, top, material in wall.hung:
        held = np.flatnonzero((along > left) & (along < right) & (height > base) & (height < top))
        if len(held):
            paint[held] = cover(material, along[held], height[held], lattice)
    above, below = scene.ambient
    facing = max(float(wall.normal @ scene.light[0]), 0.0)
    lamp = shadow.share(where)[:, None] * (facing * scene.light[1]).astype(np.float32)
    return paint * (((above + below) / 2).astype(np.float32) + lamp)
