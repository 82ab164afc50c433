"""HRNet (Sun et al. 2019): crops in, heat maps out; and from heat maps to keypoints."""

from poselift.models.hrnet.network import HRNet, HRNetConfig
from poselift.models.hrnet.official import OFFICIAL
from poselift.models.hrnet.soft_argmax import flip_heatmaps, peak_scores, soft_argmax
from poselift.models.registry import register

register("hrnet", HRNet, HRNetConfig, official=OFFICIAL, kind="detector")

__all__ = ["HRNet", "HRNetConfig", "flip_heatmaps", "peak_scores", "soft_argmax"]
