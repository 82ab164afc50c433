"""What is minimised from pictures: heat maps, keypoints, and poses.

Axes: B sample, J joint, H and W pixels of the crop, h and w cells of a map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from poselift.models.base import Network
from poselift.models.end_to_end import EndToEnd
from poselift.models.hrnet import soft_argmax
from poselift.models.hrnet.network import HRNet, HRNetConfig, as_input
from poselift.training.config import TrainingConfig
from poselift.training.losses import joint_loss

#: Standard deviation of a target map's peak in cells: that of the released code, which is 2 for 64
#: rows and 3 for 96, but never less than this, lest a peak fall between the cells.
_LEAST_SIGMA = 1.5


class Pictures(NamedTuple):
    """A batch of crops of one person each, with what belongs to them."""

    image: UInt8[Tensor, "B H W 3"]
    """RGB."""
    keypoints: Float[Tensor, "B J 2"]
    """Pixels of the crop, exact also where they cannot be seen."""
    inside: Bool[Tensor, "B J"]
    """Whether a joint lies in the crop."""
    poses: Float[Tensor, "B J 3"]
    """Metres, camera space, about the root."""
    crop: Float[Tensor, "B 3 3"]
    """Affine, pixels of the full picture to pixels of the crop."""
    size: Float[Tensor, "B 2"]
    """(width, height) of the full picture, pixels."""
    focal: Float[Tensor, " B"]
    """Its focal length, pixels; 0 where it is unknown."""


def as_floats(image: UInt8[Tensor, "B H W 3"]) -> Float[Tensor, "B 3 H W"]:
    """Return pictures as networks take them, RGB from 0 to 255."""
    return image.permute(0, 3, 1, 2).float()


def peaks(
    keypoints: Float[Tensor, "B J 2"], size: Sequence[int], cells: Sequence[int]
) -> Float[Tensor, "B J h w"]:
    """Return target maps: a Gaussian of height 1 at each keypoint (HRNet, section 3).

    size   height and width of the crop, pixels.
    cells  height and width of the maps.
    """
    sigma = max(_LEAST_SIGMA, cells[0] / 32)
    parts = []
    for axis, side, count in ((0, size[1], cells[1]), (1, size[0], cells[0])):
        middles = torch.arange(count, device=keypoints.device) + 0.5
        away = keypoints[..., axis, None] * (count / side) - middles
        parts.append(torch.exp(-away.square() / (2 * sigma**2)))
    return parts[1][..., :, None] * parts[0][..., None, :]


def detector_loss(
    heatmaps: Float[Tensor, "B J h w"],
    batch: Pictures,
    config: HRNetConfig,
    weights: Sequence[float],
) -> Float[Tensor, ""]:
    """Return the loss of heat maps, over joints that lie in their crop.

    weights  of the squared error of the maps, summed over cells (HRNet), and of the distance in
             cells that soft-argmax is off along x and y (Sun et al. 2018, who take both too).
    """
    heatmaps = heatmaps.float()
    cells = heatmaps.shape[-2:]
    counted = batch.inside / batch.inside.sum().clamp_min(1)
    wanted = peaks(batch.keypoints, config.size, cells)
    maps = ((heatmaps - wanted).square().sum(dim=(-2, -1)) * counted).sum()
    found = soft_argmax(heatmaps, config.temperature, config.size)
    away = (found - batch.keypoints).abs().sum(dim=-1) * (cells[0] / config.size[0])
    return weights[0] * maps + weights[1] * (away * counted).sum()


def picture_loss(model: Network, config: TrainingConfig) -> Callable[..., Tensor]:
    """Return what is minimised, a function of the (wrapped) network and the fields of `Pictures`.

    The detector learns from its maps; the lifter by equation (10) of GridConv; both together from
    the sum, by `TrainingConfig.picture_weights`.
    """
    weights = config.picture_weights

    def of_detector(network: Callable[..., Tensor], *fields: Tensor) -> Tensor:
        assert isinstance(model, HRNet)
        batch = Pictures(*fields)
        heatmaps = network(as_input(as_floats(batch.image)))
        return detector_loss(heatmaps, batch, model.config, weights)

    def of_system(network: Callable[..., tuple[Tensor, ...]], *fields: Tensor) -> Tensor:
        assert isinstance(model, EndToEnd)
        batch, total = Pictures(*fields), torch.zeros((), device=fields[0].device)
        poses, _, heatmaps = network(as_floats(batch.image), batch.crop, batch.size, batch.focal)
        if model.rate("detector") > 0:
            total = total + detector_loss(heatmaps, batch, model.detector.config, weights)
        if model.rate("lifter") > 0:
            total = total + weights[2] * joint_loss(config.loss, poses, batch.poses)
        return total

    return of_system if isinstance(model, EndToEnd) else of_detector
