"""The test set of MPI-INF-3DHP by its own protocol, and with all joints as others print it.

Official (`mpii_get_pck_auc_joint_groups.m`, `mpii_compute_3d_pck.m`): percent of 14 joints strictly
closer than 150 mm after root alignment, and the mean of that percentage over thresholds
0, 5, ... 150 mm, over the frames of all clips, a scene's, or an activity's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int64

from poselift.errors import PoseliftError
from poselift.evaluation.measures import Measure
from poselift.evaluation.protocols import (
    AVERAGES,
    OVER_FRAMES,
    Row,
    Table,
    average,
    check_labels,
    in_order,
    means_by_label,
)
from poselift.skeletons import Skeleton

#: The official joints by landmark (`Skeleton.landmarks`): no pelvis, no spine, no face.
OFFICIAL_JOINTS = (
    "head_top",
    "thorax",
    *(
        f"{side}_{joint}"
        for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
        for side in ("right", "left")
    ),
)


@dataclass(frozen=True)
class Evaluation3DHP:
    """Results of one model; every column is a metric over the official joints or over all.

    overall      by column, mean over frames.
    by_scene     a row a scene, the mean over all frames last.
    by_activity  a row an activity, both averages over all of them last.
    """

    overall: dict[str, float]
    by_scene: Table
    by_activity: Table


def official_joints(skeleton: Skeleton) -> Int64[np.ndarray, " 14"]:
    """Indices of `OFFICIAL_JOINTS` in a skeleton; `PoseliftError` if it lacks one."""
    for landmark in OFFICIAL_JOINTS:
        if landmark not in skeleton.landmarks:
            raise PoseliftError(f"skeleton {skeleton.name} has no joint that is the {landmark}")
    return np.array([skeleton.landmarks.index(one) for one in OFFICIAL_JOINTS], np.int64)


def evaluate_3dhp(
    measures: Sequence[Measure],
    skeleton: Skeleton,
    scenes: Sequence[str] | np.ndarray,
    activities: Sequence[str] | np.ndarray,
    title: str,
    *,
    activity_order: Sequence[str] = (),
) -> Evaluation3DHP:
    """Average measures over the official 14 joints and over all, by scene and by activity.

    scenes, activities  names of each pose's.
    activity_order      in which activities are listed; those it does not name come after.

    Raises `PoseliftError` if there is not one label a pose, the skeleton lacks an official joint,
    or nothing is left to average over.
    """
    if not measures:
        raise PoseliftError(f"{title}: expected at least one measure, got none")
    count = len(measures[0].values)
    places = check_labels(scenes, count, "scene", title)
    labels = check_labels(activities, count, "activity", title)
    columns = {
        f"{one.name} ({one.unit}, {one.alignment}, {len(joints)} joints)": replace(
            one, values=one.values[:, joints], mask=one.mask[:, joints]
        )
        for joints in (official_joints(skeleton), np.arange(len(skeleton)))
        for one in measures
    }
    whole = {name: average(one.values, OVER_FRAMES, mask=one.mask) for name, one in columns.items()}
    by_scene = _rows(columns, places, in_order(places, ()))
    by_scene.append(("all scenes", (count, *whole.values())))
    by_activity = _rows(columns, labels, in_order(labels, activity_order))
    for averaging in AVERAGES:
        means = (average(one.values, averaging, labels, mask=one.mask) for one in columns.values())
        by_activity.append((f"all activities, {averaging}", (count, *means)))
    names = ("frames", *columns)
    return Evaluation3DHP(
        whole,
        Table(f"{title}, by scene, {OVER_FRAMES}", names, tuple(by_scene)),
        Table(f"{title}, by activity, {OVER_FRAMES} of each", names, tuple(by_activity)),
    )


def overall_table(results: Mapping[str, Evaluation3DHP], title: str) -> Table:
    """Lay out as Table 3 of GridConv: a row a model."""
    first, *_ = results.values()
    rows = tuple((name, tuple(one.overall.values())) for name, one in results.items())
    return Table(f"{title}: {OVER_FRAMES}", tuple(first.overall), rows)


def _rows(columns: Mapping[str, Measure], labels: np.ndarray, order: Sequence[str]) -> list[Row]:
    """Average the frames of each label."""
    means = [means_by_label(one.values, labels, order, mask=one.mask) for one in columns.values()]
    return [
        (label, (int((labels == label).sum()), *(mean[label] for mean in means))) for label in order
    ]
