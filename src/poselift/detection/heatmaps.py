"""From heat maps to keypoints, in NumPy; `models/hrnet/soft_argmax.py` is the same with gradients.

Axes: J joint, h and w cells of a map. Keypoints are pixels of the crop from its corner.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float


def soft_argmax(
    heatmaps: Float[np.ndarray, "*B J h w"], temperature: float, size: Sequence[int]
) -> Float[np.ndarray, "*B J 2"]:
    """Return the mean place under softmax(map / temperature), x right, y down.

    size  height and width of the crop that the maps belong to, pixels.
    """
    rows, columns = heatmaps.shape[-2:]
    flat = heatmaps.astype(np.float64) / temperature
    share = np.exp(flat - flat.max(axis=(-2, -1), keepdims=True))
    share /= share.sum(axis=(-2, -1), keepdims=True)
    x = share.sum(axis=-2) @ ((np.arange(columns) + 0.5) * (size[1] / columns))
    y = share.sum(axis=-1) @ ((np.arange(rows) + 0.5) * (size[0] / rows))
    return np.stack([x, y], axis=-1)


def peak_scores(heatmaps: Float[np.ndarray, "*B J h w"]) -> Float[np.ndarray, "*B J"]:
    """Return how sure the network is of each joint: the height of its map's peak, from 0 to 1."""
    scores: np.ndarray = np.clip(heatmaps.max(axis=(-2, -1)), 0, 1)
    return scores


def flip_heatmaps(
    heatmaps: Float[np.ndarray, "*B J h w"], order: Sequence[int]
) -> Float[np.ndarray, "*B J h w"]:
    """Turn maps of a mirrored crop into maps of the crop itself, for the mean of both.

    order  of the joints with left and right exchanged, `Skeleton.flip_order`.
    """
    return heatmaps[..., list(order), :, ::-1]


def to_picture(
    keypoints: Float[np.ndarray, "*B J 2"], crop: Float[np.ndarray, "*B 3 3"]
) -> Float[np.ndarray, "*B J 2"]:
    """Return where keypoints of a crop lie in the full picture, pixels.

    crop  affine, pixels of the picture to pixels of the crop.
    """
    back = np.linalg.inv(crop[..., :2, :2].astype(np.float64))
    shifted = keypoints - crop[..., None, :2, 2]
    return shifted @ back.swapaxes(-1, -2)
