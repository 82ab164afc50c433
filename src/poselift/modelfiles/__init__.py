"""Model files: their cards, where they are found, and whether they are what they should be."""

from poselift.modelfiles.card import METADATA_KEY, ModelCard, parse_card, parse_content, read_card
from poselift.modelfiles.find import ModelFile, find_model, has_weights, shipped_models

__all__ = [
    "METADATA_KEY",
    "ModelCard",
    "ModelFile",
    "find_model",
    "has_weights",
    "parse_card",
    "parse_content",
    "read_card",
    "shipped_models",
]
