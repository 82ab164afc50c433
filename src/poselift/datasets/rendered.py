"""`cmu17-rendered`: the people of `cmu17`, dressed and photographed, one picture a pose.

An open stand-in for data sets of pictures. Poses, cameras and splits are those of `cmu17` (`train`
may take those of `cmu_more` too); `simulation.rendering` draws the rest. A picture is made when it
is asked for and follows from seed, split and number alone, whoever asks and in whatever order.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypedDict, final

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64, UInt8

from poselift.datasets.cmu import FPS, SPLITS, MotionReader, action_name, clips_of
from poselift.datasets.cmu_more import load_cmu_more
from poselift.errors import PoseliftError
from poselift.geometry import Camera, root_relative
from poselift.mocap.chain import Motion
from poselift.simulation.rendering import render
from poselift.simulation.virtual_cameras import AZIMUTHS, ring_of_cameras
from poselift.skeletons import H36M_17

#: Sides of pictures that can be asked for, pixels, and what is usual.
SIZES = (64, 512)
SIZE = 128

#: The box around the joints is widened by this to the square that is cut out, as is usual.
MARGIN = 1.25

#: An ankle's height above the floor, metres: the lowest joint of a clip is taken to be one.
_ANKLE = 0.06


class Truth(TypedDict):
    """What is known of a picture. Pixels: (0, 0) is the corner of the first one.

    keypoints     (17, 2) `h36m_17`, pixels of the picture; never missing, also where hidden or
                  outside.
    poses         (17, 3) metres, camera space, pelvis at the origin.
    root          (3,) metres, camera space: where the pelvis is.
    crop          (3, 3) from pixels of the camera's whole picture to those of this one; a scale and
                  a shift.
    picture_size  (width, height) of the whole picture; intrinsics (3, 3) of its camera (the lens
                  distorts besides, as Human3.6M's do).
    subject, action, camera, clip, frame  where it comes from, as in `LiftingData`.
    """

    keypoints: Float32[np.ndarray, "17 2"]
    poses: Float32[np.ndarray, "17 3"]
    root: Float32[np.ndarray, " D"]
    crop: Float32[np.ndarray, "3 3"]
    picture_size: tuple[int, int]
    intrinsics: Float32[np.ndarray, "3 3"]
    subject: int
    action: str
    camera: int
    clip: str
    frame: int


class RenderedPicture(Truth):
    """A picture and its truth.

    image    (size, size, 3) uint8, RGB.
    visible  (17,) lies in the picture, and nothing but its own body part is in front of it.
    """

    image: UInt8[np.ndarray, "H W 3"]
    visible: Bool[np.ndarray, " J"]


@dataclass(frozen=True, eq=False)
class _Clip:
    motion: Motion

    @cached_property
    def cameras(self) -> tuple[Camera, ...]:
        return ring_of_cameras(self.motion)

    @property
    def floor(self) -> float:
        return float(self.motion.positions[..., 1].min()) - _ANKLE


@dataclass(frozen=True, eq=False)
class _Prepared:
    """What a picture is made from; `row` is clip, camera, index of the frame."""

    rng: np.random.Generator
    clip: _Clip
    row: tuple[int, int, int]
    crop: Float[np.ndarray, "3 3"]


@final
@dataclass(frozen=True, eq=False)
class RenderedPictures:
    """Pictures by number, made when asked for; see `load_rendered`."""

    clips: tuple[_Clip, ...]
    rows: Int64[np.ndarray, "R 3"]
    """Clip, camera, and index of the frame in the clip, of every pose of the split."""
    split: str
    size: int
    seed: int
    count: int | None
    order: Int64[np.ndarray, " R"]
    """Which row the first pictures show; after the last it starts again."""

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.rows) if self.count is None else self.count

    def __iter__(self) -> Iterator[RenderedPicture]:
        """Make one picture after the other."""
        return (self[number] for number in range(len(self)))

    @property
    def subjects(self) -> tuple[int, ...]:
        """Numbers of the people in it, ascending."""
        return tuple(sorted({clip.motion.subject for clip in self.clips}))

    def reseeded(self, seed: int) -> RenderedPictures:
        """Return other pictures of the same split, for another epoch; motions are shared."""
        return replace(self, seed=seed, order=_order(len(self.rows), seed, self.count))

    def __getitem__(self, number: int) -> RenderedPicture:
        """Make a picture; `IndexError` if there is none of that number."""
        truth, scene = self._prepared(number)
        clip, (_, view, at) = scene.clip, scene.row
        picture = render(
            scene.rng,
            clip.motion.positions[at].astype(np.float64),
            _velocity(clip.motion, at),
            clip.cameras[view],
            scene.crop,
            self.size,
            clip.floor,
        )
        return RenderedPicture(image=picture.image, visible=picture.visible, **truth)

    def truth(self, number: int) -> Truth:
        """Return all that is known of a picture without making it."""
        return self._prepared(number)[0]

    def _prepared(self, number: int) -> tuple[Truth, _Prepared]:
        if not -len(self) <= number < len(self):
            raise IndexError(f"there are {len(self)} pictures, none of number {number}")
        number %= len(self)
        row = self.rows[self.order[number % len(self.order)]]
        which, view, at = (int(value) for value in row)
        clip = self.clips[which]
        motion, camera = clip.motion, clip.cameras[view]
        rng = np.random.default_rng((self.seed, SPLITS.index(self.split), number))
        seen = camera.to_camera(motion.positions[at].astype(np.float64))
        pixels = camera.project(seen)
        crop = square_around(pixels, self.size)
        if self.split == "train":
            crop = _jittered(rng, crop, self.size)
        (fx, fy), (cx, cy) = camera.focal, camera.center
        truth = Truth(
            keypoints=(pixels @ crop[:2, :2].T + crop[:2, 2]).astype(np.float32),
            poses=root_relative(seen, H36M_17.root).astype(np.float32),
            root=seen[H36M_17.root].astype(np.float32),
            crop=crop.astype(np.float32),
            picture_size=camera.size,
            intrinsics=np.array([(fx, 0, cx), (0, fy, cy), (0, 0, 1)], dtype=np.float32),
            subject=motion.subject,
            action=action_name(motion.action),
            camera=view,
            clip=motion.path,
            frame=int(motion.frames[at]),
        )
        return truth, _Prepared(rng, clip, (which, view, at), crop)


def load_rendered(
    root: str | os.PathLike[str],
    split: str,
    size: int = SIZE,
    seed: int = 0,
    count: int | None = None,
    more: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> RenderedPictures:
    """Open the pictures of a split of `cmu17`; none is made before it is asked for.

    root      folder of `cmu17`. split: "train", "val" or "test"; subjects do not overlap.
    size      side of the square pictures, pixels, 64 to 512.
    seed      decides with the split and a picture's number all that the poses do not.
    count     number of pictures. None: one of each frame by each camera, in the order of
              `load_cmu17`. Otherwise rows of the split in an order that the seed shuffles, and when
              all have been shown, again with other clothes in other places.
    more      folder of `cmu_more`, whose motions `train` takes besides.
    progress  called with (clips done, clips in all) after each clip is read.

    `train` shifts and scales the square around a person as a detector would, so that people may
    stand out of it; the other splits have the joints' box, widened by `MARGIN`.

    Raises `PoseliftError` as `load_motions` and `load_cmu_more` do, and for a size, seed or count
    that cannot be.
    """
    if not SIZES[0] <= size <= SIZES[1]:
        raise PoseliftError(f"expected pictures of {SIZES[0]} to {SIZES[1]} pixels, got {size}")
    if seed < 0:
        raise PoseliftError(f"expected a seed of at least 0, got {seed}")
    if count is not None and count < 1:
        raise PoseliftError(f"expected at least one picture, got {count}")
    if more is not None and split != "train":
        raise PoseliftError(f"cmu_more is for training only: leave it out for split {split!r}")
    listed, reader, motions = clips_of(root, split), MotionReader(Path(root)), []
    for done, clip in enumerate(listed, start=1):
        motions.append(reader.read(clip, clip.frames_at(FPS)))
        if progress is not None:
            progress(done, len(listed))
    if more is not None:
        motions += load_cmu_more(more)
    clips = tuple(map(_Clip, motions))
    rows = np.concatenate(
        [
            np.stack(np.broadcast_arrays(number, view, np.arange(len(clip.motion))), axis=1)
            for number, clip in enumerate(clips)
            for view in range(len(AZIMUTHS))
        ]
    ).astype(np.int64)
    return RenderedPictures(clips, rows, split, size, seed, count, _order(len(rows), seed, count))


def square_around(keypoints: Float[np.ndarray, "J 2"], size: int) -> Float[np.ndarray, "3 3"]:
    """Map that cuts out the square around keypoints, `MARGIN` wider than their longer side."""
    low, high = keypoints.min(axis=0), keypoints.max(axis=0)
    scale = size / (MARGIN * float((high - low).max()))
    x, y = size / 2 - scale * (low + high) / 2
    return np.array([(scale, 0, x), (0, scale, y), (0, 0, 1)])


def _jittered(
    rng: np.random.Generator, crop: Float[np.ndarray, "3 3"], size: int
) -> Float[np.ndarray, "3 3"]:
    """Shift and scale a square as much as detectors' boxes do, and a little more."""
    scale = float(np.exp(np.clip(rng.normal(0, 0.12), -0.3, 0.3)))
    x, y = size / 2 * (1 - scale) + size * np.clip(rng.normal(0, 0.05, 2), -0.15, 0.15)
    return np.array([(scale, 0, x), (0, scale, y), (0, 0, 1)]) @ crop


def _order(rows: int, seed: int, count: int | None) -> Int64[np.ndarray, " R"]:
    if count is None:
        return np.arange(rows, dtype=np.int64)
    return np.random.default_rng((seed, rows)).permutation(rows).astype(np.int64)


def _velocity(motion: Motion, at: int) -> Float[np.ndarray, "17 3"]:
    """Of the joints, m/s, from the frames before and after."""
    first, last = max(at - 1, 0), min(at + 1, len(motion) - 1)
    if first == last:
        return np.zeros((17, 3))
    step = int(np.diff(motion.frames).min())
    seconds = (motion.frames[last] - motion.frames[first]) / (step * motion.fps)
    return (motion.positions[last] - motion.positions[first]).astype(np.float64) / seconds
