"""LCN (Ci et al., ICCV 2019)."""

from poselift.models.lcn.fast import fast, freeze, int8
from poselift.models.lcn.network import LCN, REACH, LCNConfig, LocalLinear, trunk_links
from poselift.models.registry import Forms, register

__all__ = ["LCN", "REACH", "LCNConfig", "LocalLinear", "trunk_links"]

register("lcn", LCN, LCNConfig, forms=Forms(fast=fast, freeze=freeze, int8=int8))
