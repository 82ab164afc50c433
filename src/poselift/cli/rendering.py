"""`poselift data render`: pictures of people in motion, stored with the truth about them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poselift.cli.inputs import Quiet
from poselift.cli.running import Seed
from poselift.cli.saying import say

_Root = Annotated[Path, typer.Option("--root", help="Folder of cmu17's files.")]
_Output = Annotated[
    Path, typer.Option("-o", "--output", metavar="FOLDER", help="New folder for the pictures.")
]
_Count = Annotated[int, typer.Option("--count", min=1, help="How many pictures.")]
_Split = Annotated[str, typer.Option("--split", help="Whose subjects: train, val or test.")]
_Size = Annotated[int, typer.Option("--size", help="Side of a picture in pixels, 64 to 512.")]
_More = Annotated[
    Path | None,
    typer.Option("--more", help="Folder of cmu_more, further motions for split train."),
]
_Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes that draw.")]


def render(
    root: _Root,
    output: _Output,
    count: _Count = 100,
    split: _Split = "train",
    size: _Size = 128,
    seed: Seed = 0,
    more: _More = None,
    workers: _Workers = 1,
    quiet: Quiet = False,
) -> None:
    """Store pictures of cmu17-rendered: dressed bodies in the poses of cmu17, with their joints.

    The same options give the same pictures, whatever the number of workers. manifest.json in the
    folder has the keypoints, the 3D poses and the cameras.
    """
    import time

    from poselift.cli.progress import counting
    from poselift.datasets.rendered import load_rendered
    from poselift.datasets.rendered_files import store_rendered

    pictures = load_rendered(root, split, size, seed, count, more)
    started = time.perf_counter()
    with counting("drawing", count, "pictures", quiet) as advance:
        manifest = store_rendered(
            pictures, output, workers, None if advance is None else lambda *_: advance(1)
        )
    if not quiet:
        speed = 60 * count / (time.perf_counter() - started)
        say(f"wrote {manifest}: {count} pictures, {speed:.0f} a minute")
