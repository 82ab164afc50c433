"""Rotations as 3x3 matrices acting on column vectors; quaternions in (w, x, y, z) order."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError

_EYE = np.eye(2)


def from_quaternion(quaternion: Float[np.ndarray, "*batch 4"]) -> Float[np.ndarray, "*batch 3 3"]:
    """Turn unit quaternions (w, x, y, z) into rotation matrices.

    They are taken as they are, as the official codes do: normalising a calibration rounded to
    float32 again would move points by 1e-8 of their distance. Raises `PoseliftError` for a
    length further than 1e-3 from 1.
    """
    length = np.linalg.norm(quaternion, axis=-1)
    if (np.abs(length - 1) > 1e-3).any():
        worst = np.ravel(length)[np.abs(length - 1).argmax()]
        raise PoseliftError(f"expected unit quaternions, got one of length {worst:.4g}")
    w, x, y, z = np.moveaxis(quaternion, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def about_axis(axis: str, angle: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch 3 3"]:
    """Rotate by `angle` radians about "x", "y" or "z", right-handed."""
    angle = np.asarray(angle, dtype=np.float64)
    matrix = np.zeros((*angle.shape, 3, 3))
    i = "xyz".index(axis)
    j, k = (i + 1) % 3, (i + 2) % 3
    matrix[..., i, i] = 1.0
    matrix[..., j, j] = matrix[..., k, k] = np.cos(angle)
    matrix[..., k, j] = np.sin(angle)
    matrix[..., j, k] = -matrix[..., k, j]
    return matrix


def from_rotation_vector(vector: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3 3"]:
    """Rodrigues: rotate by |vector| radians about the vector."""
    angle = np.linalg.norm(vector, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(np.asarray(vector, dtype=np.float64), -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack(
        [np.stack([zero, -z, y], -1), np.stack([z, zero, -x], -1), np.stack([-y, x, zero], -1)], -2
    )
    # np.sinc(x) is sin(pi x) / (pi x); it keeps both factors finite at angle 0
    first = np.sinc(angle / np.pi)
    second = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    return np.eye(3) + first * cross + second * (cross @ cross)


def turning_to_axis(rays: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3 3"]:
    """Rotation that takes each ray to +z by the shortest turn. Rays must have z > 0."""
    length = np.sqrt(np.add.reduce(rays * rays, axis=-1, keepdims=True))
    matrix = np.empty((*rays.shape, 3), length.dtype)
    unit = np.divide(rays, length, out=matrix[..., 2, :])
    sideways = unit[..., :2]
    share = rays[..., :2] / (length + rays[..., 2:])
    np.subtract(_EYE, share[..., :, None] * sideways[..., None, :], out=matrix[..., :2, :2])
    np.negative(sideways, out=matrix[..., :2, 2])
    return matrix


def to_quaternion(matrix: Float[np.ndarray, "*batch 3 3"]) -> Float[np.ndarray, "*batch 4"]:
    """Turn rotation matrices into unit quaternions (w, x, y, z), of the two the one with w >= 0.

    The largest of the four is divided by (Shepperd 1978), so no angle is badly conditioned.
    """
    m = np.asarray(matrix, dtype=np.float64)
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    # rows are 4 q_i q for i = w, x, y, z: the one with the largest entry of its own is taken
    products = np.empty((*m.shape[:-2], 4, 4))
    for i, own in enumerate((xx + yy + zz, xx - yy - zz, yy - xx - zz, zz - xx - yy)):
        products[..., i, i] = 1.0 + own
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        with_w, crossed = m[..., k, j] - m[..., j, k], m[..., i, j] + m[..., j, i]
        products[..., 0, i + 1] = products[..., i + 1, 0] = with_w
        products[..., i + 1, j + 1] = products[..., j + 1, i + 1] = crossed
    best = np.einsum("...ii->...i", products).argmax(axis=-1)
    chosen = np.take_along_axis(products, best[..., None, None], axis=-2)[..., 0, :]
    chosen /= np.linalg.norm(chosen, axis=-1, keepdims=True)
    return np.where(chosen[..., :1] < 0, -chosen, chosen)


def to_euler(matrix: Float[np.ndarray, "*batch 3 3"], order: str) -> Float[np.ndarray, "*batch 3"]:
    """Return angles (radians) a, b, c so that the matrix is R(a) R(b) R(c) about axes of `order`.

    order  three different axes, as "zxy". The second angle is within a quarter turn; where it is a
           quarter turn exactly, the third is 0.
    """
    i, j, k = ("xyz".index(axis) for axis in order)
    even = 1.0 if (j - i) % 3 == 1 else -1.0
    sine = np.clip(even * matrix[..., i, k], -1.0, 1.0)
    level = 1.0 - np.abs(sine) > 1e-12
    first = np.where(
        level,
        np.arctan2(-even * matrix[..., j, k], matrix[..., k, k]),
        np.arctan2(even * matrix[..., k, j], matrix[..., j, j]),
    )
    third = np.where(level, np.arctan2(-even * matrix[..., i, j], matrix[..., i, i]), 0.0)
    return np.stack([first, np.arcsin(sine), third], axis=-1)
