"""Training: typed configs, recipes, and one loop for all networks."""

from poselift.training.branch import branch_off
from poselift.training.config import DataSpec, TrainingConfig
from poselift.training.environment import choose_device
from poselift.training.loop import TrainingResult, train
from poselift.training.recipes import RECIPES, check_names, make_config
from poselift.training.records import check_folder
from poselift.training.report import Reporter, SilentReporter, reporter_for
from poselift.training.schedules import (
    Cosine,
    Exponential,
    Plateau,
    Schedule,
    Staged,
    Steps,
    Trapezoid,
)
from poselift.training.sources import FixedSource, Source, TrainingData, load_fixed, open_data
from poselift.training.start import start_from

__all__ = [
    "RECIPES",
    "Cosine",
    "DataSpec",
    "Exponential",
    "FixedSource",
    "Plateau",
    "Reporter",
    "Schedule",
    "SilentReporter",
    "Source",
    "Staged",
    "Steps",
    "TrainingConfig",
    "TrainingData",
    "TrainingResult",
    "Trapezoid",
    "branch_off",
    "check_folder",
    "check_names",
    "choose_device",
    "load_fixed",
    "make_config",
    "open_data",
    "reporter_for",
    "start_from",
    "train",
]
