"""Data sets: motion readers, detector noise, and the arrays a lifting network is trained on."""

from poselift.datasets.cmu import load_cmu17, load_motions
from poselift.datasets.cmu32 import load_cmu32
from poselift.datasets.cmu_more import load_cmu_more, load_unseen
from poselift.datasets.gridconv_files import load_gridconv
from poselift.datasets.human36m import load_human36m
from poselift.datasets.human36m_layouts import open_human36m
from poselift.datasets.lifting_data import LiftingData, concatenate
from poselift.datasets.mmpose_h36m import load_mmpose_h36m
from poselift.datasets.mpi_inf_3dhp import load_mpi_inf_3dhp
from poselift.datasets.pose2sim import Pose2SimClip, load_pose2sim
from poselift.datasets.registry import DATA_SETS, DataSet, Part, get_data_set, named
from poselift.datasets.rendered import RenderedPictures, load_rendered
from poselift.datasets.robustness import load_kinds

__all__ = [
    "DATA_SETS",
    "DataSet",
    "LiftingData",
    "Part",
    "Pose2SimClip",
    "RenderedPictures",
    "concatenate",
    "get_data_set",
    "load_cmu17",
    "load_cmu32",
    "load_cmu_more",
    "load_gridconv",
    "load_human36m",
    "load_kinds",
    "load_mmpose_h36m",
    "load_motions",
    "load_mpi_inf_3dhp",
    "load_pose2sim",
    "load_rendered",
    "load_unseen",
    "named",
    "open_human36m",
]
