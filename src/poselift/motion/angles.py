"""Joint angles over time, each with its definition, zero, sign, plane and reference.

Two frames carry most of them. The pelvis' x runs from the right hip to the left one, its y along
the trunk (pelvis to thorax), made square to x, its z to the front; the chest's x runs from the
right shoulder to the left one, y and z as there. Angles are taken in them, so neither the camera
nor the person's size or place matters; only the trunk's lean asks where up is.

An angle is NaN where it is not defined: a joint is missing, a bone has no length, or a limb points
along the axis it is measured about. Angles that may pass 180 degrees are unwrapped over time.

Axes: T frame, J joint, A angle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int

from poselift.errors import PoseliftError
from poselift.poses import AXES_WORLD, PoseSequence

#: A limb whose part in the plane is shorter than this (of its length) has no angle there.
_FLAT = np.sin(np.radians(15.0))


@final
@dataclass(frozen=True)
class Definition:
    """What an angle is.

    name       of the angle, with `left_` or `right_` where there are two.
    between    the lines it lies between.
    zero       the pose in which it is 0.
    sign       what makes it greater.
    plane      the plane it is measured in.
    reference  who defines it so.
    joints     landmarks it is made of, of the left side where there are two.
    sided      whether each side has one.
    """

    name: str
    between: str
    zero: str
    sign: str
    plane: str
    reference: str
    joints: tuple[str, ...]
    sided: bool = True


_ISB_JCS = "ISB joint coordinate system, planar (Wu et al. 2002, Grood & Suntay 1983)"
_SPORTS2D = "Sports2D's dictionary of angles"
_PELVIS = ("left_hip", "right_hip", "pelvis", "thorax")
_CHEST = ("left_shoulder", "right_shoulder", "pelvis", "thorax")

#: All angles, in the order of tables.
DEFINITIONS = (
    Definition(
        "knee_flexion",
        "thigh and shin",
        "straight leg",
        "heel to buttock",
        "of both bones",
        _ISB_JCS,
        ("left_hip", "left_knee", "left_ankle"),
    ),
    Definition(
        "hip_flexion",
        "thigh and trunk's line downwards",
        "thigh in line with the trunk",
        "knee to the front",
        "pelvis' sagittal",
        _ISB_JCS,
        (*_PELVIS, "left_knee"),
    ),
    Definition(
        "hip_abduction",
        "thigh and pelvis' sagittal plane",
        "thigh in that plane",
        "knee away from the middle",
        "of thigh and pelvis' x",
        _ISB_JCS,
        (*_PELVIS, "left_knee"),
    ),
    Definition(
        "ankle_flexion",
        "shin and foot (heel or ankle to big toe)",
        "foot square to the shin",
        "toes up",
        "of shin and foot",
        _SPORTS2D,
        ("left_knee", "left_ankle", "left_big_toe"),
    ),
    Definition(
        "shoulder_flexion",
        "upper arm and trunk's line downwards, seen from the side",
        "arm hangs along the trunk",
        "arm to the front and up",
        "chest's sagittal",
        _SPORTS2D,
        (*_CHEST, "left_elbow"),
    ),
    Definition(
        "shoulder_abduction",
        "upper arm and trunk's line downwards, seen from the front",
        "arm hangs along the trunk",
        "arm away from the middle and up",
        "chest's frontal",
        _SPORTS2D,
        (*_CHEST, "left_elbow"),
    ),
    Definition(
        "elbow_flexion",
        "upper arm and forearm",
        "straight arm",
        "hand to shoulder",
        "of both bones",
        "ISB, planar (Wu et al. 2005)",
        ("left_shoulder", "left_elbow", "left_wrist"),
    ),
    Definition(
        "trunk_lean",
        "trunk and up, seen from the person's side",
        "trunk upright",
        "to the front",
        "sagittal, upright",
        "ISB's global frame (Wu & Cavanagh 1995)",
        ("left_hip", "right_hip", "pelvis", "thorax"),
        sided=False,
    ),
    Definition(
        "trunk_tilt",
        "trunk and up, seen from the person's front",
        "trunk upright",
        "to the person's left",
        "frontal, upright",
        "ISB's global frame (Wu & Cavanagh 1995)",
        ("left_hip", "right_hip", "pelvis", "thorax"),
        sided=False,
    ),
    Definition(
        "trunk_turn",
        "line of the shoulders and line of the hips",
        "lines parallel",
        "chest to the person's left",
        "across the trunk",
        _SPORTS2D,
        (*_PELVIS, "left_shoulder", "right_shoulder"),
        sided=False,
    ),
    Definition(
        "neck_flexion",
        "thorax to head top and trunk, seen from the side",
        "head in line with the trunk",
        "chin to chest",
        "chest's sagittal",
        _SPORTS2D,
        (*_CHEST, "head_top"),
        sided=False,
    ),
    Definition(
        "neck_tilt",
        "thorax to head top and trunk, seen from the front",
        "head in line with the trunk",
        "to the person's left",
        "chest's frontal",
        _SPORTS2D,
        (*_CHEST, "head_top"),
        sided=False,
    ),
)


@final
@dataclass(frozen=True, eq=False)
class Angles:
    """One person's joint angles over time.

    names      of the columns, e.g. `left_knee_flexion`.
    degrees    (T, A) float32; NaN where not defined.
    frames, times, person_id  as in the poses.
    history    of the poses, and one line more.
    """

    names: tuple[str, ...]
    degrees: Float[np.ndarray, "T A"]
    frames: Int[np.ndarray, " T"]
    times: Float[np.ndarray, " T"]
    person_id: int
    history: tuple[str, ...]

    def __getitem__(self, name: str) -> Float[np.ndarray, " T"]:
        """Return one angle; `PoseliftError` that lists the names if there is none of that name."""
        if name not in self.names:
            raise PoseliftError(f"no angle {name!r}, expected one of {', '.join(self.names)}")
        return self.degrees[:, self.names.index(name)]

    def __len__(self) -> int:
        """Return the number of frames T."""
        return len(self.degrees)

    def as_mapping(self) -> Mapping[str, Float[np.ndarray, " T"]]:
        """Return the angles by name."""
        return {name: self.degrees[:, i] for i, name in enumerate(self.names)}


def angles(poses: PoseSequence) -> Angles:
    """Measure all angles of `DEFINITIONS` that the joint set of the 3D poses knows, degrees.

    Those of the trunk to up (`trunk_lean`, `trunk_tilt`) are NaN unless the poses are upright
    (`AXES_WORLD`, and if they were lifted, turned by `to_world`). A pelvis or thorax that the set
    lacks is the middle of hips or shoulders. Raises `PoseliftError` for 2D poses and a joint set
    that knows no angle.
    """
    if poses.dims != 3:
        raise PoseliftError("expected 3D poses to measure angles, got 2D ones")
    points, landmarks, derived = _with_middles(poses)
    found: dict[str, np.ndarray] = {}
    knows_up = _knows_up(poses)
    for definition in DEFINITIONS:
        for side in ("left", "right") if definition.sided else ("",):
            joints = [joint.replace("left_", f"{side}_") for joint in definition.joints]
            if not definition.sided:
                joints = list(definition.joints)
            if set(joints) <= set(landmarks):
                name = f"{side}_{definition.name}" if side else definition.name
                found[name] = _MEASURES[definition.name](_Body(points, landmarks, side, knows_up))
    if not found:
        given = ", ".join(poses.skeleton.joints[:5])
        raise PoseliftError(
            f"no angle can be measured of {given}, ...: expected joints as left_hip, left_knee, "
            "left_ankle (markers on the skin are none)"
        )
    upright = "" if knows_up else ", trunk's lean not known: poses are not upright"
    return Angles(
        tuple(found),
        np.stack(list(found.values()), axis=1).astype(np.float32),
        poses.frames,
        poses.times,
        poses.person_id,
        (*poses.history, f"angles: {len(found)} measured{derived}{upright}"),
    )


def known_angles(poses: PoseSequence) -> Mapping[str, Float[np.ndarray, " T"]] | None:
    """Return the angles that are defined in some frame by name, or None if there are none."""
    try:
        found = angles(poses).as_mapping()
    except PoseliftError:
        return None
    return {name: v for name, v in found.items() if np.isfinite(v).any()} or None


def _with_middles(poses: PoseSequence) -> tuple[Float[np.ndarray, "T K 3"], list[str], str]:
    """Return the joints, with pelvis and thorax; what they are called; which are middles."""
    points, landmarks = poses.positions.astype(np.float64), list(poses.skeleton.landmarks)
    made = []
    for middle, part in (("pelvis", "hip"), ("thorax", "shoulder")):
        sides = [f"left_{part}", f"right_{part}"]
        if middle not in landmarks and set(sides) <= set(landmarks):
            ends = [points[:, landmarks.index(side)] for side in sides]
            points = np.concatenate([points, np.mean(ends, axis=0)[:, None]], axis=1)
            landmarks.append(middle)
            made.append(f", {middle} in the middle of the {part}s")
    return points, landmarks, "".join(made)


def _knows_up(poses: PoseSequence) -> bool:
    """Tell whether y is up, and not a camera's y turned over for a file that is y-up."""
    made = [step.split(":")[0] for step in poses.history]
    return poses.axes == AXES_WORLD and ("lifted" not in made or "world" in made)


class _Body:
    """Points, lines and frames of a person, of one side where it matters."""

    def __init__(
        self, points: Float[np.ndarray, "T J 3"], landmarks: Sequence[str], side: str, upright: bool
    ) -> None:
        self._points, self._landmarks = points, list(landmarks)
        self.side, self.upright = side, upright

    @property
    def outwards(self) -> float:
        """1 if x points away from the middle on this side, else -1."""
        return -1.0 if self.side == "right" else 1.0

    def knows(self, landmark: str) -> bool:
        """Whether there is such a joint."""
        return self._name(landmark) in self._landmarks

    def line(self, start: str, end: str) -> Float[np.ndarray, "T 3"]:
        """Unit vector from one landmark to another; `knee` is that of the side."""
        a, b = (self._points[:, self._index(landmark)] for landmark in (start, end))
        return _unit(b - a)

    def frame(self, part: str) -> Float[np.ndarray, "T 3 3"]:
        """Axes (rows) left, up, front of the pelvis (`hip`) or the chest (`shoulder`)."""
        x = self.line(f"right_{part}", f"left_{part}")
        y = self.line("pelvis", "thorax")
        y = _unit(y - (y * x).sum(axis=1, keepdims=True) * x)
        return np.stack([x, y, np.cross(x, y)], axis=1)

    def inside(self, part: str, start: str, end: str) -> Float[np.ndarray, "T 3"]:
        """A line in the axes of the pelvis or the chest."""
        return np.einsum("tij,tj->ti", self.frame(part), self.line(start, end))

    def _name(self, landmark: str) -> str:
        known = landmark in self._landmarks or landmark.startswith(("left_", "right_"))
        return landmark if known else f"{self.side}_{landmark}"

    def _index(self, landmark: str) -> int:
        return self._landmarks.index(self._name(landmark))


def _bend(body: _Body, start: str, middle: str, end: str) -> Float[np.ndarray, " T"]:
    """Degrees by which two bones are out of line."""
    first, second = body.line(start, middle), body.line(middle, end)
    # the sine from the difference: exact near 0 as well, where a cosine is not
    apart = np.linalg.norm(first - second, axis=1)
    together = np.linalg.norm(first + second, axis=1)
    return np.degrees(2 * np.arctan2(apart, together))


def _turn(
    sine: Float[np.ndarray, " T"], cosine: Float[np.ndarray, " T"], middle: float = 0.0
) -> Float[np.ndarray, " T"]:
    """Degrees of an angle in a plane; NaN where the line is across the plane.

    middle  degrees in the middle of what a body can do.

    Unwrapped over each stretch without NaN, which is then put where its median is nearest to
    `middle`: what happened in a gap is not known, so nothing is carried over it.
    """
    degrees = np.degrees(np.arctan2(sine, cosine))
    degrees[~(np.hypot(sine, cosine) > _FLAT)] = np.nan
    there = np.isfinite(degrees)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]])))
    for start, stop in edges.reshape(-1, 2):
        whole = np.unwrap(degrees[start:stop], period=360.0)
        whole -= 360.0 * np.round((np.median(whole) - middle) / 360.0)
        degrees[start:stop] = whole
    return degrees


def _hip_flexion(body: _Body) -> Float[np.ndarray, " T"]:
    _, up, front = body.inside("hip", "hip", "knee").T
    return _turn(front, -up, 45.0)


def _hip_abduction(body: _Body) -> Float[np.ndarray, " T"]:
    left = body.inside("hip", "hip", "knee")[:, 0]
    return np.degrees(np.arcsin(np.clip(body.outwards * left, -1.0, 1.0)))


def _ankle_flexion(body: _Body) -> Float[np.ndarray, " T"]:
    foot = body.line("heel" if body.knows("heel") else "ankle", "big_toe")
    shin = body.line("ankle", "knee")
    cosine = np.clip((foot * shin).sum(axis=1), -1.0, 1.0)
    return 90.0 - np.degrees(np.arccos(cosine))


def _shoulder_flexion(body: _Body) -> Float[np.ndarray, " T"]:
    _, up, front = body.inside("shoulder", "shoulder", "elbow").T
    return _turn(front, -up, 60.0)


def _shoulder_abduction(body: _Body) -> Float[np.ndarray, " T"]:
    left, up, _ = body.inside("shoulder", "shoulder", "elbow").T
    return _turn(body.outwards * left, -up, 75.0)


def _upright(body: _Body) -> Float[np.ndarray, "3 T"]:
    """The trunk in the person's upright axes: left (level, as the hips), up, front."""
    trunk = body.line("pelvis", "thorax")
    if not body.upright:
        return np.full((3, len(trunk)), np.nan)
    left = body.line("right_hip", "left_hip") * [1.0, 0.0, 1.0]
    left = _unit(left)
    up = np.broadcast_to(np.array([0.0, 1.0, 0.0]), trunk.shape)
    axes = np.stack([left, up, np.cross(left, up)], axis=1)
    return np.einsum("tij,tj->it", axes, trunk)


def _trunk_lean(body: _Body) -> Float[np.ndarray, " T"]:
    _, up, front = _upright(body)
    return _turn(front, up)


def _trunk_tilt(body: _Body) -> Float[np.ndarray, " T"]:
    left, up, _ = _upright(body)
    return _turn(left, up)


def _trunk_turn(body: _Body) -> Float[np.ndarray, " T"]:
    left, _, front = body.inside("hip", "right_shoulder", "left_shoulder").T
    return _turn(-front, left)


def _neck_flexion(body: _Body) -> Float[np.ndarray, " T"]:
    _, up, front = body.inside("shoulder", "thorax", "head_top").T
    return _turn(front, up)


def _neck_tilt(body: _Body) -> Float[np.ndarray, " T"]:
    left, up, _ = body.inside("shoulder", "thorax", "head_top").T
    return _turn(left, up)


def _unit(vectors: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
    """Vectors of length 1; NaN for those without a length."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(length > 1e-9, vectors / length, np.nan)


_MEASURES: dict[str, Callable[[_Body], np.ndarray]] = {
    "knee_flexion": lambda body: _bend(body, "hip", "knee", "ankle"),
    "hip_flexion": _hip_flexion,
    "hip_abduction": _hip_abduction,
    "ankle_flexion": _ankle_flexion,
    "shoulder_flexion": _shoulder_flexion,
    "shoulder_abduction": _shoulder_abduction,
    "elbow_flexion": lambda body: _bend(body, "shoulder", "elbow", "wrist"),
    "trunk_lean": _trunk_lean,
    "trunk_tilt": _trunk_tilt,
    "trunk_turn": _trunk_turn,
    "neck_flexion": _neck_flexion,
    "neck_tilt": _neck_tilt,
}
