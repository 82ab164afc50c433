"""Exponential maps: the 38-joint CMU excerpts of Li et al. (CVPR 2018), with both repairs.

A row holds 117 numbers: the root's translation, then the axis x angle vector of each joint in
radians. Their Rodrigues matrices were made for row vectors, so `R_local` is the transpose.
Repaired on the way (see the data's README):

1. the published skeleton lacks the bones above the thorax and the hands; the offsets come from
   `SKELETON38.csv`, which has them;
2. the root was composed as Rz Rx Ry from angles that mean Rz Ry Rx.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.geometry import about_axis, from_rotation_vector
from poselift.mocap.chain import chain_positions, chain_rotations
from poselift.mocap.textfile import read_table, read_text, to_floats

#: Metres a length unit of these files: inches, times the scale 0.45 of CMU's skeletons.
METRES = 0.0254 / 0.45


@dataclass(frozen=True, eq=False)
class ExpmapSkeleton:
    """Joint `names`, `parents` (-1: root) and `offsets` (J, 3) in the files' length unit."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Float[np.ndarray, "J 3"]

    def index(self, joint: str) -> int:
        """Return the index of a joint; `PoseliftError` if there is none of that name."""
        try:
            return self.names.index(joint)
        except ValueError:
            raise PoseliftError(f"the table of joints has no {joint!r}") from None


@dataclass(frozen=True, eq=False)
class ExpmapMotion:
    """`translation` (T, 3) of the root in the files' unit, `vectors` (T, J, 3) in radians."""

    skeleton: ExpmapSkeleton
    translation: Float[np.ndarray, "T 3"]
    vectors: Float[np.ndarray, "T J 3"]

    def __len__(self) -> int:
        """Return the number of frames T."""
        return int(self.translation.shape[0])

    def __getitem__(self, frames: slice | np.ndarray) -> ExpmapMotion:
        """Return the motion of some frames (a slice or an index array)."""
        return ExpmapMotion(self.skeleton, self.translation[frames], self.vectors[frames])

    def world(self) -> tuple[Float[np.ndarray, "T J 3"], Float[np.ndarray, "T J 3 3"]]:
        """Return world positions (metres, Y up) and rotations of all joints."""
        local = from_rotation_vector(self.vectors).swapaxes(-1, -2).copy()
        local[:, 0] = repair_root(local[:, 0])
        world = chain_rotations(local, self.skeleton.parents)
        offsets = np.broadcast_to(self.skeleton.offsets, self.vectors.shape).copy()
        offsets[:, 0] += self.translation
        return chain_positions(world, offsets, self.skeleton.parents) * METRES, world


def repair_root(published: Float[np.ndarray, "T 3 3"]) -> Float[np.ndarray, "T 3 3"]:
    """Recompose Rz Rx Ry as Rz Ry Rx of the same three angles."""
    x = np.arcsin(np.clip(published[:, 2, 1], -1.0, 1.0))
    z = np.arctan2(-published[:, 0, 1], published[:, 1, 1])
    y = np.arctan2(-published[:, 2, 0], published[:, 2, 2])
    return about_axis("z", z) @ about_axis("y", y) @ about_axis("x", x)


def read_expmap_skeleton(path: str | os.PathLike[str]) -> ExpmapSkeleton:
    """Read `SKELETON38.csv` (columns name, parent, offset_x, offset_y, offset_z).

    Raises `PoseliftError` if a column is missing or a parent does not come before its child.
    """
    name = Path(path)
    rows = list(csv.DictReader(read_text(name).splitlines()))
    if not rows:
        raise PoseliftError(f"{name}: expected a table of joints, but it has no rows")
    try:
        names = tuple(row["name"] for row in rows)
        parents = tuple(int(row["parent"]) for row in rows)
        offsets = [to_floats(row[f"offset_{axis}"] for axis in "xyz") for row in rows]
    except KeyError as error:
        raise PoseliftError(f"{name}: expected a column {error.args[0]!r}") from None
    except (TypeError, ValueError) as error:
        raise PoseliftError(f"{name}: a parent or an offset is not a number ({error})") from None
    for joint, parent in enumerate(parents):
        if parent >= joint or (parent < 0) != (joint == 0):
            raise PoseliftError(
                f"{name}: expected the parent of {names[joint]!r} before it, got {parent}"
            )
    return ExpmapSkeleton(names, parents, np.array(offsets))


def read_expmap(path: str | os.PathLike[str], skeleton: ExpmapSkeleton) -> ExpmapMotion:
    """Read one motion (comma-separated rows), plain or gzip-compressed; row 0 is a T-pose.

    Raises `PoseliftError` naming file, line and frame for a row of the wrong length or with
    something that is no number.
    """
    name = Path(path)
    width = 3 + 3 * len(skeleton.names)
    lines = [line for line in read_text(name).splitlines() if line.strip()]
    if not lines:
        raise PoseliftError(f"{name}: expected rows of {width} numbers, but it is empty")
    values = read_table(name, list(enumerate(lines, start=1)), width, ",")
    return ExpmapMotion(skeleton, values[:, :3], values[:, 3:].reshape(len(lines), -1, 3))
