"""LiveLifter: one frame in, one pose out, with as little as possible around the network.

What trembles is steadied by the One-Euro filter, if asked for: it is made for this and does not
look ahead. Clips are filtered better afterwards (`poselift.motion`).
"""

from __future__ import annotations

from math import isfinite
from typing import final

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.geometry import Normaliser
from poselift.lifting.arguments import FARTHEST, Numbers, as_frame, check_near, check_pixels
from poselift.lifting.core import Core
from poselift.lifting.optics import Optics
from poselift.motion import OneEuro
from poselift.poses import PoseSequence, windows
from poselift.skeletons import Skeleton, conversion


@final
class LiveLifter:
    """Lifts single frames as they come; made by `Lifter.live`, which says what it is given.

    A call returns what `Lifter.lift` returns for a clip of that one frame (with a network of
    several frames: for the last frame of the clip so far), and refuses what that refuses; frames
    in errors are calls, counted from 0. With `smooth` that pose goes through a `OneEuro` filter,
    which starts anew after frames that cannot be lifted.

    Calls may come from several threads; only the frame numbers in errors get mixed up then (a
    network of several frames, or a filter, wants them from one).
    """

    def __init__(
        self,
        core: Core,
        joints: Skeleton,
        size: tuple[int, int],
        optics: Optics,
        *,
        smooth: bool = False,
    ) -> None:
        """Work out everything that depends on the camera and the joint sets alone."""
        card = core.card
        self._core, self._optics, self._joints, self._size = core, optics, joints, size
        self._rule = conversion(joints, card.skeleton)
        self._normaliser = Normaliser(card.normalisation, size, optics.focal, card.skeleton.root)
        self._calls, self._far = 0, float((FARTHEST * max(size)) ** 2)
        self._seen: list[tuple[int, np.ndarray]] = []
        self._filter = OneEuro() if smooth else None

    def __call__(
        self,
        keypoints: Float[np.ndarray, "J 2"] | Numbers,
        scores: Float[np.ndarray, " J"] | Numbers | None = None,
        time: float | None = None,
    ) -> Float[np.ndarray, "J_target 3"]:
        """Lift one frame.

        keypoints  (J, 2) pixels, x right, y down; a missing joint is NaN.
        scores     (J,) confidences; 0 means not found, NaN unknown.
        time       seconds, later than the frame before; only what is smoothed needs it.

        Returns (17, 3) float32, the caller's own: metres, camera axes, relative to the pelvis;
        NaN if fewer than `Lifter.min_visible` joints are visible. Raises `PoseliftError` that
        says what was expected, naming the joint of a value that is not finite.
        """
        pose = self._lift(keypoints, scores)
        if self._filter is None:
            return pose
        if not isinstance(time, int | float | np.number) or not isfinite(time):
            raise PoseliftError(
                f"frame {self._calls - 1}: expected time=..., the frame's time in seconds, since "
                f"it is smoothed, got {time!r}"
            )
        return self._filter(pose, time)

    def _lift(self, keypoints: Numbers, scores: Numbers | None) -> Float[np.ndarray, "J_target 3"]:
        """Lift one frame as it is."""
        frame, length = self._calls, self._core.card.frames
        self._calls += 1
        points = as_frame("keypoints", keypoints, self._joints, (2,))
        if not np.vdot(points, points) <= self._far:  # infinite, missing or huge
            self._check_values(points, frame)
        if scores is not None:
            unfound = as_frame("scores", scores, self._joints, ()) <= 0
            np.copyto(points, np.nan, where=unfound[:, None])
        points = self._rule.positions(points)
        if not self._core.liftable(points[None])[0]:
            return np.full((len(points), 3), np.nan, np.float32)
        check_pixels(points)
        if length == 1:
            numbers, clip, around = np.array([frame]), points[None], None
        else:
            self._seen = [*self._seen, (frame, points)][-(length + 1) // 2 :]
            numbers = np.array([number for number, _ in self._seen])
            clip = np.stack([one for _, one in self._seen])
            around = windows(numbers, length)[-1:]
        rows = np.array([len(clip) - 1])
        return self._core.lift_batch(clip, self._optics, numbers, rows, around, self._normaliser)[0]

    def _check_values(self, points: Float[np.ndarray, "J 2"], frame: int) -> None:
        """Have a frame with infinite, half-missing or far joints refused as any clip of such."""
        missing, number = np.isnan(points), np.array([frame])
        rest = np.where(missing[:, :1] & missing[:, 1:], 0, points)
        if not isfinite(np.vdot(rest, rest)):
            PoseSequence.from_2d(points[None], self._joints, frames=number)
        check_near(points[None], self._joints, number, self._size)
