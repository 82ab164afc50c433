"""Motion: one clip of 3D joint positions, and the kinematics that all encodings share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int


@dataclass(frozen=True, eq=False)
class Motion:
    """One clip of one person.

    positions  (T, J, 3) float32, `h36m_17` unless a reader says otherwise, metres, world:
               right-handed, Y up. A person who faces +Z has the left side at +X.
    frames     (T,) int64, 0-based frame numbers in the source file, strictly increasing. A step
               greater than usual is a gap: frames that were left out.
    fps        frames a second of `positions` (not of the source file).
    subject    number of the person, -1 if unknown.
    trial      number of the recording, -1 if unknown.
    action     what the person does, in the words of the source.
    path       file below the data folder, with forward slashes.
    """

    positions: Float32[np.ndarray, "T J 3"]
    frames: Int[np.ndarray, " T"]
    fps: float
    subject: int
    trial: int
    action: str
    path: str

    def __len__(self) -> int:
        """Return the number of frames T."""
        return int(self.positions.shape[0])


def chain_rotations(
    local: Float[np.ndarray, "T J 3 3"], parents: Sequence[int]
) -> Float[np.ndarray, "T J 3 3"]:
    """World rotations `R = R_parent R_local` (column vectors); parents come before children."""
    world = np.empty_like(local)
    for joint, parent in enumerate(parents):
        if parent < 0:
            world[:, joint] = local[:, joint]
        else:
            world[:, joint] = world[:, parent] @ local[:, joint]
    return world


def chain_positions(
    world: Float[np.ndarray, "T J 3 3"],
    offsets: Float[np.ndarray, "#T J 3"],
    parents: Sequence[int],
) -> Float[np.ndarray, "T J 3"]:
    """World positions `p = p_parent + R_parent offset`; a root's offset is its position."""
    positions = np.empty(world.shape[:3])
    for joint, parent in enumerate(parents):
        if parent < 0:
            positions[:, joint] = offsets[:, joint]
        else:
            turned = (world[:, parent] @ offsets[:, joint, :, None])[..., 0]
            positions[:, joint] = positions[:, parent] + turned
    return positions
