"""What real files have in common, whatever their format: nobody there, joints at (0, 0), 0..1.

Every detection that is read passes through here once.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from poselift.errors import PoseliftError
from poselift.poses import Detections

#: A joint at exactly (0, 0) with no more confidence than this was not found.
NEXT_TO_NOTHING = 0.05

#: Coordinates that stay within this are not pixels: 0..1, or -1..1, and a little beyond.
LARGEST_NORMALISED = 2.0

#: Share of joints outside of the picture that is worth a warning.
OUTSIDE = 0.05


def mend(
    found: Detections, *, normalised: bool, size: tuple[int, int] | None, ours: bool
) -> Detections:
    """Return detections without nobodies and with missing joints missing, in pixels.

    normalised  whether coordinates are 0..1 of the picture, whose `size` is then needed.
    ours        whether the file is ours: whoever is in it was meant to be.

    Raises `PoseliftError` if nobody is left, and for coordinates that are not pixels. What is
    doubtful goes into the notes as a warning.
    """
    points, scores = found.keypoints.copy(), found.scores.copy()
    lost = (points == 0).all(axis=2) & ~(scores > NEXT_TO_NOTHING)
    points[lost], scores[lost] = np.nan, np.fmin(scores[lost], 0.0)
    there = ~np.isnan(points[..., 0]).all(axis=1) & ~(scores <= 0).all(axis=1)
    there |= ours and bool(there.any())
    if not there.any():
        raise PoseliftError(f"{found.source}: no person in any frame (all joints undetected)")
    notes = list(found.notes)
    told, size = size is not None and not normalised, size or found.image_size
    points = points[there]
    some = points[np.linspace(0, len(points) - 1, min(len(points), 4096)).astype(int)]
    reach = float(np.nanpercentile(np.abs(some), 95))
    if normalised:
        if size is None:
            raise PoseliftError(f"{found.source}: normalised coordinates need the picture (--size)")
        if reach > LARGEST_NORMALISED:
            raise PoseliftError(f"{found.source}: expected coordinates of 0..1, got pixels")
        points *= np.array(size, dtype=np.float32)
        notes.append(f"coordinates: 0..1 of {size[0]}x{size[1]} px")
    elif reach <= LARGEST_NORMALISED:
        raise PoseliftError(
            f"{found.source}: expected pixels, got coordinates between "
            f"{np.nanmin(some):.2g} and {np.nanmax(some):.2g} (OpenPose: --keypoint_scale 0; "
            "of 0..1 say --normalised and --size)"
        )
    if size is not None:
        notes += _outside(some, size)
        notes += _cornered(some, size) if told else []
    if not there.all():
        notes.append(f"persons: {(~there).sum()} without any joint left out")
    return replace(
        found,
        keypoints=points,
        scores=scores[there],
        frames=found.frames[there],
        person_ids=found.person_ids[there],
        times=None if found.times is None else found.times[there],
        notes=tuple(notes),
    )


def of_picture(
    found: Detections, size: tuple[int, int] | None, *, normalised: bool = False
) -> Detections:
    """Return detections of a format that commonly holds 0..1 of the picture, in pixels.

    Pixels stay as they are, and so does everything if the user says `normalised`: then `mend`
    multiplies. Raises `PoseliftError` if the size of the picture is needed and not known.
    """
    reach = float(np.nanpercentile(np.abs(found.keypoints), 95, method="lower"))
    if normalised or not reach <= LARGEST_NORMALISED:
        return found
    size = size or found.image_size
    if size is None:
        raise PoseliftError(
            f"{found.source}: its coordinates are 0..1 of the picture, say its size (--size)"
        )
    note = f"coordinates: 0..1 of {size[0]}x{size[1]} px"
    points = found.keypoints * np.array(size, dtype=np.float32)
    return replace(found, keypoints=points, image_size=size, notes=(*found.notes, note))


def _cornered(points: np.ndarray, size: tuple[int, int]) -> list[str]:
    """Warn of a size by which everybody is in one corner: the video was scaled down, maybe."""
    reach = np.nanmax(points, axis=(0, 1))
    if (reach > np.array(size) / 2).any():
        return []
    return [
        f"warning: all joints lie in the upper left quarter of a picture of {size[0]}x{size[1]}, "
        f"they end at {reach[0]:.0f}, {reach[1]:.0f}: is its size right?"
    ]


def _outside(points: np.ndarray, size: tuple[int, int]) -> list[str]:
    """Warn of joints far outside of the picture: its width and height may be exchanged."""
    limits = np.array(size, dtype=np.float64)
    seen = ~np.isnan(points[..., 0])
    share = [
        float(np.any((points > 1.05 * box) | (points < -0.05 * box), axis=2)[seen].mean())
        for box in (limits, limits[::-1])
    ]
    if share[0] <= OUTSIDE:
        return []
    low, high = np.nanmin(points, axis=(0, 1)), np.nanmax(points, axis=(0, 1))
    turned = f"; {size[1]}x{size[0]} is meant?" if share[1] <= OUTSIDE else ""
    return [
        f"warning: joints lie at x = {low[0]:.0f} to {high[0]:.0f}, y = {low[1]:.0f} to "
        f"{high[1]:.0f} px, outside of a picture of {size[0]}x{size[1]}{turned}"
    ]
