"""Light on surfaces: a lamp with shadows, light from above and below, gloss.

Axes: N point of a surface, V vertex, F face. World axes: right-handed, y up, metres.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from poselift.geometry import Camera
from poselift.simulation.rendering.raster import rasterise
from poselift.simulation.rendering.scenes import Scene


class Shadow:
    """What the lamp sees: a map of depths around the person, from which shadows follow."""

    _SIDE = 96

    def __init__(
        self,
        points: Float[np.ndarray, "V 3"],
        faces: Int[np.ndarray, "F 3"],
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


def lit(
    color: Float[np.ndarray, "N 3"],
    gloss: Float[np.ndarray, " N"],
    normal: Float[np.ndarray, "N 3"],
    where: Float[np.ndarray, "N 3"],
    scene: Scene,
    camera: Camera,
    shadow: Shadow,
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
