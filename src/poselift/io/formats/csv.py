"""Tables for pandas, R and spreadsheets (`csvfile`, `csvread`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from poselift.io import csvfile, csvread
from poselift.io.arrays import Sink
from poselift.io.registry import Format, ReadOptions, WriteOptions
from poselift.poses import Detections, PoseSequence, Results


def read(path: Path, options: ReadOptions) -> Detections | Results:
    """Read a table of this layout, 3D or 2D; raises `PoseliftError`."""
    return csvread.read_csv(path, options.skeleton)


def write(results: Results, stream: Sink, options: WriteOptions) -> None:
    """Write 3D results, a row a joint or a row a frame; raises `PoseliftError`."""
    csvfile.write_csv(results, stream, options.axes, wide=options.suffix == ".wide.csv")


def write_2d(people: Sequence[PoseSequence], stream: Sink, options: WriteOptions) -> None:
    """Write 2D sequences, a row a joint or a row a frame; raises `PoseliftError`."""
    csvfile.write_csv_2d(people, stream, wide=options.suffix == ".wide.csv")


FORMAT = Format(
    "csv",
    "tables for pandas, R and spreadsheets: a row a joint, or (.wide.csv) a row a frame; "
    "units and directions are in the names of the columns",
    {".csv": "table, a row a joint", ".wide.csv": "table, a row a frame"},
    holds="2D, 3D",
    recognised="a first line that begins with frame,time_s,person",
    matches=csvread.matches,
    read=read,
    write=write,
    write_2d=write_2d,
    sidecar=True,
)
