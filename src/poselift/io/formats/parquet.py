"""Compressed columns for pandas, DuckDB, Spark and training (`parquetfile`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from poselift.io import native, parquetfile, results
from poselift.io.arrays import Sink
from poselift.io.registry import Format, ReadOptions, WriteOptions
from poselift.poses import Detections, PoseSequence, Results


def read(path: Path, options: ReadOptions) -> Detections | Results:
    """Read keypoints or results; raises `PoseliftError`."""
    return parquetfile.read_parquet(path, options.skeleton)


def write(what: Results, stream: Sink, options: WriteOptions) -> None:
    """Write results; raises `PoseliftError`."""
    parquetfile.write_parquet(results.arrays_of(what, options.axes), stream)


def write_2d(people: Sequence[PoseSequence], stream: Sink, options: WriteOptions) -> None:
    """Write 2D sequences; raises `PoseliftError`."""
    parquetfile.write_parquet(native.keypoint_arrays(people), stream)


FORMAT = Format(
    "parquet",
    "compressed columns for pandas, DuckDB, Spark and training, with everything about them in the "
    "schema's metadata; keypoints or results (needs pyarrow)",
    {".parquet": "compressed columns"},
    holds="2D, 3D",
    recognised="a file that begins with PAR1",
    matches=parquetfile.matches,
    read=read,
    write=write,
    write_2d=write_2d,
)
