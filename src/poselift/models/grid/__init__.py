"""GridConv, D-GridConv and AutoGrids (Kang et al., AAAI 2023)."""

from poselift.models.grid.attention import ATTENTIONS, annealed_temperature
from poselift.models.grid.convolution import GridConv
from poselift.models.grid.layout import Layout, handcrafted, official, random_layout
from poselift.models.grid.network import LAYOUTS, GLNConfig, GridLiftingNetwork, freeze
from poselift.models.grid.plan import PADDINGS
from poselift.models.grid.sgt import AutoGrids, FixedSGT

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
