"""Axis legend and array types. Every public array is described with these names.

Axes (upper case, in this order when several occur):

| name | meaning |
| --- | --- |
| B | sample in a batch |
| T | frame of a clip |
| N | row of a flat list (any mixture of persons and frames) |
| J | joint of a skeleton |
| D | coordinate: 2 (x right, y down) or 3 (x right, y down, z forward) |
| P | grid node, row-major over H rows and W columns (the paper's H x P grid) |
| K | kernel tap, row-major over 3 x 3 |
| C | feature channel |
| G | neighbour group (self, parent, child) |
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

Positions = Float[np.ndarray, "*batch J D"]
Points2D = Float[np.ndarray, "*batch J 2"]
Points3D = Float[np.ndarray, "*batch J 3"]
Scores = Float[np.ndarray, "*batch J"]
Indices = Int[np.ndarray, " N"]
Mask = Bool[np.ndarray, "*batch J"]
