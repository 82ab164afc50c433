"""OpenPose JSON: a folder with one file a frame, or the frames in one file.

A frame is `{"people": [{"person_id": [-1], "pose_keypoints_2d": [x, y, c, ...]}, ...]}` in pixels.
In one file there may be a single frame, a list of frames, or `{"frames": [...]}` with `fps`,
`image_size` and `keypoint_names` beside it; there a person may also be the bare list of numbers.
A joint of confidence 0, or at exactly (0, 0), was not detected and becomes NaN.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, compress, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from poselift.errors import PoseliftError
from poselift.io.fields import SizeCheck, read_fps, read_index, read_list, read_object
from poselift.io.jointsets import better_order, by_count, from_joint_names
from poselift.io.jsonfile import PEEK, parse_json
from poselift.io.jsonparts import load_frames
from poselift.io.native import is_native_json
from poselift.io.peek import peek
from poselift.io.registry import Format, ReadOptions
from poselift.io.tables import Block, RowCollector, all_lists, whole_numbers
from poselift.poses import Detections
from poselift.skeletons import BODY_25, BODY_25B, Skeleton

#: Joint sets by number of triples, the documented one first.
COUNTS = {17: ("coco_17",), 25: ("body_25", "body_25b"), 26: ("halpe_26",)}

_KEY = "pose_keypoints_2d"

#: Names the place of a frame, given its place in a block.
_Where = Callable[[int], str]


@dataclass
class _Clip:
    """What is known of a source while its frames are read."""

    source: str
    skeleton: Skeleton | None
    sizes: SizeCheck = field(init=False)
    rows: RowCollector | None = None
    fps: float | None = None
    frame_count: int = 0

    def __post_init__(self) -> None:
        self.sizes = SizeCheck(self.source)

    def add_all(self, numbers: Sequence[int], frames: list[Any], where: _Where) -> None:
        """Take in several frames: at once if they are as most are, else one by one."""
        if self.rows is not None and (block := _block(numbers, frames)) is not None:
            for index, frame in enumerate(frames):
                if "image_size" in frame:
                    self.sizes.add(frame["image_size"], where(index))
            if self.rows.add_block(block):
                self.frame_count = max(self.frame_count, numbers[-1] + 1)
                return
        for index, (number, frame) in enumerate(zip(numbers, frames, strict=True)):
            self.add(number, frame, where(index))

    def add(self, number: int, frame: Any, where: str) -> None:
        """Take in one frame."""
        frame = read_object(frame, where, 'a frame, an object with a list "people"')
        if "people" not in frame:
            raise PoseliftError(f'{where}: expected an OpenPose frame with a list "people"')
        self.sizes.add(frame.get("image_size"), where)
        for index, person in enumerate(read_list(frame["people"], '"people"', where)):
            self._add_person(number, person, f"{where}, person {index}")
        self.frame_count = max(self.frame_count, number + 1)

    def _add_person(self, number: int, person: Any, where: str) -> None:
        """Take in one person of a frame; one of whom only face or hands were found is none."""
        identity = -1
        if isinstance(person, dict):
            if _KEY not in person:
                raise PoseliftError(f'{where}: expected "{_KEY}"')
            identity = _person_id(person.get("person_id"), where)
            person = person[_KEY]
        row = read_list(person, f'"{_KEY}"', where)
        if not row:
            return
        if self.rows is None or len(row) != self.rows.shape[0]:
            self._check_count(len(row), where)
            self.rows = RowCollector((len(row),))
        self.rows.add(number, identity, row, where)

    def _check_count(self, length: int, where: str) -> None:
        """Refuse a number of values that is no whole joint set, or not that of other rows."""
        if length % 3:
            raise PoseliftError(f"{where}: expected x, y, c for each joint, got {length} numbers")
        if self.rows is not None:
            raise PoseliftError(
                f"{where}: expected {self.rows.shape[0] // 3} joints as in the frames before, "
                f"got {length // 3}"
            )
        by_count(length // 3, self.skeleton, COUNTS, where)


def _block(numbers: Sequence[int], frames: list[Any]) -> Block | None:
    """Gather the persons of frames; None if anything is not as OpenPose writes it."""
    try:
        people = [frame["people"] for frame in frames]
        if not all_lists(people):
            return None
        persons = list(chain.from_iterable(people))
        rows = [person[_KEY] for person in persons]
        ids = _person_ids([person.get("person_id") for person in persons])
    except (TypeError, KeyError):
        return None
    if ids is None or not all_lists(rows):
        return None
    owners = np.repeat(np.array(numbers, dtype=np.int64), list(map(len, people))).tolist()
    if [] in rows:  # only face or hands were found
        seen = list(map(bool, rows))
        owners, ids, rows = (list(compress(column, seen)) for column in (owners, ids, rows))
    return Block(owners, ids, rows)


def _person_ids(values: list[Any]) -> list[int] | None:
    """Return the numbers of persons, -1 for unknown; None if any is not as usual."""
    if not set(map(type, values)) - {type(None)}:
        return [-1] * len(values)
    if all_lists(values):
        if set(map(len, values)) != {1}:
            return None
        values = list(chain.from_iterable(values))
    return values if whole_numbers(values, -1) else None


def matches(path: Path) -> bool:
    """Tell whether this looks like OpenPose output, from the start of the file."""
    if path.is_dir():
        return True
    head = peek(path)
    return head.has_key("people") and head.is_json and not is_native_json(path)


def read(path: Path, options: ReadOptions) -> Detections:
    """Read a folder of frames or one file; see the module's description.

    Without a chosen joint set it takes 17 joints for coco_17, 26 for halpe_26, and for 25 the
              order, body_25 or body_25b, that the poses clearly have (body_25, as OpenPose
              documents, if they do not say).

    Raises `PoseliftError` naming file and frame for anything that is not as described.
    """
    clip = _Clip(str(path), options.skeleton)
    if path.is_dir():
        _read_folder(clip, path)
    else:
        _read_file(clip, path)
    return _finish(clip)


def _read_file(clip: _Clip, path: Path) -> None:
    """Read a single frame, a list of frames, or an object that has them as "frames"."""
    around, frames = load_frames(path, "frames")
    if isinstance(around, dict) and "frames" in around:
        _read_header(clip, around, str(path))
    elif around is not None or frames is None:
        clip.add(0, around, f"{path}, frame 0")
        return
    if not isinstance(frames, Iterator):
        frames = iter([read_list(frames, '"frames"', str(path))])
    first = 0
    for part in frames:
        clip.add_all(range(first, first + len(part)), part, partial(_place, path, first))
        first += len(part)


def _place(path: Path, first: int, index: int) -> str:
    """Name the place of a frame in one file."""
    return f"{path}, frame {first + index}"


def _read_header(clip: _Clip, header: dict[str, Any], where: str) -> None:
    """Take frame rate, image size and joint names from beside the frames."""
    clip.fps = read_fps(header.get("fps"), where)
    clip.sizes.add(header.get("image_size"), where)
    if (names := header.get("keypoint_names")) is None:
        return
    named = from_joint_names(read_list(names, '"keypoint_names"', where), where)
    if clip.skeleton not in (None, named):
        raise PoseliftError(
            f"{where}: its joint names are those of {named.name}, not of the chosen skeleton"
        )
    clip.skeleton = named


def _finish(clip: _Clip) -> Detections:
    """Make the table: undetected joints to NaN, persons without any joint left out."""
    if clip.rows is None:
        raise PoseliftError(f"{clip.source}: no person in any frame")
    frames, person_ids, triples, _ = clip.rows.tables()
    triples = triples.reshape(len(triples), -1, 3)
    unseen = (triples[..., 2] <= 0) | ((triples[..., 0] == 0) & (triples[..., 1] == 0))
    triples[unseen] = (np.nan, np.nan, 0.0)
    kept = ~unseen.all(axis=1)
    if not kept.any():
        raise PoseliftError(f"{clip.source}: no person in any frame (all joints undetected)")
    if not kept.all():
        triples, frames, person_ids = triples[kept], frames[kept], person_ids[kept]
    points = np.ascontiguousarray(triples[..., :2])
    _check_pixels(points, clip.source)
    skeleton, note = _order(points, clip)
    return Detections(
        frames=frames,
        keypoints=points,
        scores=triples[..., 2],
        person_ids=person_ids,
        skeleton=skeleton,
        fps=clip.fps,
        image_size=clip.sizes.size,
        frame_count=clip.frame_count,
        source=clip.source,
        notes=note,
    )


def _check_pixels(points: np.ndarray, source: str) -> None:
    """Refuse coordinates that OpenPose's --keypoint_scale has brought to 0..1 or -1..1."""
    if np.nanmax(points) <= 1.0 and np.nanmin(points) >= -1.0:
        raise PoseliftError(
            f"{source}: expected pixels, got coordinates between -1 and 1 "
            "(run OpenPose with --keypoint_scale 0)"
        )


def _order(points: np.ndarray, clip: _Clip) -> tuple[Skeleton, tuple[str, ...]]:
    """Decide the joint set, for 25 joints with a look at the poses; also say why."""
    assumed = by_count(points.shape[1], clip.skeleton, COUNTS, clip.source)
    if assumed not in (BODY_25, BODY_25B):
        return assumed, ()
    other = BODY_25B if assumed == BODY_25 else BODY_25
    with np.errstate(over="ignore", invalid="ignore"):  # infinite joints are refused later
        fits = better_order(points, assumed, other)
    if clip.skeleton is None:
        reason = "the order that the poses have" if fits else "OpenPose's default"
        chosen = fits or assumed
        return chosen, (f"25 joints taken as {chosen.name}: {reason}",)
    if fits == other:
        raise PoseliftError(
            f"{clip.source}: the 25 joints are not in the order of {assumed.name}, "
            f"they fit {other.name} (--skeleton {other.name})"
        )
    return assumed, ()


def _person_id(value: Any, where: str) -> int:
    """Return the number of a person: OpenPose writes a list of one number, -1 for unknown."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return -1 if value is None else read_index(value, "person_id", where, lowest=-1)


#: Files of a folder that are taken in at a time.
_FILES = 128


def _read_folder(clip: _Clip, path: Path) -> None:
    """Read the .json files of a folder, in the order of the frames."""
    with os.scandir(path) as entries:
        names = [e.name for e in entries if e.name.endswith(".json") and e.name[0] != "."]
    if not names:
        raise PoseliftError(f"{path}: no .json file in this folder")
    files = [(number, f"{path}{os.sep}{name}") for number, name in frame_numbers(names, str(path))]
    for start in range(0, len(files), _FILES):
        numbers, places = zip(*files[start : start + _FILES], strict=True)
        frames: list[Any] = []
        try:
            frames.extend(map(_read_frame, places))
        except PoseliftError:  # what is wrong in the frames before comes first
            clip.add_all(numbers[: len(frames)], frames, places.__getitem__)
            raise
        clip.add_all(numbers, frames, places.__getitem__)


def _read_frame(place: str) -> Any:
    """Read the file of one frame."""
    try:
        with open(place, "rb") as stream:
            data = stream.read(PEEK)  # room for 16 MiB each time would cost more than the reading
            if len(data) == PEEK:
                data += stream.read(MAX_FRAME_BYTES + 1 - PEEK)
    except OSError as error:
        raise PoseliftError(f"{place}: cannot be read ({error.strerror})") from error
    if len(data) > MAX_FRAME_BYTES:
        raise PoseliftError(f"{place}: is too large to be one frame (over 16 MiB)")
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return parse_json(Path(place), data)  # with the words for what is wrong


#: A frame with a thousand persons has far less.
MAX_FRAME_BYTES = 16 << 20


def frame_numbers(names: Iterable[str], where: str) -> list[tuple[int, str]]:
    """Number the files of a folder, as (frame, name) in order, the first one being frame 0.

    The frame number is the last group of digits that differs between the names, so that gaps
    stay gaps; files whose names carry no numbers are counted in the order of their names. Raises
    `PoseliftError` if two files have the same number.
    """
    names = sorted(names)
    digits = [re.findall(r"\d+", name.removesuffix(".json")) for name in names]
    groups = min(map(len, digits))
    if len(names) == 1 or groups == 0:
        return list(enumerate(names))
    last = [row[-groups:] for row in digits]
    column = max((c for c in range(groups) if len({row[c] for row in last}) > 1), default=0)
    if max(len(row[column]) for row in last) > 15:
        raise PoseliftError(f"{where}: expected frame numbers of at most 15 digits in file names")
    numbered = sorted((int(row[column]), name) for row, name in zip(last, names, strict=True))
    for (one, first), (two, second) in pairwise(numbered):
        if one == two:
            raise PoseliftError(f"{where}: {first} and {second} have the same frame number {one}")
    return [(number - numbered[0][0], name) for number, name in numbered]


FORMAT = Format(
    "openpose",
    "OpenPose JSON: a folder with one file a frame, or the frames in one file",
    {".json": "frames"},
    holds="2D",
    recognised='a folder, or JSON with the key "people" that is not poselift\'s own',
    matches=matches,
    read=read,
)
