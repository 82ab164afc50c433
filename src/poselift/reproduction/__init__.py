"""The papers' tables and figures: each by its name, trained, measured and drawn."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from poselift.reproduction.titles import TITLES

if TYPE_CHECKING:
    from poselift.reproduction.budgets import BUDGETS, Budget, get_budget
    from poselift.reproduction.cells import Cell, Study
    from poselift.reproduction.claims import CHANCE, FAILS, HOLDS
    from poselift.reproduction.document import provenance, to_markdown, to_png
    from poselift.reproduction.items import Item, Report
    from poselift.reproduction.run import (
        ITEMS,
        KINDS,
        get_item,
        paths_of,
        report_of_model,
        reproduce,
        so_far,
        untrained,
        write_report,
    )

#: Names are imported when first used: the list of titles needs no PyTorch.
_MODULES = {
    "BUDGETS": "budgets",
    "CHANCE": "claims",
    "FAILS": "claims",
    "HOLDS": "claims",
    "Budget": "budgets",
    "Cell": "cells",
    "ITEMS": "run",
    "Item": "items",
    "KINDS": "run",
    "Report": "items",
    "Study": "cells",
    "get_budget": "budgets",
    "get_item": "run",
    "paths_of": "run",
    "provenance": "document",
    "report_of_model": "run",
    "reproduce": "run",
    "so_far": "run",
    "to_markdown": "document",
    "to_png": "document",
    "untrained": "run",
    "write_report": "run",
}

__all__ = [
    "BUDGETS",
    "CHANCE",
    "FAILS",
    "HOLDS",
    "ITEMS",
    "KINDS",
    "TITLES",
    "Budget",
    "Cell",
    "Item",
    "Report",
    "Study",
    "get_budget",
    "get_item",
    "paths_of",
    "provenance",
    "report_of_model",
    "reproduce",
    "so_far",
    "to_markdown",
    "to_png",
    "untrained",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
