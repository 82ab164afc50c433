"""One person's crop of a picture, in a network's proportions, and where it lies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32, UInt8

from poselift.detection.movenet import square_around
from poselift.detection.picture import Picture

#: A crop is this many times as large as the box around the person's joints, as is usual.
MARGIN = 1.25


def crop_person(
    picture: Picture, box: Float[np.ndarray, " D"], size: Sequence[int]
) -> tuple[UInt8[np.ndarray, "H W 3"], Float32[np.ndarray, "3 3"]]:
    """Cut a person out; what lies outside the picture is black.

    box   left, top, right, bottom in pixels of the picture; it is grown to the proportions of
          `size`, then by `MARGIN`.
    size  height and width of the crop.

    Returns the crop (RGB), and the affine from pixels of the picture to pixels of the crop.
    """
    height, width = size
    middle, (wide, high) = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    high = max(high, wide * height / width)
    half = np.array([high * width / height, high]) / 2
    square = square_around(np.concatenate([middle - half, middle + half]), MARGIN)
    longer = max(height, width)
    left, top = (longer - width) // 2, (longer - height) // 2
    shown = picture.crop(square, longer)[top : top + height, left : left + width]
    scale = longer / (square[2] - square[0])
    crop = [[scale, 0, -scale * square[0] - left], [0, scale, -scale * square[1] - top], [0, 0, 1]]
    return shown, np.array(crop, np.float32)
