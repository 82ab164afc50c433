"""Which joint set a file holds: by name, by the joint names it carries, by the documented count."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.skeletons import Skeleton, get_skeleton, skeleton_names

#: Other projects' words for our joint names.
_SYNONYMS = {
    "root": "pelvis",
    "right_foot": "right_ankle",
    "left_foot": "left_ankle",
    "neck_base": "neck",
}


def resolve(skeleton: str | Skeleton | None) -> Skeleton | None:
    """Look a skeleton up by name; `PoseliftError` lists the names if there is none."""
    return get_skeleton(skeleton) if isinstance(skeleton, str) else skeleton


def from_joint_names(names: Sequence[str], where: str) -> Skeleton:
    """Find the joint set whose joints are `names` in that order.

    Understands snake_case and OpenPose's spelling (LBigToe), and MMPose's words for Human3.6M.
    Raises `PoseliftError` if no joint set has these joints.
    """
    plain = tuple(_plain(str(name)) for name in names)
    other = tuple(_SYNONYMS.get(name, name) for name in plain)
    for name in skeleton_names():
        skeleton = get_skeleton(name)
        if skeleton.joints in (plain, other):
            return skeleton
    raise PoseliftError(
        f"{where}: no known skeleton has these {len(names)} joint names, "
        f"expected the joints of one of {', '.join(skeleton_names())}"
    )


def _plain(name: str) -> str:
    """Spell a joint name in snake_case with left_ and right_ in front."""
    name = re.sub(r"^([LR])(?=[A-Z])", lambda m: {"L": "Left", "R": "Right"}[m[1]], name)
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return name.replace(" ", "_").replace("-", "_")


def by_count(
    count: int, chosen: Skeleton | None, allowed: Mapping[int, tuple[str, ...]], where: str
) -> Skeleton:
    """Return `chosen` if it has `count` joints, else what the format documents for the count.

    `allowed` lists the joint sets of the format by number of joints, its default first. Raises
    `PoseliftError` naming them for any other count.
    """
    if chosen is not None:
        if len(chosen) != count:
            raise PoseliftError(
                f"{where}: expected {len(chosen)} joints ({chosen.name}), got {count}"
            )
        return chosen
    if count not in allowed:
        known = ", ".join(f"{n} ({' or '.join(names)})" for n, names in sorted(allowed.items()))
        raise PoseliftError(f"{where}: expected {known} joints, got {count}")
    return get_skeleton(allowed[count][0])


#: A joint order is believed over another if its bones are this much shorter in the pictures.
CLEARLY = 0.75


def better_order(
    keypoints: Float[np.ndarray, "N J 2"], assumed: Skeleton, other: Skeleton
) -> Skeleton | None:
    """Tell which of two joint orders the poses have, or None if they do not say.

    Bones join neighbours, so under the true order the bones are far shorter in the picture than
    under another one. Looks at up to 256 rows; pixels, missing joints NaN.
    """
    rows = keypoints[np.linspace(0, len(keypoints) - 1, min(len(keypoints), 256)).astype(int)]
    lengths = [_bone_length(rows, skeleton) for skeleton in (assumed, other)]
    if not all(np.isfinite(lengths)):
        return None
    if lengths[0] < CLEARLY * lengths[1]:
        return assumed
    return other if lengths[1] < CLEARLY * lengths[0] else None


def _bone_length(rows: Float[np.ndarray, "N J 2"], skeleton: Skeleton) -> float:
    """Mean length of the visible bones relative to the size of the person; NaN if too few."""
    edges = np.array(skeleton.edges)
    bones = np.linalg.norm(rows[:, edges[:, 0]] - rows[:, edges[:, 1]], axis=2)
    seen = ~np.isnan(rows[..., 0])
    enough = (seen.sum(axis=1) >= 8) & (~np.isnan(bones)).any(axis=1)
    if not enough.any():
        return float("nan")
    points = rows[enough]
    extent = np.nanmax(points, axis=1) - np.nanmin(points, axis=1)
    size = np.hypot(extent[:, 0], extent[:, 1])
    if not (size > 0).any():
        return float("nan")
    # the median over persons: one wrong detection must not decide
    return float(np.median(np.nanmean(bones[enough][size > 0], axis=1) / size[size > 0]))
