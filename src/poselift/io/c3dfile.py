"""C3D, the file of markers of motion capture labs: millimetres, one person; needs ezc3d.

Joints are points of POINT; a missing joint is a missing point (residual -1). X_SCREEN and Y_SCREEN
say where the axes point to, and the group POSELIFT says the rest: AXES, PERSON, MODEL,
WEIGHTS_SHA256, SOFTWARE and HISTORY. Frames are numbered as in the source, from 1.
"""

from __future__ import annotations

import importlib.util
import io
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError, how_to_install
from poselift.files import scratch_folder
from poselift.io.arrays import Sink
from poselift.io.axes import DIRECTIONS, Axes
from poselift.io.timeline import timeline
from poselift.poses import Person

#: Frame numbers of C3D are 16 bits wide.
MAX_FRAMES = 65535

#: Texts of C3D have a length of one byte, lists of them too; some readers stop at 127.
_TEXT = 127

#: What of our axes points right and up on a screen.
_SCREEN: dict[Axes, tuple[str, str]] = {
    "camera": ("+X", "-Y"),
    "y-up": ("+X", "+Y"),
    "z-up": ("+X", "+Z"),
}


def write_c3d(person: Person, meta: dict[str, Any], stream: Sink, axes: Axes) -> tuple[str, ...]:
    """Write a person as C3D; return what had to be decided (see `timeline`).

    Raises `PoseliftError` if ezc3d is not installed, if the frames are more than C3D can count,
    or if there is nothing to write.
    """
    try:
        import ezc3d
    except ImportError:
        raise PoseliftError(f"writing .c3d needs ezc3d: {how_to_install('c3d')}") from None
    sequence = person.poses_3d
    line = timeline(sequence, axes)
    last = line.first + len(line)
    if last > MAX_FRAMES:
        raise PoseliftError(
            f"person {sequence.person_id}: a C3D file counts {MAX_FRAMES} frames, this would "
            f"reach frame {last}; write .trc, .csv or .parquet"
        )
    points = np.ones((4, len(sequence.skeleton), len(line)))
    points[:3] = 1000.0 * line.positions.transpose(2, 1, 0)
    file = ezc3d.c3d()
    file["header"]["points"]["first_frame"] = line.first
    known = file["parameters"]["POINT"]
    known["RATE"]["value"] = [line.fps]
    known["LABELS"]["value"] = list(sequence.skeleton.joints)
    known["UNITS"]["value"] = ["mm"]
    file["data"]["points"] = points
    right, up = _SCREEN[axes]
    file.add_parameter("POINT", "X_SCREEN", [right])
    file.add_parameter("POINT", "Y_SCREEN", [up])
    x, y, z = DIRECTIONS[axes]
    history = [*person.poses_2d.history, *sequence.history, *line.notes]
    for name, texts in (
        ("AXES", [f"{axes}: x {x}, y {y}, z {z}"]),
        ("PERSON", [str(sequence.person_id)]),
        ("MODEL", [str(meta.get("model"))]),
        ("WEIGHTS_SHA256", [str(meta.get("weights_sha256"))]),
        ("SOFTWARE", [str(meta.get("software"))]),
        ("HISTORY", list(dict.fromkeys(history))[:255]),
    ):
        if texts:
            file.add_parameter("POSELIFT", name, [_plain(text) for text in texts])
    stream.write(_content(file, 16 * len(sequence.skeleton) * len(line)))
    return line.notes


def _plain(text: str) -> str:
    """Return a text as C3D can hold it: ASCII, and not long."""
    return text.encode("ascii", "replace").decode()[:_TEXT]


def _content(file: Any, least: int) -> bytes:
    """Let ezc3d write to a folder of its own, as it takes no open file, and return the bytes.

    It does not notice a full disk, so a file of fewer than `least` bytes is refused.
    """
    with scratch_folder() as folder:
        place = folder / "poses.c3d"
        file.write(str(place))
        data = place.read_bytes() if place.exists() else b""
    if len(data) < least:
        raise PoseliftError(f"a C3D file cannot be prepared in {folder}: the disk may be full")
    return data


@dataclass(frozen=True)
class Points:
    """Points of a C3D file.

    labels  their names.
    points  (T, M, 3) metres; missing is NaN.
    axes    the axes that X_SCREEN and Y_SCREEN say, or z up, as laboratories have it.
    sure    whether they say what is up.
    fps     frames a second.
    first   number of the first frame, from 0.
    person  number of the person, where we wrote it; else 0.
    notes   what was decided while reading, after the history that we wrote.
    """

    labels: tuple[str, ...]
    points: Float[np.ndarray, "T M 3"]
    axes: Axes
    sure: bool
    fps: float
    first: int
    person: int
    notes: tuple[str, ...]


# ezc3d, in C++, may crash or never end on a damaged file: it reads in a process of its own.
_READ = """
import sys
import numpy as np
try:
    import resource
    most = 2 * 2**30 + 30 * int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    seconds = int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
except ImportError:
    pass
import ezc3d
try:
    file = ezc3d.c3d(sys.argv[1])
    known = file["parameters"]["POINT"]
    def text(name, other):
        return str((known.get(name, {}).get("value") or [other])[0]).strip()
    np.savez(
        sys.stdout.buffer,
        labels=np.array([str(one).strip() for one in known["LABELS"]["value"]], dtype=np.str_),
        facts=np.array([text("UNITS", "mm"), text("X_SCREEN", ""), text("Y_SCREEN", "")]),
        rate=float(known["RATE"]["value"][0]),
        first=int(file["header"]["points"]["first_frame"]),
        ours=np.array(
            [str(one) for name in ("PERSON", "HISTORY")
             for one in file["parameters"].get("POSELIFT", {}).get(name, {}).get("value", [])],
            dtype=np.str_,
        ),
        points=np.array(file["data"]["points"][:3], np.float64).transpose(2, 1, 0),
    )
except BaseException as error:
    sys.exit(str(error)[:200] or type(error).__name__)
"""

# Seconds of a processor that a file may take, and more for each MB; on a busy machine that is far
# less than what the clock on the wall shows, which only counts where there is no such limit.
_PATIENCE, _PER_MB, _BUSY = 4.0, 1.0, 10.0


def _read_apart(path: Path) -> Mapping[str, np.ndarray]:
    """Let ezc3d read a file in a child; `PoseliftError` if that fails, dies or does not end."""
    size = path.stat().st_size
    seconds = _PATIENCE + _PER_MB * size / 1e6
    command = [sys.executable, "-c", _READ, str(path.resolve()), str(size), str(round(seconds))]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_BUSY * seconds)
        if done.returncode == 0:
            with np.load(io.BytesIO(done.stdout), allow_pickle=False) as arrays:
                return dict(arrays)
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = "ezc3d died of it, or did not come to its end"
        reason = said[-1][:200] if said and done.returncode == 1 else reason
    except subprocess.TimeoutExpired:
        reason = "ezc3d does not come to its end"
    raise PoseliftError(f"{path}: is a damaged C3D file ({reason})")


def read_c3d(path: Path) -> Points:
    """Read the points of a C3D file.

    Raises `PoseliftError` if ezc3d is not installed, and for a file that is damaged, has no points,
    or whose header announces more points than the file can hold.
    """
    if importlib.util.find_spec("ezc3d") is None:
        raise PoseliftError(f"reading .c3d needs ezc3d: {how_to_install('c3d')}")
    with path.open("rb") as stream:
        header = stream.read(24)
    points = int.from_bytes(header[2:4], "little")
    frames = int.from_bytes(header[8:10], "little") - int.from_bytes(header[6:8], "little") + 1
    if points * max(frames, 0) * 8 > path.stat().st_size:
        raise PoseliftError(f"{path}: is cut off, its header announces {frames} frames")
    found = _read_apart(path)
    labels, values = tuple(map(str, found["labels"])), found["points"]
    unit, screen = str(found["facts"][0]).lower(), tuple(map(str, found["facts"][1:]))
    rate, first = float(found["rate"]), int(found["first"])
    scale = {"m": 1.0, "cm": 0.01, "mm": 0.001}.get(unit)
    if scale is None or not rate > 0:
        raise PoseliftError(f"{path}: expected points in m, cm or mm at a rate above 0, got {unit}")
    if not len(labels) or values.shape[1] < len(labels) or len(set(labels)) < len(labels):
        raise PoseliftError(
            f"{path}: expected a label of its own for each of {values.shape[1]} points"
        )
    said = next((axes for axes, pair in _SCREEN.items() if pair == screen), None)
    up: Axes = "y-up" if screen[1] == "+Y" else "z-up"
    number, *past = map(str, found["ours"]) if len(found["ours"]) else ("0",)
    notes = (*past, *(() if said else (f"axes: taken as {up}",)))
    person = int(number) if number.isdecimal() else 0
    bad = ~np.isfinite(values).all(axis=2)
    values[bad] = np.nan
    points_m = values[:, : len(labels)] * scale
    sure = said is not None or screen[1] in ("+Y", "+Z")
    return Points(labels, points_m, said or up, sure, rate, first, person, notes)
