"""Detectors by name, and from files."""

from __future__ import annotations

import os
from pathlib import Path

from poselift.detection.detector import Detector
from poselift.errors import PATH, PoseliftError, expect
from poselift.modelfiles.card import METADATA_KEY
from poselift.modelfiles.onnxfile import read_onnx

#: What a detector argument can be, besides an .onnx file.
DETECTORS = {
    "movenet": "shipped: finds with multipose, follows with lightning",
    "multipose": "shipped: MoveNet multipose alone",
    "rtmlib": "RTMPose by rtmlib (extra rtm), whose files must be there already",
}


def open_detector(
    name: str | os.PathLike[str] = "movenet", *, skeleton: str | None = None, threads: int = 1
) -> Detector:
    """Open a detector: a name of `DETECTORS`, the path of an .onnx file, or a run folder.

    skeleton  joint set of an .onnx file that does not have the 17 of coco_17.
    threads   CPU threads of each network.

    Nothing is downloaded. Raises `PoseliftError` in one sentence if there is no such detector.
    """
    expect(name, PATH, f"a detector ({', '.join(DETECTORS)}, an .onnx file, a run folder)")
    name = os.fspath(name)
    if name in DETECTORS and skeleton is not None:
        raise PoseliftError(f"detector {name} has joints of its own, leave --skeleton out")
    if name == "rtmlib":
        from poselift.detection.rtm import open_rtmlib

        return open_rtmlib()
    if name in DETECTORS:
        from poselift.detection.movenet import MoveNet

        return MoveNet(threads=threads, crops=name == "movenet")
    path = Path(name)
    if not (path.is_file() or path.is_dir()):
        raise PoseliftError(
            f"detector {name!r} not found, expected {', '.join(DETECTORS)}, an .onnx file, or a "
            "run folder"
        )
    if path.is_dir() or _is_ours(path):
        from poselift.detection.trained import Trained

        if skeleton is not None:
            raise PoseliftError(f"detector {name} has joints of its own, leave --skeleton out")
        return Trained(name, threads=threads)
    from poselift.detection.topdown import TopDown

    return TopDown(name, skeleton=skeleton, threads=threads)


def _is_ours(path: Path) -> bool:
    """Tell whether a file carries a card of poselift's; what is no ONNX is left to others."""
    try:
        return METADATA_KEY in read_onnx(path.read_bytes(), str(path)).metadata
    except (OSError, PoseliftError):
        return False
