"""Metrics joint by joint and pose by pose, with the words a table needs; protocols average them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64

from poselift.errors import PoseliftError
from poselift.evaluation.metrics import AUC_THRESHOLDS_MM, align, joint_errors

#: Metrics by name, in the order of tables. Errors are distances in mm:
#: `mpjpe` after root alignment; `p-mpjpe` after similarity alignment; `n-mpjpe` after root
#: alignment and the best scale; `velocity` of the steps from frame to frame (MPJVE); `pck` percent
#: closer than 150 mm; `auc` its mean over 0, 5, ... 150 mm; `axis` absolute x, y and z error.
METRICS = ("mpjpe", "p-mpjpe", "n-mpjpe", "velocity", "pck", "auc", "axis")

#: Names of the measures of `axis`.
AXIS_ERRORS = ("x error", "y error", "z error")

_PCK_MM = 150.0

Poses = Float[np.ndarray, "N J 3"]
Mask = Bool[np.ndarray, "N J"]


@dataclass(frozen=True, eq=False)
class Measure:
    """One metric of each joint of each pose.

    name       as tables print it: "MPJPE", "PCK@150", "AUC 0:5:150", "x error", ...
    unit       "mm", "%" or "mm per frame".
    alignment  how predictions were moved to their targets: "root-aligned", ...
    values     (N, J) in that unit; the mean of percentages is that of the joints that count.
    mask       (N, J) which values count.
    """

    name: str
    unit: str
    alignment: str
    values: Float[np.ndarray, "N J"]
    mask: Bool[np.ndarray, "N J"]

    @property
    def label(self) -> str:
        """Name, unit and alignment."""
        return f"{self.name} ({self.unit}, {self.alignment})"


def measure(
    metrics: Sequence[str],
    predicted: Poses,
    target: Poses,
    *,
    mask: Mask | None = None,
    previous: Int64[np.ndarray, " N"] | None = None,
) -> tuple[Measure, ...]:
    """Measure poses (metres) by some of `METRICS`; `axis` gives three measures.

    mask      joints that count; all do if it is left out.
    previous  index of the frame before each pose, -1 where there is none (see `rows_before`);
              `velocity` needs it.

    Raises `PoseliftError` for an unknown metric and as the functions of `metrics` do.
    """
    counts = np.ones(predicted.shape[:2], bool) if mask is None else mask
    found: list[Measure] = []
    for metric in metrics:
        if metric not in METRICS:
            raise PoseliftError(f"unknown metric {metric!r}, expected one of {', '.join(METRICS)}")
        if metric == "velocity":
            found.append(_velocity(predicted, target, counts, previous))
        elif metric == "axis":
            centred = align(predicted, target, "root", counts)
            errors = 1000.0 * np.abs(centred[0] - centred[1])
            found += [
                Measure(name, "mm", "root-aligned", errors[..., index], counts)
                for index, name in enumerate(AXIS_ERRORS)
            ]
        else:
            found.append(_of_errors(metric, predicted, target, counts))
    return tuple(found)


def rows_before(
    clip: Int64[np.ndarray, " N"], camera: Int64[np.ndarray, " N"], frame: Int64[np.ndarray, " N"]
) -> Int64[np.ndarray, " N"]:
    """Index of the row one frame before each row, in the same clip and camera; -1 without one.

    One frame is the smallest step of frame numbers in that clip and camera, so that every fourth
    frame of a file is a sequence too. Rows may come in any order.
    """
    order = np.lexsort((frame, camera, clip))
    _, sequence = np.unique(np.column_stack([clip, camera]), axis=0, return_inverse=True)
    sequence = sequence.ravel()
    earlier, later = order[:-1], order[1:]
    step = frame[later] - frame[earlier]
    inside = (sequence[later] == sequence[earlier]) & (step > 0)
    smallest = np.full(len(clip), np.iinfo(np.int64).max)
    np.minimum.at(smallest, sequence[later[inside]], step[inside])
    inside &= step == smallest[sequence[later]]
    previous = np.full(len(clip), -1, np.int64)
    previous[later[inside]] = earlier[inside]
    return previous


def _of_errors(metric: str, predicted: Poses, target: Poses, mask: Mask) -> Measure:
    """Measure distances, or where they lie among the thresholds."""
    if metric == "p-mpjpe":
        errors = joint_errors(predicted, target, alignment="similarity", mask=mask)
        return Measure("P-MPJPE", "mm", "similarity-aligned", 1000.0 * errors, mask)
    if metric == "n-mpjpe":
        errors = joint_errors(*align(predicted, target, "root", mask), alignment="scale", mask=mask)
        return Measure("N-MPJPE", "mm", "root- and scale-aligned", 1000.0 * errors, mask)
    errors = joint_errors(predicted, target, alignment="root", mask=mask)
    if metric == "mpjpe":
        return Measure("MPJPE", "mm", "root-aligned", 1000.0 * errors, mask)
    wide = errors.astype(np.float64)
    if metric == "pck":
        closer = np.where(wide < _PCK_MM / 1000.0, 100.0, 0.0)
        return Measure(f"PCK@{_PCK_MM:.0f}", "%", "root-aligned", closer, mask)
    # an error is below all thresholds but those that it reaches
    reached = np.searchsorted(AUC_THRESHOLDS_MM / 1000.0, wide, side="right")
    number = len(AUC_THRESHOLDS_MM)
    area = 100.0 * (number - reached) / number
    return Measure("AUC 0:5:150", "%", "root-aligned", area, mask)


def _velocity(
    predicted: Poses, target: Poses, mask: Mask, previous: Int64[np.ndarray, " N"] | None
) -> Measure:
    """Compare each pose's step from the one before; poses without one do not count."""
    if previous is None:
        raise PoseliftError("velocity error: expected the row before each pose, got none")
    has_one = previous >= 0
    if not has_one.any():
        raise PoseliftError(
            "velocity error: there are no two consecutive frames of one clip and camera"
        )
    predicted, target = align(predicted, target, "root", mask)
    steps = (poses - poses[previous] for poses in (predicted, target))
    mask = mask & mask[previous] & has_one[:, None]
    values = 1000.0 * joint_errors(*steps, mask=mask)
    return Measure("velocity error", "mm per frame", "root-aligned", values, mask)
