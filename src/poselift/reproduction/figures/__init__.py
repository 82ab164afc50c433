"""The papers' figures and tables as PNG pictures, drawn with matplotlib from plain arrays."""

from poselift.reproduction.figures.charts import adjacency_png, bars_png, grid_sizes_png
from poselift.reproduction.figures.layouts import grid_graph, layouts_png
from poselift.reproduction.figures.poses import comparison_png, pipeline_png
from poselift.reproduction.figures.progress import progress_png
from poselift.reproduction.figures.table import stacked, table_png

__all__ = [
    "adjacency_png",
    "bars_png",
    "comparison_png",
    "grid_graph",
    "grid_sizes_png",
    "layouts_png",
    "pipeline_png",
    "progress_png",
    "stacked",
    "table_png",
]
