"""From a video or a camera to 3D: `lift_video` and `open_camera`."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic
from types import NoneType
from typing import NamedTuple, final

import numpy as np
from jaxtyping import Float

from poselift import detection
from poselift.detection import Detector, Picture, Video, Watcher, record
from poselift.detection.ahead import Ahead
from poselift.detection.record import Notebook, Recording
from poselift.detection.video import CAMERA
from poselift.errors import PATH, expect
from poselift.lifting.alongside import Alongside
from poselift.lifting.lifter import Lifter
from poselift.lifting.live import LiveLifter
from poselift.modelfiles.find import DEFAULT_MODEL
from poselift.motion import Options, refine
from poselift.poses import Results
from poselift.poses.checks import check_rate
from poselift.skeletons import Skeleton
from poselift.tracking import people_of

#: Frames a second assumed for pictures that do not say.
DEFAULT_FPS = 30.0

#: A person's filter and lifter are kept for as long as the number is.
_FORGET_S = 2.0


def lift_video(
    source: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str] | Lifter = DEFAULT_MODEL,
    detector: str | Detector = "movenet",
    every: int | None = None,
    trim: tuple[float, float] | None = None,
    fps: float | None = None,
    focal: float | None = None,
    motion: Options | None = None,
    progress: Callable[[int], None] | None = None,
) -> Results:
    """Lift all persons of a video, a picture or a folder of pictures, the most prominent first.

    model     as `Lifter` takes it, or a lifter.
    detector  as `open_detector` takes it, or a detector.
    every     frames between two looks at the whole picture, or None for half a second.
    trim      the part to lift, seconds from the start.
    fps       frames a second, which win over the source's own; pictures have 30 otherwise.
    focal     as in `Lifter.__call__`.
    motion    what is done to the 3D poses; None takes the defaults of a clip.
    progress  called with the number of frames watched since the last call.

    Frames, times and image size are those of the source. Ctrl-C ends the watching and lifts what is
    done. Raises `PoseliftError` in one sentence if the source cannot be read or nobody is in it.
    """
    lifter = model if isinstance(model, Lifter) else Lifter(model)
    finder = detector if isinstance(detector, Detector) else detection.open_detector(detector)
    check_rate(fps)
    expect(motion, (Options, NoneType), "motion as motion.Options")
    with Video(source, trim=trim, pictures_fps=fps) as video:
        rate = fps if fps is not None or video.fps is not None else DEFAULT_FPS
        with Alongside(lifter, finder.skeleton, video.size, focal) as along:
            seen = record(video, finder, every=every, fps=rate, progress=progress, found=along.add)
    people = people_of(seen.detections)
    results = lifter.lift_people(people, focal=focal, ready=along.ready(people))
    results = refine(results, Options() if motion is None else motion)
    return replace(results, meta={**results.meta, "video": os.path.basename(source)})


class LivePerson(NamedTuple):
    """One person of a live frame.

    number     the same from frame to frame, and after an absence of up to two seconds.
    keypoints  (J, 2) pixels, in the joints of `Camera.skeleton`.
    scores     (J,) from 0 to 1.
    pose       (17, 3) metres, camera axes, relative to the pelvis, in the lifter's joints; NaN if
               too few joints are seen.
    """

    number: int
    keypoints: Float[np.ndarray, "J 2"]
    scores: Float[np.ndarray, " J"]
    pose: Float[np.ndarray, "J_target 3"]


class LiveFrame(NamedTuple):
    """What a camera saw, and who was in it; `picture.taken` says when it came in."""

    picture: Picture
    people: tuple[LivePerson, ...]


@final
class Camera:
    """A live source: iterate over it for its frames. Made by `open_camera`.

    When the reader is late, frames are dropped instead of queued, so what comes is always recent.

    skeleton, joints  of the keypoints and of the poses.
    dropped           frames that were not looked at so far.
    rate              frames a second that came out in the last two seconds.
    """

    def __init__(self, video: Video, detector: Detector, lifter: Lifter, every: int | None) -> None:
        """Start reading."""
        self.video, self.skeleton = video, detector.skeleton
        self.joints: Skeleton = lifter.skeleton
        self._lifter = lifter
        self._watch, self._notes = Watcher(detector, every=every), Notebook(video, detector)
        self._pictures = Ahead(video, 1, drop=True)
        self._lifters: dict[int, LiveLifter] = {}
        self._last: dict[int, float] = {}
        self._done: deque[float] = deque(maxlen=240)

    @property
    def dropped(self) -> int:
        """Frames that were not looked at so far."""
        return self._pictures.dropped

    @property
    def rate(self) -> float:
        """Frames a second that came out in the last two seconds."""
        recent = [at for at in self._done if at > monotonic() - 2.0]
        return (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 else 0.0

    def __iter__(self) -> Iterator[LiveFrame]:
        """Yield the frames until the source ends. Raises `PoseliftError` if a camera goes away."""
        for picture in self._pictures:
            found = self._watch(picture)
            self._notes.add(picture, found)
            people = tuple(
                LivePerson(int(number), points, scores, self._lift(int(number), picture, points))
                for number, points, scores in zip(
                    found.persons, found.keypoints, found.scores, strict=True
                )
            )
            self._done.append(monotonic())
            yield LiveFrame(picture, people)

    def _lift(
        self, number: int, picture: Picture, keypoints: Float[np.ndarray, "J 2"]
    ) -> Float[np.ndarray, "J_target 3"]:
        """Lift and filter one person."""
        for gone in [one for one, at in self._last.items() if picture.time - at > _FORGET_S]:
            del self._last[gone], self._lifters[gone]
        if number not in self._lifters:
            size, skeleton = self.video.size, self.skeleton.name
            live = self._lifter.live(image_size=size, skeleton=skeleton, smooth=True)
            self._lifters[number] = live
        self._last[number] = picture.time
        return self._lifters[number](keypoints, time=picture.time)

    def recording(self, *, interrupted: bool = False) -> Recording:
        """Return what was seen so far; `PoseliftError` if nobody was."""
        return self._notes.recording(interrupted=interrupted)

    def close(self) -> None:
        """Let go of the camera."""
        self._pictures.close()
        self.video.close()

    def __enter__(self) -> Camera:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def open_camera(
    source: int | str | os.PathLike[str] = 0,
    *,
    model: str | os.PathLike[str] | Lifter = DEFAULT_MODEL,
    detector: str | Detector = "movenet",
    every: int | None = None,
) -> Camera:
    """Open a camera by number, or a video that is played at its own pace as if it were one.

    The other arguments are those of `lift_video`. Raises `PoseliftError` if there is no camera.
    """
    expect(source, (int, *PATH), "a camera by number, or the path of a video")
    name = os.fspath(source) if not isinstance(source, int) else str(source)
    video = Video(name if name.startswith(CAMERA) else f"{CAMERA}{name}")
    lifter = model if isinstance(model, Lifter) else Lifter(model)
    finder = detector if isinstance(detector, Detector) else detection.open_detector(detector)
    return Camera(video, finder, lifter, every)
