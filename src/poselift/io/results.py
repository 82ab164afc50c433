"""What lifting gives: 2D and 3D sequences of all persons with how they were made; .npz and .json.

An .npz holds plain arrays, rows sorted by frame, then person:

| array | shape | content |
| --- | --- | --- |
| poses_3d | (N, J, 3) float32 | metres, relative to the root joint, in the axes that `meta` names |
| poses_2d | (N, J, 2) float32 | pixels, x right, y down; NaN is missing |
| scores | (N, J) float32 | confidence of the 2D joints, NaN if unknown |
| person_id, frame | (N,) int64 | who, and the 0-based frame |
| time_s | (N,) float64 | seconds from the start of the source |
| root, root_std | (N, 3) float32 | metres, place of the root joint, its deviation; if known |
| contacts | (N, 2) float32 | 1 while the left, the right foot stands, if known |
| filled | (N, J) float32 | 1 where a gap was filled, if gaps were |
| joint_names | (J,) text | |
| edges | (E, 2) int64 | bones as parent, child |
| meta | text | JSON: model, weights hash, units, axes, fps, image size, normalisation, ... |

A .json holds the same as a list of people; missing values are null.
"""

from __future__ import annotations

import os
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from poselift.errors import PATH, PoseliftError, expect
from poselift.io import rows
from poselift.io.arrays import Sink, need, read_arrays, write_arrays
from poselift.io.axes import TEXTS, Axes, axes_named, axes_of, turned
from poselift.io.columns import OwnPerson, array, given, load_own, whole
from poselift.io.fields import (
    MAX_NUMBER,
    read_fps,
    read_index,
    read_list,
    read_object,
    read_size,
    show,
)
from poselift.io.tracks import track_columns, track_shape, tracks_from
from poselift.poses import AXES_2D, TRACKS, Person, PoseSequence, Results
from poselift.skeletons import Skeleton
from poselift.tracking import by_person

FORMAT = "poselift-results"
VERSION = 1


def write_npz(results: Results, stream: Sink, axes: Axes | None = None) -> None:
    """Write `results` as .npz in `axes`; raises as `arrays_of`."""
    write_arrays(stream, arrays_of(results, axes))


def arrays_of(results: Results, axes: Axes | None = None) -> dict[str, np.ndarray]:
    """Return results as the arrays of an .npz, rows sorted by frame, then person.

    axes  of the 3D poses and the root's path; None keeps those that the poses are in.

    Raises `PoseliftError` if the persons cannot stand in one file.
    """
    flat, solid = _pairs(results)
    axes = axes or axes_of(solid[0])
    table = rows.flatten(solid)
    skeleton = solid[0].skeleton
    columns = {
        "poses_3d": [turned(one.positions, axes_of(one), axes) for one in solid],
        "poses_2d": [one.positions for one in flat],
        "scores": [one.scores for one in flat],
        **track_columns(solid, axes),
    }
    return {
        **{name: np.concatenate(parts)[table.order] for name, parts in columns.items()},
        "person_id": table.person_id,
        "frame": table.frame,
        "time_s": table.time_s,
        "joint_names": np.array(skeleton.joints),
        "edges": np.array(skeleton.edges, dtype=np.int64).reshape(-1, 2),
        "meta": np.array(rows.dump(full_meta(results, axes)).decode()),
    }


def write_json(results: Results, stream: Sink, axes: Axes | None = None) -> None:
    """Write `results` as .json in `axes`; raises as `arrays_of`."""
    flat, solid = _pairs(results)
    axes = axes or axes_of(solid[0])
    skeleton = solid[0].skeleton
    head = {
        "format": FORMAT,
        "version": VERSION,
        "meta": full_meta(results, axes),
        "joint_names": skeleton.joints,
        "edges": skeleton.edges,
    }
    stream.write(rows.dump(head)[:-1] + b',"people":[')
    tracks = track_columns(solid, axes)
    for index, (below, above) in enumerate(zip(flat, solid, strict=True)):
        stream.write(b",\n" if index else b"\n")
        columns = {
            "frame": above.frames,
            "time_s": above.times,
            "poses_3d": turned(above.positions, axes_of(above), axes),
            "poses_2d": below.positions,
            "scores": below.scores,
            **{name: parts[index] for name, parts in tracks.items()},
        }
        rows.dump_person(stream, above.person_id, columns)
    stream.write(b"\n]}\n")


def _pairs(results: Results) -> tuple[list[PoseSequence], list[PoseSequence]]:
    """Return the 2D sequences, in the joints of the 3D ones, and the 3D sequences."""
    expect(results, Results, "Results to write")
    solid = [above for _, above in results.people]
    rows.check_common(solid)
    flat = [below.to_skeleton(above.skeleton) for below, above in results.people]
    rows.check_common(flat)
    return flat, solid


def full_meta(results: Results, axes: Axes | None = None) -> dict[str, Any]:
    """Return the facts about results completed by those that the sequences know."""
    flat, solid = _pairs(results)
    first = solid[0]
    return {
        **results.meta,
        "units": first.units,
        "axes": TEXTS[axes or axes_of(first)],
        "axes_2d": AXES_2D,
        "skeleton": first.skeleton.name,
        "fps": first.fps,
        "image_size": None if first.image_size is None else list(first.image_size),
        "people": [
            {
                "person_id": above.person_id,
                "history_2d": list(below.history),
                "history_3d": list(above.history),
            }
            for below, above in zip(flat, solid, strict=True)
        ],
    }


def read_results(path: str | os.PathLike[str]) -> Results:
    """Read what `write_npz` or `write_json` has written.

    Raises `PoseliftError` that names what is missing or wrong; pickled files are not read.
    """
    expect(path, PATH, "the path of a file to read")
    path = Path(path)
    if path.suffix.lower() == ".npz":
        return results_from_arrays(read_arrays(path), str(path))
    if path.suffix.lower() == ".json":
        return results_from_json(path)
    raise PoseliftError(f"{path}: expected results as .npz or .json, got {path.suffix!r}")


def is_results(arrays: Container[str]) -> bool:
    """Tell whether arrays of these names are results (and not 2D keypoints)."""
    return "poses_3d" in arrays


def results_from_arrays(arrays: Mapping[str, Any], where: str) -> Results:
    """Make results of the arrays of an .npz; `PoseliftError` if any is missing or wrong."""
    solid = need(arrays, "poses_3d", (None, None, 3), "f", where)
    count, joints = solid.shape[:2]
    columns = {
        "poses_3d": solid,
        "poses_2d": need(arrays, "poses_2d", (count, joints, 2), "f", where),
        "scores": need(arrays, "scores", (count, joints), "f", where),
        "frame": need(arrays, "frame", (count,), "iu", where),
        "time_s": need(arrays, "time_s", (count,), "f", where),
    }
    columns |= {
        name: need(arrays, name, (count, *track_shape(name, joints)), "f", where)
        for name in TRACKS
        if name in arrays
    }
    ids = need(arrays, "person_id", (count,), "iu", where).astype(np.int64)
    names = need(arrays, "joint_names", (joints,), "U", where)
    edges = need(arrays, "edges", (None, 2), "iu", where)
    meta = read_meta(str(need(arrays, "meta", (), "U", where)), where)
    skeleton = rows.find_skeleton(
        tuple(map(str, names)),
        [(int(parent), int(child)) for parent, child in edges],
        meta.get("skeleton"),
        where,
    )
    parts = by_person(ids)
    listed = [number for number in _people(meta) if number not in parts]
    order = [*_people(meta), *(number for number in parts if number not in _people(meta))]
    empty = np.empty(0, dtype=np.int64)
    parts.update(dict.fromkeys(listed, empty))
    people = tuple(
        _pair(number, {k: v[parts[number]] for k, v in columns.items()}, skeleton, meta, where)
        for number in order
    )
    return Results(people=people, meta=meta)


def read_meta(text: str, where: str) -> dict[str, Any]:
    """Parse the `meta` string of an .npz; `PoseliftError` if it is no JSON object."""
    try:
        return read_object(msgspec.json.decode(text), f"{where}, meta")
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise PoseliftError(f"{where}: meta is not JSON ({str(error)[:200]})") from None


def results_from_json(path: Path) -> Results:
    """Make results of a .json; `PoseliftError` if anything is missing or wrong."""
    where = str(path)
    facts, listed = load_own(path)
    check_header(facts, FORMAT, VERSION, where)
    meta = read_object(facts.get("meta"), f"{where}, meta")
    names = read_list(facts.get("joint_names"), '"joint_names"', where)
    if not all(isinstance(name, str) for name in names):
        raise PoseliftError(f"{where}: expected joint_names as strings")
    edges = read_list(facts.get("edges"), '"edges"', where)
    for index, edge in enumerate(edges):
        good = isinstance(edge, list) and len(edge) == 2
        if not (good and all(type(end) is int and abs(end) < MAX_NUMBER for end in edge)):
            raise PoseliftError(f"{where}, edge {index}: expected edges as pairs of joint numbers")
    skeleton = rows.find_skeleton(
        tuple(names), [(parent, child) for parent, child in edges], meta.get("skeleton"), where
    )
    people = []
    for index, person in enumerate(listed):
        place = f"{where}, people[{index}]"
        number = read_index(person.person_id, "person_id", place)
        people.append(_pair(number, _columns(person, len(names), place), skeleton, meta, place))
    return Results(people=tuple(people), meta=meta)


def check_header(content: Mapping[str, Any], name: str, version: int, where: str) -> None:
    """Refuse another format or a newer version of ours."""
    if content.get("format") != name or content.get("version") != version:
        raise PoseliftError(
            f"{where}: expected format {name!r} version {version}, "
            f"got {show(content.get('format'))} version {show(content.get('version'))}"
        )


def _columns(person: OwnPerson, joints: int, where: str) -> dict[str, np.ndarray]:
    """Turn the columns of one person into arrays."""
    frames = whole(person.frame, "frame", where)
    count = len(frames)
    tracks = {
        name: array(getattr(person, name), track_shape(name, joints), count, f"{where}, {name}")
        for name in TRACKS
        if given(getattr(person, name)) is not None
    }
    return {
        **tracks,
        "frame": frames,
        "time_s": array(person.time_s, (), count, f"{where}, time_s", nullable=False),
        "poses_3d": array(person.poses_3d, (joints, 3), count, f"{where}, poses_3d"),
        "poses_2d": array(person.poses_2d, (joints, 2), count, f"{where}, poses_2d"),
        "scores": array(person.scores, (joints,), count, f"{where}, scores"),
    }


def _people(meta: Mapping[str, Any]) -> dict[int, Mapping[str, Any]]:
    """Return what the facts say about each person, by id, in the order of the people."""
    entries = meta.get("people")
    found = [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
    return {one["person_id"]: one for one in found if type(one.get("person_id")) is int}


def _pair(
    number: int,
    columns: Mapping[str, np.ndarray],
    skeleton: Skeleton,
    meta: Mapping[str, Any],
    where: str,
) -> Person:
    """Make the two sequences of a person; the containers check the values."""
    entry = _people(meta).get(number, {})
    size = read_size(meta.get("image_size") or None, f"{where}, meta")
    fps = read_fps(meta.get("fps"), f"{where}, meta")
    axes = axes_named(meta.get("axes"), f"{where}, meta")
    target: Axes = "camera" if axes == "camera" else "y-up"
    with np.errstate(over="ignore"):  # what overflows becomes infinite, which is refused
        solid, flat, scores = (
            columns[name].astype(np.float32) for name in ("poses_3d", "poses_2d", "scores")
        )
    solid = turned(solid, axes, target)
    try:
        below, above = (
            PoseSequence(
                positions=positions,
                skeleton=skeleton,
                scores=scores,
                frames=columns["frame"].astype(np.int64),
                times=columns["time_s"].astype(np.float64),
                fps=fps,
                image_size=size,
                units=units,
                axes=text,
                person_id=number,
                history=_lines(entry.get(history)),
                tracks=tracks,
            )
            for positions, units, text, history, tracks in (
                (flat, "px", AXES_2D, "history_2d", {}),
                (solid, "m", TEXTS[target], "history_3d", tracks_from(columns, axes)),
            )
        )
    except PoseliftError as error:
        raise PoseliftError(f"{where}, person {number}: {error}") from None
    return Person(below, above)


def _lines(value: Any) -> tuple[str, ...]:
    """Return the lines of a history, or none if there are none."""
    return tuple(map(str, value)) if isinstance(value, list) else ()
