"""A clip that comes in chunks, as 2D sequences whose frames are numbered through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.lifting.arguments import Numbers, as_clip, as_scores, check_pixels
from poselift.lifting.core import Core
from poselift.lifting.optics import Optics
from poselift.poses import PoseSequence
from poselift.skeletons import Skeleton

#: Keypoints (T, J, 2), or a pair (a tuple) of keypoints and scores (T, J).
Chunk = Numbers | tuple[Numbers, Numbers | None]


def numbered(
    chunks: Iterable[Chunk], joints: Skeleton, size: tuple[int, int]
) -> Iterator[PoseSequence]:
    """Yield a sequence a chunk; `PoseliftError` for a chunk of another shape."""
    start = 0
    for chunk in chunks:
        sequence = _sequence(chunk, start, joints, size)
        start += len(sequence)
        yield sequence


def _sequence(chunk: Any, start: int, joints: Skeleton, size: tuple[int, int]) -> PoseSequence:
    """Check one chunk; in errors it goes by the number of its first frame."""
    pair = chunk if isinstance(chunk, tuple) else (chunk, None)
    try:
        if len(pair) != 2:
            raise PoseliftError(f"expected a pair (keypoints, scores), got {len(pair)} items")
        points = as_clip("keypoints", pair[0], joints, (2,))
        scores = None if pair[1] is None else as_scores(pair[1], joints, len(points))
    except PoseliftError as error:
        raise PoseliftError(f"chunk at frame {start}: {error}") from None
    frames = start + np.arange(len(points))
    return PoseSequence.from_2d(points, joints, scores=scores, frames=frames, image_size=size)


def lift_chunks(
    core: Core, optics: Optics, sequences: Iterable[PoseSequence]
) -> Iterator[Float[np.ndarray, "T J 3"]]:
    """Lift sequence after sequence, in the joints of the core, as one clip.

    A network of several frames is given those before a chunk again, and the last ones of a chunk
    once those that follow are known, with the next chunk or at the end.
    """
    ahead, behind = core.card.frames // 2, (core.card.frames - 1) // 2
    kept = np.empty((0, len(core.card.skeleton), 2), np.float32)
    first, waiting, pixels_checked = 0, 0, False
    for sequence in sequences:
        shown = sequence.positions[core.liftable(sequence.positions)][:1]
        if not pixels_checked:
            check_pixels(shown)
            pixels_checked = len(shown) > 0
        points = np.concatenate([kept, sequence.positions])
        poses = core.lift(points, optics, first + np.arange(len(points)))
        start = len(kept) - waiting
        waiting = min(ahead, len(points) - start)
        yield poses[start : len(points) - waiting]
        kept = points[max(0, len(points) - waiting - behind) :]
        first += len(points) - len(kept)
    if waiting:
        yield core.lift(kept, optics, first + np.arange(len(kept)))[-waiting:]
