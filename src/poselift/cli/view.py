"""`poselift view`: look at results, keypoints or motion in a browser."""

from __future__ import annotations

import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poselift.cli.inputs import (
    FormatName,
    Fps,
    Normalised,
    Person,
    Quiet,
    Size,
    SkeletonName,
    parse_size,
)
from poselift.cli.people import choose, refuse_video, say_linked, say_warnings
from poselift.cli.pipes import arrived
from poselift.cli.saying import say

if TYPE_CHECKING:
    from poselift.poses import PoseSequence, Results

Source = Annotated[
    Path,
    typer.Argument(
        metavar="INPUT", callback=arrived, help="Results, keypoints or motion: a file, or a folder."
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", help="Write the page here instead of opening it."),
]
Video = Annotated[
    Path | None, typer.Option(metavar="FILE", help="What was filmed, to play in step with it.")
]


def view(
    source: Source,
    output: Output = None,
    video: Video = None,
    format_name: FormatName = "auto",
    skeleton: SkeletonName = None,
    size: Size = None,
    fps: Fps = None,
    normalised: Normalised = False,
    person: Person = "all",
    quiet: Quiet = False,
) -> None:
    """Look at results, keypoints or motion: a page that plays them, opened in the browser."""
    from poselift.cli.outputs import check_outputs
    from poselift.errors import PoseliftError
    from poselift.io import load, save
    from poselift.io.registry import kinds, writers
    from poselift.poses import Detections
    from poselift.viewer.film import PLAYED, kind_of

    image_size = parse_size(size)
    refuse_video(source, f"lift it first: poselift lift {source} -o x.html")
    if video is not None and kind_of(video) is None:
        raise PoseliftError(f"{video}: expected a video that browsers play: {PLAYED}")
    if output is not None:
        pages = {end: entry for end, entry in writers().items() if entry.name == "html"}
        check_outputs([output], kinds(pages), source=source)
    found = load(
        source,
        format=format_name,
        skeleton=skeleton,
        image_size=image_size,
        fps=fps,
        normalised=normalised,
    )
    say_warnings(
        [found.notes]
        if isinstance(found, Detections)
        else [one.poses_3d.history for one in found.people]
    )
    shown = _of(found, person, source)
    page = output or Path(tempfile.mkdtemp(prefix="poselift-")) / f"{source.stem or 'clip'}.html"
    save(shown, page, title=source.stem, video=video)
    say_linked([output] if output else [], video)
    opened = output is None and webbrowser.open(page.as_uri())
    if not quiet or (output is None and not opened):
        say(f"{'opened' if opened else 'wrote'} {page}")


def _of(found: object, person: str, source: Path) -> Results | tuple[PoseSequence, ...]:
    """Select persons of what was read; keypoints are followed over time first."""
    from dataclasses import replace

    from poselift.poses import Detections, Results
    from poselift.tracking import people_of

    if isinstance(found, Detections):
        return choose(people_of(found), person, source)
    assert isinstance(found, Results)
    chosen = {id(one) for one in choose([p.poses_3d for p in found.people], person, source)}
    return replace(found, people=tuple(p for p in found.people if id(p.poses_3d) in chosen))
