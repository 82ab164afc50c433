"""Rendered pictures as lifting data: their exact keypoints, or what a detector finds in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8

from poselift.datasets.lifting_data import LiftingData
from poselift.datasets.rendered import MARGIN, RenderedPictures
from poselift.skeletons import H36M_17, conversion

#: Of evaluations: pictures of this size, one of so many frames, which are a third of a second.
DETECTED_SIZE, EVERY = 192, 10

if TYPE_CHECKING:
    from poselift.detection import Detector, Picture


def rendered_lifting_data(
    pictures: RenderedPictures,
    numbers: Sequence[int] | None = None,
    detector: Detector | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LiftingData:
    """Return rendered pictures as 2D keypoints and 3D poses.

    numbers   of the pictures; None: all.
    detector  finds the keypoints, given the square around each person, as is usual for data sets
              of pictures; its joints are turned into `h36m_17`. None: keypoints are exact, and no
              picture is made.
    progress  called with (pictures done, pictures in all).

    Keypoints are in pixels of the camera's whole picture.
    """
    numbers = range(len(pictures)) if numbers is None else numbers
    truths, keypoints = [], []
    for done, number in enumerate(numbers, start=1):
        if detector is None:
            truth = pictures.truth(number)
            points = truth["keypoints"]
        else:
            item = pictures[number]
            truth, points = item, _found(detector, item["image"], item["crop"])
        truths.append(truth)
        keypoints.append((points - truth["crop"][:2, 2]) / np.diag(truth["crop"])[:2])
        if progress is not None:
            progress(done, len(numbers))
    clips = tuple(dict.fromkeys(truth["clip"] for truth in truths))
    place = {clip: index for index, clip in enumerate(clips)}

    def column(name: str, kind: type) -> np.ndarray:
        # any of the keys, each a field of as many samples
        return np.array([truth[name] for truth in truths], dtype=kind)  # type: ignore[literal-required]

    lens = column("intrinsics", np.float32)
    detected = "ground truth" if detector is None else f"detected by {detector.name}"
    return LiftingData(
        keypoints=np.array(keypoints, dtype=np.float32),
        poses=column("poses", np.float32),
        image_size=column("picture_size", np.float32),
        root=column("root", np.float32),
        intrinsics=lens[:, [0, 1, 0, 1], [0, 1, 2, 2]],
        subject=column("subject", np.int64),
        action=np.array([truth["action"] for truth in truths]),
        camera=column("camera", np.int64),
        frame=column("frame", np.int64),
        clip=np.array([place[truth["clip"]] for truth in truths], dtype=np.int64),
        clips=clips,
        skeleton=H36M_17,
        name=f"cmu17-rendered {pictures.split}, {detected}",
    )


def as_picture(image: UInt8[np.ndarray, "H W 3"]) -> Picture:
    """Return an RGB image as detectors take it. Needs PyAV (extra `video`)."""
    from av import VideoFrame
    from av.video.reformatter import VideoReformatter

    from poselift.detection import Picture

    return Picture(VideoFrame.from_ndarray(image, format="rgb24"), 0, 0.0, 0, VideoReformatter())


def _found(
    detector: Detector, image: UInt8[np.ndarray, "H W 3"], crop: Float[np.ndarray, "3 3"]
) -> Float[np.ndarray, "17 2"]:
    """Detect the person in the middle of a picture, whose box is the picture without `MARGIN`."""
    size = len(image)
    rim = size * (1 - 1 / MARGIN) / 2
    box = np.array([[rim, rim, size - rim, size - rim]])
    found = detector.follow(as_picture(image), box)
    points: np.ndarray = conversion(detector.skeleton, H36M_17).positions(found.keypoints)[0]
    return points.astype(np.float32)
