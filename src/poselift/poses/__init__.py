"""The containers: a person's poses over time, a source's detections, results."""

from poselift.poses.detections import Detections
from poselift.poses.results import Person, Results
from poselift.poses.sequence import AXES_2D, AXES_3D, AXES_WORLD, TRACKS, PoseSequence
from poselift.poses.windows import windows

__all__ = [
    "AXES_2D",
    "AXES_3D",
    "AXES_WORLD",
    "TRACKS",
    "Detections",
    "Person",
    "PoseSequence",
    "Results",
    "windows",
]
