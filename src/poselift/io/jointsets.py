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
    if skeleton is None or isinstance(skeleton, Skeleton):
        return skeleton
    return get_skeleton(skeleton)


def from_joint_names(names: Sequence[str], where: str, chosen: Skeleton | None = None) -> Skeleton:
    """Find the joint set whose joints are `names` in that order, `chosen` or a known one.

    Understands snake_case and OpenPose's spelling (LBigToe), and MMPose's words for Human3.6M.
    Raises `PoseliftError` if no joint set has these joints.
    """
    plain = tuple(plain_name(str(name)) for name in names)
    other = tuple(_SYNONYMS.get(name, name) for name in plain)
    if chosen is not None and chosen.joints in (plain, other):
        return chosen
    for name in skeleton_names():
        skeleton = get_skeleton(name)
        if skeleton.joints in (plain, other):
            return skeleton
    raise PoseliftError(
        f"{where}: no known skeleton has these {len(names)} joint names, "
        f"expected the joints of one of {', '.join(skeleton_names())}"
    )


def plain_name(name: str) -> str:
    """Spell a joint name in snake_case with left_ and right_ in front."""
    name = re.sub(r"^([LR])(?=[A-Z][a-z])", lambda m: {"L": "Left", "R": "Right"}[m[1]], name)
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.rpartition(":")[2]).lower()
    name = re.sub(r"[ .-]+", "_", name.strip())
    for short, side in (("l", "left"), ("r", "right"), ("left", "left"), ("right", "right")):
        name = re.sub(rf"^{short}_(.+)|^(.+)_{short}$", rf"{side}_\1\2", name)
    return name


def arrange(names: Sequence[str], where: str) -> tuple[Skeleton, list[int]]:
    """Find the joint set that a source's joint names mostly are, in whatever order.

    Returns it and for each of its joints the column of the source, -1 where it has none. Of
    several the one that explains most of the names is taken, then the one that lacks least.
    Raises `PoseliftError` if the names are not those of a person's joints.
    """
    plain = [_SYNONYMS.get(name, name) for name in (plain_name(str(name)) for name in names)]
    best: tuple[float, Skeleton] | None = None
    for skeleton in map(get_skeleton, skeleton_names()):
        common = len(set(skeleton.joints) & set(plain))
        score = common - 0.5 * (len(skeleton) - common)
        if common >= 8 and (best is None or score > best[0]):
            best = score, skeleton
    if best is None:
        raise PoseliftError(
            f"{where}: no known skeleton has joints of these names: {', '.join(map(str, names))}"[
                :300
            ]
        )
    joints = best[1].joints
    return best[1], [plain.index(joint) if joint in plain else -1 for joint in joints]


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

#: Nose, eyes and ears lie together: within this much of the size of a person in the picture.
TOGETHER = 0.25

#: Joint sets that are confused with one another, by number of joints; of those with 17 the first
#: begins with nose, eyes and ears.
_RIVALS = {17: ("coco_17", "h36m_17", "mpi_inf_3dhp_17"), 25: ("body_25", "body_25b")}

_ABOVE = {"nose", "neck", "left_shoulder", "right_shoulder"}
_BELOW = {"mid_hip", "pelvis", "left_hip", "right_hip"}


def decide_order(
    keypoints: Float[np.ndarray, "N J 2"], assumed: Skeleton
) -> tuple[Skeleton, str | None]:
    """Tell which joint order the poses have, and whether that is certain.

    Bones join neighbours, so under the true order limbs and faces are far shorter in the picture
    than under another. Looks at up to 256 rows; pixels, missing joints NaN. Returns `assumed` with
    the warning to give where the poses do not say.
    """
    names = _RIVALS.get(len(assumed), ())
    if assumed.name not in names:
        return assumed, None
    rows = keypoints[np.linspace(0, len(keypoints) - 1, min(len(keypoints), 256)).astype(int)]
    with np.errstate(over="ignore", invalid="ignore"):  # infinite joints are refused later
        lengths = {name: _limb_length(rows, get_skeleton(name)) for name in names}
        face = _spread(rows[:, :5], rows)
    if len(assumed) == 17 and face < TOGETHER:
        return get_skeleton("coco_17"), None
    best, second = sorted(names, key=lambda name: lengths[name])[:2]
    clear = lengths[best] < CLEARLY * lengths[second]
    if len(assumed) == 17:  # on the way to the face of COCO there are long bones anyway
        clear = face > TOGETHER and lengths[best] < CLEARLY * lengths["coco_17"]
    if clear and np.isfinite(lengths[best]):
        return get_skeleton(best), None
    others = " or ".join(name for name in names if name != assumed.name)
    return assumed, (
        f"warning: {len(assumed)} joints taken as {assumed.name}, the poses do not say whether "
        f"they are {others} (--skeleton)"
    )


def _limb_length(rows: Float[np.ndarray, "N J 2"], skeleton: Skeleton) -> float:
    """Mean length of visible bones, the trunk's left out, by size of the person; inf if too few."""
    joints = skeleton.joints
    edges = np.array(
        [
            (p, c)
            for p, c in skeleton.edges
            if not ({joints[p], joints[c]} & _ABOVE and {joints[p], joints[c]} & _BELOW)
            and not (joints[p] == "nose" and joints[c].endswith("shoulder"))
        ]
    )
    bones = np.linalg.norm(rows[:, edges[:, 0]] - rows[:, edges[:, 1]], axis=2)
    enough = (~np.isnan(rows[..., 0])).sum(axis=1) >= 8
    enough &= (~np.isnan(bones)).any(axis=1)
    if not enough.any():
        return float("inf")
    size = _sizes(rows[enough])
    if not (size > 0).any():
        return float("inf")
    # the median over persons: one wrong detection must not decide
    return float(np.median(np.nanmean(bones[enough][size > 0], axis=1) / size[size > 0]))


def _spread(rows: Float[np.ndarray, "N J 2"], whole: Float[np.ndarray, "N K 2"]) -> float:
    """Median size of some joints by the size of the persons; inf if they are not seen."""
    seen = (~np.isnan(rows[..., 0])).sum(axis=1) >= 2
    if not seen.any():
        return float("inf")
    size = _sizes(whole[seen])
    if not (size > 0).any():
        return float("inf")
    return float(np.median(_sizes(rows[seen])[size > 0] / size[size > 0]))


def _sizes(rows: Float[np.ndarray, "N J 2"]) -> Float[np.ndarray, " N"]:
    """Diagonal of the box around the visible joints of each row."""
    extent = np.nanmax(rows, axis=1) - np.nanmin(rows, axis=1)
    return np.hypot(extent[:, 0], extent[:, 1])
