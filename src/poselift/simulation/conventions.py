"""Where each kind of detector puts hips, shoulders and head, as offsets in the body's frame.

Motion capture has joint centres; annotators of pictures place hips higher and wider and shoulders
closer together, and most joint sets lack pelvis, thorax, spine or the top of the head. A network
that knows one convention only takes a narrow shoulder for a turned trunk. The widths span what was
seen (CMU 38 cm between the shoulders, OpenPose 33 cm, Human3.6M's hips 27 cm where joint centres
are 15 to 19 cm apart); the other ranges are estimates, wide enough for what annotators disagree by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from poselift.skeletons import H36M_17

_AT = {joint: H36M_17.index(joint) for joint in H36M_17.joints}

Range = tuple[float, float]


@dataclass(frozen=True)
class Convention:
    """One detector's way to place joints; ranges are drawn from, uniformly.

    share      how often it is drawn.
    hips       factor on the hips' distance from the pelvis.
    hips_up    metres by which hips and pelvis lie higher along the trunk than joint centres.
    hips_forward  metres by which they lie farther forward.
    shoulders  factor on the shoulders' distance from the thorax.
    shoulders_up, shoulders_forward  as for the hips, along the chest.
    derived    pelvis, thorax and spine are means of hips and shoulders, in the picture.
    eyes       how often the head's top is the middle of the eyes.
    """

    share: float
    hips: Range
    shoulders: Range
    hips_up: Range = (0.0, 0.0)
    hips_forward: Range = (0.0, 0.0)
    shoulders_up: Range = (0.0, 0.0)
    shoulders_forward: Range = (0.0, 0.0)
    derived: bool = True
    eyes: float = 0.0


#: By the joint sets that are read; "mocap" is what `cmu17` itself has.
CONVENTIONS = {
    "mocap": Convention(0.25, (0.9, 1.15), (0.92, 1.12), derived=False),
    "h36m": Convention(
        0.15, (1.3, 1.6), (0.85, 1.0), (0.0, 0.05), (-0.01, 0.03), (-0.02, 0.02), derived=False
    ),
    "coco": Convention(
        0.25,
        (1.15, 1.55),
        (0.78, 0.95),
        (0.01, 0.06),
        (-0.02, 0.02),
        (-0.03, 0.01),
        (-0.02, 0.02),
        eyes=0.9,
    ),
    "openpose": Convention(
        0.20, (1.0, 1.4), (0.78, 0.95), (0.0, 0.04), (-0.02, 0.02), (-0.03, 0.01), eyes=0.4
    ),
    "mediapipe": Convention(
        0.15, (0.95, 1.3), (0.85, 1.05), (-0.01, 0.04), (-0.02, 0.03), (-0.02, 0.02), eyes=1.0
    ),
}

#: Joint centres as they are.
MOCAP_ONLY = {"mocap": Convention(1.0, (1.0, 1.0), (1.0, 1.0), derived=False)}


@dataclass(frozen=True)
class Drawn:
    """The conventions of N samples, drawn: one row a sample."""

    hips: Float[np.ndarray, " N"]
    shoulders: Float[np.ndarray, " N"]
    hips_shift: Float[np.ndarray, "N 3"]
    shoulders_shift: Float[np.ndarray, "N 3"]
    derived: Int[np.ndarray, " N"]
    eyes: Int[np.ndarray, " N"]


def draw(rng: np.random.Generator, count: int, conventions: Mapping[str, Convention]) -> Drawn:
    """Draw a convention a sample, and its values within the ranges."""
    kinds = list(conventions.values())
    shares = np.array([kind.share for kind in kinds])
    which = rng.choice(len(kinds), count, p=shares / shares.sum())

    def within(name: str) -> Float[np.ndarray, " N"]:
        low, high = np.array([getattr(kind, name) for kind in kinds]).T
        return rng.uniform(low[which], high[which])

    across = np.zeros(count)
    return Drawn(
        hips=within("hips"),
        shoulders=within("shoulders"),
        hips_shift=np.stack([across, within("hips_up"), within("hips_forward")], axis=1),
        shoulders_shift=np.stack(
            [across, within("shoulders_up"), within("shoulders_forward")], axis=1
        ),
        derived=np.array([int(kind.derived) for kind in kinds])[which],
        eyes=(rng.random(count) < np.array([kind.eyes for kind in kinds])[which]).astype(np.int64),
    )


def shift_joints(
    poses: Float[np.ndarray, "N 17 3"],
    drawn: Drawn,
    hips_frame: Float[np.ndarray, "N 3 3"],
    chest_frame: Float[np.ndarray, "N 3 3"],
) -> Float[np.ndarray, "N 17 3"]:
    """Move hips (the pelvis with them) and shoulders in the body's frame; pelvis at the origin."""
    poses = poses.copy()
    for names, frame, shift in (
        (("pelvis", "left_hip", "right_hip"), hips_frame, drawn.hips_shift),
        (("left_shoulder", "right_shoulder"), chest_frame, drawn.shoulders_shift),
    ):
        moved = np.einsum("nij,nj->ni", frame, shift)
        poses[:, [_AT[name] for name in names]] += moved[:, None]
    return poses - poses[:, :1]
