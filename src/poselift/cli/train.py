"""`poselift train`: a network from data, in a folder that `Lifter` opens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from poselift.cli.progress import telling
from poselift.cli.running import Seed, Threads
from poselift.cli.training import config_of, data_spec, ending
from poselift.errors import PoseliftError

if TYPE_CHECKING:
    from poselift.training import TrainingConfig, TrainingResult


_More = Annotated[
    Path | None,
    typer.Option("--more", help="Folder of cmu_more, further motions for fresh views of cmu17."),
]
_Recipe = Annotated[
    str,
    typer.Option(
        "--recipe",
        help="paper; shipped: how the weights in the package were made; or shipped-small: that "
        "for a smaller gln.",
    ),
]
_Variant = Annotated[
    str | None,
    typer.Option(
        "--variant",
        help="2D input: ground_truth (default of cmu17), detected, or augmented: fresh random "
        "views in every epoch.",
    ),
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
_Target = Annotated[
    str,
    typer.Option(
        "--target",
        help="What the network gives: pose (metres), or pixel_depth, which needs the camera and "
        "the root's position to become metres (the papers' §).",
    ),
]
_PoseAug = Annotated[
    bool,
    typer.Option(
        "--poseaug",
        help="Add poses of a generator that learns to make hard but plausible ones (PoseAug).",
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
    architecture: str = typer.Argument(
        help="Network: gln, posegraphnet, martinez, semgcn, lcn, videopose3d, stgcn."
    ),
    data: str = typer.Option(
        "cmu17", "--data", help="cmu17, h36m (Human3.6M), or synthetic (needs no files)."
    ),
    root: Path | None = typer.Option(None, "--root", help="Folder of the data set's files."),
    more: _More = None,
    out: Path = typer.Option(
        ..., "--out", help="Run folder to make, or with --resume to continue."
    ),
    recipe: _Recipe = "paper",
    variant: _Variant = None,
    epochs: int | None = typer.Option(None, "--epochs", help="Epochs; default: the recipe's."),
    batch_size: int | None = typer.Option(None, "--batch-size", help="Samples a step."),
    lr: float | None = typer.Option(None, "--lr", help="Base learning rate."),
    samples: _Samples = None,
    detections: _Detections = None,
    precision: str | None = typer.Option(None, "--precision", help="fp32 or bf16."),
    target: _Target = "pose",
    poseaug: _PoseAug = False,
    seed: Seed = 0,
    device: str = typer.Option("auto", "--device", help="auto, cpu or cuda."),
    threads: Threads = None,
    resume: bool = typer.Option(False, "--resume", help="Continue the run in --out."),
    init: _Init = None,
    branch: _Branch = None,
    decay: _Decay = None,
) -> None:
    """Train a network; stop it at any time, and continue with --resume."""
    from rich.console import Console

    if (branch is None) != (decay is None):
        raise PoseliftError("--decay N goes with --from RUN, the run that it branches off")
    spec = replace(data_spec(data, root, variant, recipe, samples, detections), more=more)
    config = config_of(
        architecture, spec, recipe, epochs, batch_size=batch_size, lr=lr, precision=precision
    )
    config = replace(config, target=target, poseaug=poseaug, seed=seed, threads=threads)
    if init is not None:
        from poselift.training import start_from

        config = start_from(config, init)
    if branch is not None and decay is not None:
        from poselift.training import branch_off

        config, resume = branch_off(config, branch, out, decay, resume=resume), True
    result = _run(config, out, device, resume, Console())
    typer.echo(f"{out}: {ending(result, out, config.epochs)}")


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
