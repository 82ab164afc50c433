"""A pinhole camera with lens distortion: world -> camera -> pixels, and Human3.6M's four."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from poselift.geometry.rotation import from_quaternion


@dataclass(frozen=True)
class Camera:
    """Intrinsics and extrinsics of one camera.

    size          (width, height), pixels.
    focal         (fx, fy), pixels.
    center        (cx, cy), pixels.
    radial        three radial distortion coefficients.
    tangential    two tangential ones.
    orientation   unit quaternion (w, x, y, z), camera -> world.
    translation   camera centre in the world, metres.

    Camera space: x right, y down, z forward, metres.
    """

    size: tuple[int, int]
    focal: tuple[float, float]
    center: tuple[float, float]
    radial: tuple[float, float, float] = (0.0, 0.0, 0.0)
    tangential: tuple[float, float] = (0.0, 0.0)
    orientation: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
    translation: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def to_camera(self, world: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
        """World -> camera space, metres."""
        rotation = from_quaternion(np.array(self.orientation, dtype=np.float64))
        return ((world - np.array(self.translation)) @ rotation).astype(world.dtype)

    def to_world(self, points: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
        """Camera -> world space, metres; the inverse of `to_camera`."""
        rotation = from_quaternion(np.array(self.orientation, dtype=np.float64))
        return (points @ rotation.T + np.array(self.translation)).astype(points.dtype)

    def project(
        self, points: Float[np.ndarray, "*batch 3"], *, distort: bool = True
    ) -> Float[np.ndarray, "*batch 2"]:
        """Camera space (metres) -> pixels.

        As in the official codes the slopes x/z and y/z are clamped to -1..1 before distortion,
        and points behind the camera are not treated specially.
        """
        slope = np.clip(points[..., :2] / points[..., 2:], -1.0, 1.0)
        if distort:
            slope = self._distort(slope)
        pixels = np.array(self.focal) * slope + np.array(self.center)
        return pixels.astype(points.dtype)

    def unproject(
        self, pixels: Float[np.ndarray, "*batch 2"], depth: Float[np.ndarray, "*batch"]
    ) -> Float[np.ndarray, "*batch 3"]:
        """Undistorted pixels and depth (metres) -> camera space; inverts `project(distort=False)`.

        Exact for points whose slopes lie inside -1..1.
        """
        slope = (pixels - np.array(self.center)) / np.array(self.focal)
        return np.concatenate([slope * depth[..., None], depth[..., None]], axis=-1)

    def _distort(self, slope: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch 2"]:
        """Apply radial and tangential distortion to slopes (VideoPose3D's model)."""
        k1, k2, k3 = self.radial
        tangential = np.array(self.tangential)
        r2 = (slope**2).sum(axis=-1, keepdims=True)
        radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
        tangent = (slope * tangential).sum(axis=-1, keepdims=True)
        return slope * (radial + tangent) + tangential * r2


#: Human3.6M's published intrinsics by camera number, with subject S1's extrinsics.
H36M_S1_CAMERAS: dict[int, Camera] = {
    54138969: Camera(
        size=(1000, 1002),
        focal=(1145.0494384765625, 1143.7811279296875),
        center=(512.54150390625, 515.4514770507812),
        radial=(-0.20709892, 0.24777518, -0.0030751503),
        tangential=(-0.0009756989, -0.0014244716),
        orientation=(0.14070565, -0.15007018, -0.7552408, 0.62232804),
        translation=(1.841107, 4.9552846, 1.5634454),
    ),
    55011271: Camera(
        size=(1000, 1000),
        focal=(1149.6756591796875, 1147.5916748046875),
        center=(508.8486328125, 508.0649108886719),
        radial=(-0.19421363, 0.24040854, 0.0068199756),
        tangential=(-0.0016190266, -0.0027408944),
        orientation=(0.6157188, -0.7648363, -0.14833826, 0.11794741),
        translation=(1.7612785, -5.0780067, 1.6062651),
    ),
    58860488: Camera(
        size=(1000, 1000),
        focal=(1149.1407470703125, 1148.7989501953125),
        center=(519.8158569335938, 501.40264892578125),
        radial=(-0.20833819, 0.255488, -0.0024604974),
        tangential=(0.001484387, -0.0007599993),
        orientation=(0.14651473, -0.14647852, 0.76530236, -0.60941756),
        translation=(-1.8467777, 5.2150464, 1.4919724),
    ),
    60457274: Camera(
        size=(1000, 1002),
        focal=(1145.5113525390625, 1144.77392578125),
        center=(514.9682006835938, 501.88201904296875),
        radial=(-0.19838409, 0.21832368, -0.008947807),
        tangential=(-0.0005872056, -0.001813362),
        orientation=(0.58340085, -0.7853162, 0.14548823, -0.14749594),
        translation=(-1.7947897, -3.722699, 1.5748928),
    ),
}
