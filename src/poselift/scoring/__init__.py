"""Lifters scored on data sets by name: arrays in, tables out, no torch."""

from poselift.scoring.evaluate import evaluate
from poselift.scoring.run import Scores, lift_data, lift_rows, score_lifting_data, score_pose2sim

__all__ = [
    "Scores",
    "evaluate",
    "lift_data",
    "lift_rows",
    "score_lifting_data",
    "score_pose2sim",
]
