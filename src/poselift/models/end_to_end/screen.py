"""From pixels of a crop to a lifter's input and back to the camera, with gradients.

`geometry/screen.py` and `detection/heatmaps.py` are the same in NumPy. Axes: B sample, J joint.
Sums of products instead of matrix products: autocast would round those to bf16's three digits.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from poselift.geometry import DEFAULT_FOCAL


class Normalised(NamedTuple):
    """A lifter's input, and the turn from camera space to its own; None if they are the same."""

    inputs: Float[Tensor, "B J 2"]
    rotation: Float[Tensor, "B 3 3"] | None


def to_picture(
    keypoints: Float[Tensor, "B J 2"], crop: Float[Tensor, "B 3 3"]
) -> Float[Tensor, "B J 2"]:
    """Return where keypoints of a crop lie in the full picture, pixels.

    crop  affine, pixels of the picture to pixels of the crop.
    """
    a, b, c, d = (crop[:, i, j, None] for i in (0, 1) for j in (0, 1))
    x, y = keypoints[..., 0] - crop[:, 0, 2, None], keypoints[..., 1] - crop[:, 1, 2, None]
    area = a * d - b * c
    return torch.stack([(d * x - b * y) / area, (a * y - c * x) / area], dim=-1)


def normalise(
    keypoints: Float[Tensor, "B J 2"],
    method: str,
    size: Float[Tensor, "B 2"],
    focal: Float[Tensor, " B"],
    root: int,
) -> Normalised:
    """Normalise pixel keypoints as `geometry.normalise` does; none is missing.

    size   (width, height) of the picture, pixels.
    focal  pixels; not above 0 where it is unknown. Only "person" uses it.
    """
    width, height = size.unbind(-1)
    if method == "person":
        unknown = focal <= 0
        length = torch.where(unknown, DEFAULT_FOCAL * size.amax(dim=-1), focal)
        slopes = (keypoints - size[:, None] / 2) / length[:, None, None]
        rays = torch.cat([slopes, torch.ones_like(slopes[..., :1])], dim=-1)
        return _onto_the_axis(rays, root)
    if method == "screen":
        center, scale = size / 2, width / 2
    else:  # "gridconv"
        side = torch.where(height > 1.01 * width, height, width)
        center, scale = torch.stack([side, side], dim=-1) / 2, side / 2
    return Normalised((keypoints - center[:, None]) / scale[:, None, None], None)


def _onto_the_axis(rays: Float[Tensor, "B J 3"], root: int) -> Normalised:
    """Turn the rays until the root's is the optical axis, then scale by their spread."""
    rotation = _turning_to_axis(rays[:, root])
    turned = apply(rotation, rays)
    plane = turned[..., :2] / turned[..., 2:].clamp_min(1e-3)
    spread = plane.square().sum(dim=(1, 2)) / rays.shape[1]
    return Normalised(plane / spread.clamp_min(1e-12).sqrt()[:, None, None], rotation)


def _turning_to_axis(rays: Float[Tensor, "B 3"]) -> Float[Tensor, "B 3 3"]:
    """Rotation that takes each ray to +z by the shortest turn; rays have z > 0."""
    length = rays.square().sum(dim=-1, keepdim=True).sqrt()
    unit = rays / length
    sideways, share = unit[:, :2], rays[:, :2] / (length + rays[:, 2:])
    eye = torch.eye(2, dtype=rays.dtype, device=rays.device)
    upper = torch.cat([eye - share[:, :, None] * sideways[:, None], -sideways[:, :, None]], dim=-1)
    return torch.cat([upper, unit[:, None]], dim=1)


def apply(
    rotation: Float[Tensor, "B 3 3"], points: Float[Tensor, "B J 3"]
) -> Float[Tensor, "B J 3"]:
    """Rotate points: R p for each."""
    return (rotation[:, None] * points[:, :, None]).sum(dim=-1)
