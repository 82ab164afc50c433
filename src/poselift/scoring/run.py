"""What `poselift eval` measures: lifters run over data sets, in tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from jaxtyping import Bool, Float, Int

from poselift.datasets.lifting_data import LiftingData
from poselift.datasets.pose2sim import Pose2SimClip, load_pose2sim
from poselift.datasets.registry import Say, silently
from poselift.errors import PoseliftError
from poselift.evaluation import (
    AVERAGES,
    Evaluation,
    Table,
    evaluate,
    evaluate_limbs,
    mpjpe_per_sample,
    rows_before,
)
from poselift.io import load_poses
from poselift.lifting import Lifter
from poselift.lifting.core import Core
from poselift.lifting.optics import Optics


@dataclass(frozen=True)
class Scores:
    """All models on one data set.

    tables  the averages by model first, then details with the models side by side.
    notes   what the numbers leave out, one sentence each.
    """

    tables: tuple[Table, ...]
    notes: tuple[str, ...]


#: From this error on a pose is wrong as a whole, not inexact.
WILD_MM = 120


def score_lifting_data(
    lifters: Mapping[str, Lifter],
    data: LiftingData,
    metrics: Sequence[str] = ("mpjpe", "p-mpjpe"),
    say: Say = silently,
) -> Scores:
    """Measure lifters on pairs of 2D and 3D poses: MPJPE and P-MPJPE in mm, or other metrics.

    All joints count, the root (at 0 in both) included. Frames that a lifter leaves out, because
    too few joints are visible, are left out of its numbers and named in the notes.
    """
    notes: list[str] = []
    results = {}
    for name, lifter in lifters.items():
        predicted, own = lift_kept(lifter, name, data, notes, say)
        results[name] = evaluate(
            predicted,
            own.poses,
            own.skeleton,
            own.action,
            own.name,
            metrics=metrics,
            previous=rows_before(own.clip, own.camera, own.frame),
        )
    details = [
        side_by_side({name: getattr(result, kind) for name, result in results.items()})
        for kind in ("by_action", "by_joint")
    ]
    title = f"{data.name}: {len(data.skeleton)} joints, the root at 0 and counted"
    return Scores((_averages(results, title), *details), tuple(notes))


def lift_kept(
    lifter: Lifter, name: str, data: LiftingData, notes: list[str], say: Say
) -> tuple[Float[np.ndarray, "M J 3"], LiftingData]:
    """Lift all rows (metres); return those with a pose and their data. Others go into the notes."""
    predicted = lift_data(lifter, data, lambda done: say(f"{data.name}: lifting by {name}, {done}"))
    kept = np.isfinite(predicted).all(axis=(1, 2))
    if kept.all():
        return predicted, data
    notes.append(
        f"{name}: {int((~kept).sum())} of {len(kept)} frames of {data.name} show too few "
        "joints to be lifted and are left out"
    )
    return predicted[kept], data[kept]


def lift_data(lifter: Lifter, data: LiftingData, say: Say = silently) -> Float[np.ndarray, "N J 3"]:
    """Lift all rows, each with its camera's true image size and focal length; metres.

    say  told how far it is.

    A model of pixel and depth is given the true intrinsics and root position, as in the papers'
    rows marked §. Frames that the lifter leaves out are NaN. Raises `PoseliftError` for a lifter
    of other joints.
    """
    return lift_rows(lifter.core, data, say)


def lift_rows(core: Core, data: LiftingData, say: Say = silently) -> Float[np.ndarray, "N J 3"]:
    """Lift all rows as `lift_data` does, by any core."""
    card = core.card
    if card.skeleton != data.skeleton:
        raise PoseliftError(
            f"{data.name}: expected a model of {data.skeleton.name}, "
            f"{card.name} lifts {card.skeleton.name}"
        )
    placed = card.target == "pixel_depth"
    optics = Optics(
        data.image_size,
        # the other normalisations make no use of it
        focal=data.focal if card.normalisation == "person" else None,
        root=data.root.astype(np.float64) if placed else None,
        intrinsics=data.intrinsics.astype(np.float64) if placed else None,
    )
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        say(f"{done:,} of {len(data):,} poses")

    return core.lift(data.keypoints, optics, data.frame, data.sequences, progress=advance)


def score_pose2sim(lifters: Mapping[str, Lifter], root: Path) -> Scores:
    """Measure lifters on the balancing clip, each camera on its own, and their mean.

    P-MPJPE in mm of the 12 limb joints against triangulated markers, aligned frame by frame
    without reflection, mean over frames. The lifters are not told the focal length. The first
    table is against the markers as triangulated, all frames with a pose; the second against the
    filtered track, frames of which the detector saw all 12 joints, with the share of frames that
    are off by more than `WILD_MM`.
    """
    raw, filtered = load_pose2sim(root), load_pose2sim(root, "filtered")
    notes: list[str] = []
    rows: dict[str, list[float]] = {}
    strict: dict[str, list[float]] = {}
    for name, lifter in lifters.items():
        for clip, smooth in zip(raw, filtered, strict=True):
            lifted = _limbs(lifter, clip)
            rows.setdefault(clip.name, []).append(_limb_error(lifted, name, clip, notes))
            each = _errors_of_seen(lifted, smooth)
            strict.setdefault(f"{clip.name}, P-MPJPE (mm)", []).append(float(each.mean()))
            wild = float(100 * (each > WILD_MM).mean())
            strict.setdefault(f"{clip.name}, above {WILD_MM} mm (%)", []).append(wild)
    rows["mean of cameras"] = np.mean(list(rows.values()), axis=0).tolist()
    means = [values for row, values in strict.items() if "P-MPJPE" in row]
    strict["mean of cameras, P-MPJPE (mm)"] = np.mean(means, axis=0).tolist()
    title = "pose2sim balancing{}: P-MPJPE (mm, similarity-aligned, 12 limb joints, mean over {})"
    titles = (title.format("", "frames"), title.format(", filtered track", "frames with all 12"))
    tables = tuple(
        Table(words, tuple(lifters), tuple((row, tuple(values)) for row, values in part.items()))
        for words, part in zip(titles, (rows, strict), strict=True)
    )
    return Scores(tables, tuple(notes))


@dataclass(frozen=True)
class _Limbs:
    """One camera's clip, lifted: `poses` (T, 12, 3) metres, `seen` (T,) all 12 joints, `frames`."""

    poses: Float[np.ndarray, "T 12 3"]
    seen: Bool[np.ndarray, " T"]
    frames: Int[np.ndarray, " T"]


def _limbs(lifter: Lifter, clip: Pose2SimClip) -> _Limbs:
    """Lift one camera's clip and keep the limb joints."""
    sequence = load_poses(
        clip.keypoints,
        skeleton=clip.skeleton.name,
        image_size=clip.image_size,
        fps=clip.fps,
    )
    lifted = lifter(sequence, human=False)
    columns = [lifted.skeleton.index(joint) for joint in clip.joints]
    given = sequence.to_skeleton(lifted.skeleton)
    seen = np.asarray(given.visible[:, columns].all(axis=1))
    if given.scores is not None:  # the lifter takes joints of score 0 for missing, too
        seen &= np.asarray((given.scores[:, columns] != 0).all(axis=1))
    return _Limbs(lifted.positions[:, columns], seen, lifted.frames)


def _errors_of_seen(lifted: _Limbs, clip: Pose2SimClip) -> Float[np.ndarray, " N"]:
    """Return the P-MPJPE in mm of each frame of which all limb joints were seen."""
    _, ours, theirs = np.intersect1d(lifted.frames, clip.frames, return_indices=True)
    predicted, markers = lifted.poses[ours], clip.poses[theirs]
    kept = lifted.seen[ours] & np.isfinite(predicted).all(axis=(1, 2))
    kept &= np.isfinite(markers).all(axis=(1, 2))
    if not kept.any():
        raise PoseliftError(f"{clip.name}: no frame shows all 12 limb joints")
    each = mpjpe_per_sample(predicted[kept], markers[kept], alignment="similarity")
    return np.asarray(1000.0 * each)


def _limb_error(lifted: _Limbs, name: str, clip: Pose2SimClip, notes: list[str]) -> float:
    """Return one camera's error in mm; frames without a pose or markers go into the notes."""
    _, ours, theirs = np.intersect1d(lifted.frames, clip.frames, return_indices=True)
    predicted, markers = lifted.poses[ours], clip.poses[theirs]
    mask = np.isfinite(markers).all(axis=2)
    kept = np.isfinite(predicted).all(axis=(1, 2)) & mask.any(axis=1)
    if kept.sum() < len(clip.frames):
        notes.append(
            f"{name}: {len(clip.frames) - int(kept.sum())} of {len(clip.frames)} frames of "
            f"{clip.name} have no pose or no markers and are left out"
        )
    return evaluate_limbs(predicted[kept], markers[kept], mask=mask[kept])


def as_csv(scores: Sequence[Scores]) -> bytes:
    """Return every number as a line: table, row, column, value."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["table", "row", "column", "value"])
    for table in (table for score in scores for table in score.tables):
        for name, values in table.rows:
            for column, value in zip(table.columns, values, strict=True):
                if value is not None:
                    writer.writerow([table.title, name, column, repr(value)])
    return stream.getvalue().encode()


def as_json(scores: Sequence[Scores], lifters: Mapping[str, Lifter]) -> bytes:
    """Return every number by table, row and column, with the hashes of the models."""
    content: dict[str, Any] = {
        "models": {
            name: {
                "weights_sha256": lifter.weights_sha256,
                "name": lifter.card.name,
                "choices": lifter.choices,
            }
            for name, lifter in lifters.items()
        },
        "tables": {
            table.title: {
                name: dict(zip(table.columns, values, strict=True)) for name, values in table.rows
            }
            for score in scores
            for table in score.tables
        },
        "notes": [note for score in scores for note in score.notes],
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n"


def side_by_side(tables: Mapping[str, Table]) -> Table:
    """Join tables of the same rows; with several models each column names its own."""
    first = next(iter(tables.values()))
    if len(tables) == 1:
        return first
    columns = tuple(
        f"{name}: {column}" for name, table in tables.items() for column in table.columns
    )
    rows = []
    for index, (row, _) in enumerate(first.rows):
        parts = [table.rows[index] for table in tables.values()]
        rows.append((row, tuple(value for _, values in parts for value in values)))
    return Table(first.title, columns, tuple(rows), tuple(tables))


def _averages(results: Mapping[str, Evaluation], title: str) -> Table:
    """Return the averages, one row a model."""
    units = next(iter(results.values())).units
    keys = [(metric, averaging) for metric in units for averaging in AVERAGES]
    columns = tuple(f"{metric} ({units[metric]}, {averaging})" for metric, averaging in keys)
    rows = tuple(
        (name, tuple(result.averages[key] for key in keys)) for name, result in results.items()
    )
    return Table(title, columns, rows)
