"""Joint sets by name, and conversion between them."""

from poselift.skeletons.catalog import (
    BODY_25,
    BODY_25B,
    COCO_17,
    COCO_23,
    H36M_16,
    H36M_17,
    H36M_32,
    HALPE_26,
    MEDIAPIPE_33,
    MPI_INF_3DHP_17,
    OPENPOSE_18,
    get_skeleton,
    skeleton_names,
    skeleton_text,
)
from poselift.skeletons.convert import Conversion, conversion
from poselift.skeletons.definition import define
from poselift.skeletons.skeleton import Skeleton

__all__ = [
    "BODY_25",
    "BODY_25B",
    "COCO_17",
    "COCO_23",
    "H36M_16",
    "H36M_17",
    "H36M_32",
    "HALPE_26",
    "MEDIAPIPE_33",
    "MPI_INF_3DHP_17",
    "OPENPOSE_18",
    "Conversion",
    "Skeleton",
    "conversion",
    "define",
    "get_skeleton",
    "skeleton_names",
    "skeleton_text",
]
