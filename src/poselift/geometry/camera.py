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
        points = np.concatenate([slope * depth[..., None], depth[..., None]], axis=-1)
        return points.astype(pixels.dtype)

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
        radial=(-0.20709891617298126, 0.24777518212795258, -0.0030751503072679043),
        tangential=(-0.0009756988729350269, -0.00142447161488235),
        orientation=(
            0.1407056450843811,
            -0.1500701755285263,
            -0.755240797996521,
            0.6223280429840088,
        ),
        translation=(1.8411070108413696, 4.955284595489502, 1.5634454488754272),
    ),
    55011271: Camera(
        size=(1000, 1000),
        focal=(1149.6756591796875, 1147.5916748046875),
        center=(508.8486328125, 508.0649108886719),
        radial=(-0.1942136287689209, 0.2404085397720337, 0.006819975562393665),
        tangential=(-0.0016190266469493508, -0.0027408944442868233),
        orientation=(
            0.6157187819480896,
            -0.764836311340332,
            -0.14833825826644897,
            0.11794740706682205,
        ),
        translation=(1.761278510093689, -5.078006744384766, 1.6062650680541992),
    ),
    58860488: Camera(
        size=(1000, 1000),
        focal=(1149.1407470703125, 1148.7989501953125),
        center=(519.8158569335938, 501.40264892578125),
        radial=(-0.2083381861448288, 0.25548800826072693, -0.0024604974314570427),
        tangential=(0.0014843869721516967, -0.0007599993259645998),
        orientation=(
            0.14651472866535187,
            -0.14647851884365082,
            0.7653023600578308,
            -0.6094175577163696,
        ),
        translation=(-1.8467776775360107, 5.215046405792236, 1.4919724464416504),
    ),
    60457274: Camera(
        size=(1000, 1002),
        focal=(1145.5113525390625, 1144.77392578125),
        center=(514.9682006835938, 501.88201904296875),
        radial=(-0.198384091258049, 0.21832367777824402, -0.008947807364165783),
        tangential=(-0.0005872055771760643, -0.0018133620033040643),
        orientation=(
            0.5834008455276489,
            -0.7853162288665771,
            0.14548823237419128,
            -0.14749594032764435,
        ),
        translation=(-1.7947896718978882, -3.722698926925659, 1.5748927593231201),
    ),
}
