"""From single poses to a movement: all steps of this room in their order, each said in the history.

Gaps and filter, bones, place in the camera's space, floor. `Options` says which.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

from poselift.errors import PoseliftError
from poselift.motion.bones import check_height, constant_bones
from poselift.motion.filters import DEFAULT, Smoothing, smooth
from poselift.motion.timing import with_frames
from poselift.poses import Person, Results

BONES = ("none", "constant", "symmetric")


@final
@dataclass(frozen=True)
class Options:
    """Which steps are taken. The defaults are those of a clip on the command line.

    smooth   a filter, see `filters`.
    bones    "none", "constant" (each its median length) or "symmetric" (left and right alike).
    height   metres from the floor to the crown, or None if unknown; bones are scaled to it.

    Raises `PoseliftError` for a value that does not exist, and for options that exclude each other.
    """

    smooth: Smoothing = DEFAULT
    bones: str = "none"
    height: float | None = None

    def __post_init__(self) -> None:
        """Refuse what does not go together."""
        if self.bones not in BONES:
            raise PoseliftError(
                f"expected --bones as one of {', '.join(BONES)}, got {self.bones!r}"
            )
        check_height(self.height)


def refine(results: Results, options: Options) -> Results:
    """Return the results with all steps of `options` taken, person by person."""
    return replace(results, people=tuple(_refined(one, options) for one in results.people))


def _refined(person: Person, options: Options) -> Person:
    """Take one person through the steps."""
    poses = smooth(person.poses_3d, options.smooth)
    poses_2d = with_frames(person.poses_2d, poses)
    if options.bones != "none" or options.height is not None:
        poses = constant_bones(poses, height=options.height, symmetric=options.bones == "symmetric")
    return Person(poses_2d, poses)
