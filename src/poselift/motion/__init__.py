"""Poses over time: filters, constant bones, joint rotations, place, floor; `refine` takes all."""

from poselift.motion.bones import bone_lengths, constant_bones, standing_height
from poselift.motion.calibration import Calibration, Lens, read_calibration
from poselift.motion.filters import FILTERS, OneEuro, Smoothing, smooth
from poselift.motion.floor import Floor, find_contacts, find_floor, stand, to_world
from poselift.motion.refine import Options, refine
from poselift.motion.root import place
from poselift.motion.skeleton import Rig
from poselift.motion.timing import fill_gaps

__all__ = [
    "FILTERS",
    "Calibration",
    "Floor",
    "Lens",
    "OneEuro",
    "Options",
    "Rig",
    "Smoothing",
    "bone_lengths",
    "constant_bones",
    "fill_gaps",
    "find_contacts",
    "find_floor",
    "place",
    "read_calibration",
    "refine",
    "smooth",
    "stand",
    "standing_height",
    "to_world",
]
