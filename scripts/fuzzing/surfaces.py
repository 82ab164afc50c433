"""Everything that reads a byte, with valid inputs of each: by the registries, not by memory."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from fuzzing.children import Surface
from poselift.io.registry import Format, ReadOptions, WriteOptions, readable
from poselift.poses import Detections, Person, PoseSequence, Results
from poselift.skeletons import COCO_17

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))  # small valid files are made there

from fuzzing.commands import commands
from fuzzing.data import data_sets
from fuzzing.models import models, research
from fuzzing.motion import calibration, motion, sidecars
from fuzzing.samples import SAMPLES
from io_samples import pair, sequence
from writer_samples import person


def surfaces(folder: Path) -> dict[str, Surface]:
    """Return all readers by name; their valid inputs are written below `folder`."""
    folder.mkdir(exist_ok=True)
    results = Results((person(12),), {"model": "tiny"})
    found = [_of_format(entry, folder / entry.name) for entry in readable()]
    found += motion(folder / "motion")
    found += calibration(folder / "calibration")
    found += sidecars(folder / "beside", results)
    found += models(folder / "models")
    with suppress(ModuleNotFoundError):  # the extra for Parquet is not installed
        from fuzzing.shards import shards

        found += shards(folder / "bulk")
    with suppress(ModuleNotFoundError):  # the extra for videos is not installed
        from fuzzing.pictures import pictures

        found += pictures(folder / "pictures", results)
    with suppress(ModuleNotFoundError):  # the research half is not installed
        import torch  # noqa: F401

        found += research(folder / "research")
        found += data_sets(folder / "data")
    found += commands(found, folder / "commands")
    return {one.name: one for one in found}


def _of_format(entry: Format, folder: Path) -> Surface:
    """Make the surface of a registered format: what it writes itself, and given samples.

    Raises `LookupError` for a format that does neither: a new reader needs a sample.
    """
    folder.mkdir(parents=True)
    paths: list[Path] = []
    results, people = (pair(count=6, person_id=4),), (sequence(6),)
    for suffix in entry.suffixes:
        options = WriteOptions(suffix, entry.axes)
        for name, write, what in (("3d", entry.write, results), ("2d", entry.write_2d, people)):
            if write is not None:
                path = folder / f"{name}{suffix}"
                with path.open("wb") as stream:
                    write(_as_results(what) if name == "3d" else what, stream, options)  # type: ignore[arg-type]
                if entry.matches is None or entry.matches(path):
                    paths.append(path)
    if entry.name in SAMPLES:
        paths += SAMPLES[entry.name](folder)
    if not paths:
        raise LookupError(
            f"format {entry.name}: no valid input, add one to scripts/fuzzing/samples.py"
        )
    share = 0.05 if entry.name == "c3d" else 1.0
    return Surface(entry.name, paths, partial(_read, entry), share)


def _as_results(people: Iterable[tuple[PoseSequence, PoseSequence]]) -> Results:
    return Results(tuple(Person(*one) for one in people), {"model": "tiny"})


def _read(entry: Format, path: Path) -> object:
    """Recognise and read a file as `load` does, with the least that a user would say."""
    assert entry.read is not None
    if entry.matches is not None:
        entry.matches(path)
    skeleton = COCO_17 if entry.name == "numpy" else None
    found = entry.read(path, ReadOptions(skeleton, (1920, 1080), 30.0))
    if isinstance(found, Detections):
        from poselift.tracking import people_of

        return people_of(found)
    return found
