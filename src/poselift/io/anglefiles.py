"""Joint angles as files: CSV, Parquet, and OpenSim's .mot; degrees, a row a frame and person."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np

from poselift.errors import PoseliftError, how_to_install
from poselift.io.arrays import Sink
from poselift.motion.angles import Angles


def write_csv(people: Sequence[Angles], stream: Sink) -> None:
    """Write `person, frame, time_s` and a column an angle; what is not defined is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = _names(people)
    writer.writerow(["person", "frame", "time_s", *names])
    for one in people:
        columns = [one[name] if name in one.names else np.full(len(one), np.nan) for name in names]
        for row, values in enumerate(zip(*columns, strict=True)):
            cells = ["" if np.isnan(value) else f"{value:.2f}" for value in values]
            writer.writerow([one.person_id, one.frames[row], f"{one.times[row]:.6f}", *cells])
    stream.write(text.getvalue().encode())


def write_parquet(people: Sequence[Angles], stream: Sink) -> None:
    """Write the same columns as float32, null where not defined; metadata has the history.

    Raises `PoseliftError` without PyArrow.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise PoseliftError(
            "Parquet files need pyarrow (.csv does not), install it with: "
            f"{how_to_install('parquet')}"
        ) from None
    columns: dict[str, pa.Array] = {
        "person": pa.array(np.concatenate([np.full(len(one), one.person_id) for one in people])),
        "frame": pa.array(np.concatenate([one.frames for one in people])),
        "time_s": pa.array(np.concatenate([one.times for one in people])),
    }
    for name in _names(people):
        parts = [
            one[name] if name in one.names else np.full(len(one), np.nan, np.float32)
            for one in people
        ]
        columns[name] = pa.array(np.concatenate(parts), from_pandas=True)
    facts = {"units": "degrees", "history": "\n".join(people[0].history)}
    table = pa.table(columns).replace_schema_metadata(facts)
    parquet.write_table(table, stream)


def write_mot(one: Angles, stream: Sink) -> tuple[str, ...]:
    """Write one person as an OpenSim motion: `time` and a column an angle, degrees.

    Columns have the names used here, not those of a particular OpenSim model. OpenSim's `Storage`,
    which its window and tools read such files by, ends without a word at the first NaN. So gaps
    are filled by straight lines and held at the ends, and angles known in no frame left out; the
    header says which, and they are returned in words.
    """
    there = np.isfinite(one.degrees)
    kept = np.flatnonzero(there.any(axis=0))
    columns = [
        np.interp(one.times, one.times[there[:, k]], one.degrees[there[:, k], k]) for k in kept
    ]
    lost = [name for k, name in enumerate(one.names) if k not in kept]
    gaps = [one.names[k] for k in kept if not there[:, k].all()]
    words = (("known in no frame, left out", lost), ("interpolated where not known", gaps))
    notes = tuple(f"{what}: {', '.join(names)}" for what, names in words if names)
    lines = [
        f"poselift joint angles, person {one.person_id}",
        "version=1",
        f"nRows={len(one)}",
        f"nColumns={len(kept) + 1}",
        "inDegrees=yes",
        *notes,
        "endheader",
        "\t".join(["time", *(one.names[k] for k in kept)]),
    ]
    lines += [
        "\t".join([f"{time:.6f}", *(f"{value:.4f}" for value in row)])
        for time, *row in zip(one.times, *columns, strict=True)
    ]
    stream.write(("\n".join(lines) + "\n").encode())
    return tuple(f"person {one.person_id}: {note}" for note in notes)


def _names(people: Sequence[Angles]) -> list[str]:
    """All angles that anybody has, in order."""
    return list(dict.fromkeys(name for one in people for name in one.names))
