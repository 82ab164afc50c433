"""`poselift reproduce`: the tables and figures of both papers, by name."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poselift.cli.outputs import check_outputs
from poselift.cli.reports import checked_data, draw_of_model, refuse_idle, show_report
from poselift.cli.running import Seed, Threads
from poselift.cli.saying import say as say_line
from poselift.errors import PoseliftError

if TYPE_CHECKING:
    from poselift.reproduction import Item, Study


_Names = Annotated[
    list[str] | None,
    typer.Argument(help="Tables and figures, e.g. gridconv.table5; see --list."),
]
_Listing = Annotated[bool, typer.Option("--list", help="List what can be reproduced, and leave.")]
_Data = Annotated[
    str, typer.Option("--data", help="cmu17, h36m, cmu17-rendered (table 1), or your own folder.")
]
_Root = Annotated[Path | None, typer.Option("--root", help="Folder of the data set's files.")]
_Budget = Annotated[
    str,
    typer.Option(
        "--budget",
        help="smoke (seconds), small (minutes a network), medium (a million poses), or paper.",
    ),
]
_Detections = Annotated[str | None, typer.Option(help="Of h36m: the detector (default cpn).")]
_DropDrifting = Annotated[
    bool,
    typer.Option(
        "--drop-drifting",
        help="Of h36m: test detected 2D without 12 drifting sequences of S9, as GridConv does.",
    ),
]
_MpiRoot = Annotated[
    Path | None,
    typer.Option("--mpi-root", help="Folder of the MPI-INF-3DHP test set, for gridconv.table3."),
]
_More = Annotated[
    Path | None,
    typer.Option("--more", help="Folder of cmu_more, for gridconv.table3-open and figure5b-open."),
]
_Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="Draw a figure of this run folder, .onnx file or shipped name; nothing is trained.",
    ),
]
_Output = Annotated[
    list[Path] | None,
    typer.Option(
        "-o", "--output", help="Folder, or files ending in .md, .csv or .png; default: results."
    ),
]
_Runs = Annotated[
    Path, typer.Option("--runs", help="Folder of trained networks, found again there.")
]
_Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]


def reproduce(
    names: _Names = None,
    listing: _Listing = False,
    data: _Data = "cmu17",
    root: _Root = None,
    budget: _Budget = "small",
    detections: _Detections = None,
    drop_drifting: _DropDrifting = False,
    mpi_root: _MpiRoot = None,
    more: _More = None,
    seed: Seed = 0,
    model: _Model = None,
    output: _Output = None,
    runs: _Runs = Path("runs/reproduce"),
    device: _Device = "auto",
    threads: Threads = None,
) -> None:
    """Reproduce tables and figures of both papers: train, measure, and write what came out.

    Stop it at any time; the same command goes on where it stopped.
    """
    from poselift.reproduction import TITLES

    if listing:
        for name, title in TITLES.items():
            typer.echo(f"{name:<22} {title}")
        return
    if not names:
        raise PoseliftError("expected the name of a table or figure, see poselift reproduce --list")

    from poselift.reproduction import KINDS, Study, get_budget, get_item, paths_of
    from poselift.training import choose_device

    items = [get_item(name) for name in dict.fromkeys(names)]
    paths = {item.name: paths_of(item, output or [Path("results")], len(items)) for item in items}
    check_outputs([path for own in paths.values() for path in own], KINDS, source=None)
    of_h36m = {"--detections": detections, "--drop-drifting": drop_drifting or None}
    roots = {"--mpi-root": mpi_root, "--more": more}
    refuse_idle(data, [item.name for item in items], model, of_h36m, roots)
    detections = detections or "cpn"
    if model is not None:
        for item in items:
            draw_of_model(item, model, data, root, detections, paths[item.name])
        return
    study = Study(
        *checked_data(data, root),
        get_budget(budget),
        runs,
        seed=seed,
        detections=detections,
        drop_drifting=drop_drifting,
        mpi_root=mpi_root,
        more_root=more,
        device=choose_device(device),
        threads=threads,
    )
    # Fabric announces its precision; the budget says so already
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    for item in items:
        _one(item, study, paths[item.name])


def _one(item: Item, study: Study, paths: list[Path]) -> None:
    """Complete and write one item."""
    from rich.console import Console

    from poselift.reproduction import reproduce, write_report
    from poselift.training import reporter_for

    def say(line: str) -> None:
        say_line(f"{item.name}: {line}", err=True)

    try:
        report, results = reproduce(item, study, reporter_for(Console(stderr=True)), say)
    except KeyboardInterrupt:
        say(f"stopped; the same command goes on where it was, what is trained is in {study.runs}")
        raise
    write_report(item, report, results, study.command(item.name), study.facts, paths)
    show_report(item, report, paths)
