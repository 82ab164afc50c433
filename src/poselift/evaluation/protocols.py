"""What is averaged over what, under which alignment: protocols by name, and their tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int64

from poselift.errors import PoseliftError
from poselift.evaluation.measures import Measure, measure
from poselift.evaluation.metrics import mpjpe_per_sample
from poselift.skeletons import Skeleton

OVER_FRAMES = "mean over frames"
OF_ACTION_MEANS = "mean of action means"
AVERAGES = (OVER_FRAMES, OF_ACTION_MEANS)

#: The two kinds of 2D keypoints that a network may be given.
DETECTED, GROUND_TRUTH = "detected", "ground truth"

#: Protocols of the papers (GridConv, Table 2): a metric of `METRICS`, and the 2D keypoints it is
#: given. PoseGraphNet calls p1 and p2 Protocol #1 and #2. Both papers say that p2 is rigid; their
#: code aligns with scale, and so does this (`rigid` is an alignment of `metrics` too).
PROTOCOLS = {
    "p1": ("mpjpe", DETECTED),
    "p1*": ("mpjpe", GROUND_TRUTH),
    "p2": ("p-mpjpe", DETECTED),
}

#: Joints on which detectors and marker sets agree: no trunk, no head.
LIMB_JOINTS = tuple(
    f"{side}_{joint}"
    for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
    for side in ("right", "left")
)

#: A row of a table: its name and one cell a column, None for an empty one.
Row = tuple[str, tuple[float | int | str | None, ...]]

Mask = Bool[np.ndarray, "N J"] | None


@dataclass(frozen=True)
class Table:
    """A table of results; every column name says unit, alignment and averaging.

    title    what was measured on what.
    columns  names of the columns after the first, which holds the rows' names.
    rows     name and one cell a column: a number, text, or None for an empty cell.
    models   where several stand side by side: whose the columns are, as many of each as of the
             first, each called "model: column".
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    models: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse rows that do not fit the columns."""
        for name, values in self.rows:
            if len(values) != len(self.columns):
                raise PoseliftError(
                    f"table row {name!r}: expected {len(self.columns)} values, got {len(values)}"
                )

    def cells(self) -> list[list[str]]:
        """Return all rows as text, the header first; errors with one decimal."""
        return [
            ["", *self.columns],
            *([name, *(_as_text(value) for value in values)] for name, values in self.rows),
        ]

    def by_column(self) -> tuple[Table, ...]:
        """Return a table for each column that several models have, a column a model; else itself.

        What they all have alike, the number of frames, comes first in each and has no table.
        """
        if not self.models:
            return (self,)
        own = len(self.columns) // len(self.models)
        names = [name.removeprefix(f"{self.models[0]}: ") for name in self.columns[:own]]
        same = [
            place
            for place in range(own)
            if all(len(set(values[place::own])) == 1 for _, values in self.rows)
            and all(isinstance(values[place], int) for _, values in self.rows)
        ]
        first = tuple(names[place] for place in same)
        return tuple(
            Table(
                f"{self.title}, {names[place]}",
                (*first, *self.models),
                tuple(
                    (row, (*(values[one] for one in same), *values[place::own]))
                    for row, values in self.rows
                ),
            )
            for place in range(own)
            if place not in same
        ) or (self,)

    def to_markdown(self) -> str:
        """Format as a Markdown table under its title."""
        header, *body = self.cells()
        rule = ["---", *("---:" for _ in self.columns)]
        lines = [f"| {' | '.join(row)} |" for row in (header, rule, *body)]
        return "\n".join([f"**{self.title}**", "", *lines, ""])

    def to_csv(self) -> str:
        """Format as CSV at full precision, a header line first."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["", *self.columns])
        for name, values in self.rows:
            writer.writerow([name, *values])
        return stream.getvalue()


@dataclass(frozen=True)
class Evaluation:
    """Errors of a model on a data set: one table by action (the averages last), one by joint.

    `averages` holds the same averages by (metric, averaging), e.g. ("P-MPJPE",
    "mean over frames"), and `units` the metrics' units, e.g. "mm".
    """

    by_action: Table
    by_joint: Table
    averages: dict[tuple[str, str], float]
    units: dict[str, str]


def evaluate(
    predicted: Float[np.ndarray, "N J 3"],
    target: Float[np.ndarray, "N J 3"],
    skeleton: Skeleton,
    actions: Sequence[str] | np.ndarray,
    title: str,
    *,
    mask: Mask = None,
    metrics: Sequence[str] = ("mpjpe", "p-mpjpe"),
    previous: Int64[np.ndarray, " N"] | None = None,
) -> Evaluation:
    """Measure predictions, by both protocols if nothing else is said, by action and by joint.

    predicted, target  poses in metres.
    actions            name of the action of each pose.
    mask               joints that count; all do if it is left out (see `metrics`).
    metrics            some of `METRICS`.
    previous           the row before each, which `velocity` needs (see `rows_before`).

    The root counts as a joint, though root alignment makes its error 0, as in the field's tables.
    Raises `PoseliftError` if shapes do not fit or nothing is left to average over.
    """
    labels = check_labels(actions, len(predicted), "action", title)
    measures = measure(metrics, predicted, target, mask=mask, previous=previous)
    averages = {
        (one.name, averaging): average(one.values, averaging, labels, mask=one.mask)
        for one in measures
        for averaging in AVERAGES
    }
    return Evaluation(
        _by_action(measures, labels, averages, title),
        _by_joint(measures, skeleton, title),
        averages,
        {one.name: one.unit for one in measures},
    )


def check_labels(
    labels: Sequence[str] | np.ndarray, count: int, kind: str, title: str
) -> np.ndarray:
    """Return labels as an array; `PoseliftError` if there is not one a pose, or no pose at all."""
    array = np.asarray(labels)
    if array.shape != (count,):
        raise PoseliftError(f"expected {count} {kind}s, one a pose, got {array.shape}")
    if count == 0:
        raise PoseliftError(f"{title}: there is no pose to evaluate")
    return array


def average(
    errors: Float[np.ndarray, "N J"],
    averaging: str,
    actions: np.ndarray | None = None,
    *,
    mask: Mask = None,
) -> float:
    """Average errors by name: one of `AVERAGES`.

    Over frames every joint of every pose weighs the same; in the mean of action means every
    action does, but for those of which the mask keeps nothing. Raises `PoseliftError` for an
    unknown name, without `actions` where they are needed, and if the mask keeps nothing at all.
    """
    if averaging == OVER_FRAMES:
        return _mean(errors, mask, slice(None))
    if averaging != OF_ACTION_MEANS:
        raise PoseliftError(
            f"unknown averaging {averaging!r}, expected one of {', '.join(AVERAGES)}"
        )
    if actions is None:
        raise PoseliftError(f"the {OF_ACTION_MEANS} needs the action of each pose")
    each = means_by_label(errors, actions, np.unique(actions).tolist(), mask=mask)
    means = [mean for mean in each.values() if mean is not None]
    if not means:
        raise PoseliftError("no joint is left to average over")
    return float(np.mean(means))


def means_by_label(
    errors: Float[np.ndarray, "N J"],
    labels: np.ndarray,
    order: Sequence[Any],
    *,
    mask: Mask = None,
) -> dict[Any, float | None]:
    """Mean over the frames of each label (action, scene); None where the mask keeps nothing."""
    means: dict[Any, float | None] = {}
    for label in order:
        own = labels == label
        empty = not own.any() if mask is None else not mask[own].any()
        means[label] = None if empty else _mean(errors, mask, own)
    return means


def in_order(labels: np.ndarray, first: Iterable[str]) -> list[str]:
    """Return the labels that occur: those of `first` in its order, then the others sorted."""
    found = np.unique(labels).tolist()
    known = [label for label in first if label in found]
    return known + [label for label in found if label not in known]


def evaluate_limbs(
    predicted: Float[np.ndarray, "T 12 3"],
    markers: Float[np.ndarray, "T 12 3"],
    *,
    mask: Bool[np.ndarray, "T 12"] | None = None,
) -> float:
    """P-MPJPE of the limb joints, similarity-aligned frame by frame, mean over frames, in mm.

    Both in metres, joints in the order of `LIMB_JOINTS`. A missing marker or joint is an error
    unless the mask leaves it out; a frame weighs the same however many of its joints count.
    """
    if len(predicted) == 0:
        raise PoseliftError("limb joints: there is no frame to evaluate")
    each = mpjpe_per_sample(predicted, markers, alignment="similarity", mask=mask)
    return float(1000.0 * each.mean())


def _as_text(value: float | int | str | None) -> str:
    if value is None or value != value:  # NaN is what is not there
        return ""
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def _mean(errors: Float[np.ndarray, "N J"], mask: Mask, rows: slice | np.ndarray) -> float:
    """Mean of what the mask keeps in some rows."""
    kept = errors[rows].ravel() if mask is None else errors[rows][mask[rows]]
    if kept.size == 0:
        raise PoseliftError("no joint is left to average over")
    return float(kept.mean(dtype=np.float64))


def _by_action(
    measures: Sequence[Measure],
    actions: np.ndarray,
    averages: dict[tuple[str, str], float],
    title: str,
) -> Table:
    rows: list[Row] = []
    order = np.unique(actions).tolist()
    means = [means_by_label(one.values, actions, order, mask=one.mask) for one in measures]
    for action in order:
        frames = int((actions == action).sum())
        rows.append((f"{action}, {OVER_FRAMES}", (frames, *(mean[action] for mean in means))))
    for averaging in AVERAGES:
        values = tuple(averages[one.name, averaging] for one in measures)
        rows.append((f"all actions, {averaging}", (len(actions), *values)))
    columns = ("frames", *(one.label for one in measures))
    return Table(f"{title}, by action", columns, tuple(rows))


def _by_joint(measures: Sequence[Measure], skeleton: Skeleton, title: str) -> Table:
    rows: list[Row] = []
    for index, joint in enumerate(skeleton.joints):
        columns = [(one.values[:, index], one.mask[:, index]) for one in measures]
        frames = max(int(mask.sum()) for _, mask in columns)
        kept = (values[mask] for values, mask in columns)
        means = (float(v.mean(dtype=np.float64)) if v.size else None for v in kept)
        rows.append((joint, (frames, *means)))
    names = (f"{one.name} ({one.unit}, {one.alignment}, {OVER_FRAMES})" for one in measures)
    return Table(f"{title}, by joint", ("frames", *names), tuple(rows))
