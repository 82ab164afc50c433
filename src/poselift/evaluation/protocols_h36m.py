"""Human3.6M as GridConv (Tables 1 and 2) and PoseGraphNet (Tables 1 and 2) print it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from poselift.errors import PoseliftError
from poselift.evaluation.measures import AXIS_ERRORS, Measure
from poselift.evaluation.protocols import (
    AVERAGES,
    OF_ACTION_MEANS,
    OVER_FRAMES,
    PROTOCOLS,
    Row,
    Table,
    average,
    check_labels,
    in_order,
    means_by_label,
)
from poselift.skeletons import Skeleton

#: Actions in the order of the papers' columns, with the columns' names.
H36M_ACTIONS = {
    "Directions": "Dir.",
    "Discussion": "Disc.",
    "Eating": "Eat",
    "Greeting": "Greet",
    "Phoning": "Phone",
    "Photo": "Photo",
    "Posing": "Pose",
    "Purchases": "Purch.",
    "Sitting": "Sit",
    "SittingDown": "SitD.",
    "Smoking": "Smoke",
    "Waiting": "Wait",
    "WalkDog": "WalkD.",
    "Walking": "Walk",
    "WalkTogether": "WalkT.",
}

#: Joints that an average counts: all, or all but the hip, which is 0 by construction.
HIP_COUNTED, HIP_LEFT_OUT = "hip counted", "hip left out"
HIPS = (HIP_COUNTED, HIP_LEFT_OUT)


@dataclass(frozen=True)
class PaperScores:
    """One metric of one model.

    name      of the measure: "MPJPE".
    label     protocol, metric, unit and alignment: "P1: MPJPE (mm, root-aligned)".
    averages  by (averaging, hip), of `AVERAGES` and `HIPS`.
    actions   mean over the frames of each action, hip counted, in the papers' order; None if the
              mask keeps none of them.
    joints    mean over all frames of each joint, ascending.
    """

    name: str
    label: str
    averages: dict[tuple[str, str], float]
    actions: dict[str, float | None]
    joints: dict[str, float]


def paper_scores(
    measures: Sequence[Measure],
    actions: Sequence[str] | np.ndarray,
    skeleton: Skeleton,
    two_d: str | None = None,
) -> tuple[PaperScores, ...]:
    """Average measures as the papers do, one result a measure.

    actions  name of the action of each pose, as in `H36M_ACTIONS`; others come after those.
    two_d    `DETECTED` or `GROUND_TRUTH`: with the metric it makes the name of the protocol.

    The means over joints and frames are over what the measures' masks keep. Raises `PoseliftError`
    if there is not one action a pose, or nothing is left to average over.
    """
    if not measures:
        raise PoseliftError("Human3.6M: expected at least one measure, got none")
    labels = check_labels(actions, len(measures[0].values), "action", "Human3.6M")
    rest, order = np.arange(len(skeleton)) != skeleton.root, in_order(labels, H36M_ACTIONS)
    found = []
    for one in measures:
        averages = {
            (kind, hip): average(one.values[:, keep], kind, labels, mask=one.mask[:, keep])
            for kind in AVERAGES
            for hip, keep in ((HIP_COUNTED, rest | True), (HIP_LEFT_OUT, rest))
        }
        by_action = means_by_label(one.values, labels, order, mask=one.mask)
        by_joint = {
            joint: average(one.values[:, [index]], OVER_FRAMES, mask=one.mask[:, [index]])
            for index, joint in enumerate(skeleton.joints)
        }
        ascending = dict(sorted(by_joint.items(), key=lambda item: item[1]))
        asked = (one.name.lower(), two_d)
        protocol = [name.upper() for name, own in PROTOCOLS.items() if own == asked]
        label = ": ".join([*protocol, one.label])
        found.append(PaperScores(one.name, label, averages, by_action, ascending))
    return tuple(found)


def paper_tables(results: Mapping[str, Sequence[PaperScores]], title: str) -> tuple[Table, ...]:
    """Make the tables of several models: averages, then each metric by action, then by joint.

    results  by model; the same metrics for all of them. Errors by axis have averages only.
    title    what was measured: data, split, 2D keypoints, number of joints.
    """
    keys = [(averaging, hip) for hip in HIPS for averaging in reversed(AVERAGES)]
    averages: list[Row] = [
        (f"{name}, {one.label}", tuple(one.averages[key] for key in keys))
        for name, scores in results.items()
        for one in scores
    ]
    by_action, by_joint = [], []
    for column in zip(*results.values(), strict=True):
        if column[0].name in AXIS_ERRORS:
            continue
        own = dict(zip(results, column, strict=True))
        heading = f"{title}, {column[0].label}"
        by_action.append(_by_action(own, heading))
        by_joint += [_by_joint(name, scores, heading) for name, scores in own.items()]
    first = Table(f"{title}: averages", tuple(map(", ".join, keys)), tuple(averages))
    return (first, *by_action, *by_joint)


def _by_action(results: Mapping[str, PaperScores], title: str) -> Table:
    """Lay out as Table 2 of PoseGraphNet and Table 1 of GridConv: a row a model."""
    found = np.array([action for scores in results.values() for action in scores.actions])
    actions = in_order(found, H36M_ACTIONS)
    key = (OF_ACTION_MEANS, HIP_COUNTED)
    rows = tuple(
        (name, (*(scores.actions.get(action) for action in actions), scores.averages[key]))
        for name, scores in results.items()
    )
    columns = (*(H36M_ACTIONS.get(action, action) for action in actions), "Avg.")
    words = f"{OVER_FRAMES} of each action, Avg. is the {OF_ACTION_MEANS}, {HIP_COUNTED}"
    return Table(f"{title}, {words}", columns, rows)


def _by_joint(name: str, scores: PaperScores, title: str) -> Table:
    """Lay out as Table 1 of PoseGraphNet: joints ascending."""
    keys = [(OVER_FRAMES, hip) for hip in HIPS]
    columns = (*scores.joints, *(f"Avg., {hip}" for _, hip in keys))
    values = (*scores.joints.values(), *(scores.averages[key] for key in keys))
    return Table(f"{title}, {OVER_FRAMES}, joints of {name} ascending", columns, ((name, values),))
