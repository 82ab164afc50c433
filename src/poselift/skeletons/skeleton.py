"""A skeleton: joint names, parents, what each joint is anatomically, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from poselift.errors import PoseliftError, quoted

#: Letters of the longest name of a joint.
_LONGEST_NAME = 200


def _is_text(name: str) -> bool:
    """Tell whether a name can stand in a line of any file: no control character, in UTF-8."""
    fine = name.isprintable() or not any(c < " " or "\x7f" <= c < "\xa0" for c in name)
    return fine and len(name) <= _LONGEST_NAME and not any("\ud800" <= c < "\ue000" for c in name)


@dataclass(frozen=True)
class Skeleton:
    """A named joint set.

    `joints` are the names the format itself uses (snake_case); `parents` the index of each
    joint's parent, -1 for the root; `landmarks` says in one common vocabulary what a joint is
    anatomically where its name does not (OpenPose's `neck` is the landmark `thorax`).
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    aliases: dict[str, str] = field(default_factory=dict, compare=False, hash=False)

    def __post_init__(self) -> None:
        """Refuse names that repeat, parents that do not fit, and more or fewer than one root."""
        odd = next((name for name in (self.name, *self.joints) if not _is_text(name)), None)
        if odd is not None:
            raise PoseliftError(f"skeleton: {quoted(odd)} is no name of a joint set or a joint")
        if len(set(self.joints)) != len(self.joints):
            twice = next(one for one in self.joints if self.joints.count(one) > 1)
            raise PoseliftError(f"skeleton {self.name}: joint name {quoted(twice)} occurs twice")
        if len(self.parents) != len(self.joints):
            raise PoseliftError(
                f"skeleton {self.name}: expected {len(self.joints)} parents, "
                f"got {len(self.parents)}"
            )
        if sum(parent == -1 for parent in self.parents) != 1:
            raise PoseliftError(
                f"skeleton {self.name}: expected exactly one root, a joint without parent"
            )
        for joint, parent in zip(self.joints, self.parents, strict=True):
            if not -1 <= parent < len(self.joints):
                raise PoseliftError(f"skeleton {self.name}: joint {joint} has parent {parent}")
        hanging: set[int] = set()  # joints from which the root is reached
        for index in range(len(self.joints)):
            way: set[int] = set()
            while index != -1 and index not in hanging:
                if index in way:
                    raise PoseliftError(
                        f"skeleton {self.name}: joint {self.joints[index]} is its own ancestor"
                    )
                way.add(index)
                index = self.parents[index]
            hanging |= way

    def __len__(self) -> int:
        """Return the number of joints J."""
        return len(self.joints)

    @cached_property
    def landmarks(self) -> tuple[str, ...]:
        """The anatomical landmark of each joint."""
        return tuple(self.aliases.get(joint, joint) for joint in self.joints)

    @cached_property
    def root(self) -> int:
        """Index of the root joint."""
        return self.parents.index(-1)

    @cached_property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Bones as (parent, child) index pairs, in joint order."""
        return tuple((p, c) for c, p in enumerate(self.parents) if p >= 0)

    def index(self, joint: str) -> int:
        """Return the index of a joint by name; `PoseliftError` if there is none of that name."""
        try:
            return self.joints.index(joint)
        except ValueError:
            raise PoseliftError(f"skeleton {self.name} has no joint {joint!r}") from None

    @cached_property
    def flip_order(self) -> Int[np.ndarray, " J"]:
        """Joint order after swapping left and right: `mirrored = positions[..., flip_order, :]`."""
        order = []
        for joint in self.joints:
            if joint.startswith("left_"):
                joint = "right_" + joint.removeprefix("left_")
            elif joint.startswith("right_"):
                joint = "left_" + joint.removeprefix("right_")
            order.append(self.index(joint))
        return np.array(order, dtype=np.int64)

    @cached_property
    def left(self) -> tuple[int, ...]:
        """Indices of the left joints."""
        return tuple(i for i, joint in enumerate(self.joints) if joint.startswith("left_"))

    @cached_property
    def right(self) -> tuple[int, ...]:
        """Indices of the right joints, in the order of `left`."""
        return tuple(int(self.flip_order[i]) for i in self.left)

    @cached_property
    def depth(self) -> Int[np.ndarray, " J"]:
        """Number of bones between each joint and the root."""
        depth = {-1: -1}
        for index in range(len(self)):
            way = []
            while index not in depth:
                way.append(index)
                index = self.parents[index]
            for joint in reversed(way):
                depth[joint] = depth[self.parents[joint]] + 1
        return np.array([depth[joint] for joint in range(len(self))], dtype=np.int64)

    @cached_property
    def adjacency(self) -> Float[np.ndarray, "J J"]:
        """Symmetric 0/1 adjacency of the bones, without self loops."""
        matrix = np.zeros((len(self), len(self)))
        for parent, child in self.edges:
            matrix[parent, child] = matrix[child, parent] = 1.0
        return matrix

    def flip(
        self,
        positions: Float[np.ndarray, "*batch J D"],
        *,
        width: Float[np.ndarray, "*batch 1"] | float | None = None,
    ) -> Float[np.ndarray, "*batch J D"]:
        """Mirror poses left-right: x changes sign (or becomes `width - x`) and sides swap names.

        `positions` are in any unit, x along the last axis' first entry; `width` is one for all or
        one a pose. Flipping twice is the identity.
        """
        mirrored = positions.take(self.flip_order, axis=-2)
        mirrored[..., 0] = (0.0 if width is None else width) - mirrored[..., 0]
        return mirrored
