"""A person as animation files want one: joint rotations, constant bones, feet on the floor.

Axes are y-up throughout: x right, y up, z towards the camera; a person at rest faces +z, in a T
pose, with the soles at y = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from poselift.errors import PoseliftError
from poselift.io.timeline import Timeline, timeline
from poselift.motion.bones import bone_lengths, keep_lengths
from poselift.motion.floor import ANKLE
from poselift.motion.skeleton import Rig, bone_vectors
from poselift.motion.tpose import rest_place
from poselift.poses import AXES_WORLD, PoseSequence
from poselift.skeletons import Skeleton

#: What a rig of other joints must have to be taken for a body.
_BODY = tuple(
    f"{side}_{part}"
    for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
    for side in ("left", "right")
)

#: How far a clip's lowest foot may be under the floor: this part of the frames is not looked at.
_OUTLIERS = 1.0


@dataclass(frozen=True, eq=False)
class Posture:
    """A person's movement as rotations of a rig.

    rig        the tree of nodes with its T pose.
    rotations  (T, N, 3, 3) of each node against its parent; no gaps.
    root       (T, 3) metres, where the root joint is.
    rest       (3,) metres, where the root joint is at rest.
    line       the time line that the rows stand for.
    notes      what had to be decided, one sentence each.
    """

    rig: Rig
    rotations: Float[np.ndarray, "T N 3 3"]
    root: Float[np.ndarray, "T 3"]
    rest: Float[np.ndarray, " D"]
    line: Timeline
    notes: tuple[str, ...]


def posture(sequence: PoseSequence) -> Posture:
    """Turn 3D poses into rotations of bones of constant length (their medians over the clip).

    Joints that are never there are left out, and those of other rigs that a T pose has not. Bones
    that are missing in a frame are interpolated between the frames around, or held. Without a path
    of the root the hips stay at the height they have at rest; a path in the camera's axes is
    raised so that the lowest foot is on y = 0.

    Raises `PoseliftError` as `timeline` does, if the root joint is never there, or if the joints
    are not those of a body.
    """
    line = timeline(sequence, "y-up")
    who = f"person {sequence.person_id}"
    notes = list(line.notes)
    skeleton, points = _present(sequence.skeleton, line.positions.astype(np.float64), who, notes)
    lengths = bone_lengths(points, skeleton)
    whole = _filled(points, skeleton, who, notes)
    kept = keep_lengths(whole, lengths, skeleton)
    rig = Rig.of(skeleton, lengths)
    floor = _sole(rig)
    rest = np.array([0.0, -floor, 0.0])
    root = kept[:, skeleton.root]
    if not np.abs(root).max() > 1e-6:
        root = root + rest
        notes.append(f"{who}: the path is not known, the hips stay at their height at rest")
    elif sequence.axes != AXES_WORLD:
        ankles = kept[..., 1].min(axis=1) + (floor - rig.rest[:, 1].min())
        lift = -float(np.percentile(ankles, _OUTLIERS))
        root = root + np.array([0.0, lift, 0.0])
        notes.append(f"{who}: raised by {lift:.3f} m, so that the lowest foot is on y = 0")
    rotations = rig.to_rotations(kept - kept[:, skeleton.root, None])
    return Posture(rig, rotations, root, rest, line, tuple(notes))


def _present(
    skeleton: Skeleton, points: Float[np.ndarray, "T J 3"], who: str, notes: list[str]
) -> tuple[Skeleton, Float[np.ndarray, "T K 3"]]:
    """Leave out joints that are never there, and joints that have no place in a T pose.

    What hangs on such a joint hangs on the next one above that stays, or on the one nearest the
    root that stays.
    """
    there = np.isfinite(points[..., 0])
    order = np.argsort(skeleton.depth, kind="stable").tolist()
    usable = [one for one in order if there[:, one].any() and _has_place(skeleton.landmarks[one])]
    landmarks = {skeleton.landmarks[one] for one in usable}
    lacking = [one for one in _BODY if one not in landmarks]
    if not usable or (usable[0] != skeleton.root and lacking):
        raise PoseliftError(
            f"{who}: the joint {skeleton.joints[skeleton.root]}, on which all others hang, is "
            "missing in all frames, or is none of a body"
        )
    if lacking and len(usable) < there.any(axis=0).sum():
        raise PoseliftError(
            f"{who}: joint rotations need a body, which the joints "
            f"{', '.join(skeleton.joints)} are not: {', '.join(lacking)} missing"[:400]
        )
    root = usable[0]
    above = {root: -1}
    for joint in usable[1:]:
        parent = skeleton.parents[joint]
        while parent >= 0 and parent not in above:
            parent = skeleton.parents[parent]
        parent = root if parent < 0 else parent
        if (there[:, joint] & there[:, parent]).any():
            above[joint] = parent
    if len(above) == len(skeleton):
        return skeleton, points
    keep = sorted(above)
    lost = [name for joint, name in enumerate(skeleton.joints) if joint not in above]
    words = ", ".join(lost[:8]) + (f" and {len(lost) - 8} more" if len(lost) > 8 else "")
    notes.append(f"{who}: left out, in no frame or not of a plain body: {words}")
    parents = tuple(keep.index(above[one]) if above[one] >= 0 else -1 for one in keep)
    joints = tuple(skeleton.joints[one] for one in keep)
    aliases = {name: mark for name, mark in skeleton.aliases.items() if name in joints}
    return Skeleton(skeleton.name, joints, parents, aliases), points[:, keep]


def _has_place(landmark: str) -> bool:
    """Tell whether a landmark has a place in the T pose."""
    try:
        rest_place(landmark)
    except PoseliftError:
        return False
    return True


def _filled(
    points: Float[np.ndarray, "T J 3"], skeleton: Skeleton, who: str, notes: list[str]
) -> Float[np.ndarray, "T J 3"]:
    """Fill missing bones between the frames around, and hold them at the ends."""
    missing = np.isnan(points[..., 0])
    if not missing.any():
        return points
    rows = np.arange(len(points))
    bones = bone_vectors(points, skeleton)
    bones[:, skeleton.root] = points[:, skeleton.root]
    whole = np.empty_like(points)
    for joint in np.argsort(skeleton.depth, kind="stable"):
        known: Bool[np.ndarray, " T"] = np.isfinite(bones[:, joint, 0])
        for axis in range(3):
            bones[:, joint, axis] = np.interp(rows, rows[known], bones[known, joint, axis])
        parent = skeleton.parents[joint]
        whole[:, joint] = bones[:, joint] + (whole[:, parent] if parent >= 0 else 0.0)
    # joints that are there stay where they are, though the bone above them had to be made up
    whole[~missing] = points[~missing]
    frames = int(missing.any(axis=1).sum())
    notes.append(
        f"{who}: joints missing in {frames} of {len(points)} frames were interpolated, or held at "
        "the ends, as the format has no missing values"
    )
    return whole


def _sole(rig: Rig) -> float:
    """Height of the soles at rest against the root joint, metres (below it: negative).

    They are under the ankles, as far as `motion.floor` has them, where the feet have no joints.
    """
    lowest = int(rig.rest[:, 1].argmin())
    height = float(rig.rest[lowest, 1])
    return height - ANKLE if rig.skeleton.landmarks[lowest].endswith("_ankle") else height
