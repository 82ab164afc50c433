"""What is behind a person: sky, walls with what hangs on them, and the floor with shadows.

Axes: N pixel. World axes: right-handed, y up, metres.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from poselift.geometry import Camera
from poselift.simulation.rendering.light import Shadow
from poselift.simulation.rendering.paint import cover, noise
from poselift.simulation.rendering.scenes import Scene


def background(
    camera: Camera,
    crop: Float[np.ndarray, "3 3"],
    size: int,
    scene: Scene,
    shadow: Shadow,
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
