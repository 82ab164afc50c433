"""`poselift bulk`: a folder of shards becomes a folder of 3D skeletons, however long it takes."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from poselift.cli.bulk_report import say, shown
from poselift.cli.export import ready
from poselift.cli.helping import PlainCommand
from poselift.cli.inputs import Fps, Quiet, Size, SkeletonName, parse_size
from poselift.cli.moving import (
    SMOOTH,
    Bones,
    FloorFrom,
    Fov,
    Height,
    Root,
    Smooth,
    World,
    say_focal_assumed,
)
from poselift.cli.running import DEFAULT_MODEL, Flip, Focal, Model, Precision
from poselift.cli.videos import DetectEvery, DetectorName

#: What is told from a path after `--ray`, whose address may be left out.
_ADDRESS = re.compile(r"(auto|local|ray://.+|[^/\\]+:\d+)")

#: Exit status if shards went to quarantine: the rest is done.
SOME_FAILED = 1


class BulkCommand(PlainCommand):
    """A command whose option `--ray` may stand alone."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put in the address that stands for a Ray of our own."""
        given: list[str] = []
        for index, one in enumerate(args):
            after = args[index + 1] if index + 1 < len(args) else ""
            alone = one == "--ray" and not _ADDRESS.fullmatch(after)
            given.append("--ray=local" if alone else one)
        return super().parse_args(ctx, given)


In = Annotated[
    str,
    typer.Argument(
        metavar="IN", help="Folder or URL of shards: .parquet, videos, .txt lists of videos."
    ),
]
Out = Annotated[str, typer.Argument(metavar="OUT", help="Folder or URL for the outputs.")]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Shards at a time; default: one for each core.")
]
Ray = Annotated[
    str | None,
    typer.Option(
        metavar="[ADDRESS]",
        help="Run as Ray tasks: of a cluster (auto, HOST:PORT, ray://...), or of this machine.",
    ),
]


def bulk(
    source: In,
    target: Out,
    model: Model = DEFAULT_MODEL,
    workers: Workers = None,
    ray: Ray = None,
    precision: Precision = "auto",
    flip: Flip = True,
    smooth: Smooth = SMOOTH,
    bones: Bones = None,
    height: Height = None,
    root: Root = False,
    floor: FloorFrom = "none",
    world: World = False,
    focal: Focal = None,
    fov: Fov = None,
    skeleton: SkeletonName = None,
    size: Size = None,
    fps: Fps = None,
    detector: DetectorName = "movenet",
    detect_every: DetectEvery = None,
    quiet: Quiet = False,
) -> None:
    """Lift a folder of shards, of any size, on all cores or a cluster.

    What is done is not done again; what fails three times is named, and the rest goes on.
    """
    from poselift.bulk import Work, lift_all
    from poselift.motion import Lens, Options, Smoothing

    lens = Lens(focal, fov)
    motion = Options(Smoothing.parse(smooth), bones, height, root, floor, world, lens)
    say_focal_assumed(motion)
    work = Work.of(
        ready(model),
        precision=precision,
        flip=flip,
        motion=motion,
        skeleton=skeleton,
        image_size=parse_size(size),
        fps=fps,
        detector=detector,
        every=detect_every,
    )
    with shown(quiet) as progress:
        summary = lift_all(source, target, work, workers=workers, ray=ray, progress=progress)
    say(summary, quiet)
    if summary.failures:
        raise typer.Exit(SOME_FAILED)
