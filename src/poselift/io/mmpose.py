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
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from poselift.errors import PoseliftError
from poselift.io.detections import Detections
from poselift.io.fields import SizeCheck, read_fps, read_index, read_list, read_object
from poselift.io.jointsets import by_count, from_joint_names
from poselift.io.jsonfile import load_frames
from poselift.io.tables import RowCollector
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
    from poselift.io.native import is_native_json
    from poselift.io.peek import peek

    if path.is_dir():
        return False
    head = peek(path)
    keys = ("instance_info", "instances", "meta_info", "keypoint_scores")
    return head.is_json and any(map(head.has_key, keys)) and not is_native_json(path)


def read(path: Path, skeleton: Skeleton | None) -> Detections:
    """Read one file; see the module's description.

    skeleton  the joint set; None takes the joint names in `meta_info` if there are any, else 17
              keypoints for coco_17 and 26 for halpe_26.

    Raises `PoseliftError` naming file and frame for anything that is not as described.
    """
    clip = _Clip(path, skeleton)
    around, entries = load_frames(path, "instance_info")
    first = 0
    if around is not None or entries is None:
        if not (isinstance(around, dict) and "instance_info" in around):
            raise PoseliftError(f'{path}: expected a list, or an object with "instance_info"')
        _read_meta(clip, around.get("meta_info"))
        first = 1
    if not isinstance(entries, Iterator):
        entries = iter(read_list(entries, "the frames", str(path)))
    head = list(islice(entries, 1))
    if head and isinstance(head[0], dict) and "keypoints" in head[0]:
        clip.add_instances([*head, *entries], 0, f"{path}, frame {first}")
    else:
        for index, entry in enumerate(chain(head, entries)):
            clip.add_frame(entry, index, first)
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
    points, scores = clip.rows.tables()
    skeleton = by_count(points.shape[1], clip.skeleton, COUNTS, str(clip.path))
    frames = np.array(clip.rows.frames, dtype=np.int64)
    order = np.argsort(frames, kind="stable")
    note = f"{len(skeleton)} joints taken as {skeleton.name}, the default for this number"
    return Detections(
        frames=frames[order],
        keypoints=points[order],
        scores=scores[order],
        person_ids=np.array(clip.rows.person_ids, dtype=np.int64)[order],
        skeleton=skeleton,
        fps=clip.fps,
        image_size=clip.sizes.size,
        frame_count=clip.frame_count,
        source=str(clip.path),
        notes=() if clip.skeleton is not None else (note,),
    )
