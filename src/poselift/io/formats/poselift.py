"""poselift's own files: keypoints and results, .json and .npz (`native`, `results`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from poselift.io import native, results
from poselift.io.arrays import Sink
from poselift.io.registry import Format, ReadOptions, WriteOptions
from poselift.poses import Detections, PoseSequence, Results


def read(path: Path, options: ReadOptions) -> Detections | Results:
    """Read keypoints or, from a result file, results; raises `PoseliftError`."""
    if native.is_result_file(path):
        return results.read_results(path)
    return native.read(path, options.skeleton)


def write(what: Results, stream: Sink, options: WriteOptions) -> None:
    """Write results as .npz or .json; raises `PoseliftError`."""
    npz = options.suffix == ".npz"
    (results.write_npz if npz else results.write_json)(what, stream, options.axes)


def write_2d(people: Sequence[PoseSequence], stream: Sink, options: WriteOptions) -> None:
    """Write 2D sequences as .npz or .json; raises `PoseliftError`."""
    npz = options.suffix == ".npz"
    write = native.write_keypoints_npz if npz else native.write_keypoints_json
    write(people, stream, options.frame_count)


FORMAT = Format(
    "poselift",
    "poselift's own keypoints or results, .json or .npz",
    {".npz": "arrays", ".json": "list of people"},
    holds="2D, 3D",
    recognised='an .npz, or JSON whose "format" begins with "poselift-"',
    matches=native.matches,
    read=read,
    write=write,
    write_2d=write_2d,
)
