"""The torch-free runtime: 2D sequences in, 3D sequences in metres out."""

from poselift.lifting.backends import BACKENDS, PRECISIONS, runtimes
from poselift.lifting.card import METADATA_KEY, ModelCard, read_card
from poselift.lifting.lifter import Lifter
from poselift.lifting.live import LiveLifter
from poselift.lifting.weights import shipped_models

__all__ = [
    "BACKENDS",
    "METADATA_KEY",
    "PRECISIONS",
    "Lifter",
    "LiveLifter",
    "ModelCard",
    "read_card",
    "runtimes",
    "shipped_models",
]
