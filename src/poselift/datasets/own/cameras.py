"""What sees one's own recordings: calibrated or virtual cameras, or the one that the 3D is of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import permutations, product
from typing import final

import numpy as np
from jaxtyping import Float

from poselift.datasets.own.description import Description
from poselift.datasets.own.motion import Track
from poselift.datasets.own.recordings import Recording, plain
from poselift.errors import PoseliftError
from poselift.geometry import DEFAULT_FOCAL, Camera
from poselift.io.axes import turned
from poselift.motion.calibration import Calibration, read_cameras
from poselift.simulation.virtual_cameras import ring_around

_Map = Callable[[np.ndarray], np.ndarray]


@final
@dataclass(frozen=True, eq=False)
class Eye:
    """One camera of a recording.

    name        as the files call it, "" if they do not.
    size        (width, height), pixels.
    intrinsics  fx, fy, cx, cy, pixels; `assumed` if the focal length is a guess.
    place       axes of the 3D file, metres -> camera space; `project` that to pixels, None where
                nothing is known to do it by.
    """

    name: str
    size: tuple[int, int]
    intrinsics: tuple[float, float, float, float]
    place: _Map
    project: _Map | None
    assumed: bool = False


def eyes_of(what: Description, recording: Recording, track: Track) -> tuple[Eye, ...]:
    """Return the cameras that a recording is seen by, in the order of the calibration.

    Raises `PoseliftError` as the calibration's reader does, for cameras that it does not have, and
    if the size of pictures is not known.
    """
    if what.virtual:
        return _ring(what, track)
    if recording.calibration is None:
        return (_blind(what, recording),)
    path = recording.calibration
    known = read_cameras(path)
    names = {plain(name): name for name in known}
    wanted = list(what.cameras or recording.keypoints or ())
    if recording.camera:
        wanted = [recording.camera]
    if wanted in ([], [""]):
        wanted = list(known)
        if recording.keypoints and len(known) > 1:
            raise PoseliftError(
                f"{path}: has {len(known)} cameras, and the names of 2D files do not say whose "
                f"they are: write {{camera}} in keypoints of {what.file}"
            )
    for name in wanted:
        if plain(name) not in names:
            raise PoseliftError(f"{path}: no camera {name!r}, expected one of {', '.join(known)}")
    return tuple(_eye(what, name, known[names[plain(name)]]) for name in wanted)


def _eye(what: Description, name: str, camera: Calibration) -> Eye:
    """Make a calibrated camera."""
    if None not in (what.image_size, camera.size) and what.image_size != camera.size:
        raise PoseliftError(
            f"{camera.source}: its pictures are of {camera.size}, and {what.file} says image_size "
            f"= {list(what.image_size or ())}: leave that out"
        )
    size = what.image_size or camera.size
    if size is None:
        raise PoseliftError(
            f"{camera.source}: does not say the size of its pictures, say it in {what.file} "
            "(image_size = [1920, 1080])"
        )
    if what.in_camera:
        return Eye(name, size, (*camera.focal, *camera.center), np.asarray, camera.project)
    if camera.translation is not None:
        camera = replace(camera, translation=camera.translation * what.camera_metres)
    camera.to_camera(np.zeros(3))  # refused here if it stands nowhere

    def place(points: np.ndarray) -> np.ndarray:
        return camera.to_camera(in_world(points, what.turn))

    return Eye(name, size, (*camera.focal, *camera.center), place, camera.project)


def in_world(points: np.ndarray, turn: tuple[tuple[int, float], ...]) -> np.ndarray:
    """Take points from the axes of the files to those of the cameras' world."""
    if not turn:
        return points
    return points[..., [axis for axis, _ in turn]] * np.array([sign for _, sign in turn])


def _blind(what: Description, recording: Recording) -> Eye:
    """Make the camera of 3D in camera space without a calibration: its axis meets the middle."""
    if what.image_size is None:
        raise PoseliftError(
            f"{recording.poses}: the size of the pictures is not known, say it in {what.file} "
            "(image_size = [1920, 1080])"
        )
    width, height = what.image_size
    focal = what.focal or DEFAULT_FOCAL * max(width, height)
    name = recording.camera or next(iter(recording.keypoints), "")
    intrinsics = (focal, focal, width / 2, height / 2)
    if what.focal is None:
        return Eye(name, what.image_size, intrinsics, np.asarray, None, assumed=True)
    camera = Calibration.of_focal(what.image_size, focal)
    return Eye(name, what.image_size, intrinsics, np.asarray, camera.project)


def _ring(what: Description, track: Track) -> tuple[Eye, ...]:
    """Put four cameras with Human3.6M's lenses around a recording, as around those of cmu17."""
    if not what.turn and track.up is None:
        raise PoseliftError(
            f"{what.file}: cameras around a recording stand upright, and its files do not say what "
            'is up: write axes, as ["x", "y", "z"] where y is up, ["x", "z", "-y"] where z is'
        )

    def stood(points: np.ndarray) -> np.ndarray:
        if what.turn:
            return in_world(points, what.turn)
        return turned(points, "y-up" if track.up == "y" else "z-up", "y-up")

    def seen_by(camera: Camera, points: np.ndarray) -> np.ndarray:
        return camera.to_camera(stood(points) - floor)

    whole = stood(track.joints[np.isfinite(track.joints).all(axis=(1, 2))])
    # the lowest joint of a recording is on the ground
    floor = np.array([0.0, float(whole[..., 1].min()), 0.0])
    return tuple(
        Eye(
            f"virtual {number}",
            camera.size,
            (*camera.focal, *camera.center),
            partial(seen_by, camera),
            camera.project,
        )
        for number, camera in enumerate(ring_around((whole - floor).reshape(-1, 3)))
    )


def fitting_axes(
    joints: Float[np.ndarray, "T J 3"],
    keypoints: Float[np.ndarray, "T J 2"],
    place: _Map,
    project: _Map,
) -> tuple[tuple[str, str, str], float]:
    """Return the axes of the 3D that fit the 2D best, and by how many pixels (median).

    place, project  of the camera's world, with the axes as the files have them.
    """
    best: tuple[tuple[str, str, str], float] = (("x", "y", "z"), np.inf)
    for order in permutations(range(3)):
        for signs in product((1.0, -1.0), repeat=3):
            rows = np.zeros((3, 3))
            rows[np.arange(3), order] = signs
            if np.linalg.det(rows) < 0:  # no rotation
                continue
            off = np.linalg.norm(project(place(joints @ rows.T)) - keypoints, axis=2)
            seen = np.isfinite(off)
            error = float(np.median(off[seen])) if seen.mean() > 0.25 else np.inf
            if error < best[1]:
                first, second, third = (
                    f"{'-' if sign < 0 else ''}{'xyz'[axis]}"
                    for axis, sign in zip(order, signs, strict=True)
                )
                best = ((first, second, third), error)
    return best
