"""What keypoints were seen by: the picture, the lens, and where the person stood, if known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.geometry import DEFAULT_FOCAL
from poselift.lifting.arguments import Numbers
from poselift.modelfiles.card import ModelCard

#: Focal lengths that lenses have, as multiples of the longer picture side.
_SHORTEST, _LONGEST = 0.05, 100.0


@final
@dataclass(frozen=True, eq=False)
class Optics:
    """Picture and lens of a clip, or of each row of one.

    size        (width, height) in pixels, one for all rows or one a row.
    focal       focal length in pixels, one for all rows or one a row; None: `DEFAULT_FOCAL` times
                the longer side. Only models with the `person` normalisation use it.
    root        (N, 3) metres, camera space (x right, y down, z forward): where the root joint is.
    intrinsics  (N, 4) pixels: fx, fy, cx, cy. Only models of pixel and depth use both.
    """

    size: Float[np.ndarray, "N 2"] | tuple[int, int]
    focal: Float[np.ndarray, " N"] | float | None = None
    root: Float[np.ndarray, "N 3"] | None = None
    intrinsics: Float[np.ndarray, "N 4"] | None = None

    def __getitem__(self, rows: np.ndarray) -> Optics:
        """Return those of some rows."""
        by_row = {
            name: value[rows]
            for name in ("size", "focal", "root", "intrinsics")
            if isinstance(value := getattr(self, name), np.ndarray)
        }
        return replace(self, **by_row) if by_row else self

    @property
    def width(self) -> Float[np.ndarray, "N 1"] | float:
        """Width of the picture in pixels, one for all rows or one a row."""
        return self.size[:, :1] if isinstance(self.size, np.ndarray) else float(self.size[0])

    def with_mirrored(self) -> Optics:
        """Return the rows, and under them those of the mirrored pictures."""
        by_row = {
            name: np.concatenate([value, value])
            for name in ("size", "focal")
            if isinstance(value := getattr(self, name), np.ndarray)
        }
        if self.root is not None and self.intrinsics is not None:
            root, intrinsics = self.root.copy(), self.intrinsics.copy()
            root[:, 0] *= -1
            intrinsics[:, 2:3] = self.width - intrinsics[:, 2:3]
            by_row["root"] = np.concatenate([self.root, root])
            by_row["intrinsics"] = np.concatenate([self.intrinsics, intrinsics])
        return replace(self, **by_row) if by_row else self

    def describe(self, card: ModelCard) -> tuple[float, bool] | None:
        """Return the focal length that a model is given and whether it is assumed.

        None if the model makes no use of one; only for one picture size and focal length.
        """
        if card.normalisation != "person":
            return None
        if self.focal is None:
            return DEFAULT_FOCAL * max(self.size), True
        return float(self.focal), False

    def check(self, card: ModelCard) -> Optics:
        """Refuse a useless focal length, and what a model makes no use of or cannot do without."""
        placed = card.target == "pixel_depth"
        if placed and self.root is None:
            raise PoseliftError(
                f"model {card.name} gives pixels and depth relative to the root: it needs the "
                "root's position and the camera's intrinsics, as Lifter.lift(root=..., "
                "intrinsics=...) takes them"
            )
        if self.root is not None and not placed:
            raise PoseliftError(
                f"model {card.name} gives metres and makes no use of root and intrinsics, "
                "leave them out"
            )
        if self.focal is not None and card.normalisation != "person":
            raise PoseliftError(
                f"model {card.name} with normalisation {card.normalisation!r} "
                "makes no use of a focal length, leave it out"
            )
        if self.focal is not None:
            if np.asarray(self.focal).dtype.kind not in "fiu":
                raise PoseliftError(f"expected focal as a number of pixels, got {self.focal!r}")
            sides = np.max(np.reshape(self.size, (-1, 2)), axis=1)
            ratio = np.asarray(self.focal) / sides
            if not ((ratio >= _SHORTEST) & (ratio <= _LONGEST)).all():
                raise PoseliftError(
                    f"expected a focal length above 0 pixels, of {_SHORTEST:g} to {_LONGEST:g} "
                    f"times the longer picture side, got {self.focal}"
                )
        return self


def optics_of(
    size: tuple[int, int],
    focal: float | None,
    root: Numbers | None,
    intrinsics: Numbers | None,
    frames: int,
) -> Optics:
    """Return the arguments of those names of `Lifter.lift`, or say what is wrong."""
    if root is None and intrinsics is None:
        return Optics(size, focal)
    if root is None or intrinsics is None:
        raise PoseliftError("expected root and intrinsics together, got only one of them")
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
    lenses = np.tile(lens.astype(np.float64), (frames, 1))
    return Optics(size, focal, places.astype(np.float64), lenses)
