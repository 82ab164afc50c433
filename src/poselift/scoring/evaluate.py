"""`evaluate`: lifters on a data set by name, as `poselift eval` and scripts call it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from poselift.datasets.registry import (
    ANNOTATIONS,
    DATA_SETS,
    DataSet,
    Part,
    Say,
    find_data,
    silently,
)
from poselift.errors import PoseliftError, expect
from poselift.evaluation import METRICS, PROTOCOLS
from poselift.lifting import Lifter
from poselift.scoring.protocols import score_3dhp, score_h36m
from poselift.scoring.robust import score_robustness
from poselift.scoring.run import Scores, score_lifting_data, score_pose2sim
from poselift.skeletons import skeleton_text

#: Lifters by the name that tables give them.
Lifters = Mapping[str, Lifter]


def evaluate(
    lifters: Lifter | Lifters,
    data: str,
    root: str | os.PathLike[str] | None = None,
    *,
    split: str | None = None,
    variant: str | None = None,
    detections: str | None = None,
    drop_drifting: bool = False,
    annotations: str | None = None,
    protocols: str | None = None,
    metrics: str | None = None,
    say: Say = silently,
) -> list[Scores]:
    """Measure lifters on a data set.

    lifters        one, or several by name, which stand side by side in the tables.
    data           a name of `datasets.DATA_SETS`, with `root` as the folder of its files; or a
                   folder of one's own recordings.
    split          of cmu17, h36m and one's own: "test" unless another is named.
    variant        of cmu17 and one's own: "ground_truth", "detected", or "both", the default.
    detections     of h36m: a detector by name; of cmu17-rendered: one that looks at the pictures;
                   "gt", which is the default, for ground truth.
    drop_drifting  of h36m: leave out the 12 drifting sequences of S9.
    annotations    of 3dhp: "univ" (the default) or "raw".
    protocols      comma list of `PROTOCOLS`; each adds its metric.
    metrics        comma list of `METRICS`; what the data set's tables print, if nothing is said.
    say            called with a few words about what is being done.

    Returns the tables, one `Scores` for each kind of 2D or joint set. Raises `PoseliftError` for
    what the data set does not have, before a file is read, and as the readers do.
    """
    if isinstance(lifters, Lifter):
        lifters = {lifters.card.name: lifters}
    expect(lifters, Mapping, "a Lifter, or several by name")
    for one in lifters.values():
        expect(one, Lifter, "a Lifter, or several by name")
    given = {
        "split": split,
        "variant": variant,
        "detections": detections,
        "drop_drifting": "" if drop_drifting else None,
        "annotations": annotations,
    }
    name, chosen, folder = find_data(data, root)
    parts = parts_of(chosen, given)
    wanted = choose_metrics(chosen, parts, protocols, metrics)
    return _SCORERS.get(name, _score_parts)(chosen, lifters, folder, parts, wanted, say)


def parts_of(data: DataSet, given: Mapping[str, str | None]) -> tuple[Part, ...]:
    """Return the parts that options name, a part for each kind of 2D keypoints.

    given  option -> value, None where it was not given.

    Raises `PoseliftError` for options that the data set does not have, and unknown values.
    """
    for option, value in given.items():
        if value is None or option in data.options:
            continue
        flag = f"--{option.replace('_', '-')}"
        words = f"{flag} {value}".strip()
        if not data.options or option == "split":
            raise PoseliftError(f"--data {data.name} has one part only: leave out {words}")
        owners = " and ".join(one.name for one in DATA_SETS.values() if option in one.options)
        raise PoseliftError(f"{flag} is for --data {owners}: leave out {words}")
    for option, known in (("variant", ("both", *data.kinds)), ("annotations", ANNOTATIONS)):
        if given[option] is not None and given[option] not in known:
            raise PoseliftError(
                f"--{option}: expected one of {', '.join(known)}, got {given[option]!r}"
            )
    part = Part(
        split=given["split"] or "test",
        drop_drifting=given["drop_drifting"] is not None,
        annotations=given["annotations"] or "univ",
    )
    variants = tuple(data.kinds)
    if "detections" in data.options:
        detector = given["detections"] or "gt"
        part = replace(part, detections=detector)
        variants = ("ground_truth" if detector == "gt" else "detected",)
    elif given["variant"] in data.kinds:
        variants = (str(given["variant"]),)
    return tuple(replace(part, variant=variant) for variant in variants)


def choose_metrics(
    data: DataSet, parts: Sequence[Part], protocols: str | None, metrics: str | None
) -> tuple[str, ...]:
    """Return what to measure, in the order of `METRICS`; arguments as of `evaluate`.

    Raises `PoseliftError` for unknown or repeated names, a protocol of other 2D keypoints, and
    for metrics that the data set does not allow.
    """
    only, reason = data.only
    if not data.metrics:
        if protocols or metrics:
            raise PoseliftError(f"--data {data.name} {reason}: leave out --protocol and --metrics")
        return ()
    kinds = [data.kinds[part.variant] for part in parts]
    wanted: set[str] = set()
    for protocol in _split("--protocol", protocols, PROTOCOLS):
        metric, kind = PROTOCOLS[protocol]
        if any(kind != one for one in kinds):
            raise PoseliftError(
                f"--protocol {protocol} means {kind} 2D keypoints: {data.remedies[kind]}"
            )
        wanted.add(metric)
    wanted.update(_split("--metrics", metrics, METRICS))
    if not wanted:
        wanted.update(data.metrics[kinds[0]])
    other = [metric for metric in METRICS if metric in wanted and metric not in only]
    if only and other:
        raise PoseliftError(
            f"--data {data.name} {reason}: it allows {', '.join(only)} (p2) only, "
            f"not {', '.join(other)}"
        )
    return tuple(metric for metric in METRICS if metric in wanted)


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


_Scorer = Callable[[DataSet, Lifters, Path, tuple[Part, ...], tuple[str, ...], Say], list[Scores]]


def _score_parts(
    data: DataSet,
    lifters: Lifters,
    root: Path,
    parts: tuple[Part, ...],
    metrics: tuple[str, ...],
    say: Say,
) -> list[Scores]:
    """Measure on each kind of 2D, in the joints of each model: what `LiftingData` holds."""
    by_joints: dict[str, dict[str, Lifter]] = {}
    for name, lifter in lifters.items():
        by_joints.setdefault(skeleton_text(lifter.skeleton), {})[name] = lifter
    return [
        score_lifting_data(own, data.read(root, replace(part, skeleton=joints), say), metrics, say)
        for part in parts
        for joints, own in by_joints.items()
    ]


def _score_h36m(
    data: DataSet,
    lifters: Lifters,
    root: Path,
    parts: tuple[Part, ...],
    metrics: tuple[str, ...],
    say: Say,
) -> list[Scores]:
    """Measure in the joints of each model."""
    (part,) = parts
    return score_h36m(
        lifters,
        lambda skeleton: data.read(root, replace(part, skeleton=skeleton), say),
        metrics,
        data.kinds[part.variant],
        say,
    )


def _score_3dhp(
    data: DataSet,
    lifters: Lifters,
    root: Path,
    parts: tuple[Part, ...],
    metrics: tuple[str, ...],
    say: Say,
) -> list[Scores]:
    return [score_3dhp(lifters, data.read(root, parts[0], say), metrics, say)]


def _score_pose2sim(
    data: DataSet,
    lifters: Lifters,
    root: Path,
    parts: tuple[Part, ...],
    metrics: tuple[str, ...],
    say: Say,
) -> list[Scores]:
    say("lifting the clip ...")
    return [score_pose2sim(lifters, root)]


def _score_robustness(
    data: DataSet,
    lifters: Lifters,
    root: Path,
    parts: tuple[Part, ...],
    metrics: tuple[str, ...],
    say: Say,
) -> list[Scores]:
    return [score_robustness(lifters, root, parts[0].split, say)]


#: What is scored by rules of its own; everything else is `_score_parts`.
_SCORERS: dict[str, _Scorer] = {
    "h36m": _score_h36m,
    "3dhp": _score_3dhp,
    "pose2sim": _score_pose2sim,
    "robustness": _score_robustness,
}
