"""Videos and 2D detectors: pictures in, persons with named joints and scores out.

PyAV (extra `video`) and ONNX Runtime are imported when a video or detector is opened.
"""

from poselift.detection.choose import DETECTORS, open_detector
from poselift.detection.detector import Detector, Found
from poselift.detection.picture import Picture
from poselift.detection.record import Recording, record
from poselift.detection.video import Video, is_video, parse_trim
from poselift.detection.watch import Watched, Watcher

__all__ = [
    "DETECTORS",
    "Detector",
    "Found",
    "Picture",
    "Recording",
    "Video",
    "Watched",
    "Watcher",
    "is_video",
    "open_detector",
    "parse_trim",
    "record",
]
