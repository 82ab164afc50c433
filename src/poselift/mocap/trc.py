"""TRC: marker positions over time, as OpenSim, Pose2Sim and motion capture systems write them.

Five tab-separated header lines (file type; names of the header fields; their values; marker
names, each over three columns; X1 Y1 Z1 ...), then one row a frame: frame number, time, x y z of
each marker. Empty or `nan` coordinates are missing.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from poselift.errors import PoseliftError, quoted
from poselift.mocap.textfile import LARGEST, check_frames, lines_of

_METRES = {
    "m": 1.0,
    "meters": 1.0,
    "cm": 0.01,
    "centimeters": 0.01,
    "mm": 0.001,
    "millimeters": 0.001,
}
_HEADER_LINES = 5

#: Numbers of a table that are in memory as Python's at a time.
_CELLS = 1 << 14


@dataclass(frozen=True, eq=False)
class MarkerTrack:
    """Markers of a TRC file.

    markers    their names.
    positions  (T, M, 3) metres, in the axes of the file (commonly Y up); missing is NaN.
    frames     (T,) frame numbers as in the file (commonly from 1).
    times      (T,) seconds.
    fps        the field DataRate.
    notes      what was doubtful while reading, a sentence each.
    """

    markers: tuple[str, ...]
    positions: Float[np.ndarray, "T M 3"]
    frames: Int[np.ndarray, " T"]
    times: Float[np.ndarray, " T"]
    fps: float
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of frames T."""
        return int(self.positions.shape[0])

    def index(self, marker: str) -> int:
        """Return the index of a marker; `PoseliftError` if there is none of that name."""
        try:
            return self.markers.index(marker)
        except ValueError:
            raise PoseliftError(
                f"there is no marker {marker!r}, expected one of {', '.join(self.markers)}"
            ) from None


def read_trc(path: str | os.PathLike[str]) -> MarkerTrack:
    """Read a TRC file; units m, cm or mm become metres.

    Raises `PoseliftError` naming file and line if the file is missing or is no TRC, if header and
    table disagree about markers, if a row has too few or too many values, or if one is
    not a number.
    """
    name = Path(path)
    lines, rest, ends = _read_lines(name)
    # the fields that are needed come before any that may be left out (some writers give no value
    # for OrigDataStartFrame)
    fields = dict(zip(lines[1].split(), lines[2].split(), strict=False))
    for key in ("DataRate", "NumFrames", "NumMarkers", "Units"):
        if key not in fields:
            raise PoseliftError(f"{name}, line 2: the TRC header has no {key}")
    scale = _METRES.get(fields["Units"].lower())
    if scale is None:
        raise PoseliftError(
            f"{name}, line 3: unknown unit {fields['Units']!r}, expected m, cm or mm"
        )
    markers = _marker_names(name, lines[3], _whole(name, fields, "NumMarkers"))
    rows = (
        _row(f"{name}, line {number}", line, markers)
        for number, line in enumerate(rest, _HEADER_LINES + 1)
        if line.strip()
    )
    blocks = [np.empty((0, 2 + 3 * len(markers)))]
    while block := list(islice(rows, max(1, _CELLS // (2 + 3 * len(markers))))):
        blocks.append(np.array(block, dtype=np.float64))
    table = np.concatenate(blocks)
    del blocks  # as large as the table
    notes = check_frames(name, _whole(name, fields, "NumFrames"), len(table), ends)
    return MarkerTrack(
        markers,
        table[:, 2:].reshape(len(table), len(markers), 3) * scale,
        table[:, 0].astype(np.int64),
        table[:, 1].copy(),
        _rate(name, fields),
        notes,
    )


def _read_lines(name: Path) -> tuple[list[str], Iterator[str], bool]:
    """Return the header's lines of a file that begins as a TRC does, the others, if it ends."""
    try:
        with name.open("rb") as stream:
            start = stream.read(15)
            if not start.removeprefix(b"\xef\xbb\xbf").startswith(b"PathFileType"):
                raise PoseliftError(f"{name}: expected a TRC file, which begins with PathFileType")
            text = (start + stream.read()).decode("utf-8-sig")
    except FileNotFoundError:
        raise PoseliftError(f"{name}: no such file") from None
    except UnicodeDecodeError:
        raise PoseliftError(f"{name}: expected text in UTF-8") from None
    except OSError as error:
        raise PoseliftError(f"{name}: cannot be read ({error.strerror})") from error
    lines = lines_of(text)
    head = list(islice(lines, _HEADER_LINES))
    if len(head) < _HEADER_LINES:
        raise PoseliftError(f"{name}: the TRC header is cut short")
    return head, lines, text.endswith(("\n", "\r"))


def _whole(name: Path, fields: dict[str, str], key: str) -> int:
    if not fields[key].isdecimal() or len(fields[key]) > 15:
        found = quoted(fields[key])
        raise PoseliftError(f"{name}, line 3: expected a number as {key}, got {found}")
    return int(fields[key])


def _rate(name: Path, fields: dict[str, str]) -> float:
    try:
        rate = float(fields["DataRate"])
    except ValueError:
        rate = np.nan
    if not (np.isfinite(rate) and rate > 0):
        raise PoseliftError(
            f"{name}, line 3: expected a DataRate above 0, got {fields['DataRate']!r}"
        )
    return rate


def _marker_names(name: Path, line: str, declared: int) -> tuple[str, ...]:
    """Return the names of line 4, which stand over every third column."""
    words = [word.strip() for word in line.rstrip().split("\t")]
    if [word.lower() for word in words[:2]] != ["frame#", "time"]:
        raise PoseliftError(f"{name}, line 4: expected Frame# and Time, got {line.strip()[:40]!r}")
    names = tuple(word for word in words[2:] if word)
    if len(names) != declared:
        raise PoseliftError(
            f"{name}, line 4: expected {declared} markers as NumMarkers says, found {len(names)}"
        )
    repeated, times = Counter(names).most_common(1)[0] if names else ("", 0)
    if times > 1:
        raise PoseliftError(f"{name}, line 4: marker {repeated!r} occurs twice")
    return names


def _row(where: str, line: str, markers: tuple[str, ...]) -> list[float]:
    """Return frame number, time and coordinates of a line; a marker is there or missing whole."""
    words = [word.strip() for word in line.rstrip("\r\n").split("\t")]
    width = 2 + 3 * len(markers)
    while len(words) > width and not words[-1]:
        words.pop()
    if len(words) != width:
        raise PoseliftError(f"{where}: expected {width} tab-separated values, got {len(words)}")
    values = []
    for column, word in enumerate(words):
        try:
            values.append(float(word) if word or column < 2 else np.nan)
        except ValueError:
            what = markers[(column - 2) // 3] if column > 1 else ("Frame#", "Time")[column]
            raise PoseliftError(f"{where}, {what}: expected a number, got {word[:40]!r}") from None
    if not (np.isfinite(values[:2]).all() and values[0] % 1 == 0 and abs(values[0]) < 2**53):
        raise PoseliftError(
            f"{where}: expected a frame number and a time, got {values[0]:g} and {values[1]:g}"
        )
    points = np.reshape(values[2:], (-1, 3))
    missing = np.isnan(points).sum(axis=1)
    wrong = np.flatnonzero((np.abs(points) > LARGEST).any(axis=1) | (missing % 3 > 0))
    if len(wrong):
        raise PoseliftError(
            f"{where}, {markers[wrong[0]]}: expected three finite coordinates or none"
        )
    return values
