"""Files of keypoints and of poses, read and written; the formats by name."""

from poselift.io.formats import FORMATS, Format, find_format, format_names, read_detections
from poselift.io.load import load_people, load_poses
from poselift.io.native import write_keypoints
from poselift.io.results import read_results, write_json, write_npz

__all__ = [
    "FORMATS",
    "Format",
    "find_format",
    "format_names",
    "load_people",
    "load_poses",
    "read_detections",
    "read_results",
    "write_json",
    "write_keypoints",
    "write_npz",
]
