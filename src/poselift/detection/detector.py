"""What a 2D detector is: persons with named joints and scores out of a picture."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from poselift.detection.picture import Picture
from poselift.skeletons import Skeleton

#: A person whose joints have a lower mean score than this is not there.
MIN_SCORE = 0.2


class Found(NamedTuple):
    """Persons in one picture: keypoints (P, J, 2) in pixels, scores (P, J) from 0 to 1."""

    keypoints: Float[np.ndarray, "P J 2"]
    scores: Float[np.ndarray, "P J"]


@runtime_checkable
class Detector(Protocol):
    """Finds persons. Anything with these members can be given to `watch`.

    name      what files written from its keypoints say about their origin.
    skeleton  names the joints.
    """

    name: str
    skeleton: Skeleton

    def find(self, picture: Picture) -> Found:
        """Return all persons of a picture."""
        ...

    def follow(self, picture: Picture, boxes: Float[np.ndarray, "P 4"]) -> Found:
        """Return the person in each box (left, top, right, bottom, pixels), a row a box.

        Where nobody is, the scores are low.
        """
        ...


def boxes_of(found: Found) -> Float[np.ndarray, "P 4"]:
    """Return the boxes around the joints that were found: left, top, right, bottom, pixels."""
    sure = found.scores >= MIN_SCORE
    few = sure.sum(axis=1) < 4
    sure[few] = True
    low = np.where(sure[..., None], found.keypoints, np.inf).min(axis=1)
    high = np.where(sure[..., None], found.keypoints, -np.inf).max(axis=1)
    return np.concatenate([low, high], axis=1)
