"""MoveNet (Google, 2021), shipped: multipose finds persons, lightning follows each in a crop.

Both take RGB from 0 to 255 as int32 and give y, x, score of the 17 COCO joints relative to what
they were shown (see models/NOTICE for their origin).
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np
from jaxtyping import Float, Int32

from poselift.detection.detector import MIN_SCORE, Found
from poselift.detection.picture import Picture
from poselift.errors import PoseliftError
from poselift.modelfiles.runtime import load_onnxruntime
from poselift.skeletons import COCO_17

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

#: Longer side of the picture that multipose sees. At 256 it misses more, at 640 it is worse.
WHOLE_SIDE = 320

#: Side of the picture that lightning sees.
CROP_SIDE = 192

#: A crop is this many times as large as the box around the person.
CROP_MARGIN = 1.2

_FOLDER = Path(__file__).parent / "models"


@final
class MoveNet:
    """The shipped detector. Raises `PoseliftError` if one of its files is damaged."""

    name = "movenet"
    skeleton = COCO_17

    def __init__(self, *, threads: int = 1, crops: bool = True) -> None:
        """Open both networks; without `crops` multipose does all the work."""
        if not crops:
            self.name = "movenet multipose"
        self._multipose = open_shipped("movenet_multipose.onnx", threads)
        self._lightning = open_shipped("movenet_lightning.onnx", threads) if crops else None
        self._pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1), "poselift-crops")

    def find(self, picture: Picture) -> Found:
        """Find up to six persons in the whole picture."""
        width, height = picture.size
        scale = WHOLE_SIDE / max(width, height)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        shown = np.zeros((1, -(-inner[1] // 32) * 32, -(-inner[0] // 32) * 32, 3), np.int32)
        shown[0, : inner[1], : inner[0]] = picture.whole(*inner)
        rows = self._multipose.run(None, {"input:0": shown})[0][0]
        rows = rows[rows[:, 55] >= MIN_SCORE]
        joints = rows[:, :51].reshape(-1, 17, 3)
        padded = np.array(
            [shown.shape[2] * width / inner[0], shown.shape[1] * height / inner[1]], np.float32
        )
        return Found(joints[..., 1::-1] * padded, joints[..., 2])

    def follow(self, picture: Picture, boxes: Float[np.ndarray, "P 4"]) -> Found:
        """Find the person in a square crop around each box."""
        if self._lightning is None:
            return _nearest(self.find(picture), boxes)
        squares = [square_around(box) for box in boxes]
        shown = [picture.crop(one, CROP_SIDE)[None].astype(np.int32) for one in squares]
        # several persons on several cores: each network has one thread, and runs without the GIL
        runs = (
            self._pool.map(self._crop_joints, shown)
            if len(shown) > 1
            else map(self._crop_joints, shown)
        )
        joints = np.stack(list(runs)) if shown else np.zeros((0, 17, 3), np.float32)
        corners = np.array(squares, np.float32).reshape(-1, 1, 4)
        sides = corners[..., 2:3] - corners[..., 0:1]
        return Found(joints[..., 1::-1] * sides + corners[..., :2], joints[..., 2])

    def _crop_joints(self, shown: Int32[np.ndarray, "1 H W 3"]) -> Float[np.ndarray, "17 3"]:
        """Run lightning: y, x, score relative to the crop."""
        assert self._lightning is not None  # it is only called where it was opened
        joints: np.ndarray = self._lightning.run(None, {"input:0": shown})[0][0, 0]
        return joints


def square_around(
    box: Float[np.ndarray, " D"], margin: float = CROP_MARGIN
) -> tuple[int, int, int, int]:
    """Return the square around a box, in even pixels: left, top, right, bottom.

    Its side is a multiple of 16, so that few different sizes are scaled.
    """
    side = max(16, int(np.ceil(margin * max(box[2] - box[0], box[3] - box[1]) / 16)) * 16)
    left = 2 * round((box[0] + box[2] - side) / 4)
    top = 2 * round((box[1] + box[3] - side) / 4)
    return left, top, left + side, top + side


def _nearest(found: Found, boxes: Float[np.ndarray, "P 4"]) -> Found:
    """Return for each box the person whose middle is nearest to the box's; none: scores of 0."""
    keypoints = np.zeros((len(boxes), 17, 2), np.float32)
    scores = np.zeros((len(boxes), 17), np.float32)
    if len(found.scores):
        middles = np.median(found.keypoints, axis=1)
        for row, box in enumerate(boxes):
            far = np.linalg.norm(middles - (box[:2] + box[2:]) / 2, axis=1)
            if far.min() < np.linalg.norm(box[2:] - box[:2]) / 2:
                keypoints[row] = found.keypoints[far.argmin()]
                scores[row] = found.scores[far.argmin()]
    return Found(keypoints, scores)


def open_shipped(name: str, threads: int) -> InferenceSession:
    """Open a network of the wheel after comparing its hash."""
    path = _FOLDER / name
    sums = (_FOLDER / "SHA256SUMS").read_text(encoding="ascii").split()
    try:
        data = path.read_bytes()
    except OSError:
        raise PoseliftError(
            f"{path}: the shipped detector is missing, reinstall poselift"
        ) from None
    if hashlib.sha256(data).hexdigest() != sums[sums.index(name) - 1]:
        raise PoseliftError(f"{path}: the shipped detector is damaged, reinstall poselift")
    return open_network(data, threads)


def open_network(data: bytes, threads: int) -> InferenceSession:
    """Open an ONNX network on the CPU."""
    runtime = load_onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
