"""Options of `poselift train` for pictures: detectors, and systems of detector and lifter."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from poselift.errors import PoseliftError

if TYPE_CHECKING:
    from poselift.training import TrainingConfig

Architecture = Annotated[
    str,
    typer.Argument(
        help="Network: gln, posegraphnet, martinez, semgcn, lcn, videopose3d, stgcn; or hrnet, "
        "a detector of 2D."
    ),
]
Data = Annotated[
    str,
    typer.Option(
        "--data",
        help="cmu17, cmu32 (of 32 joints), h36m (Human3.6M), synthetic (needs no files), "
        "cmu17-rendered (pictures drawn of cmu17's motions), or a folder of your own.",
    ),
]
EndToEnd = Annotated[
    bool,
    typer.Option(
        "--end-to-end", help="Train a detector and this lifter as one system, from pictures."
    ),
]
DetectorRun = Annotated[
    str | None,
    typer.Option(
        "--detector",
        metavar="RUN",
        help="Of --end-to-end: run folder of a trained hrnet; default: trained first.",
    ),
]
DetectorRate = Annotated[
    float | None,
    typer.Option(
        "--detector-rate",
        help="Of --end-to-end: factor on the detector's learning rate while both learn; 0 leaves "
        "it frozen. Default 0.5.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", help="Processes that make or decode pictures; default: up to 4."),
]


class System(NamedTuple):
    """What the user says about training a system."""

    end_to_end: bool
    detector: str | None
    detector_rate: float | None

    def variant(self, architecture: str, variant: str | None) -> str | None:
        """Return the kind of 2D input: pictures where they are what is learnt from."""
        if not self.end_to_end:
            for flag, value in (
                ("--detector", self.detector),
                ("--detector-rate", self.detector_rate),
            ):
                if value is not None:
                    raise PoseliftError(f"{flag} goes with --end-to-end")
        if not self.end_to_end and architecture != "hrnet":
            return variant
        if variant not in (None, "pictures"):
            raise PoseliftError(f"pictures are learnt from: leave out --variant {variant}")
        return "pictures"

    def config(
        self, architecture: str, spec: Any, recipe: str, epochs: int | None
    ) -> TrainingConfig:
        """Return the training of a system, of a lifter by its own recipe."""
        from poselift.training import DataSpec, make_config
        from poselift.training.picture_recipes import end_to_end

        if architecture == "hrnet":
            raise PoseliftError("--end-to-end wants a lifter (gln), hrnet is its detector")
        keypoints = DataSpec("cmu17", spec.root)  # stands in: a lifter's own recipe has 2D
        if recipe == "small":
            small = "shipped-small" if architecture == "gln" else "shipped"
            keypoints = replace(keypoints, variant="augmented")
            lifter = make_config(architecture, keypoints, recipe=small)
        else:
            lifter = make_config(architecture, keypoints, recipe="paper")
        return end_to_end(
            lifter,
            spec,
            recipe=recipe,
            epochs=epochs,
            detector=self.detector,
            detector_rate=self.detector_rate,
        )
