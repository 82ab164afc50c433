"""What is averaged over what, under which alignment: protocols by name, and their tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from poselift.errors import PoseliftError
from poselift.evaluation.metrics import joint_errors, mpjpe_per_sample
from poselift.skeletons import Skeleton

OVER_FRAMES = "mean over frames"
OF_ACTION_MEANS = "mean of action means"
AVERAGES = (OVER_FRAMES, OF_ACTION_MEANS)

#: The two protocols of Human3.6M: a name, and the alignment of `metrics` it stands for.
PROTOCOLS = {"MPJPE": "root", "P-MPJPE": "similarity"}

#: Joints on which detectors and marker sets agree: 4 for each pair of limbs, no trunk, no head.
LIMB_JOINTS = tuple(
    f"{side}_{joint}"
    for side in ("left", "right")
    for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
)


@dataclass(frozen=True)
class Table:
    """A table of results; every column name says unit, alignment and averaging.

    title    what was measured on what.
    columns  names of the columns after the first, which holds the rows' names.
    rows     name and one number a column; None for an empty cell.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float | int | None, ...]], ...]

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
            writer.writerow([name, *("" if value is None else repr(value) for value in values)])
        return stream.getvalue()


@dataclass(frozen=True)
class Evaluation:
    """Errors of a model on a data set: one table by action (the averages last), one by joint.

    `averages` holds the same averages by (protocol, averaging), e.g. ("P-MPJPE",
    "mean over frames"), in millimetres.
    """

    by_action: Table
    by_joint: Table
    averages: dict[tuple[str, str], float]


def evaluate(
    predicted: Float[np.ndarray, "N J 3"],
    target: Float[np.ndarray, "N J 3"],
    skeleton: Skeleton,
    actions: Sequence[str] | np.ndarray,
    title: str,
    *,
    mask: Bool[np.ndarray, "N J"] | None = None,
) -> Evaluation:
    """Measure predictions under both protocols, by action and by joint.

    predicted, target  poses in metres.
    actions            name of the action of each pose.
    mask               joints that count; all do if it is left out (see `metrics`).

    The root counts as a joint, though root alignment makes its error 0, as in the field's tables.
    Raises `PoseliftError` if shapes do not fit or nothing is left to average over.
    """
    labels = np.asarray(actions)
    if labels.shape != predicted.shape[:1]:
        raise PoseliftError(f"expected {len(predicted)} actions, one a pose, got {labels.shape}")
    if len(predicted) == 0:
        raise PoseliftError(f"{title}: there is no pose to evaluate")
    errors = {
        name: 1000.0 * joint_errors(predicted, target, alignment=alignment, mask=mask)
        for name, alignment in PROTOCOLS.items()
    }
    counts = np.ones(predicted.shape[:2], bool) if mask is None else mask
    averages = {
        (name, averaging): average(error, averaging, labels, mask=counts)
        for name, error in errors.items()
        for averaging in AVERAGES
    }
    return Evaluation(
        _by_action(errors, counts, labels, averages, title),
        _by_joint(errors, counts, skeleton, title),
        averages,
    )


def average(
    errors: Float[np.ndarray, "N J"],
    averaging: str,
    actions: np.ndarray | None = None,
    *,
    mask: Bool[np.ndarray, "N J"] | None = None,
) -> float:
    """Average errors by name: one of `AVERAGES`.

    Over frames every joint of every pose weighs the same; in the mean of action means every
    action does. Raises `PoseliftError` for an unknown name, or without `actions` where they are
    needed.
    """
    if averaging == OVER_FRAMES:
        return _mean(errors, mask, slice(None))
    if averaging != OF_ACTION_MEANS:
        raise PoseliftError(
            f"unknown averaging {averaging!r}, expected one of {', '.join(AVERAGES)}"
        )
    if actions is None:
        raise PoseliftError(f"the {OF_ACTION_MEANS} needs the action of each pose")
    means = [_mean(errors, mask, actions == action) for action in np.unique(actions)]
    return float(np.mean(means))


def limb_joints(skeleton: Skeleton) -> tuple[int, ...]:
    """Indices of `LIMB_JOINTS` in a skeleton; `PoseliftError` if it lacks one."""
    return tuple(skeleton.index(joint) for joint in LIMB_JOINTS)


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


def _as_text(value: float | int | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.1f}"


def _mean(
    errors: Float[np.ndarray, "N J"],
    mask: Bool[np.ndarray, "N J"] | None,
    rows: slice | np.ndarray,
) -> float:
    """Mean of what the mask keeps in some rows."""
    kept = errors[rows].ravel() if mask is None else errors[rows][mask[rows]]
    if kept.size == 0:
        raise PoseliftError("no joint is left to average over")
    return float(kept.mean(dtype=np.float64))


def _column(name: str, averaging: str) -> str:
    """Name a column by metric, unit, alignment and averaging."""
    return f"{name} (mm, {PROTOCOLS[name]}-aligned, {averaging})"


def _by_action(
    errors: dict[str, Float[np.ndarray, "N J"]],
    mask: Bool[np.ndarray, "N J"],
    actions: np.ndarray,
    averages: dict[tuple[str, str], float],
    title: str,
) -> Table:
    rows: list[tuple[str, tuple[float | int | None, ...]]] = []
    for action in np.unique(actions):
        own = actions == action
        means = (_mean(error, mask, own) for error in errors.values())
        rows.append((f"{action}, {OVER_FRAMES}", (int(own.sum()), *means)))
    for averaging in AVERAGES:
        values = tuple(averages[name, averaging] for name in errors)
        rows.append((f"all actions, {averaging}", (len(actions), *values)))
    columns = ("frames", *(f"{name} (mm, {PROTOCOLS[name]}-aligned)" for name in errors))
    return Table(f"{title}, by action", columns, tuple(rows))


def _by_joint(
    errors: dict[str, Float[np.ndarray, "N J"]],
    mask: Bool[np.ndarray, "N J"],
    skeleton: Skeleton,
    title: str,
) -> Table:
    rows: list[tuple[str, tuple[float | int | None, ...]]] = []
    for index, joint in enumerate(skeleton.joints):
        frames = int(mask[:, index].sum())
        values = (e[mask[:, index], index] for e in errors.values())
        means = (float(v.mean(dtype=np.float64)) if v.size else None for v in values)
        rows.append((joint, (frames, *means)))
    columns = ("frames", *(_column(name, OVER_FRAMES) for name in errors))
    return Table(f"{title}, by joint", columns, tuple(rows))
