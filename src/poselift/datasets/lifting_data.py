"""LiftingData: 2D keypoints with the 3D poses that belong to them, one row a person and picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Float32, Int64, Shaped

from poselift.errors import PoseliftError
from poselift.poses import windows
from poselift.skeletons import Skeleton


@dataclass(frozen=True, eq=False)
class LiftingData:
    """Pairs of 2D and 3D poses in memory; arrays are read-only, rows are in the order of time.

    keypoints   (N, J, 2) float32, pixels (x right, y down); a missing joint is NaN.
    poses       (N, J, 3) float32, metres, camera space (x right, y down, z forward), the
                skeleton's root at the origin; never missing.
    image_size  (N, 2) float32, (width, height) in pixels.
    root        (N, 3) float32, metres, camera space: where that root is; NaN if unknown.
    intrinsics  (N, 4) float32, pixels: fx, fy, cx, cy of the camera (lens distortion aside).
    subject     (N,) int64, person, -1 if unknown.
    action      (N,) short names of what the person does.
    camera      (N,) int64, 0-based.
    frame       (N,) int64, 0-based frame number in the source file.
    clip        (N,) int64, index into `clips`. Rows of one clip and one camera are a sequence.
    clips       names of the source files.
    skeleton    names the joints.
    name        says data set, split and variant.

    Raises `PoseliftError` if the arrays do not fit each other or a pose has missing values.
    """

    keypoints: Float32[np.ndarray, "N J 2"]
    poses: Float32[np.ndarray, "N J 3"]
    image_size: Float32[np.ndarray, "N 2"]
    root: Float32[np.ndarray, "N 3"]
    intrinsics: Float32[np.ndarray, "N 4"]
    subject: Int64[np.ndarray, " N"]
    action: Shaped[np.ndarray, " N"]
    camera: Int64[np.ndarray, " N"]
    frame: Int64[np.ndarray, " N"]
    clip: Int64[np.ndarray, " N"]
    clips: tuple[str, ...]
    skeleton: Skeleton
    name: str

    def __post_init__(self) -> None:
        """Check that rows and joints agree, and make the arrays read-only."""
        count, joints = len(self.keypoints), len(self.skeleton)
        tails = {
            "keypoints": (joints, 2),
            "poses": (joints, 3),
            "image_size": (2,),
            "root": (3,),
            "intrinsics": (4,),
        }
        for field in _ARRAYS:
            array, expected = getattr(self, field), (count, *tails.get(field, ()))
            if array.shape != expected:
                raise PoseliftError(
                    f"{self.name}: expected {field} of shape {expected}, got {array.shape}"
                )
            array = array.view()
            array.flags.writeable = False
            object.__setattr__(self, field, array)
        bad = ~np.isfinite(self.poses).all(axis=(1, 2))
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise PoseliftError(
                f"{self.name}: frame {self.frame[row]} of {self.clips[self.clip[row]]} "
                "has a 3D pose with missing or infinite values"
            )

    def __len__(self) -> int:
        """Return the number of rows N."""
        return len(self.keypoints)

    @property
    def focal(self) -> Float32[np.ndarray, " N"]:
        """Focal length in pixels, the mean of both axes."""
        return self.intrinsics[:, :2].mean(axis=1)

    @property
    def sequences(self) -> Int64[np.ndarray, " N"]:
        """Clip and camera of each row as one number."""
        return self.clip * (int(self.camera.max(initial=0)) + 1) + self.camera

    def windows(self, frames: int) -> Int64[np.ndarray, "N T"]:
        """Return for each row the rows of the `frames` around it, of its clip and camera."""
        return windows(self.frame, frames, self.sequences)

    def __getitem__(self, rows: int | slice | np.ndarray) -> LiftingData:
        """Return some rows: an index (one row), a slice, a mask or an index array."""
        chosen = np.atleast_1d(np.arange(len(self))[rows])
        return replace(self, **{field: getattr(self, field)[chosen] for field in _ARRAYS})

    def in_joints_of(self, skeleton: Skeleton) -> LiftingData:
        """Return the same rows with the joints of `skeleton`, matched by name, its root kept.

        Raises `PoseliftError` if a joint is not among these, or the roots differ.
        """
        if skeleton == self.skeleton:
            return self
        own = self.skeleton
        if skeleton.joints[skeleton.root] != own.joints[own.root]:
            raise PoseliftError(f"{self.name}: the roots of {own.name} and {skeleton.name} differ")
        missing = [joint for joint in skeleton.joints if joint not in own.joints]
        if missing:
            raise PoseliftError(
                f"{self.name}: expected the joints of {skeleton.name}, found those of {own.name}, "
                f"which lack {missing[0]}"
            )
        order = [own.index(joint) for joint in skeleton.joints]
        return replace(
            self,
            keypoints=self.keypoints[:, order],
            poses=self.poses[:, order],
            skeleton=skeleton,
        )


_ARRAYS = tuple(
    field.name for field in fields(LiftingData) if field.name not in ("clips", "skeleton", "name")
)


def concatenate(parts: Sequence[LiftingData], name: str | None = None) -> LiftingData:
    """Join data of one skeleton, row after row; clips are numbered anew.

    Raises `PoseliftError` if there is nothing to join or the skeletons differ.
    """
    if not parts:
        raise PoseliftError("expected at least one data set to join, got none")
    for part in parts:
        if part.skeleton != parts[0].skeleton:
            raise PoseliftError(
                f"cannot join {parts[0].name} ({parts[0].skeleton.name}) "
                f"and {part.name} ({part.skeleton.name}): the skeletons differ"
            )
    first = np.cumsum([0, *(len(part.clips) for part in parts)])
    arrays = {field: np.concatenate([getattr(part, field) for part in parts]) for field in _ARRAYS}
    arrays["clip"] = np.concatenate(
        [part.clip + shift for part, shift in zip(parts, first, strict=False)]
    )
    return LiftingData(
        **arrays,
        clips=tuple(clip for part in parts for clip in part.clips),
        skeleton=parts[0].skeleton,
        name=name or " + ".join(part.name for part in parts),
    )
