"""`-` and pipes: what comes through standard input, and JSON through standard output."""

from __future__ import annotations

import atexit
import shutil
import sys
from contextlib import ExitStack, nullcontext
from pathlib import Path

from poselift.errors import PoseliftError
from poselift.files import scratch_folder

#: What stands for standard input or output.
DASH = Path("-")

# Folders of what comes and goes through pipes; removed when the process ends.
_KEPT = ExitStack()
atexit.register(_KEPT.close)

# What those of them are called in messages.
_NAMES: dict[str, str] = {}

# Files of which the content goes to standard output.
_DEPARTING: list[Path] = []


def arrived(source: Path) -> Path:
    """Return a path that can be read twice: what comes through a pipe is kept in a file first."""
    if source != DASH and not source.is_fifo():
        return source
    from poselift.detection.video import begins_as_video

    arriving = _KEPT.enter_context(scratch_folder()) / "arriving"
    with (
        nullcontext(sys.stdin.buffer) if source == DASH else source.open("rb") as stream,
        arriving.open("wb") as kept,
    ):
        start = stream.read(64)
        kept.write(start)
        shutil.copyfileobj(stream, kept)
    if not start.strip() and arriving.stat().st_size < 64:
        raise PoseliftError(f"{source}: nothing came through it")
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")[:2]
    suffix = ".npz" if text == b"PK" else ".json" if text[:1] in (b"{", b"[") else ".csv"
    if start[0] < 9 and start[1:2] == b"\x50":
        suffix = ".c3d"
    elif begins_as_video(start):
        suffix = ""
    kept_as = arriving.rename(arriving.with_name(f"stdin{suffix}"))
    _NAMES[str(kept_as)] = str(source)
    return kept_as


def departing(outputs: list[Path] | None) -> list[Path] | None:
    """Return paths that can be written; the file that stands for `-` goes out by `deliver`."""
    if not outputs or DASH not in outputs:
        return outputs
    _DEPARTING.append(_KEPT.enter_context(scratch_folder()) / "stdout.json")
    _NAMES[str(_DEPARTING[-1])] = str(DASH)
    return [_DEPARTING[-1] if path == DASH else path for path in outputs]


def as_given(sentence: str) -> str:
    """Return a sentence with the files that stand for pipes called as the user did."""
    for path, name in _NAMES.items():
        sentence = sentence.replace(path, name)
    return sentence


def is_piped() -> bool:
    """Tell whether standard output is for results, so that words belong elsewhere."""
    return bool(_DEPARTING)


def deliver() -> None:
    """Write to standard output what a command that has succeeded wrote for `-`."""
    while _DEPARTING:
        with _DEPARTING.pop().open("rb") as stream:
            shutil.copyfileobj(stream, sys.stdout.buffer)
