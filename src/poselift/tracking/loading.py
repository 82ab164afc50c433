"""Files of keypoints as sequences: one for each person, the most seen first."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.io.detections import Detections
from poselift.io.formats import find_format, read_detections
from poselift.io.native import is_result_file
from poselift.io.results import read_results
from poselift.io.rows import by_person
from poselift.sequence import PoseSequence
from poselift.skeletons import Skeleton
from poselift.tracking.association import link

#: Frames that are looked at together. Bounds the memory.
_BLOCK = 4096


def load_people(
    path: str | os.PathLike[str],
    *,
    format: str = "auto",
    skeleton: str | Skeleton | None = None,
    image_size: tuple[int, int] | None = None,
    fps: float | None = None,
) -> tuple[PoseSequence, ...]:
    """Read all persons of a file or folder, followed over time, the most prominent first.

    Prominence is the area a person takes up in the picture times the share of visible joints,
    summed over frames. Persons keep the numbers the source gives them; where it gives none they
    are linked over time (see `link`). The joints are the source's own. Arguments as in
    `read_detections`. A result file of ours gives its 3D sequences, in the order of the file.

    Raises `PoseliftError`, in one sentence, for whatever cannot be read.
    """
    path = Path(path)
    if find_format(path, format).name == "poselift" and is_result_file(path):
        return _load_3d(path, skeleton, image_size, fps)
    found = read_detections(path, format=format, skeleton=skeleton, image_size=image_size, fps=fps)
    return people_of(found)


def load_poses(
    path: str | os.PathLike[str],
    *,
    format: str = "auto",
    skeleton: str | Skeleton | None = None,
    image_size: tuple[int, int] | None = None,
    fps: float | None = None,
    person: int | None = None,
) -> PoseSequence:
    """Read one person: the most prominent one, or the one with the number `person`.

    Everything else as `load_people`. Raises `PoseliftError` that lists the persons if there is
    none of that number.
    """
    people = load_people(path, format=format, skeleton=skeleton, image_size=image_size, fps=fps)
    if person is None:
        return people[0]
    for one in people:
        if one.person_id == person:
            return one
    ids = ", ".join(str(one.person_id) for one in people)
    raise PoseliftError(f"{path}: no person {person}, expected one of {ids}")


def people_of(detections: Detections) -> tuple[PoseSequence, ...]:
    """Follow the persons of a table over time; one 2D sequence each, most prominent first."""
    ids = link(detections)
    linked = bool((detections.person_ids < 0).any())
    steps = (*detections.notes, *(("persons: linked over time",) if linked else ()))
    people = []
    for number, rows in by_person(ids).items():
        try:
            people.append(_sequence(detections, number, rows, steps))
        except PoseliftError as error:
            raise PoseliftError(f"{detections.source}, person {number}: {error}") from None
    return tuple(sorted(people, key=prominence, reverse=True))


def _sequence(
    detections: Detections, number: int, rows: np.ndarray, steps: tuple[str, ...]
) -> PoseSequence:
    """Make the sequence of one person."""
    return PoseSequence.from_2d(
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


def prominence(sequence: PoseSequence) -> float:
    """Area in the picture times share of visible joints, summed over frames (px^2).

    The area is the square of the median distance of the joints from their middle, so a stray
    joint does not make a person large.
    """
    parts = range(0, len(sequence), _BLOCK)
    return sum((_prominence(sequence.positions[i : i + _BLOCK]) for i in parts), 0.0)


def _prominence(points: Float[np.ndarray, "T J 2"]) -> float:
    """Do as `prominence` for some frames."""
    away = np.zeros(points.shape[:2])
    seen = ~np.isnan(points[..., 0])
    count = np.maximum(seen.sum(axis=1), 1)
    for axis in range(2):
        values = points[..., axis].astype(np.float64)
        middle = np.where(seen, values, 0.0).sum(axis=1) / count
        away += (values - middle[:, None]) ** 2
    away.sort(axis=1)  # NaN go last
    square = np.take_along_axis(away, ((count - 1) // 2)[:, None], axis=1)[:, 0]
    return float(np.sum(np.nan_to_num(square) * seen.mean(axis=1)))


def _load_3d(
    path: Path,
    skeleton: str | Skeleton | None,
    image_size: tuple[int, int] | None,
    fps: float | None,
) -> tuple[PoseSequence, ...]:
    """Read the 3D sequences of a result file, which says everything itself."""
    for option, value in (("skeleton", skeleton), ("image_size", image_size), ("fps", fps)):
        if value is not None:
            raise PoseliftError(f"{path}: holds 3D results, which need no {option}, leave it out")
    people = tuple(solid for _, solid in read_results(path).people)
    if not people:
        raise PoseliftError(f"{path}: no person in any frame")
    return tuple(replace(one, history=(*one.history, f"read: {path}")) for one in people)
