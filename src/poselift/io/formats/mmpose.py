"""MMPose prediction JSON, in the layouts that MMPose writes.

- Inferencer, video: `[{"frame_id": 0, "instances": [...]}, ...]`, frames counted from 0.
- Inferencer, image: the list of instances itself.
- Demo script: `{"meta_info": {...}, "instance_info": [{"frame_id": 1, ...}]}`, counted from 1;
  for an image `instance_info` is the list of instances.

An instance is `{"keypoints": [[x, y], ...], "keypoint_scores": [...]}` in pixels, with `bbox` and
`bbox_score` (not needed here) and perhaps `track_id` or `instance_id`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from poselift.errors import PoseliftError
from poselift.io.fields import SizeCheck, read_fps, read_index, read_list, read_object
from poselift.io.jointsets import by_count, from_joint_names
from poselift.io.jsonparts import load_frames
from poselift.io.native import is_native_json
from poselift.io.peek import peek
from poselift.io.registry import Format, ReadOptions
from poselift.io.tables import Block, RowCollector, all_lists, whole_numbers
from poselift.poses import Detections
from poselift.skeletons import Skeleton

#: Joint sets by number of keypoints; 17 is coco_17 unless the file or the user says otherwise.
COUNTS = {17: ("coco_17", "h36m_17"), 26: ("halpe_26",)}


@dataclass
class _Clip:
    """What is known of a file while its frames are read."""

    path: Path
    skeleton: Skeleton | None
    sizes: SizeCheck = field(init=False)
    rows: RowCollector | None = None
    fps: float | None = None
    frame_count: int = 0
    seen: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.sizes = SizeCheck(str(self.path))

    def add_frames(self, entries: list[Any], index: int, first: int) -> None:
        """Take in several entries, the one at `index` first: at once if they are as usual."""
        if self.rows is not None and (block := self._block(entries, first)) is not None:
            for entry in entries:
                if "image_size" in entry:
                    self.sizes.add(entry["image_size"], f"{self.path}, frame {entry['frame_id']}")
            if self.rows.add_block(block):
                numbers = [entry["frame_id"] for entry in entries]
                self.seen.update(numbers)
                self.frame_count = max(self.frame_count, max(numbers) - first + 1)
                return
        for place, entry in enumerate(entries, index):
            self.add_frame(entry, place, first)

    def _block(self, entries: list[Any], first: int) -> Block | None:
        """Gather the persons of entries; None if anything is not as MMPose writes it."""
        try:
            numbers = [entry["frame_id"] for entry in entries]
            people = [entry["instances"] for entry in entries]
            if not (all_lists(people) and whole_numbers(numbers, first)):
                return None
            persons = list(chain.from_iterable(people))
            rows = [person["keypoints"] for person in persons]
            ids = [person.get("track_id", person.get("instance_id", -1)) for person in persons]
            scores: list[Any] | None = [person.get("keypoint_scores") for person in persons]
        except (TypeError, KeyError):
            return None
        if len(set(numbers)) < len(numbers) or not self.seen.isdisjoint(numbers):
            return None
        if not set(map(type, scores or ())) - {type(None)}:
            scores = None
        if not whole_numbers(ids, -1):
            return None
        frames = np.repeat(np.array(numbers, dtype=np.int64) - first, list(map(len, people)))
        return Block(frames.tolist(), ids, rows, scores)

    def add_frame(self, entry: Any, index: int, first: int) -> None:
        """Take in one `{"frame_id", "instances"}`; `first` is the number of the first frame."""
        where = f"{self.path}, entry {index}"
        entry = read_object(entry, where, 'an object with "frame_id" and "instances"')
        for key in ("frame_id", "instances"):
            if key not in entry:
                raise PoseliftError(f'{where}: expected "{key}"')
        number = read_index(entry["frame_id"], "frame_id", where, lowest=first)
        where = f"{self.path}, frame {number}"
        if number in self.seen:
            raise PoseliftError(f"{where}: frame_id {number} occurs twice")
        self.seen.add(number)
        self.sizes.add(entry.get("image_size"), where)
        self.add_instances(entry["instances"], number - first, where)

    def add_instances(self, instances: Any, frame: int, where: str) -> None:
        """Take in the persons of one frame."""
        for index, instance in enumerate(read_list(instances, '"instances"', where)):
            self._add_person(instance, frame, f"{where}, person {index}")
        self.frame_count = max(self.frame_count, frame + 1)

    def _add_person(self, instance: Any, frame: int, where: str) -> None:
        """Take in one instance."""
        instance = read_object(instance, where, 'an instance with "keypoints"')
        if "keypoints" not in instance:
            raise PoseliftError(f'{where}: expected "keypoints"')
        row = read_list(instance["keypoints"], '"keypoints"', where)
        if self.rows is None or len(row) != self.rows.shape[0]:
            if self.rows is not None:
                raise PoseliftError(
                    f"{where}: expected {self.rows.shape[0]} joints as in the frames before, "
                    f"got {len(row)}"
                )
            by_count(len(row), self.skeleton, COUNTS, where)
            self.rows = RowCollector((len(row), 2))
        identity = instance.get("track_id", instance.get("instance_id"))
        number = -1 if identity is None else read_index(identity, "track_id", where, lowest=-1)
        self.rows.add(frame, number, row, where, instance.get("keypoint_scores"))


def matches(path: Path) -> bool:
    """Tell whether this looks like MMPose's JSON, from the start of the file."""
    if path.is_dir():
        return False
    head = peek(path)
    keys = ("instance_info", "instances", "meta_info", "keypoint_scores")
    return head.is_json and any(map(head.has_key, keys)) and not is_native_json(path)


def read(path: Path, options: ReadOptions) -> Detections:
    """Read one file; see the module's description.

    Without a chosen joint set it takes the joint names in `meta_info` if there are any, else 17
    keypoints for coco_17 and 26 for halpe_26.

    Raises `PoseliftError` naming file and frame for anything that is not as described.
    """
    clip = _Clip(path, options.skeleton)
    around, entries = load_frames(path, "instance_info")
    first = 0
    if around is not None or entries is None:
        if not (isinstance(around, dict) and "instance_info" in around):
            raise PoseliftError(f'{path}: expected a list, or an object with "instance_info"')
        _read_meta(clip, around.get("meta_info"))
        first = 1
    if not isinstance(entries, Iterator):
        entries = iter([read_list(entries, "the frames", str(path))])
    head: list[Any] = next(entries, [])
    if head and isinstance(head[0], dict) and "keypoints" in head[0]:
        people = [*head, *chain.from_iterable(entries)]
        clip.add_instances(people, 0, f"{path}, frame {first}")
    else:
        index = 0
        for part in chain([head], entries):
            clip.add_frames(part, index, first)
            index += len(part)
    return _finish(clip)


def _read_meta(clip: _Clip, meta: Any) -> None:
    """Take image size, frame rate and joint names from `meta_info`, where they are given."""
    if meta is None:
        return
    where = f"{clip.path}, meta_info"
    meta = read_object(meta, where)
    clip.sizes.add(meta.get("image_size"), where)
    clip.fps = read_fps(meta.get("fps"), where)
    names = meta.get("keypoint_id2name")
    if names is None:
        return
    ids = read_object(names, where, '"keypoint_id2name" as an object')
    if sorted(ids) != sorted(map(str, range(len(ids)))):
        raise PoseliftError(f"{where}: expected keypoint_id2name to name joints 0, 1, 2, ...")
    found = from_joint_names([str(ids[str(i)]) for i in range(len(ids))], where)
    if clip.skeleton not in (None, found):
        raise PoseliftError(
            f"{where}: its joint names are those of {found.name}, not of the chosen skeleton"
        )
    clip.skeleton = found


def _finish(clip: _Clip) -> Detections:
    """Make the table, rows in the order of the frames."""
    if clip.rows is None:
        raise PoseliftError(f"{clip.path}: no person in any frame")
    frames, person_ids, points, scores = clip.rows.tables()
    skeleton = by_count(points.shape[1], clip.skeleton, COUNTS, str(clip.path))
    if (np.diff(frames) < 0).any():
        order = np.argsort(frames, kind="stable")
        frames, person_ids = frames[order], person_ids[order]
        points, scores = points[order], scores[order]
    note = f"{len(skeleton)} joints taken as {skeleton.name}, the default for this number"
    return Detections(
        frames=frames,
        keypoints=points,
        scores=scores,
        person_ids=person_ids,
        skeleton=skeleton,
        fps=clip.fps,
        image_size=clip.sizes.size,
        frame_count=clip.frame_count,
        source=str(clip.path),
        notes=() if clip.skeleton is not None else (note,),
    )


FORMAT = Format(
    "mmpose",
    "MMPose prediction JSON, of the inferencer or of the demo script",
    {".json": "frames"},
    holds="2D",
    recognised='JSON with the key "instances", "instance_info", "meta_info" or "keypoint_scores"',
    matches=matches,
    read=read,
)
