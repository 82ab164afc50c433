"""3D motion of other programs as results: joints by name, metres, the root's path apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from poselift.errors import PoseliftError
from poselift.io.axes import Axes, turned
from poselift.io.facts import beside
from poselift.io.jointsets import arrange, plain_name
from poselift.io.upwards import is_rootless, standing_axes
from poselift.poses import AXES_3D, AXES_WORLD, Person, PoseSequence, Results
from poselift.skeletons import Skeleton

#: What joints of animation rigs are anatomically, by their names without sides, spelled plainly.
_LANDMARKS = {
    "hips": "pelvis",
    "hip_center": "pelvis",
    "root": "pelvis",
    "neck": "thorax",  # rigs begin the neck between the shoulders
    "neck_twist01": "thorax",
    "head_end": "head_top",
    "head_top_end": "head_top",
    "up_leg": "hip",
    "upper_leg": "hip",
    "thigh": "hip",
    "leg": "knee",
    "lower_leg": "knee",
    "calf": "knee",
    "shin": "knee",
    "foot": "ankle",
    "toe_base": "big_toe",
    "toe": "big_toe",
    "clavicle": "collar",
    "arm": "shoulder",
    "upper_arm": "shoulder",
    "upperarm": "shoulder",
    "fore_arm": "elbow",
    "forearm": "elbow",
    "lower_arm": "elbow",
    "hand": "wrist",
}

#: Parts that, where a rig has them, make its "shoulder" a collar.
_UPPER_ARM = ("arm", "upper_arm", "upperarm")

#: Name of the set that markers of no known set are; they hang on the first, but no bones join them.
MARKERS = "markers"

#: A rig's name before its joints' names is on more than this part of them.
_NEARLY_ALL = 0.9

#: Lengths of a unit in metres; a person is between a child's and a tall man's height.
_UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254}
_USUAL_HEIGHT = 1.7

#: What is up in each kind of axes, in words.
_SAID: dict[Axes, str] = {"y-up": "y-up", "z-up": "z-up", "camera": "y-down, as of a camera"}


def unit_of(height: float) -> tuple[str, float]:
    """Return the unit in which a person is about as tall as people are, and it in metres."""
    if not height > 0:
        return "m", 1.0
    return min(_UNITS.items(), key=lambda unit: abs(np.log(height * unit[1] / _USUAL_HEIGHT)))


def usual_rate(rate: float) -> float:
    """Frames a second: a usual one where the digits of a file allow it (0.033367 s, 29.97)."""
    usual = (float(round(rate)), round(rate * 1.001) * 1000 / 1001)
    return next((one for one in usual if abs(one / rate - 1) < 5e-5), round(rate, 3))


def rig(names: Sequence[str], parents: Sequence[int]) -> Skeleton:
    """Return the skeleton of an animation rig; joints keep their names, landmarks are found.

    A second root hangs on the first.
    """
    first = list(parents).index(-1)
    tree = tuple(
        -1 if i == first else (first if parent < 0 else parent) for i, parent in enumerate(parents)
    )
    plain = [plain_name(name) for name in names]
    words = [name.split("_") for name in plain]
    prefix: list[str] = []  # words that nearly all names begin with, as cc_base
    while len(words) > 1:
        nexts = Counter(one[len(prefix)] for one in words if one[: len(prefix)] == prefix != one)
        word, count = nexts.most_common(1)[0] if nexts else ("", 0)
        if count <= _NEARLY_ALL * len(words):
            break
        prefix = [*prefix, word]
    bare_words = (
        one[len(prefix) :] if one[: len(prefix)] == prefix != one else one for one in words
    )
    parts = [plain_name("_".join(one)) for one in bare_words]
    sides = [next((s for s in ("left_", "right_") if one.startswith(s)), "") for one in parts]
    bare = [one.removeprefix(side) for one, side in zip(parts, sides, strict=True)]
    arms = {side for side, part in zip(sides, bare, strict=True) if part in _UPPER_ARM}
    aliases: dict[str, str] = {}
    given: set[str] = set()
    for name, side, part in zip(names, sides, bare, strict=True):
        landmark = side + _LANDMARKS.get(part, part)
        if part == "shoulder" and side in arms:
            landmark = f"{side}collar"
        elif part == "hip" and not side:
            landmark = "pelvis"
        elif part == "root" and {"hips", "pelvis"} & set(bare):
            landmark = part  # it only carries the body
        known = landmark == "head_top" or not name.endswith("_end")
        if known and landmark not in given:
            aliases[name] = landmark
            given.add(landmark)
    return Skeleton("rig", tuple(names), tree, aliases)


def marker_set(
    names: Sequence[str], points: Float[np.ndarray, "T M 3"], where: str
) -> tuple[Skeleton, Float[np.ndarray, "T J 3"]]:
    """Return the known joint set that markers mostly are, and their positions in its order.

    Markers of no known set are kept as they are, all hanging on the first.
    """
    try:
        skeleton, order = arrange(names, where)
    except PoseliftError:
        parents = tuple(-1 if index == 0 else 0 for index in range(len(names)))
        return Skeleton(MARKERS, tuple(names), parents), points
    joints = np.full((len(points), len(skeleton), 3), np.nan)
    kept = [place for place, column in enumerate(order) if column >= 0]
    joints[:, kept] = points[:, [order[place] for place in kept]]
    return skeleton, joints


def motion_results(
    path: Path,
    skeleton: Skeleton,
    points: Float[np.ndarray, "T J 3"],
    axes: Axes,
    *,
    frames: Int[np.ndarray, " T"],
    times: Float[np.ndarray, " T"],
    fps: float | None,
    notes: Sequence[str],
    person: int = 0,
    sure: bool = False,
) -> Results:
    """Make results of one person of joints in the room, metres.

    axes    of the points, as files of the kind are as a rule.
    fps     as the file says it.
    person  number of the person, where the file says it.
    sure    whether the file itself says what is up; else people who stand tell it.

    The path is that of the skeleton's root; where it is missing, of the middle of the others. What
    stands beside the file (see `facts.beside`) says better what axes it is in, and who it is.
    """
    if not len(points) or np.isnan(points).all():
        raise PoseliftError(f"{path}: no person in any frame")
    target: Axes
    number, past, meta = person, list(notes), {"source": str(path)}
    if (said := beside(path)) is not None:
        axes, meta = said.axes or axes, {**said.meta, **meta}
        number = said.ids[0] if said.ids else 0
        step = f"axes: {axes}, says {said.place.name}"
        past = [*said.histories.get(number, ((), ()))[1], step, *notes]
    sure, target = sure or said is not None, "y-up"
    if not sure and (found := standing_axes(points, skeleton, axes)) != axes:
        past.append(f"warning: {path}: taken as {_SAID[found]}, since its body stands that way")
        axes = found
    if not sure and is_rootless(points, skeleton):
        target = "camera"
        past.append("axes: of a camera, since the root joint is at 0 in every frame")
    world = turned(points, axes, target)
    root = world[:, skeleton.root].copy()
    lost = np.isnan(root[:, 0])
    seen = ~np.isnan(world[..., 0]).all(axis=1)
    root[lost & seen] = np.nanmean(world[lost & seen], axis=1)
    sequence = PoseSequence(
        positions=(world - root[:, None]).astype(np.float32),
        skeleton=skeleton,
        scores=np.full(points.shape[:2], np.nan, np.float32),
        frames=frames,
        times=times,
        fps=None if fps is None else usual_rate(fps),
        image_size=None,
        units="m",
        axes=AXES_WORLD if target == "y-up" else AXES_3D,
        tracks={"root": root.astype(np.float32)} if target == "y-up" else {},
        person_id=number,
        history=tuple(past),
    )
    return Results((Person.only_3d(sequence),), meta)
