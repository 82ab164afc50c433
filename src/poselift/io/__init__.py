"""Files of keypoints and of poses, read and written; the formats by name."""

from poselift.io.axes import AXES
from poselift.io.connectors import (
    from_mediapipe,
    from_mmpose,
    from_rtmlib,
    from_supervision,
    from_ultralytics,
)
from poselift.io.load import load, load_people, load_poses, read_detections
from poselift.io.native import write_keypoints
from poselift.io.registry import (
    Format,
    ReadOptions,
    WriteOptions,
    all_formats,
    find_format,
    format_names,
    writers,
)
from poselift.io.results import read_results, write_json, write_npz
from poselift.io.save import save, save_all

__all__ = [
    "AXES",
    "Format",
    "ReadOptions",
    "WriteOptions",
    "all_formats",
    "find_format",
    "format_names",
    "from_mediapipe",
    "from_mmpose",
    "from_rtmlib",
    "from_supervision",
    "from_ultralytics",
    "load",
    "load_people",
    "load_poses",
    "read_detections",
    "read_results",
    "save",
    "save_all",
    "write_json",
    "write_keypoints",
    "write_npz",
    "writers",
]
