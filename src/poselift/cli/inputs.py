"""The options that say what to read, the same for every command that reads 2D keypoints."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poselift.cli.pipes import arrived
from poselift.errors import PoseliftError

if TYPE_CHECKING:
    pass

Source = Annotated[
    Path,
    typer.Argument(
        metavar="INPUT",
        callback=arrived,
        help="2D keypoints (a file, a folder of frames) or a video.",
    ),
]
FormatName = Annotated[
    str, typer.Option("--format", metavar="NAME", help="Format of INPUT (`poselift formats`).")
]


def joints_of(text: str | None) -> str | None:
    """Return what names a joint set: a name as it is, of a model's or data's folder its joints."""
    from poselift.skeletons import skeleton_names

    if text is None or text in skeleton_names() or not Path(text).exists():
        return text
    from poselift.datasets.own import FILE, read_description
    from poselift.modelfiles.card import parse_card
    from poselift.modelfiles.find import find_model
    from poselift.modelfiles.onnxfile import card_text
    from poselift.skeletons import skeleton_text

    place = Path(text)
    if place.name == FILE or (place / FILE).is_file():
        return skeleton_text(read_description(place.parent if place.is_file() else place).skeleton)
    return skeleton_text(parse_card(card_text(find_model(text).data, text), text).skeleton)


SkeletonName = Annotated[
    str | None,
    typer.Option(
        "--skeleton",
        metavar="NAME",
        callback=joints_of,
        help="Joint set of INPUT, where it is left open; also the folder of a model.",
    ),
]
Size = Annotated[
    str | None,
    typer.Option("--size", metavar="WIDTHxHEIGHT", help="Picture size in pixels: 1920x1080."),
]


#: Frames a second that cameras have, from time lapses to ballistics.
_SLOWEST, _FASTEST = 1e-4, 1e6


def parse_fps(text: str) -> float:
    """Read frames a second: 25, 29.97, 29,97 or 30000/1001; `PoseliftError` for anything else."""
    match = re.fullmatch(r"(\d+(?:[.,]\d+)?)(?:/(\d+(?:[.,]\d+)?))?", str(text).strip())
    parts = [float(part.replace(",", ".")) for part in match.groups("1")] if match else [0.0, 1.0]
    if not parts[1] or not _SLOWEST <= parts[0] / parts[1] <= _FASTEST:
        raise PoseliftError(
            f"expected --fps above 0 as 30, 29.97 or 30000/1001, of {_SLOWEST:g} to {_FASTEST:g} "
            f"frames a second, got {text!r}"
        )
    return parts[0] / parts[1]


Fps = Annotated[
    float | None,
    typer.Option("--fps", parser=parse_fps, metavar="RATE", help="Frames a second of INPUT."),
]
Normalised = Annotated[
    bool,
    typer.Option("--normalised", help="Coordinates of INPUT are 0..1 of the picture (--size)."),
]
Person = Annotated[
    str,
    typer.Option(
        metavar="all|main|ID|X,Y",
        help="Whom to take; main is the most prominent, X,Y the one at that pixel.",
    ),
]
Axes = Annotated[
    str | None,
    typer.Option(
        "--axes",
        metavar="camera|y-up|z-up",
        help="Axes of the 3D poses written; default: what users of the format expect.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but warnings and errors.")]


# No picture has a side of a million pixels.
_DIGITS = 6


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Read WIDTHxHEIGHT as (width, height) in pixels; `PoseliftError` for anything else."""
    if text is None:
        return None
    match = re.fullmatch(r"([1-9]\d*)[xX×]([1-9]\d*)", text.strip())
    if match is None or max(len(match[1]), len(match[2])) > _DIGITS:
        raise PoseliftError(f"expected --size as WIDTHxHEIGHT in pixels (1920x1080), got {text!r}")
    return int(match[1]), int(match[2])


def refuse_twice(flag: str, values: list[str]) -> None:
    """Refuse an option that is given the same value again."""
    twice = next((value for value in values if values.count(value) > 1), None)
    if twice is not None:
        raise PoseliftError(f"{flag} {twice} is given twice")
