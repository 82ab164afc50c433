"""BVH: a joint hierarchy with offsets and channels, and a table of channel values."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import accumulate, chain
from pathlib import Path

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError, quoted
from poselift.geometry import about_axis
from poselift.mocap.chain import chain_positions, chain_rotations
from poselift.mocap.textfile import check_frames, first_bad_number, lines_of, read_table, read_text

_CHANNELS = frozenset(f"{axis}{kind}" for axis in "XYZ" for kind in ("position", "rotation"))

#: Rotations that are in memory at a time: joints times frames.
_ROTATIONS = 1 << 18

#: Joints times frames above which joints without channels may not be most of them.
_LARGE = 1 << 20
_CANONICAL = {channel.lower(): channel for channel in _CHANNELS}


@dataclass(frozen=True, eq=False)
class BvhMotion:
    """A BVH file.

    names       joints in file order, parents before children; an End Site is `<parent>_end`.
    parents     index of each joint's parent, -1 for a root.
    offsets     (J, 3), the file's length unit.
    channels    channel names of each joint in the order of the file, e.g. `Zrotation`.
    values      (T, V) channel values; positions in the file's unit, rotations in degrees.
    frame_time  seconds a frame.
    notes       what was doubtful while reading, a sentence each.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Float[np.ndarray, "J 3"]
    channels: tuple[tuple[str, ...], ...]
    values: Float[np.ndarray, "T V"]
    frame_time: float
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of frames T."""
        return int(self.values.shape[0])

    def __getitem__(self, frames: slice | np.ndarray) -> BvhMotion:
        """Return the motion of some frames (a slice or an index array)."""
        return replace(self, values=self.values[frames])

    def index(self, joint: str) -> int:
        """Return the index of a joint; `PoseliftError` if there is none of that name."""
        try:
            return self.names.index(joint)
        except ValueError:
            raise PoseliftError(f"the BVH hierarchy has no joint {joint!r}") from None

    def restricted_to(self, joints: Iterable[str]) -> BvhMotion:
        """Return the motion with only these joints and their ancestors (fewer to compute)."""
        keep: set[int] = set()
        for joint in joints:
            index = self.index(joint)
            while index >= 0 and index not in keep:
                keep.add(index)
                index = self.parents[index]
        order = sorted(keep)
        columns = self._first_columns()
        taken = [columns[i] + k for i in order for k in range(len(self.channels[i]))]
        place = {-1: -1, **{index: row for row, index in enumerate(order)}}
        return replace(
            self,
            names=tuple(self.names[i] for i in order),
            parents=tuple(place[self.parents[i]] for i in order),
            offsets=self.offsets[order],
            channels=tuple(self.channels[i] for i in order),
            values=self.values[:, taken],
        )

    def world(
        self, *, translation: str | None = None
    ) -> tuple[Float[np.ndarray, "T J 3"], Float[np.ndarray, "T J 3 3"]]:
        """Return world positions (the file's unit) and rotations of all joints.

        Rotations are multiplied in the order of the channels (`Zrotation Yrotation Xrotation` is
        Rz Ry Rx) and act on column vectors. Position channels are added to OFFSET, as in the BVH
        definition ("add"), or take its place ("replace"). None decides for each joint: one below
        the root that has its OFFSET in its position channels in every frame is replaced.
        """
        return self._world(self._replaced(translation))

    def places(self) -> Float[np.ndarray, "T J 3"]:
        """Return the positions of `world()`, without rotations of all frames in memory at once."""
        replaced = self._replaced(None)
        found = np.empty((len(self), len(self.names), 3))
        count = max(1, _ROTATIONS // len(self.names))
        for start in range(0, len(self), count):
            part = slice(start, start + count)
            found[part], _ = self[part]._world(replaced)
        return found

    def _replaced(self, translation: str | None) -> set[int]:
        """Return the joints whose position channels take the place of OFFSET, as `world` says."""
        if translation not in ("add", "replace", None):
            raise PoseliftError(
                f"unknown BVH translation {translation!r}, expected 'add' or 'replace'"
            )
        if translation == "replace":
            return set(range(len(self.names)))
        return self._repeating() if translation is None else set()

    def _world(
        self, replaced: set[int]
    ) -> tuple[Float[np.ndarray, "T J 3"], Float[np.ndarray, "T J 3 3"]]:
        count, joints = len(self), len(self.names)
        local = np.broadcast_to(np.eye(3), (count, joints, 3, 3)).copy()
        offsets = np.broadcast_to(self.offsets, (count, joints, 3)).copy()
        for joint, first in enumerate(self._first_columns()):
            if joint in replaced and any("position" in one for one in self.channels[joint]):
                offsets[:, joint] = 0.0
            for column, channel in enumerate(self.channels[joint], start=first):
                values, axis = self.values[:, column], channel[0].lower()
                if channel.endswith("position"):
                    offsets[:, joint, "xyz".index(axis)] += values
                else:
                    local[:, joint] = local[:, joint] @ about_axis(axis, np.radians(values))
        world = chain_rotations(local, self.parents)
        return chain_positions(world, offsets, self.parents), world

    def rest(self) -> Float[np.ndarray, "J 3"]:
        """Return the joints at rest, all rotations 0 and the root at the origin (file's unit)."""
        places = np.zeros((len(self.names), 3))
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                places[joint] = places[parent] + self.offsets[joint]
        return places

    def _repeating(self) -> set[int]:
        """Return the joints whose position channels hold their OFFSET in every frame.

        A root's say where the person is, so a root repeats its OFFSET only if the joints below
        with position channels do.
        """
        if not len(self):
            return set()
        size = max(float(np.abs(self.offsets).max()), 1e-9)
        moved, found = 0, set[int]()
        for joint, first in enumerate(self._first_columns()):
            columns = self._position_columns(joint, first)
            if self.parents[joint] < 0 or len(columns) < 3:
                continue
            moved += 1
            if np.abs(self.values[:, columns] - self.offsets[joint]).max() <= 1e-3 * size:
                found.add(joint)
        if moved and len(found) == moved:
            found.update(joint for joint, parent in enumerate(self.parents) if parent < 0)
        return found

    def _position_columns(self, joint: int, first: int) -> list[int]:
        """Return the columns of a joint's x, y and z position, as many as it has."""
        names = [f"{axis}position" for axis in "XYZ"]
        channels = self.channels[joint]
        return [first + channels.index(name) for name in names if name in channels]

    def _first_columns(self) -> list[int]:
        """Return the column of each joint's first channel."""
        counts = [len(channels) for channels in self.channels]
        return [0, *accumulate(counts)][: len(counts)]


@dataclass
class _Hierarchy:
    """The hierarchy as it is being read."""

    names: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float] | None] = field(default_factory=list)
    channels: list[tuple[str, ...]] = field(default_factory=list)
    open: list[int] = field(default_factory=list)
    pending: int | None = None


def read_bvh(path: str | os.PathLike[str]) -> BvhMotion:
    """Read a BVH file, plain or gzip-compressed.

    Any hierarchy, several roots, any channel order, 0 to 6 channels at any joint. Raises
    `PoseliftError` naming file and line or frame if the hierarchy is broken, MOTION, Frames or
    Frame Time are missing, or a row has not the declared number of values. Another number of rows
    than declared is noted: real files have one more or less, or keep the number of a longer one.
    """
    name = Path(path)
    text = read_text(name)
    lines = enumerate(lines_of(text), start=1)
    tree, start = _read_hierarchy(name, lines)
    frames, frame_time, rows = _read_motion_header(name, lines, start)
    width = sum(len(channels) for channels in tree.channels)
    values = read_table(name, ((number, line) for number, line in rows if line.strip()), width)
    joints = len(tree.names)
    if joints > width and joints * len(values) > _LARGE:  # terabytes could be made of megabytes
        raise PoseliftError(
            f"{name}: expected most joints to have channels, got {width} values a frame for "
            f"{joints} joints"
        )
    notes = check_frames(name, frames, len(values), text.endswith(("\n", "\r")))
    return BvhMotion(
        tuple(tree.names),
        tuple(tree.parents),
        np.array(tree.offsets, dtype=np.float64),
        tuple(tree.channels),
        values,
        frame_time,
        notes,
    )


def _read_hierarchy(name: Path, lines: Iterator[tuple[int, str]]) -> tuple[_Hierarchy, int]:
    """Read up to the line MOTION; return the hierarchy and the number of that line."""
    tree = _Hierarchy()
    seen_header = False
    for number, line in lines:
        words, where = line.split(), f"{name}, line {number}"
        if not words:
            continue
        if not seen_header:
            if words != ["HIERARCHY"]:
                raise PoseliftError(f"{where}: expected HIERARCHY, got {line.strip()[:40]!r}")
            seen_header = True
        elif words != ["MOTION"]:
            _read_hierarchy_line(where, words, tree)
        elif tree.open or tree.pending is not None:
            joint = tree.names[tree.open[-1] if tree.pending is None else tree.pending]
            raise PoseliftError(f"{where}: MOTION begins inside joint {joint!r}, a '}}' is missing")
        elif not tree.names:
            raise PoseliftError(f"{where}: the hierarchy has no ROOT")
        else:
            return tree, number
    if not seen_header:
        raise PoseliftError(f"{name}: expected a BVH file, but it is empty")
    raise PoseliftError(f"{name}: the line MOTION is missing after the hierarchy")


def _read_hierarchy_line(where: str, words: list[str], tree: _Hierarchy) -> None:
    """Take one line of the hierarchy (a '{' may stand at the end of a joint's line)."""
    key, rest = words[0], words[1:]
    if tree.pending is not None and key != "{":
        raise PoseliftError(f"{where}: expected '{{' after {tree.names[tree.pending]!r}")
    if key in ("JOINT", "End", "OFFSET", "CHANNELS") and not tree.open:
        raise PoseliftError(f"{where}: {key} outside of a joint")
    if key in ("ROOT", "JOINT", "End"):
        opened = bool(rest) and rest[-1] == "{"
        _begin_joint(where, key, rest[: len(rest) - opened], tree)
        if opened:
            _read_hierarchy_line(where, ["{"], tree)
    elif words == ["{"]:
        if tree.pending is None:
            raise PoseliftError(f"{where}: '{{' without a joint before it")
        tree.open.append(tree.pending)
        tree.pending = None
    elif words == ["}"]:
        if not tree.open:
            raise PoseliftError(f"{where}: '}}' without a matching '{{'")
        joint = tree.open.pop()
        if tree.offsets[joint] is None:
            raise PoseliftError(f"{where}: joint {tree.names[joint]!r} has no OFFSET")
    elif key == "OFFSET":
        bad = first_bad_number(rest)
        if bad is not None or len(rest) != 3:
            found = f"{bad!r}" if bad is not None else f"{len(rest)}"
            raise PoseliftError(f"{where}: expected three numbers after OFFSET, got {found}")
        tree.offsets[tree.open[-1]] = [float(word) for word in rest]
    elif key == "CHANNELS":
        tree.channels[tree.open[-1]] = _read_channels(where, rest)
    else:
        raise PoseliftError(f"{where}: unknown keyword {key[:40]!r} in the hierarchy")


def _begin_joint(where: str, key: str, rest: list[str], tree: _Hierarchy) -> None:
    """Add a joint that waits for its '{'."""
    if key == "ROOT" and tree.open:
        raise PoseliftError(f"{where}: ROOT inside joint {tree.names[tree.open[-1]]!r}")
    parent = -1 if key == "ROOT" else tree.open[-1]
    if key == "End":
        label = f"{tree.names[parent]}_end"
    elif rest:
        label = " ".join(rest)
    else:
        raise PoseliftError(f"{where}: {key} without a name")
    if label in tree.taken and key == "End":
        label += str(len(tree.names))
    if label in tree.taken:
        raise PoseliftError(f"{where}: joint {label!r} occurs twice")
    tree.pending = len(tree.names)
    tree.names.append(label)
    tree.taken.add(label)
    tree.parents.append(parent)
    tree.offsets.append(None)
    tree.channels.append(())


def _read_channels(where: str, words: list[str]) -> tuple[str, ...]:
    """Return the channel names, written as in the definition."""
    if not words or words[0].lstrip("0") != (str(len(words) - 1) if len(words) > 1 else ""):
        raise PoseliftError(
            f"{where}: CHANNELS declares {words[0][:40] if words else 'nothing'}, "
            f"got {max(len(words) - 1, 0)} names"
        )
    for word in words[1:]:
        if word.lower() not in _CANONICAL:
            raise PoseliftError(f"{where}: unknown channel {word[:40]!r}")
    return tuple(_CANONICAL[word.lower()] for word in words[1:])


def _read_motion_header(
    name: Path, lines: Iterator[tuple[int, str]], start: int
) -> tuple[int, float, Iterator[tuple[int, str]]]:
    """Read `Frames:` and `Frame Time:` below line `start`; return both and the other lines."""
    found: dict[str, tuple[str, int]] = {}
    rest = lines
    for number, line in lines:
        if not line.strip():
            continue
        key, colon, value = line.partition(":")
        if not colon or " ".join(key.split()) not in ("Frames", "Frame Time"):
            rest = chain([(number, line)], lines)
            break
        found[" ".join(key.split())] = (value.strip(), number)
        start = number
    for key in ("Frames", "Frame Time"):
        if key not in found:
            raise PoseliftError(f"{name}, line {start + 1}: expected {key!r} after MOTION")
    text, number = found["Frames"]
    if not text.isdecimal() or len(text) > 15:
        raise PoseliftError(
            f"{name}, line {number}: expected a number of frames, got {quoted(text)}"
        )
    time, number = found["Frame Time"]
    if first_bad_number([time]) is not None or float(time) <= 0:
        raise PoseliftError(f"{name}, line {number}: expected a frame time above 0, got {time!r}")
    return int(text), float(time), rest
