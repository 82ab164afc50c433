"""GridConv, D-GridConv and AutoGrids (Kang et al., AAAI 2023)."""

from poselift.models.gridconv.attention import ATTENTIONS, annealed_temperature
from poselift.models.gridconv.convolution import GridConv
from poselift.models.gridconv.layout import Layout, handcrafted, official, random_layout
from poselift.models.gridconv.network import LAYOUTS, GLNConfig, GridLiftingNetwork, freeze
from poselift.models.gridconv.plan import PADDINGS
from poselift.models.gridconv.sgt import AutoGrids, FixedSGT

__all__ = [
    "ATTENTIONS",
    "LAYOUTS",
    "PADDINGS",
    "AutoGrids",
    "FixedSGT",
    "GLNConfig",
    "GridConv",
    "GridLiftingNetwork",
    "Layout",
    "annealed_temperature",
    "freeze",
    "handcrafted",
    "official",
    "random_layout",
]
