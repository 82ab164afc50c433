"""The CSV tables of `csvfile`, read back: long or wide, with metres or only pixels."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
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
from poselift.io.tracks import tracks_from
from poselift.poses import AXES_3D, AXES_WORLD, Detections, Person, PoseSequence, Results
from poselift.skeletons import Skeleton
from poselift.tracking import by_person

#: Rows that are turned into numbers at a time.
_BLOCK = 1 << 14


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
        table, joints = _numbers(path, names, lines)
    if not len(table):
        raise PoseliftError(f"{path}: no person in any frame")
    column = {name: index for index, name in enumerate(name for name in names if name != "joint")}
    wanted = [*(metres(axes) if axes else []), *PIXELS]
    extra = [*metres("camera", "root_"), *metres("camera", "root_std_"), *FEET]
    if axes:
        extra = [*metres(axes, "root_"), *metres(axes, "root_std_"), *FEET]
    keys = table[:, [_place(path, column, name) for name in WHO]]
    if "joint" in names:
        picked = table[:, [_place(path, column, name) for name in wanted]]
        skeleton, first, points = _from_long(path, keys, joints, picked, chosen)
    else:
        known = [name.removesuffix(f"_{wanted[0]}") for name in column if name.endswith(wanted[0])]
        known = [name for name in known if name not in ("root", "root_std")]
        skeleton = from_joint_names(known, str(path), chosen)
        places = [_place(path, column, f"{joint}_{name}") for joint in known for name in wanted]
        first = np.arange(len(table))
        points = table[:, places].reshape(len(table), len(known), len(wanted))
    values = {
        name: table[first, column[name]] if name in column else np.full(len(first), np.nan)
        for name in extra
    }
    return _found(path, keys[first], skeleton, points, axes, values)


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


def _numbers(
    path: Path, names: list[str], lines: Iterator[list[str]]
) -> tuple[Float[np.ndarray, "N C"], list[str]]:
    """Return all columns but `joint` as numbers, empty as NaN, and that column."""
    blocks, joints, number = [], [], 2
    known: dict[str, str] = {}  # each name once in memory, not once a row
    at = names.index("joint") if "joint" in names else None
    width = len(names) - (at is not None)
    while block := list(islice(lines, _BLOCK)):
        numbered = [(i, row) for i, row in enumerate(block, number) if row]
        number += len(block)
        for line, row in numbered:
            if len(row) != len(names):
                raise PoseliftError(
                    f"{path}, line {line}: expected {len(names)} values, got {len(row)}"
                )
        if at is not None:
            joints += [known.setdefault(row[at], row.pop(at)) for _, row in numbered]
        try:
            flat = [float(word) if word else np.nan for _, row in numbered for word in row]
        except ValueError:
            raise _no_number(path, [one for one in names if one != "joint"], numbered) from None
        values = np.array(flat, np.float64).reshape(len(numbered), width)
        if np.isinf(values).any():
            raise _no_number(path, [one for one in names if one != "joint"], numbered)
        blocks.append(values)
    return np.concatenate(blocks) if blocks else np.empty((0, width)), joints


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


def _place(path: Path, column: dict[str, int], name: str) -> int:
    if name not in column:
        raise PoseliftError(f"{path}: expected a column {name!r}, found {', '.join(column)}"[:300])
    return column[name]


def _from_long(
    path: Path,
    keys: Float[np.ndarray, "N 3"],
    joints: list[str],
    values: Float[np.ndarray, "N C"],
    chosen: Skeleton | None,
) -> tuple[Skeleton, Int[np.ndarray, " M"], Float[np.ndarray, "M J C"]]:
    """Gather rows of single joints; return also the first row of each frame of a person."""
    known = list(dict.fromkeys(joints))
    skeleton = from_joint_names(known, str(path), chosen)
    numbers = {name: index for index, name in enumerate(known)}
    joint = np.array([numbers[name] for name in joints])
    _, first, group = np.unique(keys[:, [0, 2]], axis=0, return_index=True, return_inverse=True)
    place = group.ravel() * len(known) + joint
    counts = np.bincount(place, minlength=len(first) * len(known))
    if (counts > 1).any():
        row = int(np.flatnonzero(counts[place] > 1)[-1])
        raise PoseliftError(
            f"{path}: joint {joints[row]} of person {keys[row, 2]:g} occurs twice in frame "
            f"{keys[row, 0]:g}"
        )
    points = np.full((len(first) * len(known), values.shape[1]), np.nan, np.float32)
    points[place] = values
    return skeleton, first, points.reshape(len(first), len(known), -1)


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
    points, fps = points[order].astype(np.float32), _rate(frames, times)
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
        tracks = _tracks({name: one[chosen] for name, one in extra.items()}, axes)
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


def _tracks(extra: dict[str, Float[np.ndarray, " T"]], axes: Axes) -> dict[str, np.ndarray]:
    """Return the tracks of which anything is known, in the axes that sequences have."""
    columns = {
        "root": metres(axes, "root_"),
        "root_std": metres(axes, "root_std_"),
        "contacts": list(FEET),
    }
    values = {name: np.stack([extra[one] for one in ones], 1) for name, ones in columns.items()}
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
