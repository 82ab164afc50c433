"""`poselift eval`: how far models are off, in millimetres. Needs no PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poselift.cli.inputs import refuse_twice
from poselift.cli.running import Threads

if TYPE_CHECKING:
    from poselift.lifting import Lifter
    from poselift.scoring import Scores

_Split = Annotated[
    str | None,
    typer.Option(
        "--split", help="Of cmu17, h36m, robustness and your own: test (default), or another."
    ),
]
_Variant = Annotated[
    str | None,
    typer.Option(
        "--variant", help="Of cmu17 and your own: ground_truth, detected or both (default)."
    ),
]
_Detections = Annotated[
    str | None,
    typer.Option("--detections", help="Of h36m: cpn, ...; cmu17-rendered: movenet, ...; or gt."),
]
_Protocol = Annotated[
    str | None, typer.Option("--protocol", help="List of p1, p2 (detected 2D), p1* (ground truth).")
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
_Models = Annotated[
    list[str],
    typer.Option("--model", help="Run folder, .onnx or shipped name; several stand side by side."),
]
_Data = Annotated[
    str,
    typer.Option(help="cmu17(-rendered), cmu32, h36m, 3dhp, pose2sim, robustness, or a folder."),
]
_Root = Annotated[
    Path | None,
    typer.Option(
        "--root", help="Folder of the data set's files; of robustness: of cmu/ and pose2sim/."
    ),
]
_Json = Annotated[Path | None, typer.Option("--json", help="Write all numbers to a JSON file.")]
_Csv = Annotated[Path | None, typer.Option("--csv", help="Write all numbers to a CSV file.")]
_Flip = Annotated[
    bool, typer.Option("--flip/--no-flip", help="Lift mirrored poses too, as `poselift lift` does.")
]
_Precisions = Annotated[
    list[str], typer.Option("--precision", help="fp32, int8 or bf16; several stand side by side.")
]
_Backend = Annotated[str, typer.Option("--backend", help="onnxruntime or openvino (has bf16).")]


def evaluate(
    model: _Models,
    root: _Root = None,
    data: _Data = "cmu17",
    split: _Split = None,
    variant: _Variant = None,
    detections: _Detections = None,
    protocol: _Protocol = None,
    metrics: _Metrics = None,
    drop_drifting: _DropDrifting = False,
    annotations: _Annotations = None,
    json: _Json = None,
    csv: _Csv = None,
    threads: Threads = None,
    flip: _Flip = True,
    precision: _Precisions = ["fp32"],  # noqa: B006  (typer copies it)
    backend: _Backend = "onnxruntime",
) -> None:
    """Measure models on a data set: errors in mm and percentages, by action and by joint."""
    from poselift import scoring
    from poselift.cli.export import ready
    from poselift.cli.outputs import check_outputs
    from poselift.cli.progress import telling
    from poselift.cli.tables import show_tables
    from poselift.datasets.registry import find_data
    from poselift.lifting import Lifter

    find_data(data, root)  # a wrong name is said before models are opened
    refuse_twice("--model", model)
    refuse_twice("--precision", precision)
    for path, suffix in ((json, ".json"), (csv, ".csv")):
        check_outputs([path] if path else [], {suffix: "results"}, source=None)
    for name in model:
        ready(name)
    lifters = {
        name if chosen == "fp32" else f"{name} {chosen}": Lifter(
            name, threads=threads, flip=flip, precision=chosen, backend=backend
        )
        for name in model
        for chosen in precision
    }
    with telling(f"{data} ...") as say:
        scores = scoring.evaluate(
            lifters,
            data,
            root,
            split=split,
            variant=variant,
            detections=detections,
            drop_drifting=drop_drifting,
            annotations=annotations,
            protocols=protocol,
            metrics=metrics,
            say=say,
        )
    # the averages of all data first, then the details
    tables = [score.tables[0] for score in scores]
    tables += [table for score in scores for table in score.tables[1:]]
    notes = [note for score in scores for note in score.notes]
    show_tables(tables, notes + [f"{name}: {one.choices}" for name, one in lifters.items()])
    _write_files(scores, lifters, json, csv)


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
