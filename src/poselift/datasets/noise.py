"""What a 2D keypoint detector does to true joints: jitter, outliers, swapped sides, missing joints.

Amounts are relative to the apparent size of each person, so the model works on pixels and on
normalised coordinates alike. Human3.6M's 17 joints.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from poselift.skeletons import H36M_17

_AT = {joint: H36M_17.index(joint) for joint in H36M_17.joints}

#: How much a joint wanders compared with the torso: limb ends are small, fast and often hidden.
_WANDER = np.array(
    [
        {"hip": 1.2, "knee": 1.5, "ankle": 2.0, "elbow": 1.6, "wrist": 2.3, "head": 1.2}.get(
            joint.rpartition("_")[2], 1.0
        )
        for joint in H36M_17.joints
    ]
)

#: Joints that are hidden, swapped or confused together.
_LIMBS = tuple(
    tuple(_AT[f"{side}_{joint}"] for joint in joints)
    for side in ("left", "right")
    for joints in (("knee", "ankle"), ("elbow", "wrist"))
)
_LEGS = tuple(_AT[f"{s}_{j}"] for s in ("left", "right") for j in ("hip", "knee", "ankle"))
_ARMS = tuple(_AT[f"{s}_{j}"] for s in ("left", "right") for j in ("shoulder", "elbow", "wrist"))

#: A standing person's height over the spread (root mean square distance from the middle) of the
#: 17 joints.
_HEIGHT_OVER_SPREAD = 3.4


@dataclass(frozen=True)
class DetectorNoise:
    """Amounts of each disturbance; all 0 leaves the keypoints as they are.

    jitter      standard deviation at the torso, as a share of the person's height; knees, elbows,
                ankles and wrists wander 1.5 to 2.3 times as far.
    unevenness  spread (of the logarithm) of jitter between frames: some frames are bad throughout.
    outlier     probability that a joint lands far off, and `outlier_reach` how far (share of
                height, standard deviation). Twice as likely at ankles and wrists.
    swap        probability that left and right are exchanged: for the legs, the arms, or both.
    confuse     probability, for each limb, that it is placed on the other side's limb.
    missing     probability that a joint is missing, and `missing_limb` that a whole limb is.
    """

    jitter: float = 0.008
    unevenness: float = 0.5
    outlier: float = 0.008
    outlier_reach: float = 0.12
    swap: float = 0.01
    confuse: float = 0.015
    missing: float = 0.012
    missing_limb: float = 0.02

    def apply(
        self, rng: np.random.Generator, keypoints: Float[np.ndarray, "N 17 2"]
    ) -> Float[np.ndarray, "N 17 2"]:
        """Disturb 2D poses of any unit; the result has the same unit, and NaN for missing joints."""
        size = person_height(keypoints)
        points = self._confuse(rng, self._swap(rng, keypoints))
        uneven = np.exp(rng.normal(0.0, self.unevenness, len(points)))
        sigma = self.jitter * (size * uneven)[:, None] * _WANDER
        shift = rng.normal(size=points.shape) * sigma[..., None]
        wild = rng.random(points.shape[:2]) < self.outlier * np.where(_WANDER >= 2, 2.0, 1.0)
        reach = self.outlier_reach * size[:, None, None]
        shift += np.where(wild[..., None], rng.normal(size=points.shape) * reach, 0.0)
        points = points + shift
        points[self._lost(rng, len(points))] = np.nan
        return points.astype(keypoints.dtype)

    def _swap(
        self, rng: np.random.Generator, points: Float[np.ndarray, "N 17 2"]
    ) -> Float[np.ndarray, "N 17 2"]:
        """Exchange left and right legs, arms, or both."""
        points = points.copy()
        which = rng.random(len(points))
        for joints, low, high in ((_LEGS, 0.0, 2.0), (_ARMS, 1.0, 3.0)):
            rows = np.flatnonzero((which >= low * self.swap) & (which < high * self.swap))
            sources = H36M_17.flip_order[list(joints)]
            points[np.ix_(rows, joints)] = points[np.ix_(rows, sources)]
        return points

    def _confuse(
        self, rng: np.random.Generator, points: Float[np.ndarray, "N 17 2"]
    ) -> Float[np.ndarray, "N 17 2"]:
        """Put a limb where the other side's limb is, as happens to hidden limbs."""
        seen = points.copy()
        for limb in _LIMBS:
            rows = np.flatnonzero(rng.random(len(points)) < self.confuse)
            sources = H36M_17.flip_order[list(limb)]
            points[np.ix_(rows, limb)] = seen[np.ix_(rows, sources)]
        return points

    def _lost(self, rng: np.random.Generator, count: int) -> Bool[np.ndarray, "N 17"]:
        """Choose the missing joints."""
        lost = rng.random((count, len(H36M_17))) < self.missing
        for limb in _LIMBS:
            lost[:, limb] |= rng.random((count, 1)) < self.missing_limb
        return lost


def person_height(keypoints: Float[np.ndarray, "N J 2"]) -> Float[np.ndarray, " N"]:
    """Apparent size of each person, about the height when standing, in the unit of the input."""
    center = np.nanmean(keypoints, axis=1, keepdims=True)
    spread = np.sqrt(np.nanmean(((keypoints - center) ** 2).sum(axis=-1), axis=1))
    height: Float[np.ndarray, " N"] = _HEIGHT_OVER_SPREAD * spread
    return height
