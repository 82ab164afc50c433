"""Readers of 2D keypoints and of poses, and writers of results."""

from poselift.io.detections import Detections
from poselift.io.formats import FORMATS, Format, find_format, format_names, read_detections
from poselift.io.native import write_keypoints
from poselift.io.results import Results, read_results, write_json, write_npz

__all__ = [
    "FORMATS",
    "Detections",
    "Format",
    "Results",
    "find_format",
    "format_names",
    "read_detections",
    "read_results",
    "write_json",
    "write_keypoints",
    "write_npz",
]
