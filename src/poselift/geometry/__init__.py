"""Cameras, rotations, 2D normalisation, alignment."""

from poselift.geometry.alignment import Alignment, procrustes, root_relative
from poselift.geometry.camera import H36M_S1_CAMERAS, Camera
from poselift.geometry.pixel_depth import TARGETS, PixelDepth
from poselift.geometry.rotation import (
    about_axis,
    from_quaternion,
    from_rotation_vector,
    to_euler,
    to_quaternion,
    turning_to_axis,
)
from poselift.geometry.screen import (
    DEFAULT_FOCAL,
    NORMALISATIONS,
    NormalisedPose,
    Normaliser,
    denormalise,
    normalise,
)

__all__ = [
    "DEFAULT_FOCAL",
    "H36M_S1_CAMERAS",
    "NORMALISATIONS",
    "TARGETS",
    "Alignment",
    "Camera",
    "NormalisedPose",
    "Normaliser",
    "PixelDepth",
    "about_axis",
    "denormalise",
    "from_quaternion",
    "from_rotation_vector",
    "normalise",
    "procrustes",
    "root_relative",
    "to_euler",
    "to_quaternion",
    "turning_to_axis",
]
