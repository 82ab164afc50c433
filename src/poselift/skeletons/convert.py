"""From one joint set to another, by what the joints are, saying which had to be derived."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from poselift.errors import PoseliftError
from poselift.skeletons.skeleton import Skeleton

# How a landmark that a source lacks is made: the mean of others, first recipe that works.
# Pelvis, spine, thorax and head as in MMPose's and MotionBERT's COCO -> Human3.6M.
_RECIPES: dict[str, tuple[tuple[str, ...], ...]] = {
    "pelvis": (("left_hip", "right_hip"),),
    "thorax": (("left_shoulder", "right_shoulder"),),
    "spine": (("pelvis", "thorax"),),
    "upper_neck": (("thorax", "nose"), ("thorax", "head_top")),
    "head_top": (("left_eye", "right_eye"),),
    "nose": (("thorax", "head_top"),),
    "spine_base": (("pelvis",),),
    "left_collar": (("thorax",),),
    "right_collar": (("thorax",),),
}


@dataclass(frozen=True)
class Conversion:
    """How to make a target joint set from a source one; apply it to positions and scores.

    `weights` is the (J_target, J_source) averaging matrix, `derived` maps each target joint that
    the source lacks to the source joints it is the mean of, `missing` lists target joints that
    cannot be made (they come out as NaN).
    """

    source: Skeleton
    target: Skeleton
    weights: Float[np.ndarray, "J_target J_source"]
    derived: dict[str, tuple[str, ...]]
    missing: tuple[str, ...]

    def positions(
        self, values: Float[np.ndarray, "*batch J_source D"]
    ) -> Float[np.ndarray, "*batch J_target D"]:
        """Convert coordinates (any unit); a joint made from a missing (NaN) joint is NaN."""
        self._check(values.shape[-2])
        extended = np.empty((*values.shape[:-2], self.pool, values.shape[-1]), values.dtype)
        extended[..., : len(self.source), :] = values
        self.extend(extended)
        return extended.take(self.order, axis=-2)

    @cached_property
    def order(self) -> Int[np.ndarray, " J_target"]:
        """Where each target joint stands among source joints, then `derived`, then a NaN one."""
        single = np.count_nonzero(self.weights, axis=1) == 1
        order = np.where(single, self.weights.argmax(axis=1), self.pool - 1)
        order[self._averaged] = len(self.source) + np.arange(len(self._averaged))
        return order

    @cached_property
    def pool(self) -> int:
        """Number of joints that `order` chooses from."""
        return len(self.source) + len(self._averaged) + 1

    def extend(self, extended: Float[np.ndarray, "*batch pool D"]) -> None:
        """Fill in, behind the source's joints, the averaged ones and the missing one."""
        extended[..., -1, :] = np.nan
        parts, shares = self._parts
        if len(parts):
            terms = extended.take(parts, axis=-2)
            terms *= shares
            np.add.reduce(terms, axis=-2, out=extended[..., len(self.source) : -1, :])

    @cached_property
    def _averaged(self) -> Int[np.ndarray, " derived"]:
        """Target joints that are the mean of several source joints."""
        return np.flatnonzero(np.count_nonzero(self.weights, axis=1) > 1)

    @cached_property
    def _parts(self) -> tuple[Int[np.ndarray, "derived K"], Float[np.ndarray, "derived K 1"]]:
        """The source joints of each averaged joint and their shares; short rows repeat at 0.

        Means of means of two have shares of 1/2, 1/4, ...: float32 holds them exactly.
        """
        rows = [np.flatnonzero(self.weights[row]) for row in self._averaged]
        most = max(map(len, rows), default=0)
        parts = np.array([np.resize(row, most) for row in rows], np.int64).reshape(len(rows), most)
        first = np.arange(most) < np.array([len(row) for row in rows])[:, None]
        shares = self.weights[self._averaged[:, None], parts] * first
        return parts, shares[..., None].astype(np.float32)

    def scores(
        self, values: Float[np.ndarray, "*batch J_source"]
    ) -> Float[np.ndarray, "*batch J_target"]:
        """Convert confidences: a derived joint has the lowest score of its sources."""
        self._check(values.shape[-1])
        out = np.full((*values.shape[:-1], len(self.target)), np.nan, values.dtype)
        for row, weights in enumerate(self.weights):
            sources = np.flatnonzero(weights)
            if len(sources):
                out[..., row] = values[..., sources].min(axis=-1)
        return out

    def describe(self) -> str:
        """Say in one line what was derived and what is missing."""
        parts = [f"{joint} = mean of {', '.join(of)}" for joint, of in self.derived.items()]
        text = f"{self.source.name} -> {self.target.name}"
        if parts:
            text += "; derived: " + "; ".join(parts)
        if self.missing:
            text += "; not available: " + ", ".join(self.missing)
        return text

    def _check(self, joints: int) -> None:
        if joints != len(self.source):
            raise PoseliftError(
                f"expected {len(self.source)} joints ({self.source.name}), got {joints}"
            )


def conversion(source: Skeleton, target: Skeleton) -> Conversion:
    """Find how `target` is made from `source`, by anatomical landmark.

    Raises `PoseliftError` if the two have so little in common that fewer than half of the target
    joints can be made.
    """
    known: dict[str, Float[np.ndarray, " J_source"]] = {
        landmark: np.eye(len(source))[index] for index, landmark in enumerate(source.landmarks)
    }
    weights = np.zeros((len(target), len(source)))
    derived: dict[str, tuple[str, ...]] = {}
    missing: list[str] = []
    for row, (joint, landmark) in enumerate(zip(target.joints, target.landmarks, strict=True)):
        found = _find(landmark, known)
        if found is None:
            missing.append(joint)
            continue
        weights[row] = found
        # Human3.6M's neck is a face point: taking a detector's nose for it is a choice, so say it
        if landmark not in known or (joint == "neck" and "nose" in source.joints):
            derived[joint] = tuple(source.joints[i] for i in np.flatnonzero(found))
    if 2 * len(missing) > len(target):
        raise PoseliftError(
            f"cannot convert {source.name} to {target.name}: "
            f"{len(missing)} of {len(target)} joints cannot be made"
        )
    return Conversion(source, target, weights, derived, tuple(missing))


def _find(
    landmark: str, known: dict[str, Float[np.ndarray, " J_source"]]
) -> Float[np.ndarray, " J_source"] | None:
    """Return the averaging weights of a landmark over the source joints, or None."""
    if landmark in known:
        return known[landmark]
    for recipe in _RECIPES.get(landmark, ()):
        parts = [_find(part, known) for part in recipe if part != landmark]
        if all(part is not None for part in parts):
            return np.mean([part for part in parts if part is not None], axis=0)
    return None
