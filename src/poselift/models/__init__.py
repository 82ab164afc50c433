"""Networks, a paper a file or folder; how they are built, saved and loaded."""

from poselift.models.checkpoint import load_model, save_model
from poselift.models.end_to_end import EndToEnd, EndToEndConfig
from poselift.models.forms import definition_of, frozen
from poselift.models.gridconv import GLNConfig, GridLiftingNetwork
from poselift.models.hrnet import HRNet, HRNetConfig
from poselift.models.lcn import LCN, LCNConfig
from poselift.models.martinez import Martinez, MartinezConfig
from poselift.models.official import from_official
from poselift.models.posegraphnet import PoseGraphNet, PoseGraphNetConfig
from poselift.models.registry import architectures, build, config_from_dict, describe
from poselift.models.semgcn import SemGCN, SemGCNConfig
from poselift.models.stgcn import STGCN, STGCNConfig
from poselift.models.videopose3d import VideoPose3D, VideoPose3DConfig

__all__ = [
    "LCN",
    "STGCN",
    "EndToEnd",
    "EndToEndConfig",
    "GLNConfig",
    "GridLiftingNetwork",
    "HRNet",
    "HRNetConfig",
    "LCNConfig",
    "Martinez",
    "MartinezConfig",
    "PoseGraphNet",
    "PoseGraphNetConfig",
    "STGCNConfig",
    "SemGCN",
    "SemGCNConfig",
    "VideoPose3D",
    "VideoPose3DConfig",
    "architectures",
    "build",
    "config_from_dict",
    "definition_of",
    "describe",
    "from_official",
    "frozen",
    "load_model",
    "save_model",
]
