"""The rest pose: where each landmark is in a person who stands with the arms to the sides.

Axes: x to the person's left, y up, z to the front; right-handed. Only directions between landmarks
are used, so the unit is a height of 1.8 and the person of no particular build.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.skeletons import Skeleton

_MIDDLE = {
    "pelvis": (0.0, 0.0, 0.0),
    "spine_base": (0.0, 0.0, 0.0),
    "spine": (0.0, 0.24, 0.0),
    "thorax": (0.0, 0.48, 0.0),
    "upper_neck": (0.0, 0.54, 0.0),
    "nose": (0.0, 0.60, 0.08),
    "head": (0.0, 0.62, 0.0),
    "head_top": (0.0, 0.76, 0.0),
}

#: Of the left side; the right side is its mirror image.
_LEFT = {
    "hip": (0.10, 0.0, 0.0),
    "knee": (0.10, -0.44, 0.0),
    "ankle": (0.10, -0.86, 0.0),
    "heel": (0.10, -0.92, -0.05),
    "toe_base": (0.10, -0.92, 0.13),
    "toe_end": (0.10, -0.92, 0.19),
    "big_toe": (0.08, -0.92, 0.17),
    "small_toe": (0.14, -0.92, 0.13),
    "collar": (0.0, 0.48, 0.0),
    "shoulder": (0.18, 0.48, 0.0),
    "elbow": (0.46, 0.48, 0.0),
    "wrist": (0.72, 0.48, 0.0),
    "hand": (0.78, 0.48, 0.0),
    "hand_end": (0.88, 0.48, 0.0),
    "index": (0.82, 0.48, 0.03),
    "pinky": (0.80, 0.48, -0.03),
    "thumb": (0.76, 0.48, 0.06),
    "thumb_end": (0.80, 0.48, 0.10),
    "eye": (0.03, 0.64, 0.06),
    "eye_inner": (0.02, 0.64, 0.07),
    "eye_outer": (0.04, 0.64, 0.05),
    "ear": (0.08, 0.62, 0.0),
    "mouth": (0.02, 0.57, 0.07),
}

#: Where the far end of a limb goes when its middle joint bends: forearms to the front, shins back.
_BENDS = {"knee": (0.0, 0.0, -1.0), "elbow": (0.0, 0.0, 1.0)}


def rest_place(landmark: str) -> Float[np.ndarray, " D"]:
    """Return where a landmark is at rest; `PoseliftError` for one that is not known."""
    side, _, part = landmark.partition("_")
    if side in ("left", "right") and part in _LEFT:
        return np.array(_LEFT[part]) * (1.0 if side == "left" else -1.0, 1.0, 1.0)
    if landmark not in _MIDDLE:
        raise PoseliftError(f"no place in the rest pose is known for a joint {landmark!r}")
    return np.array(_MIDDLE[landmark])


def rest_directions(skeleton: Skeleton) -> Float[np.ndarray, "J 3"]:
    """Unit direction of the bone that ends in each joint, parent to child; 0 for the root.

    Joints that coincide at rest (Human3.6M's collars and the thorax) get the direction up.
    Raises `PoseliftError` for a joint whose place at rest is not known.
    """
    places = np.stack([rest_place(landmark) for landmark in skeleton.landmarks])
    bones = np.zeros_like(places)
    for parent, child in skeleton.edges:
        bones[child] = places[child] - places[parent]
        if np.linalg.norm(bones[child]) < 1e-6:
            bones[child] = 0.0, 1.0, 0.0
    length = np.linalg.norm(bones, axis=1, keepdims=True)
    return bones / np.where(length > 0, length, 1.0)


def rest_bend(landmark: str) -> Float[np.ndarray, " D"]:
    """Direction into which the limb beyond a joint bends, at rest."""
    return np.array(_BENDS.get(landmark.partition("_")[2], (0.0, 0.0, 1.0)))
