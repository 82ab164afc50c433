"""Triangles to pixels, in NumPy: which triangle each pixel of each sample sees, and where in it.

Axes: S sample (a moment of the exposure, shifted by part of a pixel), V vertex, F face, C candidate
(a pixel in the box around a triangle), H, W the picture. Pixel (column c, row r) has its centre at
(c + 0.5, r + 0.5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

#: Nothing nearer than this, metres, is drawn: a triangle that reaches nearer is left out.
NEAR = 0.2


@dataclass(frozen=True, eq=False)
class Fragments:
    """The pixels that a mesh covers: one row for each sample and pixel in which it is nearest.

    pixel    (N,) index into the flattened (S, H, W), strictly increasing.
    face     (N,) the face that is seen.
    weights  (N, 3) of the face's corners, perspective undone, sum 1.
    depth    (S, H, W) metres along z; infinite where there is nothing.
    """

    pixel: Int[np.ndarray, " N"]
    face: Int[np.ndarray, " N"]
    weights: Float[np.ndarray, "N 3"]
    depth: Float[np.ndarray, "S H W"]


def rasterise(
    points: Float[np.ndarray, "S V 2"],
    depth: Float[np.ndarray, "S V"],
    faces: Int[np.ndarray, "F 3"],
    size: tuple[int, int],
) -> Fragments:
    """Find the nearest face at each pixel's centre.

    points  pixels; depth of the vertices, metres; `size` is (width, height).

    Faces are seen from the side from which their corners run anticlockwise; from the other side
    they are not there.
    """
    width, height = size
    samples, count = len(points), len(faces)
    corners = points[:, faces].reshape(-1, 3, 2).astype(np.float32)
    near = 1.0 / np.maximum(depth, NEAR).astype(np.float32)[:, faces].reshape(-1, 3)
    (ax, ay), (bx, by), (cx, cy) = (corners[:, k].T for k in range(3))
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    # first and last pixel column and row whose centres can lie inside
    left = np.maximum(np.ceil(corners[..., 0].min(axis=1) - 0.5), 0).astype(np.int32)
    top = np.maximum(np.ceil(corners[..., 1].min(axis=1) - 0.5), 0).astype(np.int32)
    wide = np.minimum(np.floor(corners[..., 0].max(axis=1) - 0.5), width - 1) - left + 1
    high = np.minimum(np.floor(corners[..., 1].max(axis=1) - 0.5), height - 1) - top + 1
    kept = np.flatnonzero(
        (area < -1e-6) & (wide > 0) & (high > 0) & (near.max(axis=1) < 1.0 / NEAR)
    )
    ax, ay, bx, by, cx, cy = (one[kept] for one in (ax, ay, bx, by, cx, cy))
    area, left, top, near = area[kept], left[kept], top[kept], near[kept]
    wide, high = wide[kept].astype(np.int32), high[kept].astype(np.int32)

    # weights of the corners b and c are linear: value at the box's first pixel, steps in x and y
    x0 = left.astype(np.float32) + np.float32(0.5) - ax
    y0 = top.astype(np.float32) + np.float32(0.5) - ay
    b_dx, b_dy = (cy - ay) / area, (ax - cx) / area
    c_dx, c_dy = (ay - by) / area, (bx - ax) / area
    b_0, c_0 = b_dx * x0 + b_dy * y0, c_dx * x0 + c_dy * y0

    each = wide * high
    row = np.repeat(np.arange(len(kept), dtype=np.int32), each)
    place = np.arange(len(row), dtype=np.int32) - np.repeat(
        np.cumsum(each, dtype=np.int32) - each, each
    )
    down, right = np.divmod(place, wide[row])
    x, y = right.astype(np.float32), down.astype(np.float32)
    b = b_0[row] + b_dx[row] * x + b_dy[row] * y
    c = c_0[row] + c_dx[row] * x + c_dy[row] * y
    inside = np.flatnonzero((b >= 0) & (c >= 0) & (b + c <= 1))
    row, b, c, right, down = row[inside], b[inside], c[inside], right[inside], down[inside]
    a_w, b_w, c_w = near[row, 0] * (1 - b - c), near[row, 1] * b, near[row, 2] * c
    nearness = a_w + b_w + c_w

    sample = kept[row] // count
    pixel = (sample * height + top[row] + down) * width + left[row] + right
    nearest = np.zeros(samples * height * width, dtype=np.float32)
    np.maximum.at(nearest, pixel, nearness)
    winner = np.full(len(nearest), -1, dtype=np.int64)
    seen = np.flatnonzero(nearness == nearest[pixel])
    winner[pixel[seen]] = seen  # of two at the same depth the later face
    covered = np.flatnonzero(winner >= 0)
    winner = winner[covered]
    weights = np.stack([a_w[winner], b_w[winner], c_w[winner]], axis=1)
    with np.errstate(divide="ignore"):
        distance = 1.0 / nearest
    return Fragments(
        pixel=covered,
        face=kept[row[winner]] % count,
        weights=weights / nearness[winner, None],
        depth=distance.reshape(samples, height, width),
    )
