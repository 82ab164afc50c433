"""The CSV tables of `csvfile`, read back: long or wide, with metres or only pixels."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from poselift.errors import PoseliftError
from poselift.io.axes import AXES, Axes, turned
from poselift.io.csvfile import FEET, PIXELS, WHO, metres
from poselift.io.facts import beside
from poselift.io.fields import MAX_NUMBER
from poselift.io.jointsets import from_joint_names
from poselift.io.peek import peek
from poselift.io.textable import check_full
from poselift.io.tracks import tracks_from
from poselift.poses import AXES_3D, AXES_WORLD, Detections, Person, PoseSequence, Results
from poselift.skeletons import Skeleton
from poselift.tracking import by_person

#: Cells that are turned into numbers at a time: their words take fifty times a number's memory.
_CELLS, _ROWS = 1 << 18, 1 << 14


def matches(path: Path) -> bool:
    """Tell whether a file is one of these tables, from its first line."""
    if path.is_dir():
        return False
    first = peek(path).data.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0]
    names = first.decode("utf-8", "replace").strip().replace('"', "").split(",")
    return tuple(names[:3]) == WHO and any(name.endswith(("_px", "_m")) for name in names)


def read_csv(path: Path, chosen: Skeleton | None = None) -> Detections | Results:
    """Read a table: 3D results if it has metres, else 2D keypoints.

    chosen  a joint set that the names of joints may be of beside the known ones.

    The frame rate is that of the times. Raises `PoseliftError` naming line and column for a table
    that is not one of these, and for values that are no numbers.
    """
    with _opened(path) as lines:
        names = next(lines, [])
        axes = next((one for one in AXES if any(metres(one)[1] in name for name in names)), None)
        column = {name: index for index, name in enumerate(names) if name != "joint"}
        wanted = [*(metres(axes) if axes else []), *PIXELS]
        extra = [*metres(axes or "camera", "root_"), *metres(axes or "camera", "root_std_"), *FEET]
        extra = [name for name in extra if name in column] if axes else []
        known = [n.removesuffix(f"_{wanted[0]}") for n in column if n.endswith(wanted[0])]
        known = [name for name in known if name not in ("root", "root_std")]
        long = "joint" in names
        body = wanted if long else [f"{one}_{name}" for one in known for name in wanted]
        table = _numbers(path, names, lines, (WHO, body, extra))
    if not len(table.keys):
        raise PoseliftError(f"{path}: no person in any frame")
    _expect(path, column, WHO)
    if long:
        _expect(path, column, body)
        skeleton, first, points = _from_long(path, table, chosen)
    else:
        skeleton = from_joint_names(known, str(path), chosen)
        _expect(path, column, body)
        first = np.arange(len(table.keys))
        points = table.body.reshape(len(table.keys), len(known), len(wanted))
    keys, beside_them = table.keys[first], table.extra[first]
    del table  # as large as the points
    values = dict(zip(extra, beside_them.T, strict=True))
    return _found(path, keys, skeleton, points, axes, values)


@contextmanager
def _opened(path: Path) -> Iterator[Iterator[list[str]]]:
    """Open a CSV as lists of words; whatever is wrong with it as text is said in one sentence."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            yield csv.reader(stream)
    except (csv.Error, UnicodeDecodeError) as error:
        raise PoseliftError(f"{path}: is damaged or no CSV in UTF-8 ({error})"[:300]) from None
    except OSError as error:
        raise PoseliftError(f"{path}: cannot be read ({error.strerror})") from None


@dataclass
class _Table:
    """The N rows of a table: only the columns that are wanted, empty as NaN.

    keys    frame, seconds, person.
    body    what is said of joints.
    extra   what is said once a frame.
    joints  (N,) index of each row's joint in `names`; (0,) if a row is a whole frame.
    names   names of joints, in the order in which they appear.
    """

    keys: Float[np.ndarray, "N K"]
    body: Float[np.ndarray, "N C"]
    extra: Float[np.ndarray, "N E"]
    joints: Int[np.ndarray, " M"]
    names: list[str]


def _numbers(
    path: Path,
    names: list[str],
    lines: Iterator[list[str]],
    wanted: tuple[Sequence[str], Sequence[str], Sequence[str]],
) -> _Table:
    """Return three groups of columns as numbers: the first as float64, the others as float32.

    All other columns but `joint` have to be numbers too. What is wanted but not there is left out.
    """
    blocks: tuple[list[np.ndarray], ...] = ([], [], [], [])
    kinds: tuple[type[np.number], ...] = (np.float64, np.float32, np.float32, np.int32)
    number = 2
    known: dict[str, int] = {}
    at = names.index("joint") if "joint" in names else None
    rest = [name for index, name in enumerate(names) if index != at]
    column = {name: index for index, name in enumerate(rest)}
    places = [[column[one] for one in group if one in column] for group in wanted]
    rows = min(_ROWS, max(1, _CELLS // max(len(names), 1)))
    while block := list(islice(lines, rows)):
        numbered = [(i, row) for i, row in enumerate(block, number) if row]
        number += len(block)
        for line, row in numbered:
            if len(row) != len(names):
                raise PoseliftError(
                    f"{path}, line {line}: expected {len(names)} values, got {len(row)}"
                )
        if at is not None:
            codes = [known.setdefault(row.pop(at), len(known)) for _, row in numbered]
            blocks[3].append(np.array(codes, np.int32))
        try:
            flat = [float(word) if word else np.nan for _, row in numbered for word in row]
        except ValueError:
            raise _no_number(path, rest, numbered) from None
        values = np.array(flat, np.float64).reshape(len(numbered), len(rest))
        if np.isinf(values).any():
            raise _no_number(path, rest, numbered)
        with np.errstate(over="ignore"):  # what overflows becomes infinite and is refused later
            for kept, columns, kind in zip(blocks, places, kinds, strict=False):
                kept.append(values[:, columns].astype(kind))
    found = []
    widths = [*((len(columns),) for columns in places), ()]
    for kept, kind, width in zip(blocks, kinds, widths, strict=True):
        found.append(np.concatenate(kept or [np.empty((0, *width), kind)]))
        kept.clear()
    return _Table(found[0], found[1], found[2], found[3], list(known))


def _no_number(
    path: Path, names: list[str], numbered: list[tuple[int, list[str]]]
) -> PoseliftError:
    """Say where the first value is that is no finite number."""
    for line, row in numbered:
        for name, word in zip(names, row, strict=True):
            try:
                bad = bool(word) and np.isinf(float(word))
            except ValueError:
                bad = True
            if bad:
                return PoseliftError(
                    f"{path}, line {line}, {name}: expected a number or nothing, got {word[:40]!r}"
                )
    return PoseliftError(f"{path}: expected numbers")


def _expect(path: Path, column: Mapping[str, int], names: Sequence[str]) -> None:
    for name in names:
        if name not in column:
            raise PoseliftError(
                f"{path}: expected a column {name!r}, found {', '.join(column)}"[:300]
            )


def _from_long(
    path: Path, table: _Table, chosen: Skeleton | None
) -> tuple[Skeleton, Int[np.ndarray, " M"], Float[np.ndarray, "M J C"]]:
    """Gather rows of single joints; return also the first row of each frame of a person."""
    keys, count = table.keys, len(table.names)
    skeleton = from_joint_names(table.names, str(path), chosen)
    order = np.lexsort((keys[:, 2], keys[:, 0]))
    fresh = np.ones(len(order), np.bool_)
    fresh[1:] = (np.diff(keys[order, 0]) != 0) | (np.diff(keys[order, 2]) != 0)
    first = order[fresh]
    check_full(path, len(keys), len(first), count)
    place = np.empty(len(order), np.int64)
    place[order] = (np.cumsum(fresh) - 1) * count
    place += table.joints
    there = np.zeros(len(first) * count, np.bool_)
    there[place] = True
    if np.count_nonzero(there) < len(place):
        row = int(np.flatnonzero(np.bincount(place)[place] > 1)[-1])
        raise PoseliftError(
            f"{path}: joint {table.names[table.joints[row]]} of person {keys[row, 2]:g} occurs "
            f"twice in frame {keys[row, 0]:g}"
        )
    points = np.full((len(first) * count, table.body.shape[1]), np.nan, np.float32)
    points[place] = table.body
    return skeleton, first, points.reshape(len(first), count, -1)


def _found(
    path: Path,
    keys: Float[np.ndarray, "N 3"],
    skeleton: Skeleton,
    points: Float[np.ndarray, "N J C"],
    axes: Axes | None,
    extra: dict[str, Float[np.ndarray, " N"]],
) -> Detections | Results:
    """Make detections, or results, of a table that is numbers by now."""
    for index, name in ((0, "frame"), (2, "person")):
        bad = ~((keys[:, index] >= 0) & (keys[:, index] < MAX_NUMBER) & (keys[:, index] % 1 == 0))
        if bad.any():
            raise PoseliftError(
                f"{path}: expected {name} as a whole number from 0 on, got {keys[bad][0, index]:g}"
            )
    order = np.lexsort((keys[:, 2], keys[:, 0]))
    frames, times, ids = keys[order, 0].astype(np.int64), keys[order, 1], keys[order, 2]
    if (np.diff(order) != 1).any():  # rows of frames in order are not copied
        points = points[order]
    fps = _rate(frames, times)
    said = beside(path)
    size = None if said is None else said.image_size
    if said is not None and said.fps is not None and (fps is not None or len(frames) == 1):
        fps = said.fps  # the times are rounded
    if axes is None:
        return Detections(
            frames=frames,
            keypoints=points[..., :2],
            scores=points[..., 2],
            person_ids=ids.astype(np.int64),
            skeleton=skeleton,
            fps=fps,
            image_size=size,
            frame_count=int(frames[-1]) + 1,
            source=str(path),
            times=times,
        )
    people = []
    for number, part in by_person(ids.astype(np.int64)).items():
        chosen = order[part]
        common = {
            "frames": frames[part],
            "times": times[part],
            "fps": fps,
            "image_size": size,
            "person_id": number,
        }
        past = ((), ()) if said is None else said.histories.get(number, ((), ()))
        tracks = _tracks({n: one[chosen] for n, one in extra.items()}, len(chosen), axes)
        try:
            people.append(_person(points[part], skeleton, axes, common, tracks, past))
        except PoseliftError as error:
            raise PoseliftError(f"{path}, person {number}: {error}") from None
    return Results(tuple(people), {} if said is None else said.meta)


def _rate(frames: Int[np.ndarray, " N"], times: Float[np.ndarray, " N"]) -> float | None:
    """Return frames a second if the times are those of a steady rate, else None."""
    span = frames[-1] - frames[0]
    if not span or not times[-1] > times[0]:
        return None
    step = (times[-1] - times[0]) / span
    steady = np.abs(times - times[0] - (frames - frames[0]) * step).max() < 0.01 * step
    return round(1 / step, 6) if steady else None


def _tracks(
    extra: dict[str, Float[np.ndarray, " T"]], count: int, axes: Axes
) -> dict[str, np.ndarray]:
    """Return the tracks of which anything is known, in the axes that sequences have."""
    columns = {
        "root": metres(axes, "root_"),
        "root_std": metres(axes, "root_std_"),
        "contacts": list(FEET),
    }
    missing = np.full(count, np.nan, np.float32)
    values = {
        name: np.stack([extra.get(one, missing) for one in ones], 1)
        for name, ones in columns.items()
    }
    return tracks_from(values, axes)


def _person(
    points: Float[np.ndarray, "T J 6"],
    skeleton: Skeleton,
    axes: Axes,
    common: dict[str, Any],
    tracks: dict[str, np.ndarray],
    past: tuple[tuple[str, ...], tuple[str, ...]],
) -> Person:
    """Make a person of metres, pixels and scores; z-up becomes y-up."""
    flat = PoseSequence.from_2d(
        points[..., 3:5], skeleton, scores=points[..., 5], history=past[0], **common
    )
    camera = axes == "camera"
    solid = PoseSequence(
        positions=turned(points[..., :3], axes, "camera" if camera else "y-up"),
        skeleton=skeleton,
        scores=flat.scores,
        history=past[1],
        units="m",
        axes=AXES_3D if camera else AXES_WORLD,
        tracks=tracks,
        **common,
    )
    return Person(flat, solid)
