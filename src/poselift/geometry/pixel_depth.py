"""Pixel and depth in place of a pose: what the rows marked § of the papers' tables predict.

GridConv ("Results on Human3.6M", tables 1 and 2), Ci et al. 2019 and Zeng et al. 2021 predict for
each joint where it is in the picture and how deep it lies, and return to metres with the camera's
intrinsics and the body's root position in camera space.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.geometry.screen import DEFAULT_FOCAL, NormalisedPose

#: What a network may be trained to give: root-relative metres, or pixel and depth as here.
TARGETS = ("pose", "pixel_depth")


@final
@dataclass(frozen=True, eq=False)
class PixelDepth:
    """The way between root-relative poses and (u, v, depth), for N normalised poses.

    u, v   the joint's undistorted projection in the coordinates of the network's input (with
           `person` those after the turn), dimensionless.
    depth  metres along the network's z axis, relative to the root.

    rays   (N, 3, 3): takes (u, v, 1) to the viewing ray in the network's space, of any length.
    root   (N, 3): where the root is in the network's space (camera space, with `person` turned),
           metres.

    Slopes are not clamped to -1..1, as `Camera.project` does: joints far outside of the picture
    come back exactly, too.
    """

    rays: Float[np.ndarray, "N 3 3"]
    root: Float[np.ndarray, "N 3"]

    @classmethod
    def of(
        cls,
        pose: NormalisedPose,
        root: Float[np.ndarray, "N 3"],
        intrinsics: Float[np.ndarray, "N 4"],
        image_size: Float[np.ndarray, "N 2"] | tuple[float, float] | tuple[int, int],
        focal: Float[np.ndarray, " N"] | float | None = None,
    ) -> PixelDepth:
        """Work out the way for keypoints that were normalised to `pose`.

        root        (N, 3) metres, camera space: where the root is.
        intrinsics  (N, 4) pixels: fx, fy, cx, cy of the camera.
        image_size, focal  as `normalise` was given them.
        """
        pixels = np.zeros((len(root), 3, 3))  # (u, v, 1) -> pixels, homogeneous
        pixels[:, 0, 0] = pixels[:, 1, 1] = pose.scale
        pixels[:, :2, 2] = pose.center
        pixels[:, 2, 2] = 1.0
        true = _camera_matrix(intrinsics[:, :2], intrinsics[:, 2:])
        turn = np.eye(3)
        if pose.rotation is not None:
            # rays were made with the picture's centre and one focal length, then turned
            size = np.asarray(image_size, dtype=np.float64).reshape(-1, 2)
            length = DEFAULT_FOCAL * size.max(axis=1) if focal is None else np.reshape(focal, -1)
            turn = pose.rotation.astype(np.float64)
            taken = _camera_matrix(np.column_stack([length, length]), size / 2)
            pixels = taken @ turn.transpose(0, 2, 1) @ pixels
        rays = turn @ np.linalg.inv(true) @ pixels
        return cls(rays, (turn @ root.astype(np.float64)[..., None])[..., 0])

    def __getitem__(self, rows: slice | np.ndarray) -> PixelDepth:
        """Return some rows."""
        return PixelDepth(self.rays[rows], self.root[rows])

    def from_metres(self, poses: Float[np.ndarray, "N J 3"]) -> Float[np.ndarray, "N J 3"]:
        """Return (u, v, depth) of root-relative poses (metres, the network's space).

        Raises `PoseliftError` naming the row and joint of a point that is not before the camera.
        """
        points = poses + self.root[:, None]
        seen = points @ np.linalg.inv(self.rays).transpose(0, 2, 1)
        behind = ~(seen[..., 2] > 0)
        if behind.any():
            row, joint = np.argwhere(behind)[0]
            raise PoseliftError(
                f"row {row}: expected all joints before the camera, "
                f"joint {joint} lies at depth {points[row, joint, 2]:.2f} m"
            )
        outputs = np.concatenate([seen[..., :2] / seen[..., 2:], poses[..., 2:]], axis=-1)
        return outputs.astype(poses.dtype)

    def to_metres(self, outputs: Float[np.ndarray, "N J 3"]) -> Float[np.ndarray, "N J 3"]:
        """Return root-relative poses (metres, the network's space) of (u, v, depth).

        The root counts as known: an output that has it elsewhere does not come back at 0.
        """
        rays = np.concatenate([outputs[..., :2], np.ones_like(outputs[..., :1])], axis=-1)
        rays = rays @ self.rays.transpose(0, 2, 1)
        depth = outputs[..., 2:] + self.root[:, None, 2:]
        points = rays * (depth / rays[..., 2:])
        return (points - self.root[:, None]).astype(outputs.dtype)


def _camera_matrix(
    focal: Float[np.ndarray, "N 2"], center: Float[np.ndarray, "N 2"]
) -> Float[np.ndarray, "N 3 3"]:
    """Return the matrices that take viewing rays to homogeneous pixels."""
    count = max(len(focal), len(center))
    matrix = np.zeros((count, 3, 3))
    matrix[:, [0, 1], [0, 1]] = focal
    matrix[:, :2, 2] = center
    matrix[:, 2, 2] = 1.0
    return matrix
