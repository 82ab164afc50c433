"""`poselift eval`: how far models are off, in millimetres. Needs no PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poselift.cli.inputs import refuse_twice
from poselift.errors import PoseliftError

if TYPE_CHECKING:
    from poselift.lifting import Lifter
    from poselift.scoring.run import Say, Scores

_DATA = ("cmu17", "h36m", "3dhp", "pose2sim", "robustness")
_VARIANTS = {
    "both": ("ground_truth", "detected"),
    "ground_truth": ("ground_truth",),
    "detected": ("detected",),
}
_ANNOTATIONS = {"univ": "univ_annot3", "raw": "annot3"}

#: Data sets that an option is for.
_OWNERS = {
    "--split": ("cmu17", "h36m", "robustness"),
    "--variant": ("cmu17",),
    "--detections": ("h36m",),
    "--drop-drifting": ("h36m",),
    "--annotations": ("3dhp",),
}

_Split = Annotated[
    str | None,
    typer.Option("--split", help="Of cmu17, h36m and robustness: test (default), or another."),
]
_Variant = Annotated[
    str | None,
    typer.Option("--variant", help="Of cmu17: ground_truth, detected or both (default)."),
]
_Detections = Annotated[
    str | None,
    typer.Option("--detections", help="Of h36m: cpn, or another detector; gt (default)."),
]
_Protocol = Annotated[
    str | None,
    typer.Option("--protocol", help="Comma list of p1, p2 (detected 2D), p1* (ground truth)."),
]
_Metrics = Annotated[
    str | None,
    typer.Option(
        "--metrics", help="Comma list of mpjpe, p-mpjpe, n-mpjpe, velocity, pck, auc, axis."
    ),
]
_DropDrifting = Annotated[
    bool, typer.Option("--drop-drifting", help="Of h36m: without 12 drifting sequences of S9.")
]
_Annotations = Annotated[
    str | None,
    typer.Option("--annotations", help="Of 3dhp: univ (default, official) or raw (true size)."),
]


@dataclass(frozen=True)
class _Wanted:
    """What to measure on, as the options say."""

    data: str
    root: Path
    split: str
    variants: tuple[str, ...]
    detections: str
    drop_drifting: bool
    annotations: str
    metrics: tuple[str, ...]


def evaluate(
    model: list[str] = typer.Option(
        ..., "--model", help="Run folder, .onnx file or shipped name; several stand side by side."
    ),
    data: str = typer.Option("cmu17", "--data", help="cmu17, h36m, 3dhp, pose2sim, or robustness."),
    root: Path = typer.Option(
        ..., "--root", help="Folder of the data set's files; of robustness: of cmu/ and pose2sim/."
    ),
    split: _Split = None,
    variant: _Variant = None,
    detections: _Detections = None,
    protocol: _Protocol = None,
    metrics: _Metrics = None,
    drop_drifting: _DropDrifting = False,
    annotations: _Annotations = None,
    json: Path | None = typer.Option(None, "--json", help="Write all numbers to a JSON file."),
    csv: Path | None = typer.Option(None, "--csv", help="Write all numbers to a CSV file."),
    threads: int | None = typer.Option(None, "--threads", help="CPU threads."),
    flip: bool = typer.Option(
        True, "--flip/--no-flip", help="Lift mirrored poses too, as `poselift lift` does."
    ),
    precision: list[str] = typer.Option(
        ["fp32"], "--precision", help="fp32, int8 or bf16; several stand side by side."
    ),
    backend: str = typer.Option(
        "onnxruntime", "--backend", help="onnxruntime, or openvino, which has bf16."
    ),
) -> None:
    """Measure models on a data set: errors in mm and percentages, by action and by joint."""
    from poselift.cli.outputs import check_outputs
    from poselift.lifting import Lifter

    given = {
        "--split": split,
        "--variant": variant,
        "--detections": detections,
        "--drop-drifting": "" if drop_drifting else None,
        "--annotations": annotations,
    }
    _check(data, given)
    refuse_twice("--model", model)
    refuse_twice("--precision", precision)
    wanted = _wanted(data, root, given, protocol, metrics)
    for path, suffix in ((json, ".json"), (csv, ".csv")):
        check_outputs([path] if path else [], {suffix: "results"}, source=None)
    lifters = {
        name if chosen == "fp32" else f"{name} {chosen}": Lifter(
            name, threads=threads, flip=flip, precision=chosen, backend=backend
        )
        for name in model
        for chosen in precision
    }
    scores = _score(lifters, wanted)
    _show(scores)
    _write_files(scores, lifters, json, csv)


def _check(data: str, given: Mapping[str, str | None]) -> None:
    """Refuse options that do not go with the data set, and values that do not exist."""
    if data not in _DATA:
        raise PoseliftError(f"--data: expected one of {', '.join(_DATA)}, got {data!r}")
    for flag, value in given.items():
        if value is not None and data not in _OWNERS[flag]:
            words = f"{flag} {value}".strip()
            if flag == "--split" or data == "pose2sim":
                raise PoseliftError(f"--data {data} has one part only: leave out {words}")
            owners = " and ".join(_OWNERS[flag])
            raise PoseliftError(f"{flag} is for --data {owners}: leave out {words}")
    for flag, known in (("--variant", _VARIANTS), ("--annotations", _ANNOTATIONS)):
        if given[flag] is not None and given[flag] not in known:
            raise PoseliftError(f"{flag}: expected one of {', '.join(known)}, got {given[flag]!r}")


def _wanted(
    data: str,
    root: Path,
    given: Mapping[str, str | None],
    protocol: str | None,
    metrics: str | None,
) -> _Wanted:
    """Fill in the defaults; choose the metrics."""
    from poselift.scoring.protocols import choose_metrics, kinds_of

    variants = _VARIANTS[given["--variant"] or "both"]
    detections = given["--detections"] or "gt"
    return _Wanted(
        data=data,
        root=root,
        split=given["--split"] or "test",
        variants=variants,
        detections=detections,
        drop_drifting=given["--drop-drifting"] is not None,
        annotations=_ANNOTATIONS[given["--annotations"] or "univ"],
        metrics=choose_metrics(data, kinds_of(data, variants, detections), protocol, metrics),
    )


def _score(lifters: Mapping[str, Lifter], wanted: _Wanted) -> list[Scores]:
    """Load the data and measure, with a spinner on a terminal that says what is being done."""
    from rich.console import Console

    from poselift.scoring.protocols import score_3dhp
    from poselift.scoring.run import score_lifting_data, score_pose2sim

    with Console(stderr=True).status(f"{wanted.data} ...") as status:

        def say(words: str) -> None:
            status.update(words.replace("[", "\\["))  # no markup

        if wanted.data == "pose2sim":
            say("lifting the clip ...")
            return [score_pose2sim(lifters, wanted.root)]
        if wanted.data == "robustness":
            from poselift.scoring.robust import score_robustness

            return [score_robustness(lifters, wanted.root, wanted.split, say)]
        if wanted.data == "h36m":
            return _score_h36m(lifters, wanted, say)
        if wanted.data == "3dhp":
            from poselift.datasets.mpi_inf_3dhp import load_mpi_inf_3dhp

            say("3dhp: loading ...")
            data = load_mpi_inf_3dhp(wanted.root, poses=wanted.annotations)
            return [score_3dhp(lifters, data, wanted.metrics, say)]
        from poselift.datasets.cmu import load_cmu17

        scores = []
        for name in wanted.variants:
            say(f"cmu17 {wanted.split}, {name}: loading ...")
            data = load_cmu17(wanted.root, wanted.split, name)
            scores.append(score_lifting_data(lifters, data, wanted.metrics, say))
        return scores


def _score_h36m(lifters: Mapping[str, Lifter], wanted: _Wanted, say: Say) -> list[Scores]:
    """Measure on Human3.6M, loaded in the joints of each model."""
    from poselift.datasets.human36m_layouts import open_human36m
    from poselift.datasets.lifting_data import LiftingData
    from poselift.scoring.protocols import kinds_of, score_h36m

    def open_data(skeleton: str) -> LiftingData:
        return open_human36m(
            wanted.root,
            wanted.split,
            wanted.detections,
            skeleton=skeleton,
            drop_drifting=wanted.drop_drifting,
            progress=lambda done, total: say(f"h36m: loading {done} of {total} ..."),
        )

    (two_d,) = kinds_of(wanted.data, wanted.variants, wanted.detections)
    return score_h36m(lifters, open_data, wanted.metrics, two_d, say)


def _show(scores: Sequence[Scores]) -> None:
    """Print the tables: the averages of all data first, then the details."""
    from poselift.cli.tables import show_tables

    order = [score.tables[0] for score in scores]
    order += [table for score in scores for table in score.tables[1:]]
    show_tables(order, [note for score in scores for note in score.notes])


def _write_files(
    scores: Sequence[Scores], lifters: Mapping[str, Lifter], json: Path | None, csv: Path | None
) -> None:
    """Write the files that are wanted, all or none."""
    from poselift.files import write_bytes_together
    from poselift.scoring.run import as_csv, as_json

    contents = []
    if json is not None:
        contents.append((json, as_json(scores, lifters)))
    if csv is not None:
        contents.append((csv, as_csv(scores)))
    write_bytes_together(contents)
