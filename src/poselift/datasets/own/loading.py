"""One's own recordings as `LiftingData`: each frame that a camera sees, in the joints asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np
from jaxtyping import Bool, Float

from poselift.datasets.lifting_data import LiftingData, concatenate
from poselift.datasets.own.cameras import Eye, eyes_of
from poselift.datasets.own.description import Description
from poselift.datasets.own.detections import Matched, match
from poselift.datasets.own.motion import Track, has_keypoints, read_track
from poselift.datasets.own.recordings import Recording, recordings_of
from poselift.datasets.own.sides import of_the_other_side
from poselift.errors import PoseliftError
from poselift.lifting.arguments import check_picture, check_pixels
from poselift.skeletons import Skeleton, conversion

#: Metres before the camera that a joint has to have.
_NEAREST = 0.1

#: A frame has to show so much of the joints, as `Lifter` asks for.
_SHOWN = 1 / 3


@final
@dataclass(frozen=True, eq=False)
class Seen:
    """What one camera saw of a recording, and what is to be said of it.

    data      frames that can be used; None if there are none.
    left_out  number of frames by the reason for which they were left out.
    off       median distance of given from projected 2D in pixels; NaN where one is not known.
    exchanged  the given 2D fits the projected one only once left and right are exchanged.
    """

    recording: Recording
    track: Track
    eye: Eye
    data: LiftingData | None
    left_out: Counter[str] = field(default_factory=Counter)
    matched: Matched | None = None
    off: float = np.nan
    exchanged: bool = False


def kinds_of(what: Description) -> tuple[str, ...]:
    """Return which 2D there is, "detected" first; of .npz files the first one is looked into.

    Raises `PoseliftError` if there is none.
    """
    given = what.keypoints is not None
    if not given and not what.virtual:
        recording = recordings_of(what, next(iter(what.splits)))[0]
        given = has_keypoints(recording.poses)
    cameras = what.virtual or what.calibration is not None or what.focal is not None
    kinds = ("detected",) * given + ("ground_truth",) * cameras
    if not kinds:
        raise PoseliftError(
            f"{what.file}: there is no 2D: expected keypoints (2D files, or such an array in each "
            ".npz), or a calibration to project the 3D by"
        )
    return kinds


def load_own(
    what: Description, split: str, variant: str, say: Callable[[str], None]
) -> LiftingData:
    """Load a split with its 2D as given ("detected") or as projected ("ground_truth").

    Rows are ordered by subject, recording, camera, frame. Raises `PoseliftError` as the readers do,
    and for a recording of which no frame can be used.
    """
    recordings = recordings_of(what, split)
    kinds = kinds_of(what)
    if variant not in kinds:
        way = "add keypoints, the 2D files of a detector"
        if variant == "ground_truth":
            way = "add a calibration, or focal where the 3D is in camera space"
        raise PoseliftError(
            f"{what.name} has no {variant.replace('_', ' ')} 2D keypoints, only "
            f"{', '.join(kinds)}: {way}, in {what.file}"
        )
    subjects = sorted({one.subject for one in recordings})
    parts = []
    for number, recording in enumerate(recordings, start=1):
        say(f"{what.name} {split}, {variant.replace('_', ' ')}: {number} of {len(recordings)} ...")
        for camera, seen in enumerate(look(what, recording, variant)):
            if seen.data is not None:
                own = np.full(len(seen.data), subjects.index(recording.subject), np.int64)
                at = np.full(len(seen.data), camera, np.int64)
                parts.append(replace(seen.data, subject=own, camera=at))
    shared = ", people of other splits" if what.overlap else ""
    if not parts:
        raise PoseliftError(f"{what.name}: no frame of split {split} can be used")
    return concatenate(parts, f"{what.name} {split}, {variant.replace('_', ' ')}{shared}")


def look(what: Description, recording: Recording, variant: str) -> Iterator[Seen]:
    """Yield what each camera saw of a recording; raises as the readers do."""
    track = read_track(recording.poses, what)
    for eye in eyes_of(what, recording, track):
        yield _see(what, recording, track, eye, variant)


def _see(what: Description, recording: Recording, track: Track, eye: Eye, variant: str) -> Seen:
    """Put 2D and 3D of one camera together."""
    points = np.asarray(eye.place(track.joints), np.float64)
    whole: Bool[np.ndarray, " T"] = np.asarray(np.isfinite(points).all(axis=(1, 2)))
    front: Bool[np.ndarray, " T"] = np.zeros(len(points), bool)
    front[whole] = (points[whole][..., 2] > _NEAREST).all(axis=1)
    relative = bool(whole.any()) and not np.any(points[whole][:, what.skeleton.root])
    projected = None
    if eye.project is not None and not relative:
        projected = np.full((*points.shape[:2], 2), np.nan)
        projected[front] = eye.project(points[front])
    matched, off, exchanged = None, np.nan, False
    if variant == "ground_truth":
        if projected is None:
            raise PoseliftError(
                f"{recording.poses}: is relative to {what.skeleton.joints[what.skeleton.root]}, "
                "where that is is not known: it cannot be projected, give keypoints"
            )
        keypoints = np.where(_inside(projected, eye.size)[..., None], projected, np.nan)
    else:
        matched = _given(what, recording, track, eye, projected)
        keypoints = matched.keypoints
        try:  # where the 3D is not known in the picture nothing else would show it
            check_pixels(keypoints)
            check_picture(keypoints, what.skeleton, track.frames, eye.size)
        except PoseliftError as error:
            camera = f" of {eye.name}" if eye.name else ""
            raise PoseliftError(f"{recording.poses}, 2D{camera}: {error}") from None
        if projected is not None:
            away = np.linalg.norm(keypoints - projected, axis=2)
            off = float(np.median(away[np.isfinite(away)])) if np.isfinite(away).any() else np.inf
            exchanged = of_the_other_side(keypoints, projected, what.skeleton)
    shown = np.isfinite(keypoints[..., 0]).mean(axis=1) >= _SHOWN
    taken = track.frames % what.every == 0
    first, last = (round(part * len(taken)) for part in recording.share)
    taken[:first] = taken[last:] = False
    reasons: Counter[str] = Counter()
    kept = taken.copy()
    steps: list[tuple[str, Bool[np.ndarray, " T"]]] = [("a joint is missing in 3D", whole)]
    if not relative:
        steps.append(("the person is not before the camera", front))
    where = "not in the picture" if variant == "ground_truth" else "not found in 2D"
    if matched is not None and not matched.near.all():
        steps.append(("between two frames of the 2D", matched.near))
    for reason, fine in (*steps, (f"the person is {where}", shown)):
        reasons[reason] += int((kept & ~fine).sum())
        kept &= fine
    data = _data(what, recording, track, eye, points, keypoints, kept, relative)
    return Seen(recording, track, eye, data, +reasons, matched, off, exchanged)


def _given(
    what: Description,
    recording: Recording,
    track: Track,
    eye: Eye,
    projected: Float[np.ndarray, "T J 2"] | None,
) -> Matched:
    """Return the 2D that came with the 3D, or that of the camera's file."""
    if track.keypoints is not None and what.keypoints is None:
        whole = np.ones(len(track.frames), bool)
        return Matched(track.keypoints, "in one file", what.skeleton.name, whole)
    path = recording.keypoints_of(eye.name)
    if path is None:
        raise PoseliftError(
            f"{recording.poses}: no 2D of camera {eye.name!r}, only of "
            f"{', '.join(recording.keypoints) or 'none'}"
        )
    return match(path, what, track, eye.size, projected)


def _inside(pixels: Float[np.ndarray, "T J 2"], size: tuple[int, int]) -> Bool[np.ndarray, "T J"]:
    with np.errstate(invalid="ignore"):
        return np.asarray(((pixels >= 0) & (pixels <= np.array(size))).all(axis=2))


def _data(
    what: Description,
    recording: Recording,
    track: Track,
    eye: Eye,
    points: Float[np.ndarray, "T J 3"],
    keypoints: Float[np.ndarray, "T J 2"],
    kept: Bool[np.ndarray, " T"],
    relative: bool,
) -> LiftingData | None:
    """Return the frames that can be used as rows."""
    count, root = int(kept.sum()), what.skeleton.root
    if count == 0:
        return None
    seen = points[kept]
    place = np.full((count, 3), np.nan) if relative else seen[:, root]
    name = recording.poses.relative_to(what.folder).as_posix()
    return LiftingData(
        keypoints=keypoints[kept].astype(np.float32),
        poses=(seen - seen[:, root : root + 1]).astype(np.float32),
        image_size=np.tile(np.array(eye.size, np.float32), (count, 1)),
        root=place.astype(np.float32),
        intrinsics=np.tile(np.array(eye.intrinsics, np.float32), (count, 1)),
        subject=np.zeros(count, np.int64),
        action=np.full(count, recording.action),
        camera=np.zeros(count, np.int64),
        frame=track.frames[kept],
        clip=np.zeros(count, np.int64),
        clips=(name,),
        skeleton=what.skeleton,
        name=f"{name}, camera {eye.name}",
    )


def in_joints(data: LiftingData, skeleton: Skeleton) -> LiftingData:
    """Return data in another joint set, its root at the origin.

    Raises `PoseliftError` naming a joint that cannot be made of those there are.
    """
    if skeleton == data.skeleton:
        return data
    try:
        way = conversion(data.skeleton, skeleton)
        if way.missing:
            raise PoseliftError(f"{data.skeleton.name} has no {', '.join(way.missing)}")
    except PoseliftError as error:
        raise PoseliftError(
            f"{data.name}: cannot be had in the joints of {skeleton.name} ({error})"
        ) from None
    poses = way.positions(data.poses)
    root = poses[:, skeleton.root]
    return replace(
        data,
        keypoints=way.positions(data.keypoints),
        poses=poses - root[:, None],
        root=data.root + root,
        skeleton=skeleton,
    )
