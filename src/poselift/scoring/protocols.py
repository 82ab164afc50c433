"""What `poselift eval` measures by the papers' protocols: Human3.6M and MPI-INF-3DHP."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from poselift.datasets.lifting_data import LiftingData
from poselift.datasets.mpi_inf_3dhp import ACTIVITIES, scenes_of
from poselift.errors import PoseliftError
from poselift.evaluation import (
    DETECTED,
    GROUND_TRUTH,
    METRICS,
    PROTOCOLS,
    Measure,
    evaluate_3dhp,
    measure,
    overall_table,
    paper_scores,
    paper_tables,
    rows_before,
)
from poselift.lifting import Lifter
from poselift.scoring.run import Say, Scores, lift_kept, side_by_side, silently

#: What is measured if nothing is said, by data set and 2D keypoints: what the tables of the field
#: print (GridConv's Tables 1 to 3, PoseGraphNet's Tables 1 and 2 with the errors by axis).
_DEFAULTS = {
    ("cmu17", DETECTED): ("mpjpe", "p-mpjpe"),
    ("cmu17", GROUND_TRUTH): ("mpjpe", "p-mpjpe"),
    ("h36m", DETECTED): ("mpjpe", "p-mpjpe", "axis"),
    ("h36m", GROUND_TRUTH): ("mpjpe", "axis"),
    ("3dhp", GROUND_TRUTH): ("mpjpe", "pck", "auc"),
    ("pose2sim", DETECTED): ("p-mpjpe",),
    ("robustness", GROUND_TRUTH): ("mpjpe", "p-mpjpe"),
}

#: What to do where a protocol asks for the other kind of 2D keypoints.
_REMEDIES = {
    ("cmu17", DETECTED): "give --variant detected",
    ("cmu17", GROUND_TRUTH): "give --variant ground_truth",
    ("h36m", DETECTED): "name a detector, as by --detections cpn",
    ("h36m", GROUND_TRUTH): "leave out --detections, or give gt",
    ("3dhp", DETECTED): "the test set has none",
    ("robustness", DETECTED): "it has a table of its own",
    ("pose2sim", GROUND_TRUTH): "the clip has none",
}


def kinds_of(data: str, variants: Sequence[str], detections: str) -> tuple[str, ...]:
    """Kinds of 2D keypoints that are measured: of variants (cmu17) or a detector's (h36m)."""
    if data == "cmu17":
        kinds = {"ground_truth": GROUND_TRUTH, "detected": DETECTED}
        return tuple(kinds[variant] for variant in variants)
    if data == "h36m":
        return (GROUND_TRUTH if detections == "gt" else DETECTED,)
    return (DETECTED if data == "pose2sim" else GROUND_TRUTH,)


def choose_metrics(
    data: str, kinds: Sequence[str], protocols: str | None, metrics: str | None
) -> tuple[str, ...]:
    """Return what to measure, in the order of `METRICS`.

    data       name of the data set.
    kinds      of the 2D keypoints that are measured: `DETECTED`, `GROUND_TRUTH` or both.
    protocols  comma list of `PROTOCOLS`; each adds its metric.
    metrics    comma list of `METRICS`.

    Raises `PoseliftError` for unknown or repeated names, a protocol of other 2D keypoints, and
    for metrics that the data set does not allow.
    """
    wanted: set[str] = set()
    for protocol in _split("--protocol", protocols, PROTOCOLS):
        metric, kind = PROTOCOLS[protocol]
        if any(kind != one for one in kinds):
            raise PoseliftError(
                f"--protocol {protocol} means {kind} 2D keypoints: {_REMEDIES[data, kind]}"
            )
        wanted.add(metric)
    wanted.update(_split("--metrics", metrics, METRICS))
    if not wanted:
        wanted.update(_DEFAULTS[data, kinds[0]])
    if data == "robustness" and (protocols or metrics):
        raise PoseliftError(
            "--data robustness has a table of its own: leave out --protocol and --metrics"
        )
    if data == "pose2sim" and wanted != {"p-mpjpe"}:
        other = ", ".join(metric for metric in METRICS if metric in wanted - {"p-mpjpe"})
        raise PoseliftError(
            f"--data pose2sim has markers of 12 limb joints and no root: it allows p-mpjpe (p2) "
            f"only, not {other}"
        )
    return tuple(metric for metric in METRICS if metric in wanted)


def score_h36m(
    lifters: Mapping[str, Lifter],
    open_data: Callable[[str], LiftingData],
    metrics: Sequence[str],
    two_d: str,
    say: Say = silently,
) -> list[Scores]:
    """Measure lifters on Human3.6M, one result for each joint set that they lift.

    open_data  loads the data in a joint set, by its name; tables have the data's name, which says
               what was left out.
    two_d      `DETECTED` or `GROUND_TRUTH`.
    """
    scores = []
    for skeleton in dict.fromkeys(lifter.skeleton.name for lifter in lifters.values()):
        say("human36m: loading ...")
        data, results = open_data(skeleton), {}
        notes: list[str] = []
        for name, lifter in lifters.items():
            if lifter.skeleton.name == skeleton:
                measures, own = _measured(lifter, name, data, metrics, notes, say)
                results[name] = paper_scores(measures, own.action, own.skeleton, two_d)
        title = f"{data.name}, {two_d} 2D, {len(data.skeleton)} joints"
        scores.append(Scores(paper_tables(results, title), tuple(notes)))
    return scores


def score_3dhp(
    lifters: Mapping[str, Lifter],
    data: LiftingData,
    metrics: Sequence[str],
    say: Say = silently,
) -> Scores:
    """Measure lifters on the test set of MPI-INF-3DHP: overall, by scene and by activity."""
    notes: list[str] = []
    results = {}
    title = f"{data.name}; 14 joints: official, 17 joints: all, hip counted"
    for name, lifter in lifters.items():
        measures, own = _measured(lifter, name, data, metrics, notes, say)
        results[name] = evaluate_3dhp(
            measures, own.skeleton, scenes_of(own), own.action, title, activity_order=ACTIVITIES
        )
    if "velocity" in metrics:
        notes.append(_steps(data))
    tables = (
        overall_table(results, title),
        side_by_side({name: one.by_scene for name, one in results.items()}),
        side_by_side({name: one.by_activity for name, one in results.items()}),
    )
    return Scores(tables, tuple(notes))


def _measured(
    lifter: Lifter,
    name: str,
    data: LiftingData,
    metrics: Sequence[str],
    notes: list[str],
    say: Say,
) -> tuple[tuple[Measure, ...], LiftingData]:
    """Lift and measure; return the rows that have a pose with it."""
    predicted, own = lift_kept(lifter, name, data, notes, say)
    say(f"{data.name}: measuring {name} ...")
    previous = rows_before(own.clip, own.camera, own.frame)
    return measure(metrics, predicted, own.poses, previous=previous), own


def _steps(data: LiftingData) -> str:
    """Say how many frames of the files lie between the frames that velocities compare."""
    previous = rows_before(data.clip, data.camera, data.frame)
    rows = np.flatnonzero(previous >= 0)
    steps = data.frame[rows] - data.frame[previous[rows]]
    parts = [
        f"{steps[data.clip[rows] == index][0]} in {clip}"
        for index, clip in enumerate(data.clips)
        if (data.clip[rows] == index).any()
    ]
    return (
        f"velocity error: frames of the file from one valid frame to the next: {', '.join(parts)}"
    )


def _split(flag: str, text: str | None, known: Sequence[str] | Mapping[str, object]) -> list[str]:
    """Read a comma list of known names; `PoseliftError` for others and for repeated ones."""
    names = [] if text is None else [name.strip().lower() for name in text.split(",")]
    for name in names:
        if name not in known:
            raise PoseliftError(
                f"{flag}: expected a comma list of {', '.join(known)}, got {name!r}"
            )
        if names.count(name) > 1:
            raise PoseliftError(f"{flag}: {name} is given twice")
    return names
