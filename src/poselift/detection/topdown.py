"""Pose networks of one person from an .onnx file, as MMPose exports them (RTMPose, HRNet, ViTPose).

Input (B, 3, H, W): RGB, normalised by ImageNet's mean and deviation. Output: SimCC (Li et al.
2022), two tensors (B, J, W s) and (B, J, H s) with the score of each place along x and y, or
heatmaps (B, J, h, w). Persons are found by the shipped MoveNet.
"""

from __future__ import annotations

from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Float

from poselift.detection.detector import Found
from poselift.detection.movenet import MoveNet, open_network, square_around
from poselift.detection.picture import Picture
from poselift.errors import PoseliftError
from poselift.modelfiles.onnxfile import read_onnx
from poselift.skeletons import COCO_17, Skeleton, get_skeleton

_MEAN = np.array([123.675, 116.28, 103.53], np.float32)
_DEVIATION = np.array([58.395, 57.12, 57.375], np.float32)

#: A crop is this many times as large as the person's box, as these networks are trained.
_MARGIN = 1.25


@final
class TopDown:
    """A pose network from a file.

    path      the .onnx file.
    skeleton  joint set by name; None takes coco_17 where there are 17 joints.

    Raises `PoseliftError` if the file is no such network or its joints are not those.
    """

    def __init__(self, path: str, *, skeleton: str | None = None, threads: int = 1) -> None:
        """Open the file and see what goes in and comes out."""
        self.name = Path(path).name
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise PoseliftError(f"{path}: cannot be read ({error.strerror})") from None
        read_onnx(data, path)  # refuses what is no ONNX, and weights outside the file
        try:
            self._session = open_network(data, threads)
        except Exception as error:  # ONNX Runtime has no base class of its own
            reason = str(error).splitlines()[0][:120]
            raise PoseliftError(f"{path}: ONNX Runtime cannot open it ({reason})") from None
        inputs = self._session.get_inputs()
        shape = list(inputs[0].shape)
        whole = len(shape) == 4 and shape[1] == 3 and all(isinstance(s, int) for s in shape[2:])
        if len(inputs) != 1 or not whole or inputs[0].type != "tensor(float)":
            raise PoseliftError(
                f"{path}: not a pose network, expected one input (batch, 3, height, width) of "
                f"floats, got {inputs[0].name} {tuple(shape)} {inputs[0].type}"
            )
        self._input, self._height, self._width = inputs[0].name, shape[2], shape[3]
        joints = self._run(np.zeros((self._height, self._width, 3), np.uint8), path)[1].shape[0]
        self.skeleton = _joints(path, joints, skeleton)
        self._finder = MoveNet(threads=threads, crops=False)

    def find(self, picture: Picture) -> Found:
        """Find persons with MoveNet, and their joints with this network."""
        from poselift.detection.detector import boxes_of

        found = self._finder.find(picture)
        return self.follow(picture, boxes_of(found))

    def follow(self, picture: Picture, boxes: Float[np.ndarray, "P 4"]) -> Found:
        """Find the person in each box."""
        keypoints = np.empty((len(boxes), len(self.skeleton), 2), np.float32)
        scores = np.empty((len(boxes), len(self.skeleton)), np.float32)
        longer = max(self._width, self._height)
        for row, box in enumerate(boxes):
            square = square_around(_fitting(box, self._width / self._height), _MARGIN)
            shown = picture.crop(square, longer)
            # the middle of the square, in the network's proportions
            left, top = (longer - self._width) // 2, (longer - self._height) // 2
            shown = shown[top : top + self._height, left : left + self._width]
            points, scores[row] = self._run(shown, self.name)
            scale = (square[2] - square[0]) / longer
            keypoints[row] = (points + np.array([left, top])) * scale + square[:2]
        return Found(keypoints, np.clip(scores, 0, 1))

    def _run(self, shown: np.ndarray, path: str) -> tuple[np.ndarray, np.ndarray]:
        """Return joints (J, 2) in pixels of the input, and scores (J,)."""
        inputs = ((shown - _MEAN) / _DEVIATION).transpose(2, 0, 1)[None].astype(np.float32)
        try:
            outputs = self._session.run(None, {self._input: np.ascontiguousarray(inputs)})
        except Exception as error:
            reason = str(error).splitlines()[0][:120]
            raise PoseliftError(f"{path}: ONNX Runtime cannot run it ({reason})") from None
        shapes = [one.shape for one in outputs]
        if len(outputs) == 2 and all(len(shape) == 3 for shape in shapes):
            along = [one[0].argmax(axis=1) for one in outputs]
            split = shapes[0][2] / self._width, shapes[1][2] / self._height
            score = np.minimum(*(one[0].max(axis=1) for one in outputs))
            return np.stack([along[0] / split[0], along[1] / split[1]], axis=1), score
        if len(outputs) == 1 and len(shapes[0]) == 4:
            return _peaks(outputs[0][0], self._width, self._height)
        raise PoseliftError(
            f"{path}: not a pose network, expected SimCC or heatmaps to come out, got {shapes}"
        )


def _peaks(
    heatmaps: Float[np.ndarray, "J h w"], width: int, height: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the peaks of heatmaps, a quarter of a cell towards the higher neighbour."""
    joints, rows, columns = heatmaps.shape
    flat = heatmaps.reshape(joints, -1).argmax(axis=1)
    y, x = flat // columns, flat % columns
    every = np.arange(joints)
    padded = np.pad(heatmaps, ((0, 0), (1, 1), (1, 1)), mode="edge")
    right, left = padded[every, y + 1, x + 2], padded[every, y + 1, x]
    below, above = padded[every, y + 2, x + 1], padded[every, y, x + 1]
    points = np.stack(
        [x + 0.5 + 0.25 * np.sign(right - left), y + 0.5 + 0.25 * np.sign(below - above)], axis=1
    )
    return points * (width / columns, height / rows), heatmaps[every, y, x]


def _fitting(box: Float[np.ndarray, " D"], aspect: float) -> Float[np.ndarray, " D"]:
    """Grow a box to the proportions width / height of the network's input."""
    middle = (box[:2] + box[2:]) / 2
    width, height = box[2:] - box[:2]
    height = max(height, width / aspect)
    half = np.array([height * aspect, height]) / 2
    grown: np.ndarray = np.concatenate([middle - half, middle + half])
    return grown


def _joints(path: str, count: int, name: str | None) -> Skeleton:
    """Return the joint set of a network; an .onnx file does not name its joints."""
    if name is None and count == len(COCO_17):
        return COCO_17
    if name is None:
        raise PoseliftError(f"{path}: gives {count} joints, name the joint set (--skeleton)")
    chosen = get_skeleton(name)
    if len(chosen) != count:
        raise PoseliftError(
            f"{path}: gives {count} joints, expected the {len(chosen)} of {chosen.name}"
        )
    return chosen
