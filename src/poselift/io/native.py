"""poselift's own files of 2D keypoints, .json and .npz; its result files give their 2D poses.

JSON, units pixels, x right, y down, a missing joint `[null, null]`, an unknown score `null`:

    {"format": "poselift-keypoints", "version": 1, "units": "px", "axes": "image: x right, y down",
     "skeleton": "coco_17", "joint_names": [...], "fps": 30.0, "image_size": [1920, 1080],
     "frame_count": 300,
     "people": [{"person_id": 0, "frames": [0, 1, ...], "times": [0.0, 0.0333, ...],
                 "keypoints": [[[x, y], ...], ...], "scores": [[s, ...], ...]}]}

`joint_names`, `fps`, `image_size`, `frame_count`, `times` and `scores` may be absent or null.

.npz: `keypoints` (N, J, 2); optionally `scores` (N, J), `frame` (N,) and `person_id` (N,) whole
numbers, `time_s` (N,), and `meta`, a JSON string with `skeleton`, `fps`, `image_size`,
`frame_count`. Without `frame` the rows are frames 0, 1, ... of one person.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from io import TextIOBase
from pathlib import Path
from typing import Any

import numpy as np

from poselift.errors import PATH, PoseliftError, expect
from poselift.files import atomic_write
from poselift.io import rows
from poselift.io.arrays import Sink, array_names, need, read_arrays, write_arrays
from poselift.io.columns import OwnPerson, array, given, load_own, whole
from poselift.io.fields import read_fps, read_index, read_list, read_size, show
from poselift.io.jointsets import from_joint_names, resolve
from poselift.io.peek import peek
from poselift.io.results import FORMAT as RESULTS
from poselift.io.results import check_header, is_results, read_meta
from poselift.poses import AXES_2D, Detections, PoseSequence, Results
from poselift.skeletons import Skeleton, skeleton_text

FORMAT = "poselift-keypoints"
VERSION = 1


def is_native_json(path: Path) -> bool:
    """Tell whether a JSON file says that it is ours."""
    head = peek(path)
    return head.is_json and head.has_text("format", "poselift-")


def matches(path: Path) -> bool:
    """Tell whether this is a file of ours, from its start."""
    if path.is_dir():
        return False
    if not _is_npz(path):
        return is_native_json(path)
    names = array_names(path)  # none if it is damaged, which is said when it is read
    alone = len(names) == 1 and not names & {"keypoints", "poses_3d"}
    return not alone and "boxes" not in names and "positions_2d" not in names


def _is_npz(path: Path) -> bool:
    """Tell whether a file is, or claims by its suffix to be, an .npz."""
    return path.suffix.lower() == ".npz" or peek(path).is_zip


def is_result_file(path: Path) -> bool:
    """Tell whether this is one of our result files with 3D poses."""
    if _is_npz(path):
        return is_results(array_names(path))
    head = peek(path)
    return head.is_json and head.has_text("format", RESULTS)


def read(path: Path, skeleton: Skeleton | None) -> Detections:
    """Read 2D keypoints; see the module's description.

    skeleton  the joint set, needed only where the file does not name it.

    Raises `PoseliftError` that names what is missing or wrong.
    """
    if _is_npz(path):
        return keypoints_from_arrays(read_arrays(path), str(path), skeleton)
    where = str(path)
    facts, listed = load_own(path)
    check_header(facts, FORMAT, VERSION, where)
    joints = _skeleton(facts, skeleton, where)
    common = _common(facts, where)
    people = [
        _person(person, len(joints), f"{where}, people[{index}]")
        for index, person in enumerate(listed)
    ]
    if not any(len(one["frames"]) for one in people):
        raise PoseliftError(f"{where}: no person in any frame")
    table = {name: np.concatenate([one[name] for one in people]) for name in people[0]}
    return _detections(table, joints, common, _frame_count(facts, table["frames"], where))


def write_keypoints(target: str | os.PathLike[str] | Sink, people: Sequence[PoseSequence]) -> None:
    """Write 2D sequences: to a path as .json or .npz by its suffix, to an open file as JSON.

    Raises `PoseliftError` for another suffix, a 3D sequence, persons of different skeleton, fps
    or image size, and a place that cannot be written.
    """
    expect(people, (list, tuple), "a list of PoseSequence to write")
    for one in people:
        expect(one, PoseSequence, "a list of PoseSequence to write")
    if not isinstance(target, (str, os.PathLike)):
        if not callable(getattr(target, "write", None)):
            expect(target, PATH, "the path of a file to write, or an open file")
        if isinstance(target, TextIOBase):
            raise PoseliftError(
                "expected a file that is open for bytes (mode 'wb'), got one for text"
            )
        write_keypoints_json(people, target)
        return
    writers = {".json": write_keypoints_json, ".npz": write_keypoints_npz}
    suffix = Path(target).suffix.lower()
    if suffix not in writers:
        raise PoseliftError(f"{target}: expected .json or .npz for keypoints, got {suffix!r}")
    with atomic_write(target) as stream:
        writers[suffix](people, stream)


def write_keypoints_json(
    people: Sequence[PoseSequence], stream: Sink, frame_count: int | None = None
) -> None:
    """Write 2D sequences as JSON; raises as `write_keypoints`.

    frame_count  frames of the source, those without a person at the end included.
    """
    stream.write(rows.dump(_facts(people, frame_count))[:-1] + b',"people":[')
    for index, one in enumerate(people):
        stream.write(b",\n" if index else b"\n")
        columns = {
            "frames": one.frames,
            "times": one.times,
            "keypoints": one.positions,
            "scores": one.scores,
        }
        rows.dump_person(stream, one.person_id, columns)
    stream.write(b"\n]}\n")


def write_keypoints_npz(
    people: Sequence[PoseSequence], stream: Sink, frame_count: int | None = None
) -> None:
    """Write 2D sequences as .npz; arguments and errors as `write_keypoints_json`."""
    write_arrays(stream, keypoint_arrays(people, frame_count))


def keypoint_arrays(
    people: Sequence[PoseSequence], frame_count: int | None = None
) -> dict[str, np.ndarray]:
    """Return 2D sequences as the arrays of an .npz; arguments and errors as above."""
    facts = _facts(people, frame_count)
    table = rows.flatten(people)
    return {
        "keypoints": np.concatenate([one.positions for one in people])[table.order],
        "scores": np.concatenate([one.scores for one in people])[table.order],
        "person_id": table.person_id,
        "frame": table.frame,
        "time_s": table.time_s,
        "meta": np.array(rows.dump(facts).decode()),
    }


def _facts(people: Sequence[PoseSequence], frame_count: int | None) -> dict[str, Any]:
    """Return everything that is said once for all persons."""
    rows.check_common(people)
    if any(one.dims != 2 for one in people):
        raise PoseliftError("expected 2D sequences to write as keypoints, got a 3D one")
    first = people[0]
    last = int(max((one.frames[-1] + 1 for one in people if len(one)), default=0))
    return {
        "format": FORMAT,
        "version": VERSION,
        "units": first.units,
        "axes": first.axes,
        "skeleton": skeleton_text(first.skeleton),
        "joint_names": first.skeleton.joints,
        "fps": first.fps,
        "image_size": first.image_size,
        "frame_count": max(last, frame_count or 0),
    }


def _skeleton(facts: Mapping[str, Any], chosen: Skeleton | None, where: str) -> Skeleton:
    """Find the joint set a file names and check it against the user's choice."""
    name, joints = facts.get("skeleton"), facts.get("joint_names")
    if name is not None and not isinstance(name, str):
        raise PoseliftError(f"{where}: expected skeleton as a name, got {show(name)}")
    found = resolve(name)
    if found is None and joints is not None:
        found = from_joint_names(read_list(joints, '"joint_names"', where), where, chosen)
    elif found is not None and joints is not None and list(found.joints) != joints:
        raise PoseliftError(f"{where}: its joint_names are not those of {found.name}")
    if found is None and chosen is None:
        raise PoseliftError(f"{where}: does not say which joints it has, name them (--skeleton)")
    if found is not None and chosen not in (None, found):
        raise PoseliftError(f"{where}: has the joints of {found.name}, not of the chosen skeleton")
    result = found or chosen
    assert result is not None  # one of the two is known here
    return result


def _common(facts: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Check units and axes, and return fps and image size."""
    for key, expected in (("units", "px"), ("axes", AXES_2D)):
        if facts.get(key, expected) != expected:
            raise PoseliftError(f"{where}: expected {key} {expected!r}, got {show(facts[key])}")
    return {
        "fps": read_fps(facts.get("fps"), where),
        "image_size": read_size(facts.get("image_size"), where),
        "source": where,
    }


def _frame_count(facts: Mapping[str, Any], frames: np.ndarray, where: str) -> int:
    """Return the number of frames, at least as many as there are poses."""
    last = int(frames.max()) + 1 if len(frames) else 0
    value = facts.get("frame_count")
    count = last if value is None else read_index(value, "frame_count", where)
    if count < last:
        raise PoseliftError(f"{where}: frame_count is {count}, but there is a frame {last - 1}")
    return count


def _person(person: OwnPerson, joints: int, where: str) -> dict[str, np.ndarray]:
    """Turn the columns of one person into arrays."""
    number = read_index(person.person_id, "person_id", where)
    frames = whole(person.frames, "frames", where)
    count = len(frames)
    columns = {"frames": frames, "person_ids": np.full(count, number, dtype=np.int64)}
    columns["keypoints"] = array(person.keypoints, (joints, 2), count, f"{where}, keypoints")
    columns["scores"], columns["times"] = np.full((count, joints), np.nan), np.full(count, np.nan)
    if given(person.scores) is not None:
        columns["scores"] = array(person.scores, (joints,), count, f"{where}, scores")
    if given(person.times) is not None:
        columns["times"] = array(person.times, (), count, f"{where}, times", nullable=False)
    return columns


def _detections(
    table: Mapping[str, np.ndarray], skeleton: Skeleton, common: Mapping[str, Any], count: int
) -> Detections:
    """Sort the rows by frame, then person; time stamps only if all rows have one."""
    order = np.lexsort((table["person_ids"], table["frames"]))
    times = table["times"].astype(np.float64)[order]
    with np.errstate(over="ignore"):  # what overflows becomes infinite, which is refused in words
        points, scores = (table[name].astype(np.float32)[order] for name in ("keypoints", "scores"))
    return Detections(
        frames=table["frames"][order],
        keypoints=points,
        scores=scores,
        person_ids=table["person_ids"][order],
        skeleton=skeleton,
        frame_count=count,
        times=None if np.isnan(times).any() else times,
        **common,
    )


def keypoints_from_arrays(
    arrays: Mapping[str, Any], where: str, chosen: Skeleton | None
) -> Detections:
    """Make detections of the arrays of an .npz; `PoseliftError` if any is missing or wrong."""
    keypoints = need(arrays, "keypoints", (None, None, 2), "fiu", where)
    count, joints = keypoints.shape[:2]
    facts: dict[str, Any] = {}
    if "meta" in arrays:
        facts = read_meta(str(need(arrays, "meta", (), "U", where)), where)
    if count == 0:
        raise PoseliftError(f"{where}: no person in any frame")
    optional = {
        "scores": ("scores", (count, joints), "fiu", np.full((count, joints), np.nan)),
        "frames": ("frame", (count,), "iu", np.arange(count)),
        "times": ("time_s", (count,), "fiu", np.full(count, np.nan)),
        "person_ids": ("person_id", (count,), "iu", np.zeros(count, dtype=np.int64)),
    }
    if "frame" in arrays and "person_id" not in arrays:  # perhaps several persons: to be linked
        optional["person_ids"] = ("person_id", (count,), "iu", np.full(count, -1))
    table = {
        name: need(arrays, key, shape, kinds, where) if key in arrays else default
        for name, (key, shape, kinds, default) in optional.items()
    }
    table["frames"] = table["frames"].astype(np.int64)
    table["person_ids"] = table["person_ids"].astype(np.int64)
    table["keypoints"] = keypoints
    skeleton = _skeleton(facts, chosen, where)
    number = _frame_count(facts, table["frames"], where)
    return _detections(table, skeleton, _common(facts, where), number)


def detections_of(results: Results, where: str, chosen: Skeleton | None = None) -> Detections:
    """Return the 2D poses of results; `PoseliftError`, naming `where`, if there are none."""
    people = [flat for flat, _ in results.people]
    if not any(map(len, people)):
        raise PoseliftError(f"{where}: no person in any frame")
    first = people[0]
    if chosen not in (None, first.skeleton):
        raise PoseliftError(
            f"{where}: has the joints of {first.skeleton.name}, not of the chosen skeleton"
        )
    table = {
        "frames": np.concatenate([one.frames for one in people]),
        "person_ids": np.concatenate([np.full(len(one), one.person_id) for one in people]),
        "keypoints": np.concatenate([one.positions for one in people]),
        "scores": np.concatenate([one.scores for one in people]),
        "times": np.concatenate([one.times for one in people]),
    }
    common = {"fps": first.fps, "image_size": first.image_size, "source": where}
    return _detections(table, first.skeleton, common, int(table["frames"].max()) + 1)
