"""Light on surfaces: a lamp with shadows, light from above and below, gloss.

Axes: N point of a surface, V vertex, F face. World axes: right-handed, y up, metres.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, Int

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
        axes = np.stack([right, np.cross(down, right), down], axis=1)
        middle = (joints.max(axis=0) + joints.min(axis=0)) / 2
        reach = float(np.abs((joints - middle) @ axes[:, :2]).max()) + 0.35
        self._axes, self.middle = axes.astype(np.float32), middle.astype(np.float32)
        self._scale = np.float32(self._SIDE / 2 / reach)
        x, y, depth = self._project(points.astype(np.float32))
        # far away, so that the perspective of the rasteriser is next to none
        places = np.stack([x, y], axis=-1)[None]
        found = rasterise(places, depth[None] + 100, faces, (self._SIDE, self._SIDE))
        # nothing stands at the edge, where all that lies outside is looked up
        self._depth = np.full((self._SIDE + 2, self._SIDE + 2), np.inf, dtype=np.float32)
        self._depth[1:-1, 1:-1] = found.depth[0] - np.float32(100)

    def _project(self, points: Float32[np.ndarray, "N 3"]) -> Float32[np.ndarray, "3 N"]:
        """Column and row in the map, and metres along the light."""
        local = self._axes.T @ (points - self.middle).T
        local[:2] *= self._scale
        local[:2] += np.float32(self._SIDE / 2)
        return local

    def share(self, points: Float32[np.ndarray, "N 3"]) -> Float32[np.ndarray, " N"]:
        """Share of the light that reaches each point, 0 to 1, soft at the edges."""
        x, y, depth = self._project(points)
        side = self._SIDE + 2
        # between the centres of four cells of the map, itself a cell wider on each side
        x, y = (np.clip(one + np.float32(0.5), 0, side - 1.001) for one in (x, y))
        column, row = x.astype(np.int32), y.astype(np.int32)
        first, limit, flat = row * side + column, depth - np.float32(0.04), self._depth.ravel()
        near = [(flat[first + step] > limit).view(np.int8) for step in (0, 1, side, side + 1)]
        x -= column
        y -= row
        upper = near[0] + (near[1] - near[0]) * x
        lower = near[2] + (near[3] - near[2]) * x
        lit: np.ndarray = upper + (lower - upper) * y
        return lit


def lit(
    color: Float32[np.ndarray, "N 3"],
    gloss: Float32[np.ndarray, " N"],
    normal: Float32[np.ndarray, "N 3"],
    where: Float32[np.ndarray, "N 3"],
    scene: Scene,
    camera: Camera,
    shadow: Shadow,
) -> Float32[np.ndarray, "N 3"]:
    """Light that comes from points of a surface to the camera."""
    normal = normal / np.maximum(_length(normal), np.float32(1e-6))
    toward, strength = (one.astype(np.float32) for one in scene.light)
    above, below = (one.astype(np.float32) for one in scene.ambient)
    up = (1 + normal[:, 1:2]) / 2
    # near the floor less of the sky is seen
    near = np.clip(0.6 + 0.5 * (where[:, 1:2] - np.float32(scene.floor)), 0, 1)
    facing = np.clip(normal @ toward, 0, 1) * shadow.share(where)
    # the camera is far off: one direction to it is near enough for what is mirrored
    eye = np.array(camera.translation, dtype=np.float32) - shadow.middle
    half = toward + eye / max(float(np.linalg.norm(eye)), 1e-6)
    half /= max(float(np.linalg.norm(half)), 1e-6)
    mirrored = np.clip(normal @ half, 0, 1) ** 24 * (4 * gloss * (facing > 0))
    lamp = color * facing[:, None] + mirrored[:, None]
    light: np.ndarray = color * ((below + (above - below) * up) * near) + lamp * strength
    return light


def _length(vectors: Float32[np.ndarray, "N 3"]) -> Float32[np.ndarray, "N 1"]:
    return np.sqrt(np.einsum("ni,ni->n", vectors, vectors))[:, None]
