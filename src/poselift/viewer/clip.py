"""The data block of the page: a clip as JSON values, arrays as base64 of little-endian numbers.

Axes: T frame of the clip, R row of one person, J joint, D coordinate.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from poselift.errors import PoseliftError
from poselift.io.motionfile import MARKERS
from poselift.poses import PoseSequence
from poselift.skeletons import Skeleton
from poselift.viewer import scene

#: Joint angles of one person: degrees by name (`left_knee_flexion`), a value for each 3D pose.
Angles = Mapping[str, np.ndarray]

#: Stored value of a missing number, and the largest one that is not missing.
_MISSING, _LARGEST = -32768, 32767
#: Playback rate where the source does not say one, frames a second.
_ASSUMED_FPS = 30.0
#: Frame numbers spread wider than this are not filled in one by one.
_LONGEST = 1_000_000
#: Degrees between two stored angles.
_ANGLE_STEP = 0.1


class Shown(NamedTuple):
    """One person on the page: poses in 2D (pixels), in 3D (metres), or both."""

    flat: PoseSequence | None
    solid: PoseSequence | None

    @property
    def any(self) -> PoseSequence:
        """A sequence that says who, when and at what rate."""
        found = self.solid if self.solid is not None else self.flat
        assert found is not None
        return found


class Timeline(NamedTuple):
    """Frame numbers and time stamps (s) of the clip, frames in which nobody was seen included.

    tail   seconds that the last frame lasts.
    rate   frames a second, None where the time stamps are irregular.
    known  False where nothing says a rate: then 30 frames a second are assumed.
    """

    frames: Int[np.ndarray, " T"]
    times: Float[np.ndarray, " T"]
    tail: float
    rate: float | None
    known: bool


def timeline(people: list[Shown]) -> Timeline:
    """Join the frames of all people, fill in those between, and interpolate their times.

    Beyond `_LONGEST` frames only the first of each gap is filled in.
    """
    sequences = [one.any for one in people]
    frames, first = np.unique(np.concatenate([s.frames for s in sequences]), return_index=True)
    times = np.concatenate([s.times for s in sequences])[first]
    rate = next((s.fps for s in sequences if s.fps), None)
    # without a rate PoseSequence counts one second a frame; real time stamps differ from that
    known = rate is not None or not np.array_equal(times, frames)
    if not known:
        rate, times = _ASSUMED_FPS, times / _ASSUMED_FPS
    if frames[-1] - frames[0] < _LONGEST:
        every = np.arange(frames[0], frames[-1] + 1)
    else:
        every = np.union1d(frames, frames[:-1][np.diff(frames) > 1] + 1)
    filled = np.interp(every, frames, times)
    usual = float(np.median(np.diff(filled))) if len(filled) > 1 else 0.0
    return Timeline(every, filled, 1.0 / rate if rate else usual, rate, known)


def clip_data(
    people: list[Shown], line: Timeline, angles: Sequence[Angles | None] | None
) -> dict[str, Any]:
    """Everything that is drawn, as JSON values. Raises `PoseliftError` if angles do not fit."""
    flats = [one.flat for one in people if one.flat is not None]
    solids = [one.solid for one in people if one.solid is not None]
    size = next((one.any.image_size for one in people if one.any.image_size), None)
    box = _frame_box(flats, size)
    stage = scene.arrange(solids) if solids else None
    offsets = iter(stage.offsets if stage else ())
    return {
        "frames": encode(line.frames, "<f8"),
        "times": encode(line.times, "<f8"),
        "tail": line.tail,
        "rate_known": line.known,
        "frame_box": box if flats else None,
        "image_size": size,
        "scene": stage
        and {
            "room": stage.room,
            "axes": stage.axes,
            "camera": stage.camera,
            "up": stage.up,
            "side": stage.side,
            "floor": stage.floor,
        },
        "people": [
            {
                "name": f"Person {short_name(one.any.person_id, place)}",
                "short": short_name(one.any.person_id, place),
                "across": 0.0 if one.flat is None else _across(one.flat),
                "rows": encode(np.searchsorted(line.frames, one.any.frames), "<i4"),
                "flat": None if one.flat is None else _flat(one.flat, box),
                "solid": None if one.solid is None else _solid(one.solid, next(offsets)),
                "angles": _angles(angles[place] if angles else None, one),
            }
            for place, one in enumerate(people)
        ],
    }


def short_name(person_id: int, place: int) -> str:
    """Name a person in few letters: the source's number, or the place among all."""
    return str(person_id) if person_id >= 0 else f"#{place + 1}"


def bone_sides(skeleton: Skeleton) -> list[str]:
    """Tell for each joint (and the bone that ends in it) "left", "right" or "middle"."""
    return [
        "left" if joint in skeleton.left else "right" if joint in skeleton.right else "middle"
        for joint in range(len(skeleton))
    ]


def encode(array: np.ndarray, kind: str) -> str:
    """Write numbers of a NumPy type as base64."""
    return base64.b64encode(np.ascontiguousarray(array, dtype=kind).tobytes()).decode("ascii")


def _across(flat: PoseSequence) -> float:
    """Where in the image (px from the left) a person mostly is, 0 if never seen."""
    x = flat.positions[..., 0]
    x = x[~np.isnan(x)]
    return float(np.median(x)) if len(x) else 0.0


def _frame_box(flats: list[PoseSequence], size: tuple[int, int] | None) -> list[float]:
    """Left, top, right, bottom of the image in px, or the extent of the data."""
    if size is not None:
        return [0.0, 0.0, float(size[0]), float(size[1])]
    points = np.concatenate([np.zeros((0, 2)), *(s.positions.reshape(-1, 2) for s in flats)])
    points = points[~np.isnan(points[:, 0])]
    if not len(points):
        return [0.0, 0.0, 1.0, 1.0]
    low, high = points.min(axis=0).astype(float), points.max(axis=0).astype(float)
    margin = max(0.05 * float((high - low).max()), 1.0)
    return [*(low - margin).tolist(), *(high + margin).tolist()]


def _flat(flat: PoseSequence, box: list[float]) -> dict[str, Any]:
    """2D poses to 0.1 px (images wider than 4368 px: a 43,000th of the width)."""
    centre = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]
    step = max(0.1, 0.75 * max(box[2] - box[0], box[3] - box[1]) / _LARGEST)
    return {"origin": centre, **_track(flat.positions, step, centre), **body(flat.skeleton)}


def _solid(solid: PoseSequence, offset: Float[np.ndarray, "R 3"]) -> dict[str, Any]:
    """3D poses in scene axes to 1 mm, and where they stand: see `scene`."""
    contacts = solid.tracks.get("contacts")
    joints = solid.skeleton.joints
    return {
        "origin": [0.0, 0.0, 0.0],
        **_track(scene.in_scene(solid), 0.001, [0.0, 0.0, 0.0]),
        **body(solid.skeleton),
        "offsets": encode(offset, "<f4"),
        "path": None if solid.root is None else encode(scene.path_of(solid, offset), "<f4"),
        "contacts": None if contacts is None else encode(np.nan_to_num(contacts) > 0.5, "u1"),
        "prints": scene.footprints(solid, offset),
        "ankles": list(scene.ankles(solid)),
        "trails": [k for k, name in enumerate(joints) if name.endswith(("_wrist", "_ankle"))],
    }


def body(skeleton: Skeleton) -> dict[str, Any]:
    """Which joints are joined, and which side each is on; markers of no known set are points."""
    sides, edges = bone_sides(skeleton), skeleton.edges
    if skeleton.name == MARKERS:
        edges = tuple((joint, joint) for joint in range(len(skeleton)))
    return {"sides": sides, "bones": [[p, c, sides[c]] for p, c in edges]}


def _track(
    positions: Float[np.ndarray, "R J D"], step: float, origin: list[float]
) -> dict[str, Any]:
    """Coordinates as int16 in units of `step` from `origin`."""
    missing = np.isnan(positions)
    units = np.round((np.nan_to_num(positions).astype(np.float64) - origin) / step)
    values = np.where(missing, _MISSING, np.clip(units, -_LARGEST, _LARGEST))
    return {"step": step, "values": encode(values, "<i2")}


def _angles(angles: Angles | None, one: Shown) -> list[dict[str, Any]]:
    """Curves of one person, left and right of a joint together, in units of 0.1 degrees."""
    plots: dict[str, dict[str, Any]] = {}
    for name, degrees in (angles or {}).items():
        if np.shape(degrees) != (len(one.any),):
            raise PoseliftError(
                f"angle {name}: expected {len(one.any)} values, one for each frame, "
                f"got shape {np.shape(degrees)}"
            )
        if np.isnan(degrees).all() or len(degrees) < 2:
            continue  # nothing that could be a curve
        words = name.split("_")
        side = next((word for word in words if word in ("left", "right")), "middle")
        label = " ".join(word for word in words if word != side).capitalize()
        plot = plots.setdefault(label, {"label": label, "step": _ANGLE_STEP, "curves": {}})
        plot["curves"][side] = _track(np.asarray(degrees)[:, None, None], _ANGLE_STEP, [0.0])[
            "values"
        ]
    return list(plots.values())
