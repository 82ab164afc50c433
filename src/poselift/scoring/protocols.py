"""What `poselift eval` measures by the papers' protocols: Human3.6M and MPI-INF-3DHP."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from poselift.datasets.lifting_data import LiftingData
from poselift.datasets.mpi_inf_3dhp import ACTIVITIES, scenes_of
from poselift.datasets.registry import Say, silently
from poselift.evaluation import (
    Measure,
    evaluate_3dhp,
    measure,
    overall_table,
    paper_scores,
    paper_tables,
    rows_before,
)
from poselift.lifting import Lifter
from poselift.scoring.run import Scores, lift_kept, side_by_side


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
