"""Four virtual cameras around a motion, with the lenses of Human3.6M.

Camera 0, 1, 2, 3 stands 45, 135, 225, 315 degrees about the vertical (0 is +Z, 90 is +X) from the
middle of the box around all joints of the clip, 1.6 m above the ground (y = 0), upright, and looks
at that middle. It stands as near as 4.5 m (horizontally), or else so far that all joints of the
whole clip stay at least about 20 px inside the picture. Nothing about it is random.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from poselift.geometry import H36M_S1_CAMERAS, Camera
from poselift.mocap.chain import Motion

AZIMUTHS = (45, 135, 225, 315)
HEIGHT = 1.6
NEAREST = 4.5

# Largest |x / z| and |y / z| of a joint; the pictures' nearest edges lie at 0.418.
_FIELD = 0.40

_Quaternion = tuple[float, float, float, float]


def ring_of_cameras(motion: Motion) -> tuple[Camera, ...]:
    """Place the four Human3.6M cameras around a motion (world Y up), as this module describes."""
    return ring_around(motion.positions.reshape(-1, 3).astype(np.float64))


def ring_around(points: Float[np.ndarray, "N 3"]) -> tuple[Camera, ...]:
    """Place them around points of a clip, metres, world, Y up."""
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    cameras = []
    for azimuth, lens in zip(AZIMUTHS, H36M_S1_CAMERAS.values(), strict=True):
        away = np.array([np.sin(np.radians(azimuth)), 0.0, np.cos(np.radians(azimuth))])
        distance = NEAREST
        camera = _looking_at(lens, middle, away, distance)
        while (lack := _lacking_distance(camera, points)) > 0:
            distance += lack + 0.01
            camera = _looking_at(lens, middle, away, distance)
        cameras.append(camera)
    return tuple(cameras)


def _looking_at(
    lens: Camera, middle: Float[np.ndarray, " D"], away: Float[np.ndarray, " D"], distance: float
) -> Camera:
    """Place a camera at a horizontal distance, upright, looking at `middle`."""
    place = middle + distance * away
    place[1] = HEIGHT
    forward = (middle - place) / np.linalg.norm(middle - place)
    turn = np.arctan2(forward[0], forward[2]) / 2
    dip = np.arcsin(-forward[1]) / 2
    # half-angle quaternions (w, x, y, z): face `forward` (y, then x), from axes x right, y down
    about_y = (np.cos(turn), 0.0, np.sin(turn), 0.0)
    about_x = (np.cos(dip), np.sin(dip), 0.0, 0.0)
    upside_down = (0.0, 0.0, 0.0, 1.0)
    orientation = _product(_product(about_y, about_x), upside_down)
    x, y, z = map(float, place)
    return replace(lens, orientation=orientation, translation=(x, y, z))


def _product(p: _Quaternion, q: _Quaternion) -> _Quaternion:
    """Hamilton product of quaternions (w, x, y, z)."""
    w, u = p[0], np.array(p[1:])
    x, v = q[0], np.array(q[1:])
    vector = w * v + x * u + np.cross(u, v)
    return (float(w * x - u @ v), float(vector[0]), float(vector[1]), float(vector[2]))


def _lacking_distance(camera: Camera, points: Float[np.ndarray, "N 3"]) -> float:
    """How much farther the camera has to go for all points to be in the field; or 0 or less."""
    seen = camera.to_camera(points)
    return float((np.abs(seen[:, :2]).max(axis=1) / _FIELD - seen[:, 2]).max())
