"""LiveLifter: one frame in, one pose out, with as little as possible around the network."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import final

import numpy as np
from jaxtyping import Float

from poselift.geometry import Normaliser
from poselift.lifting.arguments import Numbers, as_frame, check_pixels, check_poses
from poselift.modelfiles.card import ModelCard
from poselift.poses import PoseSequence
from poselift.skeletons import Skeleton, conversion

#: Normalised keypoints (B, J, 2) in, root-relative metres (B, J, 3) in the network's space out.
Run = Callable[[np.ndarray], np.ndarray]


@final
class LiveLifter:
    """Lifts single frames as they come; made by `Lifter.live`, which says what it is given.

    A call returns what `Lifter.lift` returns for a clip of that one frame, and refuses what that
    refuses; frames in errors are calls, counted from 0.

    Calls may come from several threads; only the frame numbers in errors get mixed up then.
    """

    def __init__(
        self,
        network: Run,
        card: ModelCard,
        *,
        joints: Skeleton,
        size: tuple[int, int],
        focal: float | None,
        flip: bool,
        min_visible: int,
    ) -> None:
        """Work out everything that depends on the camera and the joint sets alone."""
        self._network, self._model = network, card.name
        self._joints, self._target = joints, card.skeleton
        self._size, self._may_miss = size, len(card.skeleton) - min_visible
        self._rule = conversion(joints, card.skeleton)
        orders = [self._rule.order]
        if flip:
            orders.append(orders[0][card.skeleton.flip_order])
        self._order = np.stack(orders)
        self._normalise = Normaliser(card.normalisation, size, focal, card.skeleton.root)
        self._calls = 0

    def __call__(
        self,
        keypoints: Float[np.ndarray, "J 2"] | Numbers,
        scores: Float[np.ndarray, " J"] | Numbers | None = None,
    ) -> Float[np.ndarray, "J_target 3"]:
        """Lift one frame.

        keypoints  (J, 2) pixels, x right, y down; a missing joint is NaN.
        scores     (J,) confidences; 0 means not found, NaN unknown.

        Returns (17, 3) float32, the caller's own: metres, camera axes, relative to the pelvis;
        NaN if fewer than `Lifter.min_visible` joints are visible. Raises `PoseliftError` that
        says what was expected, naming the joint of a value that is not finite.
        """
        frame = self._calls
        self._calls += 1
        rows = self._rows(keypoints, scores, frame)
        missing = np.count_nonzero(np.isnan(rows[0, :, 0]))
        if missing > self._may_miss:
            return np.full((len(self._target), 3), np.nan, np.float32)
        check_pixels(rows[0])
        with np.errstate(over="ignore", invalid="ignore"):  # found below
            pose = self._lift(rows, bool(missing))
        if not isfinite(np.vdot(pose, pose)):  # infinite, missing or huge
            check_poses(pose[None], np.array([frame]), self._model, self._size)
        return pose - pose[self._target.root]

    def _rows(
        self, keypoints: Numbers, scores: Numbers | None, frame: int
    ) -> Float[np.ndarray, "B J_target 2"]:
        """Check a frame and return it in the network's joints, under it its mirror image."""
        points = as_frame("keypoints", keypoints, self._joints, (2,))
        if not isfinite(np.vdot(points, points)):  # infinite, missing or huge
            self._check_values(points, frame)
        if scores is not None:
            unfound = as_frame("scores", scores, self._joints, ()) <= 0
            np.copyto(points, np.nan, where=unfound[:, None])
        extended = np.empty((self._rule.pool, 2), np.float32)
        extended[: len(points)] = points
        self._rule.extend(extended)
        rows = extended.take(self._order, axis=0)
        if len(rows) > 1:
            mirrored = rows[1, :, 0]
            np.subtract(self._size[0], mirrored, out=mirrored)
        return rows

    def _check_values(self, points: Float[np.ndarray, "J 2"], frame: int) -> None:
        """Have a frame with infinite or half-missing joints refused as any sequence of such."""
        missing = np.isnan(points)
        rest = np.where(missing[:, :1] & missing[:, 1:], 0, points)
        if not isfinite(np.vdot(rest, rest)):
            PoseSequence.from_2d(points[None], self._joints, frames=np.array([frame]))

    def _lift(
        self, rows: Float[np.ndarray, "B J_target 2"], missing: bool
    ) -> Float[np.ndarray, "J_target 3"]:
        """Pixels -> network -> camera axes, metres; the mean with the mirrored pose, if any."""
        normalised = self._normalise(rows)
        inputs = normalised.inputs
        if missing:
            np.copyto(inputs, 0, where=np.isnan(inputs))
        poses = normalised.to_camera(self._network(inputs))
        if len(poses) == 1:
            return poses[0]
        return (poses[0] + self._target.flip(poses[1])) / 2
