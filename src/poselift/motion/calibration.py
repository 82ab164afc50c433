"""A camera's intrinsics from calibration files, a field of view, or an assumption.

Read are TOML and JSON as Pose2Sim writes them (also of Qualisys' calibrations), and OpenCV's YAML
and JSON: a table a camera, or one camera alone, with a 3 x 3 matrix, the picture's size, distortion
coefficients (k1, k2, p1, p2 and k3 of OpenCV's model), and where there is one the place of the
camera: X_camera = R X_world + t, R as a Rodrigues vector or a matrix, metres, the world with z up.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.geometry import DEFAULT_FOCAL, from_rotation_vector
from poselift.motion.yamlfile import read_yaml

#: Rounds of undoing the distortion: 1e-6 of a picture's width is left for lenses up to 100 degrees.
_ROUNDS = 12

#: Files of dozens of cameras are a hundredth of this.
_MOST_BYTES = 1 << 20

#: No picture has a longer side.
_MOST_PIXELS = 10**6

#: What the parts are called in the files of others.
_NAMES = {
    "matrix": ("matrix", "camera_matrix", "cameraMatrix", "intrinsic_matrix", "mtx", "K"),
    "size": ("size", "image_size", "imageSize", "resolution", "img_size"),
    "distortion": (
        "distortions",
        "distortion",
        "distortion_coefficients",
        "dist_coeffs",
        "dist_coefs",
        "dist",
        "D",
    ),
    "rotation": ("rotation", "rvec", "R"),
    "translation": ("translation", "tvec", "T", "t"),
}


@final
@dataclass(frozen=True, eq=False)
class Calibration:
    """One camera as a picture's pixels see it.

    size         (width, height) in pixels, or None if the file does not say.
    focal        (fx, fy), `center` (cx, cy): pixels.
    distortion   (k1, k2, p1, p2, k3), OpenCV's model.
    rotation     (3, 3) world to camera, `translation` (3,) metres; None if unknown.
    source       how all this is known, in words.
    assumed      whether the focal length is a guess.
    """

    size: tuple[int, int] | None
    focal: tuple[float, float]
    center: tuple[float, float]
    distortion: tuple[float, float, float, float, float] = (0.0,) * 5
    rotation: Float[np.ndarray, "3 3"] | None = None
    translation: Float[np.ndarray, " D"] | None = None
    source: str = ""
    assumed: bool = False

    @classmethod
    def of_focal(
        cls, size: tuple[int, int], focal: float | None = None, fov: float | None = None
    ) -> Calibration:
        """Make one of a focal length (pixels) or a field of view (degrees, along the longer side).

        Without either the focal length is taken as `DEFAULT_FOCAL` times the longer side. The
        picture's middle is on the axis. Raises `PoseliftError` for values that no lens has.
        """
        longer = max(size)
        words, assumed = f"focal length {focal or 0:g} px as given", False
        if focal is not None and not (np.isfinite(focal) and focal > 0):
            raise PoseliftError(f"expected a focal length above 0 pixels, got {focal}")
        if fov is not None:
            if not 5 <= fov <= 160:
                raise PoseliftError(
                    "expected a field of view between 5 and 160 degrees (along the picture's "
                    f"longer side), got {fov:g}"
                )
            focal = longer / 2 / np.tan(np.radians(fov) / 2)
            words = f"field of view {fov:g} degrees along the longer side as given"
        if focal is None:
            focal, assumed = DEFAULT_FOCAL * longer, True
            words = f"focal length {focal:g} px assumed"
        return cls(
            size,
            (float(focal), float(focal)),
            (size[0] / 2, size[1] / 2),
            source=words,
            assumed=assumed,
        )

    def mapped(self, scale: float, shift: tuple[float, float]) -> Calibration:
        """Return the camera of a picture that was scaled and padded.

        x = calibrated x * scale + shift: pixels of the picture at hand. Its size is not known then.
        """
        (fx, fy), (cx, cy) = self.focal, self.center
        return replace(
            self,
            size=None,
            focal=(fx * scale, fy * scale),
            center=(cx * scale + shift[0], cy * scale + shift[1]),
            source=f"{self.source}, mapped by {scale:.6g}, {shift[0]:g}, {shift[1]:g}",
        )

    def fitting(self, size: tuple[int, int] | None) -> Calibration:
        """Return this for a picture of a size; refuse one of another size, with a way out."""
        if self.size is None or size is None or self.size == tuple(size):
            return replace(self, size=self.size if size is None else size)
        across, down = size[0] / self.size[0], size[1] / self.size[1]
        alike = abs(across / down - 1) < 0.01  # which rows or columns cut off, or added, are not
        hint = f" (for one that was only scaled: {across:.6g},0,0)" if alike else ""
        raise PoseliftError(
            f"{self.source}: the calibrated picture is {self.size[0]}x{self.size[1]}, this one "
            f"{size[0]}x{size[1]}; if it was scaled or padded, say how with --calibration-map "
            f"SCALE,DX,DY{hint}"
        )

    def to_camera(self, world: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
        """World -> camera space (x right, y down, z forward), metres.

        Raises `PoseliftError` for a calibration that does not say where the camera stands.
        """
        if self.rotation is None or self.translation is None:
            raise PoseliftError(
                f"{self.source}: does not say where the camera stands, expected a rotation and a "
                "translation (world to camera)"
            )
        return world @ self.rotation.T + self.translation

    def project(self, points: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 2"]:
        """Camera space -> pixels, lens distortion included (OpenCV's model); undone by `slopes`.

        Points that are not in front of the camera are NaN.
        """
        depth = np.where(points[..., 2:] > 0, points[..., 2:], np.nan)
        slope = points[..., :2] / depth
        k1, k2, p1, p2, k3 = self.distortion
        x, y = slope[..., 0], slope[..., 1]
        r2 = x * x + y * y
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        shift_x = 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
        shift_y = p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
        bent = slope * radial[..., None] + np.stack([shift_x, shift_y], axis=-1)
        return bent * self.focal + self.center

    def slopes(self, pixels: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch 2"]:
        """Viewing slopes (x / z, y / z) of pixels, the lens distortion undone; NaN stays NaN."""
        seen = (np.asarray(pixels, np.float64) - self.center) / self.focal
        if not any(self.distortion):
            return seen
        k1, k2, p1, p2, k3 = self.distortion
        slope = seen
        for _ in range(_ROUNDS):
            x, y = slope[..., 0], slope[..., 1]
            r2 = x * x + y * y
            radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
            shift_x = 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
            shift_y = p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
            slope = (seen - np.stack([shift_x, shift_y], axis=-1)) / radial[..., None]
        return slope


@final
@dataclass(frozen=True)
class Lens:
    """What a user knows of the camera: at most one of focal length, field of view, calibration.

    focal            pixels.
    fov              degrees, along the picture's longer side.
    calibration      `FILE` or `FILE:CAMERA`, as `read_calibration` takes it.
    calibration_map  `SCALE,DX,DY`, if the picture was scaled or padded after the calibration.
    hint             name of the clip, to choose among a calibration's cameras.
    known            a camera that has been read already, instead of all that.

    Raises `PoseliftError` if several are given, or a map without a calibration.
    """

    focal: float | None = None
    fov: float | None = None
    calibration: str | None = None
    calibration_map: str | None = None
    hint: str = ""
    known: Calibration | None = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        names = ("focal", "fov", "calibration")
        given = [f"--{name}" for name in names if getattr(self, name) is not None]
        if len(given) > 1:
            raise PoseliftError(f"expected one of {' and '.join(given)}, got {len(given)} of them")
        if self.calibration_map is not None and self.calibration is None:
            raise PoseliftError(
                "--calibration-map says how a calibrated picture was changed: "
                "give --calibration, too"
            )

    @cached_property
    def _read(self) -> Calibration | None:
        """The calibration file's camera, for the picture at hand."""
        if self.calibration is None:
            return self.known
        camera = read_calibration(self.calibration, self.hint)
        if self.calibration_map is not None:
            return camera.mapped(*parse_map(self.calibration_map))
        return camera

    def camera(self, size: tuple[int, int] | None) -> Calibration:
        """Return the camera of pictures of a size (width, height).

        Raises `PoseliftError` as `read_calibration`, `Calibration.fitting` and `of_focal` do, and
        without a size if there is no calibration that says it.
        """
        camera = self._read
        if camera is not None:
            return camera.fitting(size)
        if size is None:
            raise PoseliftError(
                "to place a person the picture's size or a calibration is needed "
                "(--size WIDTHxHEIGHT, --calibration FILE), neither is known"
            )
        return Calibration.of_focal(size, self.focal, self.fov)


def read_calibration(text: str, hint: str = "") -> Calibration:
    """Read `FILE` or `FILE:CAMERA`.

    hint  name of what the camera filmed; of several cameras the one whose name is in it is taken.

    Raises `PoseliftError` for a file that is missing, cannot be read, has no such camera, several
    of which none is named, or one without a usable matrix.
    """
    path, wanted = Path(text), ""
    if not path.is_file() and ":" in text:
        name, _, wanted = text.rpartition(":")
        path = Path(name)
    cameras = _cameras(path, _parse(path))
    if wanted:
        chosen = [name for name in cameras if _plain(name) == _plain(wanted)]
    elif len(cameras) == 1:
        chosen = list(cameras)
    else:
        chosen = [name for name in cameras if _plain(name) in _plain(hint)]
    if len(chosen) != 1:
        which = f"no camera {wanted!r}" if wanted else f"{len(cameras)} cameras"
        raise PoseliftError(
            f"{path}: {which}, expected --calibration FILE:CAMERA with one of {', '.join(cameras)}"
        )
    return _calibration(path, chosen[0], cameras[chosen[0]])


def read_cameras(path: Path) -> dict[str, Calibration]:
    """Read all cameras of a calibration file, by name; raises as `read_calibration`."""
    tables = _cameras(path, _parse(path))
    return {name: _calibration(path, name, table) for name, table in tables.items()}


def parse_map(text: str) -> tuple[float, tuple[float, float]]:
    """Read `SCALE,DX,DY`, SCALE also as a fraction (1080/1088); `PoseliftError` for others."""
    match = re.fullmatch(r"\s*([^,/]+)(?:/([^,]+))?\s*,([^,]+),([^,]+)", text)
    try:
        if match is None:
            raise ValueError
        scale = float(match[1]) / float(match[2] or 1)
        shift = float(match[3]), float(match[4])
        if not (np.isfinite([scale, *shift]).all() and scale > 0):
            raise ValueError
    except (ValueError, ZeroDivisionError):
        raise PoseliftError(
            f"expected --calibration-map as SCALE,DX,DY (1080/1088,0,7), got {text!r}"
        ) from None
    return scale, shift


def _parse(path: Path) -> Any:
    """Return the content of a file by its suffix."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        raise PoseliftError(f"{path}: no such calibration file") from None
    except OSError as error:
        raise PoseliftError(f"{path}: cannot be read ({error.strerror})") from None
    if len(data) > _MOST_BYTES:
        raise PoseliftError(f"{path}: is larger than any calibration ({_MOST_BYTES >> 20} MB)")
    suffix = path.suffix.lower()
    try:
        if suffix == ".toml":
            if sys.version_info >= (3, 11):
                import tomllib
            else:
                import tomli as tomllib
            return tomllib.loads(data.decode())
        if suffix == ".json":
            import orjson

            return orjson.loads(data)
        if suffix in (".yml", ".yaml"):
            return read_yaml(data.decode())
    except (ValueError, RecursionError) as error:  # YAML's are made so
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise PoseliftError(f"{path}: this calibration cannot be read ({reason})") from None
    found = suffix or "a file without suffix"
    raise PoseliftError(
        f"{path}: expected a calibration as .toml, .json, .yml or .yaml, got {found}"
    )


def _cameras(path: Path, content: Any) -> dict[str, Mapping[str, Any]]:
    """Return the tables that have a camera matrix, by name."""
    if isinstance(content, Mapping) and _part(content, "matrix") is not None:
        return {_name(content, "camera"): content}
    tables: Any = content.items() if isinstance(content, Mapping) else ()
    tables = enumerate(content) if isinstance(content, list) else tables
    found = {
        _name(table, str(name)): table
        for name, table in tables
        if isinstance(table, Mapping) and _part(table, "matrix") is not None
    }
    if not found:
        raise PoseliftError(f"{path}: no camera with a matrix in this calibration")
    return found


def _name(table: Mapping[str, Any], other: str) -> str:
    """Return what a table calls its camera, else `other`."""
    names = (table.get(key) for key in ("name", "camera_name"))
    return next((str(name) for name in names if isinstance(name, str | int)), other)


def _calibration(path: Path, name: str, table: Mapping[str, Any]) -> Calibration:
    """Turn a table into a camera."""
    where = f"{path}, camera {name}"
    if table.get("fisheye") is True:
        raise PoseliftError(f"{where}: a fisheye lens, which is not known here")
    matrix = _numbers(where, table, "matrix", (9,))
    if matrix is None:
        raise PoseliftError(f"{where}: expected matrix as 9 numbers, got none")
    matrix = matrix.reshape(3, 3)
    if not (matrix[0, 0] > 0 and matrix[1, 1] > 0 and abs(matrix[2, 2] - 1) < 1e-6):
        raise PoseliftError(
            f"{where}: expected a matrix with fx, fy above 0 and a last row 0, 0, 1"
        )
    size = _numbers(where, table, "size", (2,))
    for wide, high in (("image_width", "image_height"), ("width", "height")):
        if size is None and {wide, high} <= table.keys():
            size = _numbers(where, {"size": [table[wide], table[high]]}, "size", (2,))
    if size is not None and not (size.min() >= 1 and size.max() <= _MOST_PIXELS):
        raise PoseliftError(f"{where}: expected a picture's width and height, got {size.tolist()}")
    lens = _numbers(where, table, "distortion", (0, 4, 5, 8, 12, 14))
    lens = np.zeros(5) if lens is None else np.pad(lens, (0, max(0, 5 - len(lens))))
    if lens[5:].any():
        raise PoseliftError(f"{where}: expected at most 5 distortion coefficients (k1 k2 p1 p2 k3)")
    rotation = _numbers(where, table, "rotation", (3, 9))
    translation = _numbers(where, table, "translation", (3,))
    if rotation is not None:
        rotation = from_rotation_vector(rotation) if len(rotation) == 3 else rotation.reshape(3, 3)
    return Calibration(
        size=None if size is None else (round(float(size[0])), round(float(size[1]))),
        focal=(float(matrix[0, 0]), float(matrix[1, 1])),
        center=(float(matrix[0, 2]), float(matrix[1, 2])),
        distortion=tuple(map(float, lens[:5])),  # type: ignore[arg-type]
        rotation=None if translation is None else rotation,
        translation=None if rotation is None else translation,
        source=where,
    )


def _part(table: Mapping[str, Any], part: str) -> Any:
    """Return a part under any of its names."""
    return next((table[name] for name in _NAMES[part] if table.get(name) is not None), None)


def _numbers(
    where: str, table: Mapping[str, Any], part: str, counts: tuple[int, ...]
) -> Float[np.ndarray, " N"] | None:
    """Return a part as a flat list of finite numbers, or None if the table has none."""
    value = _part(table, part)
    if isinstance(value, Mapping):  # OpenCV's and ROS' way to write a matrix
        value = value.get("data")
    if value is None:
        return None
    try:
        numbers = np.asarray(value, np.float64).ravel()
    except (TypeError, ValueError, OverflowError, RecursionError):
        numbers = np.array([np.nan])
    if len(numbers) not in counts or not np.isfinite(numbers).all():
        known = " or ".join(map(str, counts))
        raise PoseliftError(f"{where}: expected {part} as {known} numbers")
    return numbers


def _plain(name: str) -> str:
    """A name without what people vary: `cam_01` and `Cam01` are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
