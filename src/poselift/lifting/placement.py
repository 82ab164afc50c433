"""Where a person stands before which camera: what models of pixel and depth need besides 2D."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.lifting.arguments import Numbers


@final
@dataclass(frozen=True, eq=False)
class Placement:
    """The root's position and the camera, a row a frame.

    root        (T, 3) metres, camera space: x right, y down, z forward.
    intrinsics  (T, 4) pixels: fx, fy, cx, cy.
    """

    root: Float[np.ndarray, "T 3"]
    intrinsics: Float[np.ndarray, "T 4"]

    def __getitem__(self, rows: np.ndarray) -> Placement:
        """Return some rows."""
        return Placement(self.root[rows], self.intrinsics[rows])

    def with_mirrored(self, width: float) -> Placement:
        """Return the rows, and under them those of the mirrored pictures of that width."""
        root, intrinsics = self.root.copy(), self.intrinsics.copy()
        root[:, 0] *= -1
        intrinsics[:, 2] = width - intrinsics[:, 2]
        return Placement(
            np.concatenate([self.root, root]), np.concatenate([self.intrinsics, intrinsics])
        )


def as_placement(root: Numbers, intrinsics: Numbers, frames: int) -> Placement:
    """Return the arguments of those names of `Lifter.lift`, or say what is wrong."""
    places, lens = np.asarray(root), np.asarray(intrinsics)
    if places.shape != (frames, 3) or places.dtype.kind not in "fiu":
        raise PoseliftError(
            f"expected root of shape {(frames, 3)}, metres in camera space, got {places.shape}"
        )
    bad = ~(np.isfinite(places).all(axis=1) & (places[:, 2] > 0))
    if bad.any():
        frame = int(np.flatnonzero(bad)[0])
        raise PoseliftError(
            f"frame {frame}: expected a root before the camera (z above 0 m), got {places[frame]}"
        )
    numbers = lens.shape == (4,) and lens.dtype.kind in "fiu"
    if not (numbers and np.isfinite(lens).all() and (lens[:2] > 0).all()):
        raise PoseliftError(f"expected intrinsics as (fx, fy, cx, cy) in pixels, got {intrinsics}")
    return Placement(places.astype(np.float64), np.tile(lens.astype(np.float64), (frames, 1)))
