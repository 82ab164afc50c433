"""Poses over time: filters, constant bones, joint rotations."""

from poselift.motion.bones import bone_lengths, constant_bones, standing_height
from poselift.motion.skeleton import Rig

__all__ = ["Rig", "bone_lengths", "constant_bones", "standing_height"]
