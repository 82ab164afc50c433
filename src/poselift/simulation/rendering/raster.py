"""Triangles to pixels, in NumPy: which triangle each pixel of each sample sees, and where in it.

Axes: S sample (a moment of the exposure, shifted by part of a pixel), V vertex, F face, C candidate
(a pixel in the box around a triangle), H, W the picture. Pixel (column c, row r) has its centre at
(c + 0.5, r + 0.5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

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

    def blend(self, corners: Float[np.ndarray, "N 3 D"]) -> Float[np.ndarray, "N D"]:
        """Interpolate what the corners of each fragment's face have."""
        weights = self.weights
        blended: np.ndarray = corners[:, 0] * weights[:, :1]
        blended += corners[:, 1] * weights[:, 1:2]
        blended += corners[:, 2] * weights[:, 2:]
        return blended


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
    # of each corner in turn, (S, F): what is gathered once is read in order from then on
    x, y = (np.ascontiguousarray(points[..., axis], dtype=np.float32) for axis in (0, 1))
    corners = [(x[:, corner].ravel(), y[:, corner].ravel()) for corner in faces.T]
    closeness = 1.0 / np.maximum(depth, NEAR).astype(np.float32)
    near = [closeness[:, corner].ravel() for corner in faces.T]
    drawn = np.maximum(np.maximum(*near[:2]), near[2]) < np.float32(1.0 / NEAR)
    row, b, c, pixel = _inside(corners, drawn, size)
    a_w, b_w, c_w = near[0][row] * (1 - b - c), near[1][row] * b, near[2][row] * c
    nearness = a_w + b_w + c_w

    pixel += row // count * (height * width)
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
        face=row[winner] % count,
        weights=weights / nearness[winner, None],
        depth=distance.reshape(samples, height, width),
    )


def _inside(
    corners: list[tuple[Float32[np.ndarray, " F"], Float32[np.ndarray, " F"]]],
    drawn: Bool[np.ndarray, " F"],
    size: tuple[int, int],
) -> tuple[
    Int[np.ndarray, " N"],
    Float32[np.ndarray, " N"],
    Float32[np.ndarray, " N"],
    Int[np.ndarray, " N"],
]:
    """Pixels whose centres lie in faces: face, weights of its second and third corner, pixel."""
    width, height = size
    (ax, ay), (bx, by), (cx, cy) = corners
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    # first and last pixel column and row whose centres can lie inside
    half = np.float32(0.5)
    left = np.maximum(np.ceil(np.minimum(np.minimum(ax, bx), cx) - half), 0)
    top = np.maximum(np.ceil(np.minimum(np.minimum(ay, by), cy) - half), 0)
    right = np.minimum(np.floor(np.maximum(np.maximum(ax, bx), cx) - half), width - 1)
    base = np.minimum(np.floor(np.maximum(np.maximum(ay, by), cy) - half), height - 1)
    kept = np.flatnonzero((area < -1e-6) & (right >= left) & (base >= top) & drawn)
    ax, ay, bx, by, cx, cy = (one[kept] for one in (ax, ay, bx, by, cx, cy))
    area, left, top, right, base = (one[kept] for one in (area, left, top, right, base))

    # weights of the second and third corner are linear: at the box's first pixel, steps in x, y
    x0, y0 = left + half - ax, top + half - ay
    b_dx, b_dy = (cy - ay) / area, (ax - cx) / area
    c_dx, c_dy = (ay - by) / area, (bx - ax) / area
    b_0, c_0 = b_dx * x0 + b_dy * y0, c_dx * x0 + c_dy * y0

    wide = (right - left + 1).astype(np.int32)
    each = wide * (base - top + 1).astype(np.int32)
    first = np.cumsum(each, dtype=np.int32) - each
    place = np.arange(each.sum(dtype=np.int64), dtype=np.int32) - np.repeat(first, each)
    across = np.repeat(wide, each)
    down = place // across
    along = place - down * across
    x, y = along.astype(np.float32), down.astype(np.float32)
    b = np.repeat(b_0, each) + np.repeat(b_dx, each) * x + np.repeat(b_dy, each) * y
    c = np.repeat(c_0, each) + np.repeat(c_dx, each) * x + np.repeat(c_dy, each) * y
    inside = np.flatnonzero((b >= 0) & (c >= 0) & (b + c <= 1))
    row = np.repeat(np.arange(len(kept), dtype=np.int32), each)[inside]
    corner = (top * width + left).astype(np.int64)  # exact: pictures are below 4096 squared
    pixel = corner[row] + down[inside] * width + along[inside]
    return kept[row], b[inside], c[inside], pixel
