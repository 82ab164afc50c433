"""Joint sets that no catalog has, as one line of text that says all of it.

    lab14: pelvis, right_hip < pelvis, right_knee < right_hip, neck = thorax < pelvis

The name, then the joints in their order, each with its parent after `<`; the root has none. `=`
says what a joint is anatomically where its name does not. Model cards, run configs and keypoint
files hold this text where they hold the name of a known joint set: they need no other file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from poselift.errors import PoseliftError, quoted
from poselift.skeletons.skeleton import Skeleton

#: More joints than any marker set of a body has.
MOST_JOINTS = 300

_WORD = re.compile(r"[A-Za-z0-9_.-]+")
_JOINT = re.compile(r"\s*([\w.-]+)\s*(?:=\s*([\w.-]+)\s*)?(?:<\s*([\w.-]+)\s*)?", re.ASCII)


def define(
    name: str,
    joints: Sequence[str],
    parents: Sequence[str | None],
    landmarks: Mapping[str, str] | None = None,
) -> Skeleton:
    """Make a joint set of names; the parent of the root is None.

    landmarks  what joints are anatomically, by joint, where their names do not say it.

    Raises `PoseliftError` for names that are no plain words, a parent that is no joint, a left
    joint without its right one, and where the parents make no tree.
    """
    marks = dict(landmarks or {})
    for word in (name, *joints, *marks.values()):
        if not _WORD.fullmatch(word):
            raise PoseliftError(
                f"skeleton {quoted(name)}: expected names of letters, digits, _ . -, "
                f"got {quoted(word)}"
            )
    if not 2 <= len(joints) <= MOST_JOINTS:
        raise PoseliftError(
            f"skeleton {name}: expected 2 to {MOST_JOINTS} joints, got {len(joints)}"
        )
    index = {joint: place for place, joint in enumerate(joints)}
    for joint in (*filter(None, parents), *marks):
        if joint not in index:
            raise PoseliftError(f"skeleton {name}: {quoted(joint)} is not among its joints")
    numbers = tuple(-1 if parent is None else index[parent] for parent in parents)
    skeleton = Skeleton(name, tuple(joints), numbers, marks)
    for joint in joints:  # mirrored poses are lifted as well
        side, _, part = joint.partition("_")
        other = {"left": "right", "right": "left"}.get(side)
        if other is not None and f"{other}_{part}" not in index:
            raise PoseliftError(f"skeleton {name}: has {joint} but no {other}_{part}")
    return skeleton


def definition(skeleton: Skeleton) -> str:
    """Return the text of a joint set."""
    words = []
    for joint, parent in zip(skeleton.joints, skeleton.parents, strict=True):
        mark = skeleton.aliases.get(joint)
        words.append(
            joint
            + ("" if mark is None else f" = {mark}")
            + ("" if parent < 0 else f" < {skeleton.joints[parent]}")
        )
    return f"{skeleton.name}: {', '.join(words)}"


@lru_cache(maxsize=64)
def parse(text: str) -> Skeleton:
    """Read what `definition` wrote; `PoseliftError` for anything else."""
    name, _, rest = text.partition(":")
    joints, parents, marks = [], [], {}
    for word in rest.split(","):
        found = _JOINT.fullmatch(word)
        if found is None:
            raise PoseliftError(
                f"skeleton {quoted(name)}: expected joints as `joint < parent`, got {quoted(word)}"
            )
        joint, mark, parent = found.groups()
        joints.append(joint)
        parents.append(parent)
        if mark is not None:
            marks[joint] = mark
    return define(name.strip(), joints, parents, marks)
