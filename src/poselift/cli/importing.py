"""`poselift import`: a checkpoint of an official research code as a run folder like any other."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from poselift.cli.saying import say
from poselift.errors import PoseliftError

_Skeleton = Annotated[str | None, typer.Option(help="hrnet: joints; default coco_17.")]
_Size = Annotated[
    str | None,
    typer.Option(
        metavar="HEIGHT,WIDTH", help="hrnet: of crops; default as the file's name says, or 256,192."
    ),
]


def import_checkpoint(
    kind: str = typer.Argument(
        help="Official code: osvai-gridconv, posegraphnet, semgcn, videopose3d, martinez, stgcn, "
        "hrnet."
    ),
    file: Path = typer.Argument(help="Its checkpoint: .pth.tar, .pth, .pt or .bin."),
    output: Path = typer.Option(
        ..., "-o", "--output", metavar="FOLDER", help="Run folder to make."
    ),
    temperature: float | None = typer.Option(
        None, "--temperature", help="osvai-gridconv: of the attention; default 30."
    ),
    paddings: str | None = typer.Option(
        None,
        "--paddings",
        metavar="FIRST,SECOND",
        help="osvai-gridconv: of the two branches; default circular,zero for files called "
        "hrnet..., circular,replicate for gt..., else the network's own.",
    ),
    grid: str | None = typer.Option(
        None, "--grid", metavar="ROWS,COLUMNS", help="osvai-gridconv: default 5,5."
    ),
    normalisation: str | None = typer.Option(
        None,
        "--normalisation",
        help="Of the 2D input; default gridconv for osvai-gridconv, screen for the others.",
    ),
    skeleton: _Skeleton = None,
    size: _Size = None,
) -> None:
    """Make a run folder of an official checkpoint.

    Nothing in the file is run. What it does not hold is taken as in the official training, unless
    an option says otherwise, and printed.
    """
    from poselift.cli.outputs import check_outputs
    from poselift.modelfiles.find import RUN_MODEL

    if output.is_file() or (output.is_dir() and any(output.iterdir())):
        raise PoseliftError(f"{output}: exists and is not empty, choose another -o")
    check_outputs([output / RUN_MODEL], {".onnx": "ONNX model"}, source=None)
    branches, cells = _pair("--paddings", paddings), _numbers("--grid", "ROWS,COLUMNS (7,4)", grid)
    crop = _numbers("--size", "HEIGHT,WIDTH (256,192)", size)

    from poselift.models.official.imports import import_official

    network, card = import_official(
        file,
        kind,
        temperature=temperature,
        paddings=branches,
        grid=cells,
        normalisation=normalisation,
        skeleton=skeleton,
        size=crop,
    )
    _write_run(network, {"name": output.resolve().name, **card}, output)
    for line in _summary(output, card):
        say(line)


def _pair(flag: str, text: str | None) -> tuple[str, str] | None:
    """Split FIRST,SECOND; `PoseliftError` if it is not two."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2:
        raise PoseliftError(f"expected {flag} as two values with a comma between, got {text!r}")
    return parts[0], parts[1]


def _numbers(flag: str, words: str, text: str | None) -> tuple[int, int] | None:
    """Split two whole numbers; `PoseliftError` if they are not."""
    pair = _pair(flag, text)
    if pair is None:
        return None
    if not all(re.fullmatch(r"[1-9]\d{0,3}", number) for number in pair):
        raise PoseliftError(f"expected {flag} as {words}, got {text!r}")
    return int(pair[0]), int(pair[1])


def _write_run(network: Any, card: Mapping[str, Any], output: Path) -> None:
    """Write a run folder of a torch network, with its export; all of it appears, or nothing.

    Raises `PoseliftError` if the place cannot be written, or as `export_onnx` does.
    """
    from poselift.export import export_run
    from poselift.files import scratch_folder
    from poselift.models import save_model

    target = output.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = scratch_folder(target.parent, f".{target.name}")
        with scratch as temporary, warnings.catch_warnings():
            # said once, in the card's notes
            warnings.filterwarnings("ignore", message="no grid node holds joint")
            made = temporary / target.name
            save_model(made, network, card)
            export_run(made)
            if target.is_dir():
                target.rmdir()
            made.rename(target)
    except OSError as error:
        raise PoseliftError(f"{output}: cannot be written ({error.strerror})") from None


def _summary(output: Path, card: Mapping[str, Any]) -> list[str]:
    """Say what was written, from where, and what was taken for granted."""
    source = card["source"]
    lines = [
        f"wrote {output}: {card['architecture']}, {card['data']}, "
        f"from {source['file']} of {source['project']} ({source['licence']})"
    ]
    if card["assumed"]:
        values = (f"{name} {_words(value)}" for name, value in card["assumed"].items())
        lines.append(f"not in the file, taken as in the official training: {', '.join(values)}")
    return lines + [f"note: {note}" for note in card["notes"]]


def _words(value: object) -> str:
    """Return a setting as it would be typed."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
