"""`poselift train`: a network from data, in a folder that `Lifter` opens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from poselift.cli.pictures import (
    Architecture,
    Data,
    DetectorRate,
    DetectorRun,
    EndToEnd,
    System,
    Workers,
)
from poselift.cli.progress import telling
from poselift.cli.running import Seed, Threads
from poselift.cli.saying import say
from poselift.cli.training import Recipe, Target, Variant, config_of, data_spec, ending
from poselift.errors import PoseliftError

if TYPE_CHECKING:
    from poselift.training import TrainingConfig, TrainingResult


_More = Annotated[
    Path | None,
    typer.Option("--more", help="Folder of cmu_more, further motions for fresh views of cmu17."),
]
_Samples = Annotated[
    int | None,
    typer.Option(
        "--samples", help="Samples of an epoch: fresh ones, or a random part of the data."
    ),
]
_Detections = Annotated[
    str | None,
    typer.Option("--detections", help="Of h36m: the detector of --variant detected (default cpn)."),
]
_PoseAug = Annotated[
    bool,
    typer.Option(
        "--poseaug",
        help="Add poses of a generator that learns to make hard but plausible ones (PoseAug).",
    ),
]
_Estimator = Annotated[
    str | None,
    typer.Option(
        "--estimator",
        help="How gln learns its layout: score_function (default), or straight_through as in the "
        "paper.",
    ),
]
_Init = Annotated[
    str | None, typer.Option("--init", help="Start from the weights of a model or run folder.")
]
_Branch = Annotated[
    Path | None,
    typer.Option("--from", help="Run folder that a decay branches off; it is left as it is."),
]
_Decay = Annotated[
    int | None,
    typer.Option("--decay", help="Epochs of the decay that branches off --from into --out."),
]


def train(
    architecture: Architecture,
    data: Data = "cmu17",
    root: Path | None = typer.Option(None, "--root", help="Folder of the data set's files."),
    more: _More = None,
    out: Path = typer.Option(
        ..., "--out", help="Run folder to make, or with --resume to continue."
    ),
    recipe: Recipe = "paper",
    variant: Variant = None,
    epochs: int | None = typer.Option(None, "--epochs", help="Epochs; default: the recipe's."),
    batch_size: int | None = typer.Option(None, "--batch-size", help="Samples a step."),
    lr: float | None = typer.Option(None, "--lr", help="Base learning rate."),
    samples: _Samples = None,
    detections: _Detections = None,
    precision: str | None = typer.Option(None, "--precision", help="fp32 or bf16."),
    target: Target = "pose",
    poseaug: _PoseAug = False,
    estimator: _Estimator = None,
    seed: Seed = 0,
    device: str = typer.Option("auto", "--device", help="auto, cpu or cuda."),
    threads: Threads = None,
    resume: bool = typer.Option(False, "--resume", help="Continue the run in --out."),
    init: _Init = None,
    branch: _Branch = None,
    decay: _Decay = None,
    end_to_end: EndToEnd = False,
    detector: DetectorRun = None,
    detector_rate: DetectorRate = None,
    workers: Workers = None,
) -> None:
    """Train a network; stop it at any time, and continue with --resume."""
    from rich.console import Console

    from poselift.training import check_names

    check_names(architecture, recipe)  # said before anything of the data
    if (branch is None) != (decay is None):
        raise PoseliftError("--decay N goes with --from RUN, the run that it branches off")
    system = System(end_to_end, detector, detector_rate)
    variant = system.variant(architecture, variant)
    spec = replace(data_spec(data, root, variant, recipe, samples, detections), more=more)
    own = {"batch_size": batch_size, "lr": lr, "precision": precision, "workers": workers}
    config = config_of(architecture, spec, recipe, epochs, system, estimator, **own)
    config = replace(config, target=target, poseaug=poseaug, seed=seed, threads=threads)
    if init is not None:
        from poselift.training import start_from

        config = start_from(config, init)
    if branch is not None and decay is not None:
        from poselift.training import branch_off

        config, resume = branch_off(config, branch, out, decay, resume=resume), True
    result = _run(config, out, device, resume, Console())
    say(f"{out}: {ending(result, out, config.epochs)}")


def _run(
    config: TrainingConfig, out: Path, device: str, resume: bool, console: Any
) -> TrainingResult:
    """Load the data and train; say on Ctrl-C how to go on."""
    import logging

    from poselift.training import check_folder, choose_device, open_data, reporter_for, train

    # Fabric announces its precision; the config says so already
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    check_folder(config, out, resume=resume)
    device = choose_device(device)
    with telling(f"loading {config.data.name} ..."):
        data = open_data(config)
    try:
        return train(
            config, data, out, device=device, resume=resume, reporter=reporter_for(console)
        )
    except KeyboardInterrupt:
        typer.echo(f"\nstopped; continue with the same command and --resume (run {out})", err=True)
        raise
