"""Where the bodies stand in the 3D panel: each on a stage of its own, or all in one room.

Scene axes: x right, y up, z towards the viewer, metres, the floor at y = 0. They are those of
`AXES_WORLD`; camera axes have y and z turned round.

Axes: T frame, J joint.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from poselift.poses import AXES_3D, AXES_WORLD, PoseSequence

#: Factors that turn a sequence's axes into the scene's.
_TURN = {AXES_3D: np.array([1.0, -1.0, -1.0]), AXES_WORLD: np.array([1.0, 1.0, 1.0])}
_FEET = ("ankle", "toe", "heel", "foot")
#: Points of a path that are drawn at most.
_PATH_POINTS = 600


@dataclass(frozen=True)
class Scene:
    """Where bodies stand.

    room     whether everyone's path is known, so that all stand in one room; else each stands on
             a stage of their own, lowest foot on the floor in every frame.
    axes     direction in the scene of each axis that the data have.
    camera   place of the filming camera, if it is known.
    up, side height above the floor and distance from the person's middle that bodies reach.
    floor    least and largest x, least and largest z of all that is shown in a room.
    offsets  (T, 3) for each person: what is added to a pose in scene axes.
    """

    room: bool
    axes: dict[str, list[float]]
    camera: list[float] | None
    up: float
    side: float
    floor: list[float]
    offsets: list[Float[np.ndarray, "_ 3"]]


def arrange(people: list[PoseSequence]) -> Scene:
    """Place people in 3D: in a room if every path is known and all have the same axes."""
    poses = [in_scene(one) for one in people]
    axes = {one.axes for one in people}
    room = len(axes) == 1 and all(
        one.root is not None and not np.isnan(one.root).all() for one in people
    )
    camera = None
    if room:
        offsets = [_TURN[one.axes] * one.root for one in people if one.root is not None]
        if axes == {AXES_3D}:  # no floor is known: the lowest foot of the whole clip stands on it
            lowest = [_lowest(pose) + off[:, 1] for pose, off in zip(poses, offsets, strict=True)]
            level = _quantile(np.concatenate(lowest), 0.05)
            offsets = [offset - [0.0, level, 0.0] for offset in offsets]
            camera = [0.0, -level, 0.0]
    else:
        offsets = [standing(one) for one in people]
    up, side, across = [0.9], [0.45], [np.zeros((0, 2))]
    for pose, offset in zip(poses, offsets, strict=True):
        high = (pose[..., 1] + offset[:, None, 1]).ravel()
        wide = np.hypot(pose[..., 0], pose[..., 2]).ravel()
        up.append(_quantile(high, 0.999))
        side.append(_quantile(wide, 0.999))
        across.append(offset[~np.isnan(offset[:, 0])][:, [0, 2]])
    reach = max(side)
    ground = np.concatenate(across)
    low, high = np.quantile(ground, 0.002, axis=0), np.quantile(ground, 0.998, axis=0)
    x0, z0, x1, z1 = (*(low - reach), *(high + reach))
    turn = _TURN[people[0].axes]
    return Scene(
        room=room,
        axes={name: (turn * np.eye(3)[k]).tolist() for k, name in enumerate("xyz")},
        camera=camera,
        up=max(up),
        side=reach,
        floor=[float(x0), float(x1), float(z0), float(z1)],
        offsets=offsets,
    )


def in_scene(solid: PoseSequence) -> Float[np.ndarray, "T J 3"]:
    """Return the poses of a 3D sequence in scene axes, still relative to their root."""
    return solid.positions * _TURN[solid.axes]


def standing(solid: PoseSequence) -> Float[np.ndarray, "T 3"]:
    """What lifts each pose of a root-relative sequence until its lowest joint is on the floor.

    While both feet are missing the last height is kept, so that nobody drops onto the knees.
    """
    offsets = np.zeros((len(solid), 3))
    low = _lowest(in_scene(solid))
    feet = [joint for joint, name in enumerate(solid.skeleton.joints) if _is_foot(name)]
    known = ~np.isnan(low)
    if known.any():
        sure = known & solid.visible[:, feet].any(axis=1) if feet else known
        sure[np.argmax(known)] = True
        rows = np.maximum.accumulate(np.where(sure, np.arange(len(solid)), 0))
        offsets[:, 1] = np.nan_to_num(-low[rows])
    return offsets


def path_of(solid: PoseSequence, offset: Float[np.ndarray, "T 3"]) -> Float[np.ndarray, "K 2"]:
    """Thin the root's path over the floor (x, z); NaN where it is broken."""
    return offset[:: -(-len(solid) // _PATH_POINTS), [0, 2]]


def footprints(solid: PoseSequence, offset: Float[np.ndarray, "T 3"]) -> list[list[float]]:
    """Where a foot stood: x, z, 0 (left) or 1 (right) and the middle row of each contact."""
    contacts = solid.tracks.get("contacts")
    if contacts is None:
        return []
    prints: list[list[float]] = []
    placed = in_scene(solid) + offset[:, None]
    for side, joint in enumerate(ankles(solid)):
        if joint is None:
            continue
        stands = np.nan_to_num(contacts[:, side]) > 0.5
        starts = np.flatnonzero(np.diff(np.r_[False, stands].astype(int)) == 1)
        ends = np.flatnonzero(np.diff(np.r_[stands, False].astype(int)) == -1) + 1
        for start, end in zip(starts, ends, strict=True):
            where = placed[start:end, joint][:, [0, 2]]
            where = where[~np.isnan(where[:, 0])]
            if len(where):
                middle = (start + end) // 2
                prints.append(
                    [*np.round(where.mean(axis=0), 3).tolist(), float(side), float(middle)]
                )
    return prints


def ankles(solid: PoseSequence) -> tuple[int | None, int | None]:
    """Joints of the left and the right ankle, None where there is none."""
    joints = solid.skeleton.joints
    left, right = (
        joints.index(f"{side}_ankle") if f"{side}_ankle" in joints else None
        for side in ("left", "right")
    )
    return left, right


def _is_foot(name: str) -> bool:
    return any(part in name for part in _FEET)


def _lowest(pose: Float[np.ndarray, "T J 3"]) -> Float[np.ndarray, " T"]:
    """Height of the lowest joint of each frame, NaN where there is none."""
    low = np.nan_to_num(pose[..., 1], nan=np.inf).min(axis=1)
    return np.where(np.isinf(low), np.nan, low)


def _quantile(values: Float[np.ndarray, " N"], share: float) -> float:
    """A quantile of what is not missing, 0 if all is."""
    values = values[~np.isnan(values)]
    return float(np.quantile(values, share)) if len(values) else 0.0
