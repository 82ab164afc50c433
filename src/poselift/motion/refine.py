"""From single poses to a movement: all steps of this room in their order, each said in the history.

Gaps and filter, bones, place in the camera's space, floor, world. `Options` says which.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np

from poselift.errors import PoseliftError, expect
from poselift.motion.bones import check_height, constant_bones
from poselift.motion.calibration import Calibration, Lens
from poselift.motion.filters import DEFAULT, Smoothing, smooth
from poselift.motion.floor import Floor, find_floor, stand, to_world, up_of_tilt
from poselift.motion.root import place
from poselift.motion.timing import with_frames
from poselift.poses import AXES_3D, Person, PoseSequence, Results

BONES = ("none", "constant", "symmetric")

#: Where up is known from; a number is the camera's tilt in degrees.
FLOORS = ("none", "feet", "calibration")


@final
@dataclass(frozen=True)
class Options:
    """Which steps are taken. The defaults are those of a clip on the command line.

    smooth  a filter, see `filters`.
    bones   "none", "constant" (each its median length), "symmetric" (left and right alike), or
            None: constant where another step needs it, else none.
    height  metres from the floor to the crown, or None if unknown; bones are scaled to it.
    root    whether persons are placed in the camera's space.
    floor   "none"; "feet", "calibration" or the camera's tilt in degrees (downwards above 0): how
            up is known. Feet that stand are held. Places persons, too.
    world   whether all is turned upright, with y up and the floor at y = 0. Needs a floor: "feet"
            if none is said.
    lens    the camera.

    Raises `PoseliftError` for a value that does not exist.
    """

    smooth: Smoothing = DEFAULT
    bones: str | None = None
    height: float | None = None
    root: bool = False
    floor: str | float = "none"
    world: bool = False
    lens: Lens = field(default_factory=Lens)

    def __post_init__(self) -> None:
        """Refuse what does not exist, and fill in what follows from others."""
        expect(self.smooth, Smoothing, "smooth as a Smoothing")
        expect(self.lens, Lens, "lens as a Lens")
        if self.bones not in (*BONES, None):
            known = ", ".join(BONES)
            raise PoseliftError(f"expected --bones as one of {known}, got {self.bones!r}")
        check_height(self.height)
        floor = self.floor
        if isinstance(floor, str) and floor not in FLOORS:
            try:
                floor = float(floor)
            except ValueError:
                raise PoseliftError(
                    f"expected --floor as one of {', '.join(FLOORS)} or the camera's tilt in "
                    f"degrees, got {self.floor!r}"
                ) from None
        if not isinstance(floor, str):
            up_of_tilt(floor)
        if self.world and floor == "none":
            floor = "feet"
        object.__setattr__(self, "floor", floor)
        object.__setattr__(self, "root", self.root or floor != "none")
        bones = self.bones
        if bones in (None, "none") and (self.root or self.height is not None):
            bones = "constant"
        object.__setattr__(self, "bones", bones or "none")


def refine(results: Results, options: Options) -> Results:
    """Return the results with all steps of `options` taken; all persons share one space.

    Raises `PoseliftError` if persons are to be placed without 2D, without the picture's size or a
    calibration of it, and if a floor is asked for that nobody shows.
    """
    expect(results, Results, "Results to refine, as Lifter.lift_people gives")
    expect(options, Options, "motion.Options")
    people, meta = [_alone(one, options) for one in results.people], dict(results.meta)
    if not options.root or not people:
        return replace(results, people=tuple(people), meta=meta)
    camera = options.lens.camera(people[0].poses_2d.image_size)
    meta["camera"] = _facts(camera)
    people = [_placed(one, camera, options) for one in people]
    if options.floor != "none":
        floor = _floor([one.poses_3d for one in people], camera, options)
        meta["floor"] = {"up": floor.up.tolist(), "level_m": floor.level, "source": floor.source}
        people = [one._replace(poses_3d=stand(one.poses_3d, floor)) for one in people]
        if options.world:
            origin = _first_place([one.poses_3d for one in people])
            upright = [to_world(one.poses_3d, floor, origin) for one in people]
            people = [
                Person(one.poses_2d, poses) for one, poses in zip(people, upright, strict=True)
            ]
    return replace(results, people=tuple(people), meta=meta)


def _alone(person: Person, options: Options) -> Person:
    """Take the steps that need nothing but a person's own poses."""
    poses = smooth(person.poses_3d, options.smooth)
    poses_2d = with_frames(person.poses_2d, poses)
    if options.bones != "none":
        symmetric = options.bones == "symmetric"
        poses = constant_bones(poses, height=options.height, symmetric=symmetric)
    return Person(poses_2d, poses)


def _placed(person: Person, camera: Calibration, options: Options) -> Person:
    """Place one person before the camera."""
    poses_2d, poses_3d = person
    if poses_3d.axes != AXES_3D or not poses_2d.visible.any():
        raise PoseliftError(
            f"person {poses_3d.person_id}: to be placed it needs 2D keypoints and 3D poses in "
            "camera axes, as lifting gives them"
        )
    placed = place(poses_2d, poses_3d, camera, height_known=options.height is not None)
    return Person(poses_2d, placed)


def _floor(people: list[PoseSequence], camera: Calibration, options: Options) -> Floor:
    """Find the floor as the options say."""
    if options.floor == "calibration":
        if camera.rotation is None:
            raise PoseliftError(
                "--floor calibration needs a calibration that says how the camera stands "
                f"(rotation and translation): {camera.source} does not"
            )
        up = camera.rotation @ np.array([0.0, 0.0, 1.0])
        return find_floor(people, up, f"up from {camera.source}, level from feet that stand")
    if options.floor == "feet":
        return find_floor(people)
    tilt = float(options.floor)
    return find_floor(
        people, up_of_tilt(tilt), f"up from a tilt of {tilt:g} degrees, level from feet that stand"
    )


def _first_place(people: list[PoseSequence]) -> np.ndarray:
    """Root of the first frame in which somebody is placed."""
    for poses in people:
        path = poses.root
        known = None if path is None else path[np.isfinite(path).all(axis=1)]
        if known is not None and len(known):
            return known[0].astype(np.float64)
    return np.zeros(3)


def _facts(camera: Calibration) -> dict[str, Any]:
    """Say of the camera what a file should."""
    return {
        "focal_px": list(camera.focal),
        "center_px": list(camera.center),
        "focal_assumed": camera.assumed,
        "source": camera.source,
    }
