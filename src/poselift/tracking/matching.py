"""How well a person that was seen before fits one that is seen now: OKS with motion prediction.

Object keypoint similarity (Lin et al., COCO keypoint challenge 2016): the mean over the common
joints of exp(-d^2 / (2 (k s)^2)), d the distance of a joint in pixels and s the person's size, here
the diagonal of the box around the joints. As joint sets differ, k is the same for all joints; it
grows with the time in between, because a prediction gets worse.

Axes: A persons seen before, B persons seen now, J joint.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from poselift.tracking.assignment import assign

#: k at once, plus k a second, at most: in sizes of the person.
SPREAD, SPREAD_SPEED, SPREAD_FAR = 0.1, 0.5, 1.0

#: A person unseen for longer than this (seconds) comes back as a new one.
MAX_GAP_S = 2.0

#: Pairs less similar than this are never the same person.
MIN_SIMILARITY = 0.1

#: Seen last are those out of sight for at most so many times as long as whoever was seen last.
RECENT = 3.0

#: Among equals, the person lost most recently: what a second costs.
PER_SECOND = 0.1

#: With fewer common joints than this the middles of the persons are compared.
MIN_COMMON = 3

#: A velocity is measured over this time (seconds), and is believed for that long.
MEASURED_S, BELIEVED_S = 0.3, 1.0


class Seen(NamedTuple):
    """Persons as they were last seen."""

    keypoints: Float[np.ndarray, "A J 2"]  # pixels
    velocity: Float[np.ndarray, "A 2"]  # pixels a second
    ago: Float[np.ndarray, " A"]  # seconds


def spread(seconds: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
    """Return k after some time, in sizes."""
    return np.minimum(SPREAD + SPREAD_SPEED * seconds, SPREAD_FAR)


def reach(seconds: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
    """Return how far from where it is expected a person can be, in sizes."""
    return spread(seconds) * np.sqrt(-2 * np.log(MIN_SIMILARITY))


def similarity(
    seen: Seen, found: Float[np.ndarray, "B J 2"], max_gap: float = MAX_GAP_S
) -> Float[np.ndarray, "A B"]:
    """Return the similarity of each pair, 0 to 1, the better of having moved on and having stayed.

    0 for persons unseen for longer than `max_gap` seconds.
    """
    moved = seen.velocity * np.minimum(seen.ago, BELIEVED_S)[:, None]
    size = np.maximum(sizes(seen.keypoints)[:, None], sizes(found)[None])
    scale = 2 * (spread(seen.ago)[:, None] * size) ** 2
    apart = found[None] - seen.keypoints[:, None]  # (A, B, J, 2)
    common = ~np.isnan(apart[..., 0])
    few = common.sum(axis=2) < MIN_COMMON
    if few.any():
        middle = middles(found)[None] - middles(seen.keypoints)[:, None]
        apart = np.where(few[..., None, None], middle[:, :, None], apart)
        common |= few[..., None]
    count = np.maximum(common.sum(axis=2), 1)
    best = np.zeros(size.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        for shift in (np.zeros_like(moved), moved):
            square = ((apart - shift[:, None, None]) ** 2).sum(axis=3)
            close = np.exp(-square / scale[..., None], where=common, out=np.zeros(common.shape))
            best = np.maximum(best, np.nan_to_num(close.sum(axis=2) / count))
    best[seen.ago > max_gap + 1e-6] = 0.0
    return best


def match(
    seen: Seen, found: Float[np.ndarray, "B J 2"], max_gap: float = MAX_GAP_S
) -> list[tuple[int, int]]:
    """Return who is who: pairs of a person seen before and one seen now, by their rows.

    Those seen last get their choice first: the longer a person is out of sight, the less is known
    of the place, and whoever may be anywhere must not take a place that is somebody's.
    """
    alike = similarity(seen, found, max_gap)
    recent = seen.ago <= RECENT * seen.ago.min(initial=np.inf)
    pairs: list[tuple[int, int]] = []
    for group in (recent, ~recent):
        rows = np.flatnonzero(group)
        columns = np.setdiff1d(np.arange(len(found)), [column for _, column in pairs])
        cost = 1 - alike[np.ix_(rows, columns)] + PER_SECOND * seen.ago[rows, None]
        made = assign(cost, 1 - MIN_SIMILARITY)
        pairs += [(int(rows[row]), int(columns[column])) for row, column in made]
    return pairs


def sizes(points: Float[np.ndarray, "N J 2"]) -> Float[np.ndarray, " N"]:
    """Return the diagonals of the boxes around the joints, at least 1 pixel."""
    low, high = np.fmin.reduce(points, axis=1), np.fmax.reduce(points, axis=1)
    with np.errstate(over="ignore"):
        extent = np.nan_to_num(high - low).astype(np.float64)
    return np.maximum(np.hypot(extent[:, 0], extent[:, 1]), 1.0)


def middles(points: Float[np.ndarray, "N J 2"]) -> Float[np.ndarray, "N 2"]:
    """Return the lower medians of the joints; NaN for a person without joints."""
    ordered = np.sort(points, axis=1)  # NaN go last
    count = (~np.isnan(points)).sum(axis=1, keepdims=True)
    found: np.ndarray = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=1)[:, 0]
    return found.astype(np.float64)


def velocity(
    before: Float[np.ndarray, "A J 2"],
    now: Float[np.ndarray, "A J 2"],
    seconds: Float[np.ndarray, " A"],
) -> Float[np.ndarray, "A 2"]:
    """Return how persons move as a whole: the median over the joints, pixels a second."""
    with np.errstate(over="ignore", invalid="ignore"):
        moved = middles(now - before) / np.maximum(seconds, 1e-6)[:, None]
    return np.where(np.isfinite(moved) & (seconds > 0)[:, None], moved, 0.0)


def twins(keypoints: Float[np.ndarray, "B J 2"]) -> Bool[np.ndarray, "B B"]:
    """Tell which detections are of one body: nearly all joints in one place."""
    still = Seen(keypoints, np.zeros((len(keypoints), 2)), np.full(len(keypoints), -0.1))
    return similarity(still, keypoints) > 0.5
