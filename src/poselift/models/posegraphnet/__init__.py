"""PoseGraphNet (Banik et al., ICIP 2021)."""

from poselift.models.posegraphnet.fast import fast
from poselift.models.posegraphnet.int8 import int8
from poselift.models.posegraphnet.network import (
    GROUPS,
    GraphConvolution,
    JointBatchNorm,
    PoseGraphNet,
    PoseGraphNetConfig,
    ResidualBlock,
    neighbour_groups,
    normalise_official,
    normalise_paper,
)
from poselift.models.posegraphnet.official import OFFICIAL
from poselift.models.registry import Forms, register

__all__ = [
    "GROUPS",
    "GraphConvolution",
    "JointBatchNorm",
    "PoseGraphNet",
    "PoseGraphNetConfig",
    "ResidualBlock",
    "neighbour_groups",
    "normalise_official",
    "normalise_paper",
]

register(
    "posegraphnet",
    PoseGraphNet,
    PoseGraphNetConfig,
    forms=Forms(fast=fast, int8=int8),
    official=OFFICIAL,
)
