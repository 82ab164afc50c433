"""Human3.6M's videos with the poses that `load_human36m` reads: crops of one person by number.

Where the files belong is said in docs/data.md: the videos as they are published, in
`S1/Videos/Walking 1.54138969.mp4`, beside the `.npz` files of VideoPose3D.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from jaxtyping import Float, Float32

from poselift.datasets.human36m import load_human36m
from poselift.datasets.human36m_cameras import CAMERA_IDS
from poselift.datasets.human36m_protocol import HOW_TO_GET
from poselift.datasets.lifting_data import LiftingData
from poselift.detection.crops import crop_person
from poselift.detection.picture import Picture
from poselift.errors import PoseliftError, how_to_install
from poselift.pickles.arrayfile import read_npz

if TYPE_CHECKING:
    from av.container import InputContainer

#: Boxes of persons, {subject: {sequence: 4 x (T, 4)}}: left, top, right, bottom, pixels.
BOXES = "boxes_h36m.npz"

#: Every so many frames is a picture: neighbours hardly differ at 50 a second.
EVERY = 5

#: Videos that a process keeps open.
_OPEN = 8

#: Names of actions that some subjects' files have instead.
_OTHER_NAMES = {"Photo": "TakingPhoto", "WalkDog": "WalkingDog"}


@final
@dataclass(eq=False)
class Human36MPictures:
    """Crops by number, as `cmu17-rendered` gives them; decoded when they are asked for.

    data    poses and keypoints, a row a picture.
    boxes   (N, 4) pixels: left, top, right, bottom.
    videos  the file of each row's clip and camera.
    size    height and width of the crops.
    """

    data: LiftingData
    boxes: Float32[np.ndarray, "N 4"]
    videos: dict[tuple[int, int], Path]
    size: tuple[int, int]
    _open: OrderedDict[Path, InputContainer] = field(default_factory=OrderedDict, repr=False)

    @property
    def name(self) -> str:
        """Say what they are, for a model card."""
        return f"{self.data.name}, pictures"

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.data)

    def __getstate__(self) -> dict[str, Any]:
        """Leave open videos behind: each process opens its own."""
        return {**self.__dict__, "_open": OrderedDict()}

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Decode and crop a picture; `PoseliftError` naming video and frame if that fails."""
        data, row = self.data, int(index)
        path = self.videos[int(data.clip[row]), int(data.camera[row])]
        picture = self._picture(path, int(data.frame[row]))
        image, crop = crop_person(picture, self.boxes[row], self.size)
        keypoints = data.keypoints[row]
        fx, fy, cx, cy = data.intrinsics[row]
        return {
            "image": image,
            "keypoints": keypoints @ crop[:2, :2].T + crop[:2, 2],
            "poses": data.poses[row],
            "crop": crop,
            "picture_size": tuple(map(int, data.image_size[row])),
            "intrinsics": np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], np.float32),
            "subject": int(data.subject[row]),
            "action": str(data.action[row]),
        }

    def _picture(self, path: Path, number: int) -> Picture:
        """Decode a frame by its number: from the last complete picture before it."""
        from av.error import FFmpegError
        from av.video.reformatter import VideoReformatter

        container = self._container(path)
        stream = container.streams.video[0]
        rate, base = stream.average_rate, stream.time_base
        if not rate or not base:
            raise PoseliftError(f"{path}: says no frame rate, so frame {number} cannot be found")
        start, step = stream.start_time or 0, 1 / (rate * base)
        wanted = start + round(number * step)
        try:
            container.seek(max(wanted, start), stream=stream)
            for frame in container.decode(stream):
                if frame.pts is not None and frame.pts >= wanted - step / 2:
                    return Picture(frame, number, float(number / rate), 0, VideoReformatter())
        except FFmpegError as error:
            raise PoseliftError(
                f"{path}: frame {number} of it cannot be decoded ({error.strerror})"
            ) from None
        raise PoseliftError(f"{path}: ends before frame {number}, for which there is a pose")

    def _container(self, path: Path) -> InputContainer:
        """Open a video, or return it if it is open; the one unused for longest is closed."""
        if path not in self._open:
            self._open[path] = _opened(path)
            if len(self._open) > _OPEN:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(path)
        return self._open[path]


def load_human36m_pictures(
    root: str | os.PathLike[str],
    split: str,
    *,
    size: Sequence[int] = (256, 256),
    every: int = EVERY,
) -> Human36MPictures:
    """Open a split's pictures, of every so many frames.

    root  folder of the `.npz` files and of `S1/Videos` and so on.
    size  height and width of the crops, pixels.

    A crop holds 1.25 times the person's box: that of `boxes_h36m.npz` where there is such a file,
    else the one around the keypoints. Raises `PoseliftError` as `load_human36m` does; for videos
    that are missing or shorter than the poses; for boxes that are no boxes or lie outside.
    """
    folder, data = Path(root), load_human36m(root, split)
    boxes = _boxes(folder / BOXES, data)
    kept = np.flatnonzero(data.frame % every == 0)
    videos = {}
    for clip, camera in sorted(set(zip(data.clip.tolist(), data.camera.tolist(), strict=True))):
        rows = (data.clip == clip) & (data.camera == camera)
        path = _video(folder, data.clips[clip], camera)
        _check_length(path, int(data.frame[rows].max()))
        videos[clip, camera] = path
    return Human36MPictures(data[kept], boxes[kept], videos, (int(size[0]), int(size[1])))


def _video(folder: Path, clip: str, camera: int) -> Path:
    """Find the video of a clip ("S1 Walking 1") and a camera."""
    subject, _, sequence = clip.partition(" ")
    action, gap, take = sequence.partition(" ")
    names = [sequence, f"{_OTHER_NAMES.get(action, action)}{gap}{take}"]
    tried = [folder / subject / "Videos" / f"{name}.{CAMERA_IDS[camera]}.mp4" for name in names]
    found = next((path for path in tried if path.is_file()), None)
    if found is None:
        raise PoseliftError(f"{tried[0]}: no such video; {HOW_TO_GET}")
    return found


def _opened(path: Path) -> InputContainer:
    """Open a video; `PoseliftError` if it is none, or without PyAV."""
    try:
        import av
    except ImportError:
        raise PoseliftError(
            f"videos need PyAV, install it with: {how_to_install('video')}"
        ) from None
    try:
        container: InputContainer = av.open(str(path), metadata_errors="replace")
    except av.error.FFmpegError as error:
        raise PoseliftError(f"{path}: no video that can be read ({error.strerror})") from None
    if not container.streams.video:
        raise PoseliftError(f"{path}: holds no video")
    return container


def _check_length(path: Path, last: int) -> None:
    """Refuse a video that ends before the poses, as far as it says how long it is."""
    with _opened(path) as container:
        frames = container.streams.video[0].frames
    if 0 < frames <= last:
        raise PoseliftError(
            f"{path}: has {frames} frames, but there are poses up to frame {last}: is it cut off?"
        )


def _boxes(path: Path, data: LiftingData) -> Float32[np.ndarray, "N 4"]:
    """Return the box of each row; refuse those that are none or lie outside the picture."""
    low, high = data.keypoints.min(axis=1), data.keypoints.max(axis=1)
    boxes = np.concatenate([low, high], axis=1).astype(np.float32)
    source = "the box around its keypoints"
    if path.is_file():
        source = f"its box in {path}"
        for rows, found in _stored(path, data):
            boxes[rows] = found
    left, top, right, bottom = boxes.T
    width, height = data.image_size.T
    fine = (right > left) & (bottom > top)
    fine &= (right > 0) & (bottom > 0) & (left < width) & (top < height)
    if not fine.all():
        row = int(np.flatnonzero(~fine)[0])
        words = ", ".join(f"{side:g}" for side in boxes[row])
        raise PoseliftError(
            f"{data.clips[data.clip[row]]}, camera {CAMERA_IDS[data.camera[row]]}, frame "
            f"{data.frame[row]}: {source} ({words}) lies outside the picture of "
            f"{width[row]:g}x{height[row]:g}, or has no area"
        )
    return boxes


def _stored(path: Path, data: LiftingData) -> Iterator[tuple[np.ndarray, Float[np.ndarray, "T 4"]]]:
    """Yield the rows of each clip and camera and their boxes."""
    content = read_npz(path, ["boxes"])["boxes"]
    for clip, name in enumerate(data.clips):
        subject, _, sequence = name.partition(" ")
        views = content.get(subject, {}).get(sequence) if isinstance(content, dict) else None
        for camera in range(len(CAMERA_IDS)):
            rows = np.flatnonzero((data.clip == clip) & (data.camera == camera))
            view = views[camera] if views is not None and camera < len(views) else None
            if not isinstance(view, np.ndarray) or view.ndim != 2 or view.shape[1:] != (4,):
                raise PoseliftError(
                    f"{path}: {name}, camera {camera}: expected boxes of (frames, 4)"
                )
            if len(view) < len(rows):
                raise PoseliftError(
                    f"{path}: {name}, camera {camera}: expected {len(rows)} boxes, found "
                    f"{len(view)}"
                )
            yield rows, view[: len(rows)].astype(np.float32)
