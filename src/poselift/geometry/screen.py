"""2D normalisations by name: what a network is fed, and how its output returns to the camera.

| name | maps pixels to | used by |
| --- | --- | --- |
| `screen` | x / W * 2 - 1 and y / W * 2 - H / W (both by the width) | VideoPose3D, PoseGraphNet |
| `gridconv` | (p - L/2) / (L/2), L = max(W, H), for both axes | OSVAI GridConv (issue 2 there) |
| `person` | viewing rays turned as below, over the person's spread | the weights shipped here |

`person` turns the viewing rays until the one to the pelvis is the optical axis. That makes the
network's input independent of where in the picture the person stands, how large they appear, and
of the lens; the turn is undone on the output. It needs the focal length in pixels; where that is
unknown `DEFAULT_FOCAL` times the longer image side is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

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
    count = keypoints.shape[0]
    size = np.broadcast_to(np.asarray(image_size, dtype=np.float64), (count, 2))
    if method == "screen":
        center, scale = size / 2, size[:, 0] / 2
    elif method == "gridconv":
        half = size.max(axis=1) / 2
        center, scale = np.stack([half, half], axis=1), half
    elif method == "person":
        length = DEFAULT_FOCAL * size.max(axis=1) if focal is None else focal
        return _normalise_person(keypoints, size / 2, np.broadcast_to(length, (count,)), root)
    else:
        raise PoseliftError(
            f"unknown normalisation {method!r}, expected one of {', '.join(NORMALISATIONS)}"
        )
    inputs = (keypoints - center[:, None]) / scale[:, None, None]
    return NormalisedPose(inputs.astype(np.float32), center, scale, None)


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


def _normalise_person(
    keypoints: Float[np.ndarray, "N J 2"],
    principal: Float[np.ndarray, "N 2"],
    focal: Float[np.ndarray, " N"],
    root: int,
) -> NormalisedPose:
    """Turn the rays so that the pelvis (or the mean joint) is on the axis, then scale by spread."""
    slopes = (keypoints - principal[:, None]) / focal[:, None, None]
    present = np.isfinite(slopes).all(axis=-1)
    number = np.maximum(present.sum(axis=1), 1)[:, None]
    mean = np.where(present[..., None], slopes, 0.0).sum(axis=1) / number
    anchor = np.where(present[:, root, None], slopes[:, root], mean)
    rotation = turning_to_axis(np.concatenate([anchor, np.ones_like(anchor[:, :1])], axis=1))
    rays = np.concatenate([slopes, np.ones_like(slopes[..., :1])], axis=-1)
    turned = rays @ rotation.transpose(0, 2, 1)
    plane = turned[..., :2] / np.maximum(turned[..., 2:], 1e-3)
    square = np.where(present, (plane**2).sum(axis=-1), 0.0).sum(axis=1) / number[:, 0]
    scale = np.maximum(np.sqrt(square), 1e-6)
    inputs = (plane / scale[:, None, None]).astype(np.float32)
    return NormalisedPose(inputs, np.zeros_like(anchor), scale, rotation)
