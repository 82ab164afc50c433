"""Run by a Python that has OpenSim: read a TRC or MOT file, print what OpenSim finds as JSON."""

from __future__ import annotations

import json
import sys

import opensim


def markers(path: str) -> dict:
    table = opensim.TimeSeriesTableVec3(path)
    rows = [table.getRowAtIndex(i) for i in range(table.getNumRows())]
    return {
        "markers": list(table.getColumnLabels()),
        "times": list(table.getIndependentColumn()),
        "units": table.getTableMetaDataString("Units"),
        "rate": float(table.getTableMetaDataString("DataRate")),
        # NaN is written as NaN, which Python reads
        "points": [[list(row[j].to_numpy()) for j in range(row.size())] for row in rows],
    }


def angles(path: str) -> dict:
    table = opensim.TimeSeriesTable(path)
    rows = [table.getRowAtIndex(i) for i in range(table.getNumRows())]
    return {
        "columns": list(table.getColumnLabels()),
        "times": list(table.getIndependentColumn()),
        "degrees": table.getTableMetaDataString("inDegrees"),
        "stored": opensim.Storage(path).getSize(),  # how OpenSim's window and tools read it
        "values": [list(row.to_numpy()) for row in rows],
    }


def main() -> None:
    path = sys.argv[1]
    print("JSON" + json.dumps((markers if path.endswith(".trc") else angles)(path)))


if __name__ == "__main__":
    main()
