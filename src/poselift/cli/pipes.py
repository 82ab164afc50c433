"""`-` and pipes: what comes through standard input, and JSON through standard output."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from poselift.errors import PoseliftError

#: What stands for standard input or output.
DASH = Path("-")

# Folder of what has come through pipes; removed when the process ends.
_KEPT: list[tempfile.TemporaryDirectory[str]] = []

# Files of which the content goes to standard output.
_DEPARTING: list[Path] = []


def arrived(source: Path) -> Path:
    """Return a path that can be read twice: what comes through a pipe is kept in a file first."""
    if source != DASH and not source.is_fifo():
        return source
    data = sys.stdin.buffer.read() if source == DASH else source.read_bytes()
    if not data.strip():
        raise PoseliftError(f"{source}: nothing came through it")
    _KEPT.append(tempfile.TemporaryDirectory(prefix="poselift-"))
    start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:2]
    suffix = ".npz" if start == b"PK" else ".json" if start[:1] in (b"{", b"[") else ".csv"
    kept = Path(_KEPT[-1].name) / f"stdin{suffix}"
    kept.write_bytes(data)
    return kept


def departing(outputs: list[Path] | None) -> list[Path] | None:
    """Return paths that can be written; the file that stands for `-` goes out by `deliver`."""
    if not outputs or DASH not in outputs:
        return outputs
    _KEPT.append(tempfile.TemporaryDirectory(prefix="poselift-"))
    _DEPARTING.append(Path(_KEPT[-1].name) / "stdout.json")
    return [_DEPARTING[-1] if path == DASH else path for path in outputs]


def is_piped() -> bool:
    """Tell whether standard output is for results, so that words belong elsewhere."""
    return bool(_DEPARTING)


def deliver() -> None:
    """Write to standard output what a command that has succeeded wrote for `-`."""
    while _DEPARTING:
        sys.stdout.buffer.write(_DEPARTING.pop().read_bytes())
