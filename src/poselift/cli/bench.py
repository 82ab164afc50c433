"""`poselift bench`: how fast this machine lifts and trains."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from poselift.cli.inputs import refuse_twice
from poselift.errors import PoseliftError

if TYPE_CHECKING:
    from poselift.benchmark.measure import Measurements, Options

#: Waiting processes from which on a machine is too busy to be measured.
_BUSY = 0.5


def bench(
    model: list[str] = typer.Option(
        ["gln", "posegraphnet"],
        "--model",
        help="Shipped name, run folder or .onnx file; may be repeated.",
    ),
    precision: list[str] = typer.Option(
        [], "--precision", help="Only this precision; may be repeated. Default: all there are."
    ),
    backend: list[str] = typer.Option(
        [], "--backend", help="Only this backend; may be repeated. Default: all there are."
    ),
    batch: list[int] = typer.Option(
        [], "--batch", help="Frames a call; may be repeated. Default: from 1 to thousands."
    ),
    device: str = typer.Option("cpu", "--device", help="cpu or cuda."),
    threads: int | None = typer.Option(
        None, "--threads", help="CPU threads; default: one for each physical core."
    ),
    seconds: float = typer.Option(2.0, "--seconds", help="Time for each row of the tables."),
    training: bool = typer.Option(
        True, "--training/--no-training", help="Measure steps of training too."
    ),
    json: Path | None = typer.Option(None, "--json", help="Write all numbers to a JSON file."),
) -> None:
    """Measure speed and memory beside the papers' own layout, in Markdown tables."""
    import logging

    from poselift.cli.export import ready
    from poselift.cli.outputs import check_outputs

    _check(model, batch, threads, seconds)
    check_outputs([json] if json else [], {".json": "results"}, source=None)

    from poselift.benchmark.engines import check_device
    from poselift.benchmark.measure import Options
    from poselift.lifting.session import physical_cores

    # Fabric announces its precision; the tables say so already
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    options = Options(
        models=tuple(model),
        backends=tuple(backend),
        precisions=tuple(precision),
        batches=tuple(batch),
        device=check_device(device),
        threads=physical_cores() if threads is None else threads,
        seconds=seconds,
        training=training,
    )
    for name in model:
        ready(name)
    _measure(options, json)


def _measure(options: Options, json: Path | None) -> None:
    """Measure, keep what there is whenever there is more, and print it at the end or a stop."""
    from rich.console import Console

    from poselift.benchmark.measure import run_benchmark
    from poselift.benchmark.report import as_markdown

    load = os.getloadavg()[0]
    found: list[Measurements] = []

    def keep(measured: Measurements) -> None:
        found[:] = [measured]
        if json is not None:
            _write(measured.as_dict(), json)

    console = Console(stderr=True)
    try:
        with console.status("opening models ...") as status:
            run_benchmark(options, status.update if console.is_terminal else console.print, keep)
    except KeyboardInterrupt:
        if found:
            typer.echo("stopped, measured so far:", err=True)
            typer.echo(as_markdown(found[0]))
        raise
    typer.echo(as_markdown(found[0]))
    _warn_if_busy(load)


def _write(content: dict[str, Any], path: Path) -> None:
    """Write all numbers so far, or leave the file as it was."""
    import orjson

    from poselift.files import write_bytes

    write_bytes(path, orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")


def _warn_if_busy(load: float) -> None:
    """Say that ratios are not fair where other programs ran: they slow the parts unequally."""
    if load > _BUSY:
        print(
            f"poselift: warning: the machine was busy (load {load:.1f}), ratios may be off; "
            "measure again when it is quiet",
            file=sys.stderr,
        )


def _check(models: list[str], batches: list[int], threads: int | None, seconds: float) -> None:
    """Refuse what cannot be measured, before anything heavy is loaded."""
    refuse_twice("--model", models)
    few = next((one for one in batches if one < 1), None)
    if few is not None:
        raise PoseliftError(f"--batch: expected at least 1 frame, got {few}")
    if threads is not None and threads < 1:
        raise PoseliftError(f"--threads: expected at least 1, got {threads}")
    if not 0 < seconds < float("inf"):
        raise PoseliftError(f"--seconds: expected a time above 0, got {seconds:g}")
