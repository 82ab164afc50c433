"""Files of keypoints as sequences: one for each person, the most seen first."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from poselift.errors import PoseliftError
from poselift.io.formats import find_format, read_detections
from poselift.io.native import is_result_file
from poselift.io.results import read_results
from poselift.poses import PoseSequence
from poselift.skeletons import Skeleton
from poselift.tracking import people_of


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
