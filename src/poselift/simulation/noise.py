"""What a 2D detector does to keypoints: jitter, outliers, swapped sides, missing joints."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float, Int

from poselift.errors import PoseliftError
from poselift.skeletons import get_skeleton

# 2D poses of `h36m_17`, and which rows of them
Points = Float[np.ndarray, "N 17 2"]
Rows = Bool[np.ndarray, " N"]

_H36M = get_skeleton("h36m_17")
_SIDES = ("left", "right")
_ENDS = ("wrist", "ankle")
_MIDDLES = ("elbow", "knee")


def _columns(*parts: str, sides: tuple[str, ...] = _SIDES) -> Int[np.ndarray, " K"]:
    return np.array([_H36M.index(f"{side}_{part}") for part in parts for side in sides])


_PELVIS, _SPINE, _THORAX = (_H36M.index(joint) for joint in ("pelvis", "spine", "thorax"))
_HIPS, _SHOULDERS = _columns("hip"), _columns("shoulder")
_LEGS, _ARMS = ("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")
# joints that a detector places itself; pelvis, spine and thorax are made of hips and shoulders
_DETECTED = [i for i in range(len(_H36M)) if i not in (_PELVIS, _SPINE, _THORAX)]


def _reach() -> Float[np.ndarray, " J"]:
    """0 at the torso and the nose, 1/2 at elbows, knees and head top, 1 at wrists and ankles."""
    reach = np.zeros(len(_H36M))
    reach[_columns(*_MIDDLES)] = reach[_H36M.index("head")] = 0.5
    reach[_columns(*_ENDS)] = 1.0
    return reach


#: Distance of each `h36m_17` joint from the torso in bones, over the greatest (2).
REACH = _reach()


@dataclass(frozen=True)
class DetectorNoise:
    """A seeded model of a 2D detector's errors on `h36m_17`.

    All lengths are parts of the person's size: the diagonal of the box around the joints, which
    is about the body height of a person who stands. So the model works in pixels as well as in
    normalised coordinates. Rows are independent of each other: errors are not smooth in time.

    The defaults are meant for a good detector (HRNet, ViTPose, RTMPose) on a person in full
    view: 1 % of the body height is 17 mm, a little more than annotators disagree by at a
    shoulder; at the wrists 2.3 %. Rates of events are those of moderately hard footage.

    jitter_torso      standard deviation of each coordinate at shoulders, hips and nose.
    jitter_end        the same at wrists and ankles; elbows, knees and head top lie halfway.
    quality_spread    spread (log-normal) of the jitter from row to row: some views are harder.
                      The mean square stays as given above.
    outlier           probability that a joint lands in a wrong place, per limb joint on average:
                      half of it at shoulders and hips, one and a half at wrists and ankles.
                      Half of the outliers land on another joint of the person, half anywhere.
    outlier_distance  median distance of the latter from the true place; half-Cauchy, so without
                      a mean, cut at the person's size.
    swap_legs         probability that left and right leg (hip, knee, ankle) change names.
    swap_arms         the same for the arms (shoulder, elbow, wrist).
    swap_body         the same for legs and arms together (taken for seen from behind).
    missing_joint     probability that a single joint is missing, distributed as `outlier`.
    missing_limb      probability, for each arm and leg, that elbow and wrist, or knee and ankle,
                      are missing.
    missing_side      probability that one side is hidden by the body: arm from the shoulder on,
                      and in half of the cases the leg from the hip on.
    missing_legs      probability that both knees and ankles, or only the ankles (half of the
                      cases), lie outside of the picture.
    crossed_arm       probability, for each arm, that elbow and wrist change names, and the same
                      again for both arms together.

    The defaults make the "detected" 2D of `cmu17` and stay as they are, so that its figures stay
    comparable; training has settings of its own (`TRAINING_NOISE`). A rate of `crossed_arm` of 0
    draws no random number, for the same reason.

    Pelvis, thorax and spine follow the hips and shoulders of which detectors' users derive them:
    they move by the mean of their errors and are missing if one of these is. Raises
    `PoseliftError` for an amount outside of its range.
    """

    jitter_torso: float = 0.010
    jitter_end: float = 0.023
    quality_spread: float = 0.35
    outlier: float = 0.008
    outlier_distance: float = 0.12
    swap_legs: float = 0.010
    swap_arms: float = 0.007
    swap_body: float = 0.005
    missing_joint: float = 0.015
    missing_limb: float = 0.010
    missing_side: float = 0.010
    missing_legs: float = 0.015
    crossed_arm: float = 0.0

    def __post_init__(self) -> None:
        """Refuse amounts below 0 and probabilities above 1."""
        lengths = ("jitter_torso", "jitter_end", "quality_spread", "outlier_distance")
        for field in fields(self):
            value = getattr(self, field.name)
            highest = np.inf if field.name in lengths else 1.0
            # rates are weighted by up to 1.5
            if field.name in ("outlier", "missing_joint"):
                highest = 2 / 3
            if not (np.isfinite(value) and 0 <= value <= highest):
                limits = "at least 0" if highest == np.inf else f"within 0 and {highest:.3g}"
                raise PoseliftError(f"detector noise: expected {field.name} {limits}, got {value}")

    def apply(self, rng: np.random.Generator, keypoints: Points) -> Points:
        """Return the keypoints as a detector would give them; NaN is missing, before and after.

        Any unit. The same generator state gives the same errors, scaled with the person.
        """
        true = np.array(keypoints)
        size = person_size(true)
        out = self._swap(rng, true)
        # where each joint is by its (perhaps swapped) name; what is missing must not move others
        named = out.copy()
        out += self._jitter(rng, size)
        self._misplace(rng, out, named, size)
        out[self._missing(rng, len(out))] = np.nan
        _derive_centre(out, true)
        return out

    def _swap(self, rng: np.random.Generator, keypoints: Points) -> Points:
        legs, arms, body = rng.random((3, len(keypoints)))
        whole = body < self.swap_body
        swapped = swap_sides(
            keypoints, (legs < self.swap_legs) ^ whole, (arms < self.swap_arms) ^ whole
        )
        if self.crossed_arm > 0:
            left, right, both = rng.random((3, len(keypoints))) < self.crossed_arm
            swapped = cross_arms(swapped, left | both, right | both)
        return swapped

    def _jitter(self, rng: np.random.Generator, size: Float[np.ndarray, " N"]) -> Points:
        """Gaussian errors, wider away from the torso."""
        spread = self.quality_spread
        # mean square 1: E[exp(2 s z - 2 s^2)] = 1
        quality = np.exp(spread * rng.standard_normal(len(size)) - spread**2)
        sigma = self.jitter_torso + (self.jitter_end - self.jitter_torso) * REACH
        normal = rng.standard_normal((len(size), len(_H36M), 2), dtype=np.float32)
        width = ((size * quality)[:, None] * sigma).astype(size.dtype)
        return normal * width[..., None]

    def _misplace(
        self, rng: np.random.Generator, out: Points, named: Points, size: Float[np.ndarray, " N"]
    ) -> None:
        """Put outliers into their wrong places."""
        rows, joints = np.nonzero(_graded(rng, self.outlier, len(out)))
        angle = rng.uniform(0, 2 * np.pi, len(rows))
        # the median of a half-Cauchy variable is its scale
        far = np.tan(rng.uniform(0, np.pi / 2, len(rows))) * self.outlier_distance
        step = (np.minimum(far, 1.0) * size[rows])[:, None]
        anywhere = named[rows, joints] + step * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        elsewhere = named[rows, rng.choice(_DETECTED, len(rows))]
        taken = rng.random((len(rows), 1)) < 0.5
        out[rows, joints] = np.where(taken & np.isfinite(elsewhere), elsewhere, anywhere)

    def _missing(self, rng: np.random.Generator, count: int) -> Bool[np.ndarray, "N 17"]:
        """Draw which joints are missing."""
        missing = _graded(rng, self.missing_joint, count)
        for parts in (("elbow", "wrist"), ("knee", "ankle")):
            for side in _SIDES:
                hidden = rng.random(count) < self.missing_limb
                missing[np.ix_(hidden, _columns(*parts, sides=(side,)))] = True
        hidden, left, leg_too = rng.random((3, count))
        for side, this in (("left", left < 0.5), ("right", left >= 0.5)):
            covered = (hidden < self.missing_side) & this
            missing[np.ix_(covered, _columns(*_ARMS, sides=(side,)))] = True
            missing[np.ix_(covered & (leg_too < 0.5), _columns(*_LEGS, sides=(side,)))] = True
        cut, knees = rng.random((2, count))
        missing[np.ix_(cut < self.missing_legs, _columns("ankle"))] = True
        missing[np.ix_((cut < self.missing_legs) & (knees < 0.5), _columns("knee"))] = True
        return missing


#: What training views are disturbed with: limbs, legs and whole sides are missing far more often
#: than in `cmu17`'s "detected", and names are exchanged more often.
TRAINING_NOISE = DetectorNoise(
    swap_legs=0.09,
    swap_arms=0.02,
    swap_body=0.015,
    missing_limb=0.05,
    missing_side=0.32,
    missing_legs=0.05,
    crossed_arm=0.03,
)

#: What held-out views are disturbed with: it stays, so that trainings can be compared by their
#: validation whatever their own noise is.
VALIDATION_NOISE = DetectorNoise(
    swap_legs=0.02,
    swap_arms=0.01,
    swap_body=0.01,
    missing_limb=0.05,
    missing_side=0.05,
    missing_legs=0.05,
    crossed_arm=0.02,
)


def person_size(keypoints: Points) -> Float[np.ndarray, " N"]:
    """Diagonal of the box around the present joints; 0 if there are none."""
    low = np.fmin.reduce(keypoints, axis=1)
    high = np.fmax.reduce(keypoints, axis=1)
    return np.nan_to_num(np.hypot(*(high - low).T))


def swap_sides(keypoints: Points, legs: Rows, arms: Rows) -> Points:
    """Exchange the names left and right of the legs and the arms of some rows; a copy."""
    out = keypoints.copy()
    for rows, parts in ((legs, _LEGS), (arms, _ARMS)):
        left, right = _columns(*parts, sides=("left",)), _columns(*parts, sides=("right",))
        both, crossed = np.concatenate([left, right]), np.concatenate([right, left])
        out[np.ix_(rows, both)] = keypoints[np.ix_(rows, crossed)]
    return out


def cross_arms(keypoints: Points, left: Rows, right: Rows) -> Points:
    """Exchange the names elbow and wrist of the left and the right arm of some rows; a copy."""
    out = keypoints.copy()
    for side, rows in (("left", left), ("right", right)):
        pair = _columns("elbow", "wrist", sides=(side,))
        out[np.ix_(rows, pair)] = keypoints[np.ix_(rows, pair[::-1])]
    return out


def _graded(rng: np.random.Generator, rate: float, count: int) -> Bool[np.ndarray, "N 17"]:
    """Draw joints at half the rate near the torso, the rate itself, and one and a half of it."""
    weights = 0.5 + REACH
    weights[[_PELVIS, _SPINE, _THORAX]] = 0.0
    return rng.random((count, len(_H36M)), dtype=np.float32) < (rate * weights)


def _derive_centre(out: Points, true: Points) -> None:
    """Let pelvis, thorax and spine follow the hips and shoulders (NaN follows too)."""
    for centre, sources in (
        (_PELVIS, _HIPS),
        (_THORAX, _SHOULDERS),
        (_SPINE, np.array([_PELVIS, _THORAX])),
    ):
        known = ~np.isnan(true[:, sources])
        moved = out[:, sources].mean(axis=1) - true[:, sources].mean(axis=1)
        out[:, centre] = true[:, centre] + np.where(known.all(axis=1), moved, 0.0)
