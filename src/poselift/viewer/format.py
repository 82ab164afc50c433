"""The page as a format of results; `poselift.io.registry` knows this module by name."""

from __future__ import annotations

from poselift.io.arrays import Sink
from poselift.io.registry import Format, WriteOptions
from poselift.poses import Results
from poselift.viewer.page import render_html


def write(results: Results, stream: Sink, options: WriteOptions) -> None:
    """Write a page that plays the results; `PoseliftError` if there is nothing to show."""
    stream.write(render_html(results, options.title))


FORMAT = Format(
    "html",
    "one self-contained page that plays in any browser, without a network",
    {".html": "page to look at"},
    holds="2D, 3D",
    write=write,
)
