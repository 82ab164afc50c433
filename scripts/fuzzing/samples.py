"""Valid inputs of formats that are only read. A new reader needs a function here, or a writer."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from io_samples import body_25, mmpose_frames, openpose_frame, walker
from reader_samples import CASES


def _openpose(folder: Path) -> list[Path]:
    """One file, and a folder of frames."""
    people = body_25(5)
    frames = [openpose_frame(one, one + 300) for one in people]
    (folder / "all.json").write_text(json.dumps({"frames": frames, "fps": 25.0}))
    (folder / "frames").mkdir()
    for number, frame in enumerate(frames):
        (folder / "frames" / f"v_{number:012d}_keypoints.json").write_text(json.dumps(frame))
    return [folder / "all.json", folder / "frames"]


def _mmpose(folder: Path) -> list[Path]:
    """The demo script's file."""
    meta = {"dataset_name": "coco", "num_keypoints": 17}
    (folder / "demo.json").write_text(
        json.dumps({"meta_info": meta, "instance_info": mmpose_frames(walker(5), first=1)})
    )
    (folder / "list.json").write_text(json.dumps(mmpose_frames(walker(5))))
    return [folder / "demo.json", folder / "list.json"]


def _layouts(name: str, folder: Path) -> list[Path]:
    """One of each layout that the tests of readers make."""
    paths = []
    for number, (make, named, _, _) in enumerate(CASES):
        if named == name:
            place = folder / f"layout{number}"
            place.mkdir()
            paths.append(make(place))
    return paths


#: Makers of valid inputs by the format's name.
SAMPLES: dict[str, Callable[[Path], list[Path]]] = {
    "openpose": _openpose,
    "mmpose": _mmpose,
    **{name: partial(_layouts, name) for name in dict.fromkeys(case[1] for case in CASES)},
}
