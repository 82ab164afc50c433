"""Output paths, checked before any work is done."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from poselift.errors import PoseliftError


def check_outputs(paths: Sequence[Path], kinds: Mapping[str, str], *, source: Path | None) -> None:
    """Refuse outputs that could not be written at the end, or would hurt something.

    kinds   what can be written, by suffix (with the dot, lower case).
    source  the input, which no output may replace or, if it is a folder, be added to.

    Raises `PoseliftError` for an unknown suffix, a path given twice, the input itself, a folder,
    or a place where no file can be made. Writes nothing.
    """
    from poselift.io.registry import suffix_of

    seen: set[Path] = set()
    for path in paths:
        suffix_of(path, kinds)
        place = path.resolve()
        if place in seen:
            raise PoseliftError(f"{path}: is given as output twice")
        seen.add(place)
        if source is not None and place == source.resolve():
            raise PoseliftError(f"{path}: is the input, choose another output")
        inside = source is not None and source.is_dir() and place.parent == source.resolve()
        if inside and path.suffix.lower() == ".json":
            raise PoseliftError(
                f"{path}: lies in the input folder and would be read as one of its frames the "
                "next time, choose another place"
            )
        if path.is_dir():
            raise PoseliftError(f"{path}: cannot write a file here, it is a folder")
        folder = path.absolute().parent
        while not folder.exists():
            folder = folder.parent
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise PoseliftError(f"{path}: cannot be written ({error.strerror})") from None


def checked_outputs(
    outputs: list[Path] | None, source: Path, axes: str | None, scale: float | None
) -> list[Path]:
    """Return the outputs of a lift, checked before any work is done; what is live needs none.

    axes, scale  as in `save`.

    Raises a usage error if there is none, and `PoseliftError` as `check_outputs` does, for axes
    that an output cannot have, an overlay of what is no video, and a scale that fits none.
    """
    from poselift.cli.videos import film, is_live
    from poselift.io.registry import check_axes_of, kinds, writers

    if not outputs and not is_live(source):
        raise typer.BadParameter("is missing", param_hint="'-o' / '--output'")
    outputs = outputs or []
    check_outputs(outputs, kinds(writers()), source=source)
    check_axes_of(outputs, writers(), axes)
    overlay = next((path for path in outputs if path.suffix.lower() == ".mp4"), None)
    if overlay is None and scale is not None:
        raise PoseliftError("--overlay-scale is for an .mp4 output, leave it out")
    if overlay is not None and is_live(source):
        raise PoseliftError(f"{overlay}: an overlay needs the video again, which {source} is not")
    if overlay is not None and source.exists() and film(source) is None:
        raise PoseliftError(f"{overlay}: an overlay is drawn on a video, and {source} is none")
    if scale is not None and not 0 < scale <= 4:
        raise PoseliftError(f"expected --overlay-scale between 0 and 4, got {scale:g}")
    return outputs
