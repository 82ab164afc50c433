"""rtmlib (Apache-2.0, extra `rtm`) behind the protocol of detectors; nothing is fetched here."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import Any, final

import numpy as np
from jaxtyping import Float

from poselift.detection.detector import Found
from poselift.detection.picture import Picture
from poselift.errors import PoseliftError, how_to_install
from poselift.skeletons import COCO_17, HALPE_26, Skeleton

#: Which files `--detector rtmlib` takes, by rtmlib's name for them.
MODE = "balanced"


@final
class Rtmlib:
    """Any of rtmlib's top-down solutions (`Body`, `BodyWithFeet`) as a detector.

    solution  made by the user, who thereby decides whether it downloads anything. Only its
              `det_model` and `pose_model` are used; both take a BGR picture.
    """

    name = "rtmlib"

    def __init__(self, solution: Any, skeleton: Skeleton = COCO_17) -> None:
        """Take an open solution whose pose model gives the joints of `skeleton`."""
        if skeleton not in (COCO_17, HALPE_26):
            raise PoseliftError(f"expected rtmlib's joints as coco_17 or halpe_26, got {skeleton}")
        self._boxes, self._pose = solution.det_model, solution.pose_model
        self.skeleton = skeleton

    def find(self, picture: Picture) -> Found:
        """Find all persons."""
        shown = picture.whole(*picture.size)[..., ::-1]
        boxes = np.asarray(self._boxes(shown), np.float32).reshape(-1, 4)
        return self._joints(shown, boxes)

    def follow(self, picture: Picture, boxes: Float[np.ndarray, "P 4"]) -> Found:
        """Find the person in each box."""
        return self._joints(picture.whole(*picture.size)[..., ::-1], boxes)

    def _joints(self, shown: np.ndarray, boxes: np.ndarray) -> Found:
        """Run the pose model; without boxes it would take the whole picture for a person."""
        joints = len(self.skeleton)
        if not len(boxes):
            return Found(np.zeros((0, joints, 2), np.float32), np.zeros((0, joints), np.float32))
        keypoints, scores = self._pose(np.ascontiguousarray(shown), bboxes=boxes.tolist())
        return Found(
            np.asarray(keypoints, np.float32), np.clip(np.asarray(scores, np.float32), 0, 1)
        )


def open_rtmlib() -> Rtmlib:
    """Open rtmlib's `Body` if its files are on this machine; `PoseliftError` says how they come."""
    try:
        from rtmlib import Body
    except ImportError:
        raise PoseliftError(
            f"the detector rtmlib is not installed, get it with: {how_to_install('rtm')}"
        ) from None
    cache = os.getenv("TORCH_HOME", os.path.join(os.getenv("XDG_CACHE_HOME", "~/.cache"), "rtmlib"))
    folder = Path(cache).expanduser() / "hub" / "checkpoints"
    for part in ("det", "pose"):
        file = folder / f"{Path(Body.MODE[MODE][part]).stem}.onnx"
        if not file.is_file():
            raise PoseliftError(
                f"rtmlib's files are not on this machine ({file}), have rtmlib download them "
                f"with: python -c \"from rtmlib import Body; Body(mode='{MODE}')\""
            )
    with contextlib.redirect_stdout(io.StringIO()):  # it tells what it loads
        return Rtmlib(Body(mode=MODE, backend="onnxruntime"))
