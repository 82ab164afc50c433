"""Networks that lift 2D poses, one paper a file, and how they are built, saved and loaded."""

from poselift.models.martinez import Martinez, MartinezConfig
from poselift.models.posegraphnet import PoseGraphNet, PoseGraphNetConfig

__all__ = ["Martinez", "MartinezConfig", "PoseGraphNet", "PoseGraphNetConfig"]
