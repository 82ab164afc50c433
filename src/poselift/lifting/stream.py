"""A clip that comes in chunks, as 2D sequences whose frames are numbered through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from poselift.errors import PoseliftError
from poselift.lifting.arguments import Numbers, as_clip, as_scores
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
