"""The torch-free runtime: 2D sequences in, 3D sequences in metres out."""

from poselift.lifting.backends import BACKENDS, PRECISIONS, runtimes
from poselift.lifting.lifter import Lifter
from poselift.lifting.live import LiveLifter

__all__ = ["BACKENDS", "PRECISIONS", "Lifter", "LiveLifter", "runtimes"]
