"""Several persons as one flat table, and back; lists of numbers written without delay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import orjson
from jaxtyping import Float, Int

from poselift.errors import PoseliftError, quoted
from poselift.io.arrays import Sink
from poselift.poses import PoseSequence
from poselift.skeletons import Skeleton, get_skeleton, skeleton_names

#: What a file says of itself goes this deep into the next; what is deeper is told in short.
_DEEPEST = 50

#: Frames that are turned into text at a time.
BLOCK = 4096


@dataclass(frozen=True)
class Rows:
    """Who and when, for N rows sorted by frame, then person.

    `order` says where each row is in the persons' arrays put one after the other.
    """

    order: Int[np.ndarray, " N"]
    person_id: Int[np.ndarray, " N"]
    frame: Int[np.ndarray, " N"]
    time_s: Float[np.ndarray, " N"]


def flatten(people: Sequence[PoseSequence]) -> Rows:
    """Sort the frames of all persons by frame, then person."""
    ids = np.concatenate([np.full(len(one), one.person_id, dtype=np.int64) for one in people])
    frames = np.concatenate([one.frames for one in people])
    times = np.concatenate([one.times for one in people])
    order = np.lexsort((ids, frames))
    return Rows(order, ids[order], frames[order], times[order])


def check_common(people: Sequence[PoseSequence]) -> None:
    """Refuse persons who cannot stand in one file.

    Raises `PoseliftError` if there are none, if two have the same id, or if skeleton, fps or
    image size differ.
    """
    if not people:
        raise PoseliftError("expected at least one person to write, got none")
    ids = [one.person_id for one in people]
    if len(set(ids)) != len(ids):
        twice = next(number for number in ids if ids.count(number) > 1)
        raise PoseliftError(f"expected each person once, got person {twice} twice")
    first = people[0]
    for one in people[1:]:
        for what, ours, theirs in (
            ("skeleton", first.skeleton.name, one.skeleton.name),
            ("image size", first.image_size, one.image_size),
            ("fps", first.fps, one.fps),
        ):
            if ours != theirs:
                raise PoseliftError(
                    f"expected one {what} for all persons, got {ours} for person "
                    f"{first.person_id} and {theirs} for person {one.person_id}"
                )


def find_skeleton(
    joints: tuple[str, ...], edges: Sequence[tuple[int, int]], name: object, where: str
) -> Skeleton:
    """Return the known skeleton with these joints, or make one from joint names and bones.

    Raises `PoseliftError` if the bones are not those of a tree over the joints.
    """
    known = [get_skeleton(one) for one in skeleton_names()]
    same = [one for one in known if one.joints == joints and one.edges == tuple(edges)]
    if same:
        return next((one for one in same if one.name == name), same[0])
    parents = [-1] * len(joints)
    for parent, child in edges:
        if not (0 <= parent < len(joints) and 0 <= child < len(joints)):
            raise PoseliftError(f"{where}: edge {parent}-{child} has a joint that does not exist")
        parents[child] = parent
    try:
        return Skeleton(name if isinstance(name, str) else "custom", joints, tuple(parents))
    except PoseliftError as error:
        raise PoseliftError(f"{where}: {error}") from None


def dump(value: object) -> bytes:
    """Return JSON; NumPy arrays as lists, NaN as null.

    File names that are no UTF-8, which sources have, come with their odd bytes spelled, and what
    another file said in more depth than JSON is written in comes in short.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    except orjson.JSONEncodeError:
        return orjson.dumps(_spelled(value), option=orjson.OPT_SERIALIZE_NUMPY)


def _spelled(value: object, depth: int = 0) -> object:
    """Return JSON values whose texts are all UTF-8, none deep and no number beyond 64 bits."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if depth > _DEEPEST or (isinstance(value, int) and abs(value) >= 1 << 63):
        return quoted(value)
    if isinstance(value, Mapping):
        return {str(_spelled(key)): _spelled(one, depth + 1) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(one, depth + 1) for one in value]
    return value


def dump_rows(stream: Sink, array: np.ndarray) -> None:
    """Write an array (N, ...) as a JSON list, a few thousand rows at a time; NaN as null."""
    stream.write(b"[")
    for start in range(0, len(array), BLOCK):
        block = np.ascontiguousarray(array[start : start + BLOCK])
        stream.write((b"," if start else b"") + dump(block)[1:-1])
    stream.write(b"]")


def dump_person(stream: Sink, person_id: int, columns: dict[str, np.ndarray]) -> None:
    """Write one person as a JSON object: the id, then one list for each column."""
    stream.write(b'{"person_id":' + dump(person_id))
    for name, array in columns.items():
        stream.write(b"," + dump(name) + b":")
        dump_rows(stream, array)
    stream.write(b"}")
