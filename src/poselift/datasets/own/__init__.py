"""One's own recordings: a folder with a `dataset.toml`, checked and loaded as `LiftingData`."""

from poselift.datasets.own.description import FILE, Description, read_description
from poselift.datasets.own.loading import load_own
from poselift.datasets.own.report import Checked, check_folder, draft

__all__ = [
    "FILE",
    "Checked",
    "Description",
    "check_folder",
    "draft",
    "load_own",
    "read_description",
]
