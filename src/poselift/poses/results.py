"""Results: what lifting gives, 2D and 3D sequences of all persons, with how they were made."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from poselift.errors import PoseliftError, expect
from poselift.poses.sequence import PoseSequence

#: Levels of what is known of results; files, pages and messages are written by recursion.
_DEEPEST = 50


def _is_deep(value: object) -> bool:
    """Tell whether lists and objects lie in one another more than `_DEEPEST` deep."""
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        inner = [v.values() if isinstance(v, dict) else v for v in level]
        level = [one for v in inner for one in v if isinstance(one, dict | list | tuple)]
        if not level:
            return False
    return True


class Person(NamedTuple):
    """One person: the 2D sequence (pixels) and the 3D sequence (metres) of the same frames."""

    poses_2d: PoseSequence
    poses_3d: PoseSequence

    @classmethod
    def only_3d(cls, poses_3d: PoseSequence) -> Person:
        """Make a person of 3D poses alone, as motion capture gives them: all 2D is missing."""
        missing = np.full((*poses_3d.positions.shape[:2], 2), np.nan, np.float32)
        poses_2d = PoseSequence.from_2d(
            missing,
            poses_3d.skeleton,
            frames=poses_3d.frames,
            times=poses_3d.times,
            fps=poses_3d.fps,
            image_size=poses_3d.image_size,
            person_id=poses_3d.person_id,
            history=("2D: none, the source is 3D",),
        )
        return cls(poses_2d, poses_3d)


@dataclass(frozen=True, eq=False)
class Results:
    """Persons in 3D and how they were made.

    people  one `Person` each, with the same frames and id in both sequences.
    meta    JSON-like facts: model, weights_sha256, normalisation, software, ... The writers add
            units, axes, skeleton, fps, image size and the sequences' histories.

    Raises `PoseliftError` if a pair does not belong together, or `meta` is nested too deep.
    """

    people: tuple[Person, ...]
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that the two sequences of each person belong together."""
        expect(self.people, Iterable, "persons, each a pair of 2D and 3D poses")
        pairs = [one if isinstance(one, tuple | list) else (one,) for one in self.people]
        for pair in pairs:
            if len(pair) != 2 or not all(isinstance(one, PoseSequence) for one in pair):
                kinds = ", ".join(type(one).__name__ for one in pair)
                raise PoseliftError(f"expected a person as a pair of 2D and 3D poses, got {kinds}")
        expect(self.meta, dict, "meta as a dictionary")
        people = tuple(Person(*pair) for pair in pairs)
        for poses_2d, poses_3d in people:
            number = poses_3d.person_id
            if (poses_2d.dims, poses_3d.dims) != (2, 3):
                raise PoseliftError(
                    f"person {number}: expected a 2D and a 3D sequence, "
                    f"got {poses_2d.dims}D and {poses_3d.dims}D"
                )
            same = np.array_equal(poses_2d.frames, poses_3d.frames)
            if poses_2d.person_id != number or not same:
                raise PoseliftError(f"person {number}: expected 2D and 3D poses of the same frames")
        if _is_deep(self.meta):
            raise PoseliftError(f"meta: what is known of results goes {_DEEPEST} levels deep")
        object.__setattr__(self, "people", people)

    def save(self, path: str | os.PathLike[str], *, axes: str | None = None) -> tuple[Path, ...]:
        """Write a file in the format of its suffix (.npz, .json, ...); return what was written.

        axes  "camera", "y-up" or "z-up"; None takes what the format's users expect. Raises
              `PoseliftError` for an unknown suffix and a place that cannot be written.
        """
        from poselift.io.save import save  # a method of the container, so this room names that one

        return save(self, path, axes=axes)

    def __len__(self) -> int:
        """Return the number of persons."""
        return len(self.people)

    def __eq__(self, other: object) -> bool:
        """Equal if the sequences and the facts about them are equal."""
        if not isinstance(other, Results):
            return NotImplemented
        return self.people == other.people and self.meta == other.meta

    __hash__ = None  # type: ignore[assignment]  # holds arrays
