"""How upright people come out: the trunk's direction beside the true one. Pure arrays."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from poselift.errors import PoseliftError
from poselift.skeletons import Skeleton

#: Who counts as standing: trunk and thighs no farther than this from the picture's vertical.
STANDING_DEGREES = (20.0, 30.0)


def standing(poses: Float[np.ndarray, "N J 3"], skeleton: Skeleton) -> Bool[np.ndarray, " N"]:
    """Return who stands before a camera held level: trunk and both thighs near its vertical.

    poses  true poses, camera space (x right, y down, z forward).
    """
    at, (trunk, thigh) = skeleton.index, STANDING_DEGREES
    bones = [("pelvis", "thorax", -1.0, trunk)]
    bones += [(f"{side}_hip", f"{side}_knee", 1.0, thigh) for side in ("left", "right")]
    upright = np.ones(len(poses), dtype=bool)
    for start, end, sign, degrees in bones:
        bone = poses[:, at(end)] - poses[:, at(start)]
        cosine = sign * bone[:, 1] / np.linalg.norm(bone, axis=1)
        upright &= cosine > np.cos(np.deg2rad(degrees))
    return upright


def trunk_lean(
    predicted: Float[np.ndarray, "N J 3"], target: Float[np.ndarray, "N J 3"], skeleton: Skeleton
) -> dict[str, float]:
    """Return by how many degrees trunks (pelvis to thorax) lean beside the true ones.

    Both in camera space. "between": the mean angle between the two; "towards the camera" and "to
    the right": what all trunks have in common, the means of the signed differences. Raises
    `PoseliftError` for no pose at all.
    """
    if len(predicted) == 0:
        raise PoseliftError("trunk lean: there is no pose to measure")
    ends = [skeleton.index("thorax"), skeleton.index("pelvis")]
    found, true = (
        (poses[:, ends[0]] - poses[:, ends[1]]).astype(np.float64) for poses in (predicted, target)
    )
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(true, axis=1)
    between = np.arccos(np.clip((found * true).sum(axis=1) / lengths, -1, 1))

    def signed(axis: int, sign: float) -> float:
        angles = [np.arctan2(sign * trunk[:, axis], -trunk[:, 1]) for trunk in (found, true)]
        difference = (angles[0] - angles[1] + np.pi) % (2 * np.pi) - np.pi
        return float(np.rad2deg(difference.mean()))

    return {
        "between": float(np.rad2deg(between.mean())),
        "towards the camera": signed(2, -1.0),
        "to the right": signed(0, 1.0),
    }
