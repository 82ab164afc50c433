"""GridConv, D-GridConv and AutoGrids (Kang et al., AAAI 2023)."""

from poselift.models.gridconv.attention import ATTENTIONS, annealed_temperature
from poselift.models.gridconv.convolution import PADDINGS, GridConv
from poselift.models.gridconv.fast import fast, fix_layout, freeze
from poselift.models.gridconv.int8 import int8
from poselift.models.gridconv.layout import (
    SIZES,
    Layout,
    handcrafted,
    random_layout,
    released,
)
from poselift.models.gridconv.network import LAYOUTS, GLNConfig, GridLiftingNetwork
from poselift.models.gridconv.official import OFFICIAL
from poselift.models.gridconv.sgt import ESTIMATORS, AutoGrids, FixedSGT
from poselift.models.registry import Forms, register

__all__ = [
    "ATTENTIONS",
    "ESTIMATORS",
    "LAYOUTS",
    "PADDINGS",
    "SIZES",
    "AutoGrids",
    "FixedSGT",
    "GLNConfig",
    "GridConv",
    "GridLiftingNetwork",
    "Layout",
    "annealed_temperature",
    "handcrafted",
    "random_layout",
    "released",
]

register(
    "gln",
    GridLiftingNetwork,
    GLNConfig,
    forms=Forms(fast=fast, freeze=freeze, graph=fix_layout, int8=int8),
    official=OFFICIAL,
)
