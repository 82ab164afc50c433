"""From heat maps to keypoints with gradients: integral regression, Sun et al. 2018, equation (2).

Axes: B sample, J joint, h and w cells of a map. Keypoints are pixels of the crop, measured from its
corner: the middle of cell (0, 0) of maps at a quarter is at (2, 2). `detection/heatmaps.py`
computes the same in NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def soft_argmax(
    heatmaps: Float[Tensor, "B J h w"], temperature: float, size: Sequence[int]
) -> Float[Tensor, "B J 2"]:
    """Return the mean place under softmax(map / temperature), x right, y down.

    size  height and width of the crop that the maps belong to, pixels.

    The lower the temperature, the nearer to the peak; in float32 whatever the maps are.
    """
    rows, columns = heatmaps.shape[-2:]
    kind = torch.promote_types(heatmaps.dtype, torch.float32)
    flat = heatmaps.to(kind).flatten(-2) / temperature
    share = torch.softmax(flat, dim=-1).unflatten(-1, (rows, columns))
    along = [
        (torch.arange(cells, dtype=kind, device=heatmaps.device) + 0.5) * (side / cells)
        for cells, side in ((columns, size[1]), (rows, size[0]))
    ]
    # sums, as autocast would round a matrix product to bf16's three digits
    x, y = (share.sum(dim=-2) * along[0]).sum(-1), (share.sum(dim=-1) * along[1]).sum(-1)
    return torch.stack([x, y], dim=-1)


def peak_scores(heatmaps: Float[Tensor, "B J h w"]) -> Float[Tensor, "B J"]:
    """Return how sure the network is of each joint: the height of its map's peak, from 0 to 1."""
    return heatmaps.flatten(-2).amax(dim=-1).clamp(0, 1)


def flip_heatmaps(
    heatmaps: Float[Tensor, "B J h w"], order: Sequence[int]
) -> Float[Tensor, "B J h w"]:
    """Turn maps of a mirrored crop into maps of the crop itself, for the mean of both.

    order  of the joints with left and right exchanged, `Skeleton.flip_order`.
    """
    return heatmaps.flip(-1)[:, list(order)]
