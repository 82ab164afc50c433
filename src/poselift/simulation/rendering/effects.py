"""What a camera makes of light: exposure, white balance, softness, noise, JPEG."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8


@dataclass(frozen=True, eq=False)
class Effects:
    """One camera's ways.

    shutter   seconds that it is open.
    exposure  mean brightness, linear, before `balance` tints it.
    defocus   standard deviation of the background's blur, pixels; blur: of the whole picture's.
    noise     of the sensor: standard deviation in the dark, and factor on the root of the light.
    vignette  share of light that corners lose.
    quality   of the JPEG, 1 to 100; 0 for none.
    """

    shutter: float
    exposure: float
    balance: Float[np.ndarray, " D"]
    defocus: float
    blur: float
    noise: tuple[float, float]
    vignette: float
    quality: int

    def soften(self, image: Float[np.ndarray, "H W 3"]) -> Float[np.ndarray, "H W 3"]:
        """Blur the background, which is out of focus."""
        return _blurred(image, self.defocus)


def draw_effects(rng: np.random.Generator) -> Effects:
    """Draw a camera."""
    noisy = rng.gamma(1.0, 1.0)
    return Effects(
        shutter=float(np.exp(rng.uniform(np.log(1 / 500), np.log(1 / 24)))),
        exposure=float(np.exp(rng.normal(np.log(0.2), 0.35))),
        balance=np.exp(0.07 * rng.normal(size=3)),
        defocus=float(0.5 + rng.gamma(1.0, 0.7)),
        blur=float(max(0.0, rng.normal(0.2, 0.45))),
        noise=(0.003 * noisy, 0.010 * noisy),
        vignette=float(rng.uniform(0.0, 0.3)),
        quality=int(rng.integers(30, 96)) if rng.random() < 0.8 else 0,
    )


def take(
    rng: np.random.Generator,
    light: Float[np.ndarray, "H W 3"],
    brightness: float,
    effects: Effects,
) -> UInt8[np.ndarray, "H W 3"]:
    """Turn light into a picture; `brightness` is the mean light of what is exposed for."""
    size = len(light)
    gain = effects.exposure / max(brightness, 1e-4) * effects.balance
    image = light.astype(np.float32) * gain.astype(np.float32)
    if effects.blur > 0.25:
        image = _blurred(image, effects.blur)
    away = (2 * (np.arange(size) + 0.5) / size - 1) ** 2
    shade = 1 - effects.vignette * (away[:, None] + away)[..., None] / 2
    image *= shade.astype(np.float32)
    grain = rng.standard_normal(image.shape, dtype=np.float32)
    dark, bright = (np.float32(one) for one in effects.noise)
    image += grain * (dark + bright * np.sqrt(image))
    over = image > 0.7  # what is too bright runs into white slowly
    image[over] = 1 - np.float32(0.3) * np.exp((0.7 - image[over]) / np.float32(0.3))
    coded = 255 * np.maximum(image, 0) ** np.float32(1 / 2.2)
    if effects.quality:
        coded = _through_jpeg(coded, effects.quality)
    return np.clip(np.rint(coded), 0, 255).astype(np.uint8)


def _blurred(image: Float[np.ndarray, "H W 3"], sigma: float) -> Float[np.ndarray, "H W 3"]:
    """Blur by a Gaussian; the edge goes on beyond the picture."""
    reach = max(1, int(np.ceil(2.5 * sigma)))
    steps = np.arange(-reach, reach + 1)
    weights = np.exp(-(steps**2) / (2 * max(sigma, 1e-3) ** 2))
    weights = (weights / weights.sum()).astype(image.dtype)
    for axis in (0, 1):
        count = image.shape[axis]
        wide = image.take(np.clip(np.arange(-reach, count + reach), 0, count - 1), axis=axis)
        shifted = [
            wide[step : step + count] if axis == 0 else wide[:, step : step + count]
            for step in range(len(weights))
        ]
        image = shifted[0] * weights[0]
        for part, weight in zip(shifted[1:], weights[1:], strict=True):
            image += part * weight
    return image


# the luminance and chrominance tables of the JPEG standard (ITU-T T.81, Annex K)
_LUMINANCE = """
    16 11 10 16 24 40 51 61      12 12 14 19 26 58 60 55      14 13 16 24 40 57 69 56
    14 17 22 29 51 87 80 62      18 22 37 56 68 109 103 77    24 35 55 64 81 104 113 92
    49 64 78 87 103 121 120 101  72 92 95 98 112 100 103 99"""
_CHROMINANCE = """
    17 18 24 47 99 99 99 99  18 21 26 66 99 99 99 99
    24 26 56 99 99 99 99 99  47 66 99 99 99 99 99 99"""
_TABLES: np.ndarray = np.full((3, 64), 99.0, dtype=np.float32)
_TABLES[0] = np.array(_LUMINANCE.split(), dtype=np.float32)
_TABLES[1:, :32] = np.array(_CHROMINANCE.split(), dtype=np.float32)
_TABLES = _TABLES.reshape(3, 8, 8)

_TO_YCC = np.array(
    [(0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312)], np.float32
)
_K = np.arange(8)
_COSINE = (0.5 * np.cos((2 * _K + 1) * _K[:, None] * np.pi / 16)).astype(np.float32)
_COSINE[0] /= np.sqrt(np.float32(2))


def _through_jpeg(image: Float[np.ndarray, "H W 3"], quality: int) -> Float[np.ndarray, "H W 3"]:
    """What JPEG leaves of a picture (0 to 255): blocks of cosines, rounded as its tables say.

    Chrominance keeps its resolution. No library is asked, so that the same seed gives the same
    picture with whatever is installed.
    """
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    steps = np.clip(np.floor((_TABLES * scale + 50) / 100), 1, 255).astype(np.float32)
    height, width = image.shape[:2]
    padded = np.pad(image, ((0, -height % 8), (0, -width % 8), (0, 0)), mode="edge")
    ycc = (padded @ _TO_YCC.T - np.array([128, 0, 0], np.float32)).transpose(2, 0, 1)
    rows, columns = padded.shape[0] // 8, padded.shape[1] // 8
    blocks = ycc.reshape(3, rows, 8, columns, 8).transpose(0, 1, 3, 2, 4)
    waves: np.ndarray = _COSINE @ blocks @ _COSINE.T
    waves = np.rint(waves / steps[:, None, None]) * steps[:, None, None]
    blocks = _COSINE.T @ waves @ _COSINE
    joined = blocks.transpose(0, 1, 3, 2, 4).reshape(3, rows * 8, columns * 8).transpose(1, 2, 0)
    rgb = (joined + np.array([128, 0, 0], np.float32)) @ np.linalg.inv(_TO_YCC).T.astype(np.float32)
    return rgb[:height, :width]
