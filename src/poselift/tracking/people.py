"""A table of detections as sequences: one for each person, the most seen first."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from poselift.errors import PoseliftError, expect
from poselift.poses import Detections, PoseSequence
from poselift.tracking.association import link

#: Frames that are looked at together. Bounds the memory.
_BLOCK = 4096


def people_of(detections: Detections) -> tuple[PoseSequence, ...]:
    """Follow the persons of a table over time; one 2D sequence each, most prominent first."""
    expect(detections, Detections, "Detections, as a reader or a detector gives them")
    ids = link(detections)
    linked = bool((detections.person_ids < 0).any())
    steps = (*detections.notes, *(("persons: linked over time",) if linked else ()))
    people = []
    for number, rows in by_person(ids).items():
        try:
            one = PoseSequence.from_2d(
                detections.keypoints[rows],
                detections.skeleton,
                scores=detections.scores[rows],
                frames=detections.frames[rows],
                times=None if detections.times is None else detections.times[rows],
                fps=detections.fps,
                image_size=detections.image_size,
                person_id=number,
                history=steps,
            )
        except PoseliftError as error:
            raise PoseliftError(f"{detections.source}, person {number}: {error}") from None
        people.append(one)
    return tuple(sorted(people, key=prominence, reverse=True))


def prominence(sequence: PoseSequence) -> float:
    """Area in the picture times share of visible joints, summed over frames (px^2).

    The area is the square of the median distance of the joints from their middle, so a stray
    joint does not make a person large.
    """
    total = 0.0
    for start in range(0, len(sequence), _BLOCK):
        points = sequence.positions[start : start + _BLOCK]
        away = np.zeros(points.shape[:2])
        seen = ~np.isnan(points[..., 0])
        count = np.maximum(seen.sum(axis=1), 1)
        for axis in range(2):
            values = points[..., axis].astype(np.float64)
            middle = np.where(seen, values, 0.0).sum(axis=1) / count
            away += (values - middle[:, None]) ** 2
        away.sort(axis=1)  # NaN go last
        square = np.take_along_axis(away, ((count - 1) // 2)[:, None], axis=1)[:, 0]
        total += float(np.sum(np.nan_to_num(square) * seen.mean(axis=1)))
    return total


def by_person(person_ids: Int[np.ndarray, " N"]) -> dict[int, np.ndarray]:
    """Return the rows of each person, in their order, by id; persons in order of appearance."""
    ids, first = np.unique(person_ids, return_index=True)
    order = np.argsort(person_ids, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(np.searchsorted(ids, person_ids)))[:-1])
    return {int(ids[i]): parts[i] for i in np.argsort(first)}
