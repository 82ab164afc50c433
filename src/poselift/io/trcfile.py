"""TRC, OpenSim's file of markers: metres, one person, a row for each frame.

| column | content |
| --- | --- |
| Frame# | frame number of the source, from 1 |
| Time | seconds from the start of the source |
| X1 Y1 Z1 ... | the joints in metres, NaN where missing; names stand above each three columns |
"""

from __future__ import annotations

import numpy as np

from poselift.errors import escaped
from poselift.io import textrows
from poselift.io.arrays import Sink
from poselift.io.axes import Axes
from poselift.io.timeline import timeline
from poselift.poses import PoseSequence

_FIELDS = (
    "DataRate",
    "CameraRate",
    "NumFrames",
    "NumMarkers",
    "Units",
    "OrigDataRate",
    "OrigDataStartFrame",
    "OrigNumFrames",
)


def write_trc(sequence: PoseSequence, stream: Sink, axes: Axes, name: str) -> tuple[str, ...]:
    """Write a 3D sequence as TRC; return what had to be decided (see `timeline`).

    Missing joints are the word NaN: of a row that ends in empty fields OpenSim loses the last.
    """
    line = timeline(sequence, axes)
    joints = sequence.skeleton.joints
    count, rate = len(line), f"{line.fps:.10g}"
    values = (rate, rate, count, len(joints), "m", rate, line.first + 1, count)
    numbers = range(1, len(joints) + 1)
    head = (
        ("PathFileType", "4", "(X/Y/Z)", escaped(name)),
        _FIELDS,
        tuple(map(str, values)),
        ("Frame#", "Time", *(f"{joint}\t\t" for joint in joints)),
        ("", "", *(f"{axis}{number}" for number in numbers for axis in "XYZ")),
    )
    stream.write("".join("\t".join(words) + "\n" for words in head).encode())
    table = line.positions.astype(np.float32).reshape(count, -1)
    for rows in textrows.blocks(count):
        text = textrows.lines(table[rows], b"\t", b"NaN")
        seconds = textrows.lines(line.times[rows, None].round(9))
        first = line.first + 1 + rows.start
        written = [
            b"%d\t%s\t%s\n" % row
            for row in zip(range(first, first + len(text)), seconds, text, strict=True)
        ]
        stream.write(b"".join(written))
    return line.notes
