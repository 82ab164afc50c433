"""A whole video as a table of detections: decoded in one thread, watched in another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, final

import numpy as np
from jaxtyping import Float, Int

from poselift.detection.ahead import Ahead
from poselift.detection.detector import Detector
from poselift.detection.picture import Picture
from poselift.detection.video import Video
from poselift.detection.watch import Watched, Watcher
from poselift.errors import PoseliftError
from poselift.files import told
from poselift.poses import Detections

#: Bytes of pictures that may wait to be watched. Bounds the memory.
QUEUE_BYTES = 64e6

#: Pictures on a page of the notebook.
_PAGE = 512

#: A time stamp may be this far from frame / fps (in steps) in a video of a constant rate.
_JITTER = 0.1


class Recording(NamedTuple):
    """What was found in a video.

    detections   persons of all frames, not yet followed over time (`people_of` does that).
    frames       (T,) int64, frame numbers of the pictures that were seen, persons or not.
    times        (T,) float64, their seconds from the start.
    interrupted  whether Ctrl-C ended it early.
    """

    detections: Detections
    frames: Int[np.ndarray, " T"]
    times: Float[np.ndarray, " T"]
    interrupted: bool


class _Page(NamedTuple):
    """Some pictures: their numbers, times and persons, and the persons of all one after another."""

    frames: Int[np.ndarray, " T"]
    times: Float[np.ndarray, " T"]
    people: Int[np.ndarray, " T"]
    keypoints: Float[np.ndarray, "N J 2"]
    scores: Float[np.ndarray, "N J"]


def _together(pages: list[_Page]) -> _Page:
    """Join pages."""
    return _Page(*(np.concatenate(column) for column in zip(*pages, strict=True)))


@final
class Notebook:
    """Notes who was in each picture of a video, and makes a table of it.

    What is noted is packed now and then: an hour at 60 frames a second takes about 50 MB a person.
    """

    def __init__(self, video: Video, detector: Detector) -> None:
        """Start empty."""
        self._video, self._detector = video, detector
        joints = len(detector.skeleton)
        nobody = np.zeros((0, joints, 2), np.float32), np.zeros((0, joints), np.float32)
        self._packed = [_Page(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64), *nobody)]
        self._recent: list[_Page] = []

    def __len__(self) -> int:
        """Return the number of pictures."""
        return sum(len(page.frames) for page in (*self._packed, *self._recent))

    def add(self, picture: Picture, found: Watched) -> None:
        """Note the persons of the next picture."""
        count = np.array([len(found.scores)])
        index, time = np.array([picture.index]), np.array([picture.time])
        self._recent.append(_Page(index, time, count, found.keypoints, found.scores))
        if len(self._recent) == _PAGE:
            self._packed.append(_together(self._recent))
            self._recent = []

    def recording(self, fps: float | None = None, *, interrupted: bool = False) -> Recording:
        """Make the table; `PoseliftError` if nobody was found."""
        video, skeleton = self._video, self._detector.skeleton
        frames, times, count, keypoints, scores = _together([*self._packed, *self._recent])
        if not count.sum():
            so_far = f" in the {len(self)} frames so far" if interrupted else ""
            raise PoseliftError(f"{video.name}: nobody was found{so_far}")
        rate, stamps, notes = _rate(video, frames, times, fps)
        notes[:0] = video.notes
        if video.lost:
            notes.append(f"frames: {video.lost} could not be decoded")
        if interrupted:
            notes.append(f"interrupted after frame {frames[-1]}")
        row = np.repeat(np.arange(len(frames)), count)
        detections = Detections(
            frames=frames[row],
            keypoints=keypoints,
            scores=scores,
            person_ids=np.full(len(row), -1),
            skeleton=skeleton,
            fps=rate,
            image_size=video.size,
            frame_count=int(frames[-1]) + 1,
            source=video.name,
            times=None if stamps is None else stamps[row],
            notes=(
                f"detected: {told(Path(video.name))} ({self._detector.name}, {skeleton.name})",
                *notes,
            ),
        )
        return Recording(detections, frames, times, interrupted)


def record(
    video: Video,
    detector: Detector,
    *,
    every: int | None = None,
    fps: float | None = None,
    progress: Callable[[int], None] | None = None,
    found: Callable[[int, Watched], None] | None = None,
) -> Recording:
    """Watch a video to its end, or until Ctrl-C.

    every     as in `Watcher`.
    fps       frames a second by the user, which wins over the video's own times.
    progress  called with the number of frames since the last call.
    found     called with the number of each frame and who is in it.

    Raises `PoseliftError` if nobody was found.
    """
    watch, notes = Watcher(detector, every=every), Notebook(video, detector)
    width, height = video.size
    depth = int(np.clip(QUEUE_BYTES / (1.5 * width * height), 2, 8))
    interrupted = False
    with Ahead(video, depth) as pictures:
        try:
            for picture in pictures:
                people = watch(picture)
                notes.add(picture, people)
                if found is not None:
                    found(picture.index, people)
                del picture  # its memory is free while the next is waited for
                if progress is not None:
                    progress(1)
        except KeyboardInterrupt:
            interrupted = True
    return notes.recording(fps, interrupted=interrupted)


def _rate(
    video: Video,
    frames: Int[np.ndarray, " T"],
    times: Float[np.ndarray, " T"],
    fps: float | None,
) -> tuple[float | None, Float[np.ndarray, " T"] | None, list[str]]:
    """Return the frames a second if they are constant, time stamps if they are known, and notes."""
    if fps is not None:
        if not (np.isfinite(fps) and fps > 0):
            raise PoseliftError(f"expected fps above 0, got {fps}")
        own = "" if video.fps is None else f"{video.fps:g} in the file, "
        return fps, None, [f"fps: {own}taken as {fps:g}"]
    if video.fps is None:
        return None, None, []
    away = times - frames / video.fps
    if np.ptp(away) * video.fps < _JITTER:
        return video.fps, times, []
    return None, times, [f"fps: irregular, {video.fps:g} on average; time stamps taken"]
