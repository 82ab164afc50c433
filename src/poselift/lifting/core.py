"""The one way from pixels to metres, for clips, live frames, streams, scoring and reproduction.

Axes: N row of a clip, B row of a batch, T frame of a window, J joint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int

from poselift.geometry import Normaliser, PixelDepth
from poselift.lifting.arguments import check_poses, longest_bone
from poselift.lifting.optics import Optics
from poselift.modelfiles.card import ModelCard
from poselift.poses import windows

#: Normalised keypoints in, root-relative metres in the network's space out: (B, J, 2) -> (B, J, 3)
#: for networks of single frames, (B, T, J, 2) -> (B, T, J, 3) for those of windows.
Run = Callable[[np.ndarray], np.ndarray]

#: Poses, mirror images among them, that go through the network at once: enough for large products,
#: few enough for their features to stay in the caches. Bounds the memory, however long the clip.
BATCH = 64

#: Called with the number of poses done since the last call.
Advance = Callable[[int], None]


@final
@dataclass(frozen=True)
class Core:
    """Normalise, missing joints to 0, run, back to the camera, minus the root.

    run    the network, in whatever runtime.
    card   names its joints, normalisation, target and frames.
    flip   lift the mirrored poses too, and return the mean of both.
    batch  poses that go through the network at once.
    human  refuse poses that are no body. Scoring measures them: they are errors.
    """

    run: Run
    card: ModelCard
    flip: bool = False
    batch: int = BATCH
    human: bool = False

    @property
    def min_visible(self) -> int:
        """Joints that a frame must show to be lifted: a third of them."""
        return -(-len(self.card.skeleton) // 3)

    def liftable(self, points: Float[np.ndarray, "N J 2"]) -> Bool[np.ndarray, " N"]:
        """Tell which frames show enough joints, and not all of them in one point."""
        enough: np.ndarray = (~np.isnan(points[..., 0])).sum(axis=1) >= self.min_visible
        spread = np.fmax.reduce(points, axis=1) - np.fmin.reduce(points, axis=1)
        return enough & (spread > 0).any(axis=1)

    def lift(
        self,
        points: Float[np.ndarray, "N J 2"],
        optics: Optics,
        frames: Int[np.ndarray, " N"],
        clips: Int[np.ndarray, " N"] | None = None,
        *,
        progress: Advance | None = None,
    ) -> Float[np.ndarray, "N J 3"]:
        """Lift rows in batches; a row that shows too few joints is NaN and in no window.

        points  pixels in the joints of the card; a missing joint is NaN.
        optics  of all rows, or of each.
        frames  frame numbers, for windows and for what is said of a broken pose.
        clips   clip, person and camera of each row, as one number; None if all are of one.

        Returns float32 metres, camera axes, the root at 0. Raises `PoseliftError` naming the
        frame for which the network gave no finite pose.
        """
        poses = np.full((*points.shape[:2], 3), np.nan, dtype=np.float32)
        liftable = self.liftable(points)
        around = None
        if self.card.frames > 1:
            seen = np.flatnonzero(liftable)
            around = np.empty((len(points), self.card.frames), np.int64)
            own = None if clips is None else clips[seen]
            around[seen] = seen[windows(frames[seen], self.card.frames, own)]
        size = max(1, self.batch // (1 + self.flip))
        for start in range(0, len(points), size):
            rows = start + np.flatnonzero(liftable[start : start + size])
            if len(rows):
                window = None if around is None else around[rows]
                poses[rows] = self.lift_batch(points, optics, frames, rows, window)
            if progress is not None:
                progress(min(size, len(points) - start))
        return poses

    def lift_batch(
        self,
        points: Float[np.ndarray, "N J 2"],
        optics: Optics,
        frames: Int[np.ndarray, " N"],
        rows: Int[np.ndarray, " B"],
        window: Int[np.ndarray, "B T"] | None = None,
        normaliser: Normaliser | None = None,
    ) -> Float[np.ndarray, "B J 3"]:
        """Lift the rows `rows` in one pass through the network; else as `lift`.

        window      rows of the frames around each of them, for networks of several frames.
        normaliser  of the optics, where it has been made before.
        """
        skeleton, count, needed = self.card.skeleton, len(rows), rows
        if window is not None:  # a frame is normalised once, however many windows it is in
            needed, window = np.unique(window, return_inverse=True)
            window = window.reshape(count, -1)
        pixels, seen = points[needed], optics[needed]
        if self.flip:
            pixels = np.concatenate([pixels, skeleton.flip(pixels, width=seen.width)])
            seen = seen.with_mirrored()
            window = None if window is None else np.concatenate([window, window + len(needed)])
        if normaliser is None:
            method = self.card.normalisation
            normaliser = Normaliser(method, seen.size, seen.focal, skeleton.root)
        with np.errstate(over="ignore", invalid="ignore"):  # found below
            pose = normaliser(pixels)
            inputs = np.where(np.isnan(pose.inputs), np.float32(0), pose.inputs)
            if window is None:
                outputs = self.run(inputs)
            else:
                middle = (self.card.frames - 1) // 2
                own = window[:, middle]
                outputs, pose, seen = self.run(inputs[window])[:, middle], pose[own], seen[own]
            if seen.root is not None and seen.intrinsics is not None:
                depth = PixelDepth.of(pose, seen.root, seen.intrinsics, seen.size, seen.focal)
                outputs = depth.to_metres(outputs)
            poses = pose.to_camera(outputs)
            if self.flip:
                poses = (poses[:count] + skeleton.flip(poses[count:])) / 2
        longest = 2 * longest_bone(self.card) if self.human else np.inf
        check_poses(poses, frames[rows], self.card, optics[rows].size, longest)
        return poses - poses[:, skeleton.root : skeleton.root + 1]
