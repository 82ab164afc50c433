"""2D normalisations by name: what a network is fed, and how its output returns to the camera.

| name | maps pixels to | used by |
| --- | --- | --- |
| `screen` | x / W * 2 - 1 and y / W * 2 - H / W (both by the width) | VideoPose3D, PoseGraphNet |
| `gridconv` | (p - L/2) / (L/2), both axes; L = H if H > 1.01 W, else W | OSVAI GridConv, issue 2 |
| `person` | viewing rays turned as below, over the person's spread | the weights shipped here |

`person` turns the viewing rays until the one to the pelvis is the optical axis. That makes the
network's input independent of where in the picture the person stands, how large they appear, and
of the lens; the turn is undone on the output. It needs the focal length in pixels; where that is
unknown `DEFAULT_FOCAL` times the longer image side is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from jaxtyping import Bool, Float, Int

from poselift.errors import PoseliftError
from poselift.geometry.rotation import turning_to_axis

NORMALISATIONS = ("screen", "gridconv", "person")

#: Focal length taken where none is known, as a multiple of the longer image side. Phones film at
#: about 0.75 to 0.95, webcams at 0.9 to 1.1, Human3.6M at 1.145.
DEFAULT_FOCAL = 1.0


@dataclass(frozen=True)
class NormalisedPose:
    """A network's input and the way back.

    inputs    (N, J, 2) float32, dimensionless, x right, y down; missing joints are NaN.
    center    (N, 2), `scale` (N,): inputs * scale + center are pixels (`screen`, `gridconv`) or,
              after turning back by `rotation`, viewing slopes (`person`).
    rotation  (N, 3, 3) camera space -> network space, or None if they are the same.
    """

    inputs: Float[np.ndarray, "N J 2"]
    center: Float[np.ndarray, "N 2"]
    scale: Float[np.ndarray, " N"]
    rotation: Float[np.ndarray, "N 3 3"] | None

    def __getitem__(self, rows: np.ndarray) -> NormalisedPose:
        """Return some rows."""
        turn = None if self.rotation is None else self.rotation[rows]
        return NormalisedPose(self.inputs[rows], self.center[rows], self.scale[rows], turn)

    def to_camera(self, outputs: Float[np.ndarray, "N J 3"]) -> Float[np.ndarray, "N J 3"]:
        """Turn root-relative network output (metres) into camera space (metres)."""
        if self.rotation is None:
            return outputs
        return (outputs @ self.rotation).astype(outputs.dtype)

    def to_network(self, poses: Float[np.ndarray, "N J 3"]) -> Float[np.ndarray, "N J 3"]:
        """Turn root-relative camera-space poses (metres) into the network's space (targets)."""
        if self.rotation is None:
            return poses
        return (poses @ self.rotation.transpose(0, 2, 1)).astype(poses.dtype)


@final
class Normaliser:
    """`normalise` for one camera: what depends on the camera alone is worked out once.

    method, image_size, focal, root  as of `normalise`; calls must have as many rows as
    `image_size` and `focal`, if those are given by row.

    Raises `PoseliftError` for an unknown method.
    """

    def __init__(
        self,
        method: str,
        image_size: Float[np.ndarray, "N 2"] | tuple[float, float] | tuple[int, int],
        focal: Float[np.ndarray, " N"] | float | None = None,
        root: int = 0,
    ) -> None:
        """Work out the centre and the unit, in pixels, that coordinates are counted in."""
        size = np.asarray(image_size, dtype=np.float64).reshape(-1, 2)
        longest = size.max(axis=1)
        if method == "screen":
            center, scale = size / 2, size[:, 0] / 2
        elif method == "gridconv":
            # the official code divides by 500 on Human3.6M, also where that is 1000 x 1002
            side = np.where(size[:, 1] > 1.01 * size[:, 0], size[:, 1], size[:, 0])
            center, scale = np.stack([side, side], axis=1) / 2, side / 2
        elif method == "person":
            center = size / 2
            scale = DEFAULT_FOCAL * longest if focal is None else np.reshape(focal, -1)
        else:
            raise PoseliftError(
                f"unknown normalisation {method!r}, expected one of {', '.join(NORMALISATIONS)}"
            )
        self._center, self._scale = center[:, None], scale[:, None, None]
        self._root = root if method == "person" else None

    def __call__(self, keypoints: Float[np.ndarray, "N J 2"]) -> NormalisedPose:
        """Normalise pixel keypoints (x right, y down; missing is NaN).

        By person the rays are turned so that the pelvis (or the mean joint) is on the axis.
        """
        offsets, count = keypoints - self._center, len(keypoints)
        if self._root is not None:
            rays = np.empty((*keypoints.shape[:2], 3))
            np.divide(offsets, self._scale, out=rays[..., :2])
            rays[..., 2] = 1.0
            finite, anchor = np.isfinite(rays), rays[:, self._root]
            if finite.all():
                return _turned(rays, anchor, True, rays.shape[1])
            present = finite[..., :1] & finite[..., 1:2]
            seen = present[:, self._root]
            if not seen.all():  # the mean ray; the optical axis where there is none
                total = np.add.reduce(rays, axis=1, where=present)
                total[..., 2] = np.maximum(total[..., 2], 1.0)  # counts them: rays have z = 1
                anchor = np.where(seen, anchor, total / total[..., 2:])
            number = np.maximum(np.add.reduce(present, axis=(1, 2)), 1)
            return _turned(rays, anchor, present, number)
        center = np.broadcast_to(self._center[:, 0], (count, 2))
        scale = np.broadcast_to(self._scale[:, 0, 0], (count,))
        return NormalisedPose((offsets / self._scale).astype(np.float32), center, scale, None)


def normalise(
    keypoints: Float[np.ndarray, "N J 2"],
    method: str,
    image_size: Float[np.ndarray, "N 2"] | tuple[float, float] | tuple[int, int],
    focal: Float[np.ndarray, " N"] | float | None = None,
    root: int = 0,
) -> NormalisedPose:
    """Normalise pixel keypoints for a network.

    keypoints   pixels, x right, y down; missing is NaN.
    method      one of `NORMALISATIONS`.
    image_size  (width, height) in pixels, one for all rows or one a row.
    focal       focal length in pixels, or None for `DEFAULT_FOCAL`; only `person` uses it.
    root        index of the pelvis; only `person` uses it.

    Raises `PoseliftError` for an unknown method.
    """
    return Normaliser(method, image_size, focal, root)(keypoints)


def denormalise(
    pose: NormalisedPose,
    inputs: Float[np.ndarray, "N J 2"],
    image_size: tuple[float, float],
    focal: float | None = None,
) -> Float[np.ndarray, "N J 2"]:
    """Pixels of normalised coordinates; undoes `normalise` made with the same size and focal."""
    plane = inputs * pose.scale[:, None, None] + pose.center[:, None]
    if pose.rotation is None:
        return plane
    rays = np.concatenate([plane, np.ones_like(plane[..., :1])], axis=-1) @ pose.rotation
    length = DEFAULT_FOCAL * max(image_size) if focal is None else focal
    return rays[..., :2] / rays[..., 2:] * length + np.asarray(image_size) / 2


def _turned(
    rays: Float[np.ndarray, "N J 3"],
    anchor: Float[np.ndarray, "N 3"],
    present: Bool[np.ndarray, "N J 1"] | Literal[True],
    number: Int[np.ndarray, " N"] | int,
) -> NormalisedPose:
    """Turn the rays so that `anchor` is on the axis and scale by the spread of those present."""
    rotation = turning_to_axis(anchor)
    turned = rays @ rotation.transpose(0, 2, 1)
    plane = turned[..., :2] / np.maximum(turned[..., 2:], 1e-3)
    square = np.add.reduce(plane * plane, axis=(1, 2), where=present) / number
    scale = np.maximum(np.sqrt(square), 1e-6)
    inputs = (plane / scale[:, None, None]).astype(np.float32)
    return NormalisedPose(inputs, np.zeros((len(rays), 2)), scale, rotation)
