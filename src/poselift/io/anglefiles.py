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


def write_mot(one: Angles, stream: Sink) -> None:
    """Write one person as an OpenSim motion: `time` and a column an angle, degrees.

    Columns have the names used here, not those of a particular OpenSim model.
    """
    lines = [
        f"poselift joint angles, person {one.person_id}",
        "version=1",
        f"nRows={len(one)}",
        f"nColumns={len(one.names) + 1}",
        "inDegrees=yes",
        "endheader",
        "\t".join(["time", *one.names]),
    ]
    lines += [
        "\t".join([f"{time:.6f}", *(f"{value:.4f}" for value in row)])
        for time, row in zip(one.times, one.degrees, strict=True)
    ]
    stream.write(("\n".join(lines) + "\n").encode())


def _names(people: Sequence[Angles]) -> list[str]:
    """All angles that anybody has, in order."""
    return list(dict.fromkeys(name for one in people for name in one.names))
