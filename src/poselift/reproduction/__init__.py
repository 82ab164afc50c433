"""The papers' tables and figures: each by its name, trained, measured and drawn."""

from poselift.reproduction.budgets import BUDGETS, Budget, get_budget
from poselift.reproduction.cells import Cell, Study
from poselift.reproduction.document import provenance, to_markdown, to_png
from poselift.reproduction.items import Item, Report
from poselift.reproduction.run import (
    ITEMS,
    KINDS,
    get_item,
    paths_of,
    report_of_model,
    reproduce,
    write_report,
)

__all__ = [
    "BUDGETS",
    "ITEMS",
    "KINDS",
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
    "to_markdown",
    "to_png",
    "write_report",
]
