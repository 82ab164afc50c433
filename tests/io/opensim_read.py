"""Run by a Python that has OpenSim: read a TRC file, print what OpenSim finds in it as JSON."""

from __future__ import annotations

import json
import sys

import opensim


def main() -> None:
    table = opensim.TimeSeriesTableVec3(sys.argv[1])
    rows = range(table.getNumRows())
    points = [[list(cell.to_numpy()) for cell in _cells(table.getRowAtIndex(i))] for i in rows]
    found = {
        "markers": list(table.getColumnLabels()),
        "times": list(table.getIndependentColumn()),
        "units": table.getTableMetaDataString("Units"),
        "rate": float(table.getTableMetaDataString("DataRate")),
        "points": points,  # NaN is written as NaN, which Python reads
    }
    print("JSON" + json.dumps(found))


def _cells(row: opensim.RowVectorVec3) -> list:
    return [row[j] for j in range(row.size())]


if __name__ == "__main__":
    main()
