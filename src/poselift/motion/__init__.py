"""Poses over time: filters, constant bones, joint rotations; `refine` takes all steps."""

from poselift.motion.bones import bone_lengths, constant_bones, standing_height
from poselift.motion.filters import FILTERS, OneEuro, Smoothing, smooth
from poselift.motion.refine import Options, refine
from poselift.motion.skeleton import Rig
from poselift.motion.timing import fill_gaps

__all__ = [
    "FILTERS",
    "OneEuro",
    "Options",
    "Rig",
    "Smoothing",
    "bone_lengths",
    "constant_bones",
    "fill_gaps",
    "refine",
    "smooth",
    "standing_height",
]
