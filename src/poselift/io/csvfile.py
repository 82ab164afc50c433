"""Tables of poses as CSV: `.csv` has a row a joint, `.wide.csv` a row for each frame of a person.

`pandas.read_csv("jump.csv")` needs nothing else. Names of columns say unit and direction, so there
is no line of comments:

| column | content |
| --- | --- |
| frame | 0-based frame number of the source |
| time_s | seconds from the start of the source |
| person | number of the person |
| joint | (long) name of the joint |
| x_right_m, y_down_m, z_forward_m | metres relative to the root joint, in the camera's axes |
| x_px, y_px | pixels, x right, y down |
| score | confidence of the 2D joint as the source gave it |
| root_x_right_m, ... | metres, place of the root joint, if it is known; the same for all joints |
| root_std_x_right_m, ... | metres, its standard deviation |
| left_contact, right_contact | 1 while that foot stands, if it is known |

In y-up axes the columns are x_right_m, y_up_m, z_backward_m; in z-up x_right_m, y_forward_m,
z_up_m.
Wide tables put the joint first: left_knee_x_right_m. What is missing is empty. Rows are sorted by
frame, then person. Keypoints without 3D have the same columns less those of metres.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from poselift.io import rows, textrows
from poselift.io.arrays import Sink
from poselift.io.axes import DIRECTIONS, Axes, axes_of, turned
from poselift.io.tracks import track_columns
from poselift.poses import PoseSequence, Results

#: Columns that say which row this is, those of a joint in the picture, and those of the feet.
WHO = ("frame", "time_s", "person")
PIXELS = ("x_px", "y_px", "score")
FEET = ("left_contact", "right_contact")

#: Frames whose text is held at a time.
_FRAMES = 1024


def metres(axes: Axes, before: str = "") -> list[str]:
    """Return the names of the three columns of a point in metres, as `x_right_m`."""
    return [f"{before}{x}_{way}_m" for x, way in zip("xyz", DIRECTIONS[axes], strict=True)]


def write_csv(results: Results, stream: Sink, axes: Axes | None, *, wide: bool) -> None:
    """Write 3D results; `axes` None keeps those that the poses are in.

    Raises `PoseliftError` if the persons cannot stand in one file.
    """
    solid = [one.poses_3d for one in results.people]
    rows.check_common(solid)
    flat = [one.poses_2d.to_skeleton(one.poses_3d.skeleton) for one in results.people]
    axes = axes or axes_of(solid[0])
    values = [
        np.concatenate([turned(above.positions, axes_of(above), axes), below.positions], axis=2)
        for above, below in zip(solid, flat, strict=True)
    ]
    tracks, extra = _tracks(solid, axes)
    names = [*metres(axes), *PIXELS]
    _write(stream, flat, values, names, tracks, extra, wide=wide)


def write_csv_2d(people: Sequence[PoseSequence], stream: Sink, *, wide: bool) -> None:
    """Write 2D sequences; raises `PoseliftError` if the persons cannot stand in one file."""
    rows.check_common(people)
    values = [one.positions for one in people]
    none: list[np.ndarray] = [np.empty((len(one), 0), np.float32) for one in people]
    _write(stream, people, values, list(PIXELS), [], none, wide=wide)


def _tracks(people: Sequence[PoseSequence], axes: Axes) -> tuple[list[str], list[np.ndarray]]:
    """Return the names of the C columns that are said once a frame, and (T, C) by person."""
    found = track_columns(people, axes)
    names: list[str] = []
    parts: list[list[np.ndarray]] = [[np.empty((len(one), 0), np.float32)] for one in people]
    for track, columns in (
        ("root", metres(axes, "root_")),
        ("root_std", metres(axes, "root_std_")),
        ("contacts", list(FEET)),
    ):
        if track in found:
            names += columns
            for part, values in zip(parts, found[track], strict=True):
                part.append(values)
    return names, [np.concatenate(part, axis=1) for part in parts]


def _cell(name: str) -> str:
    """Return the name of a joint, which a file may have given, as a cell.

    Commas and quotes are quoted, and no spreadsheet takes it for a formula.
    """
    name = f"'{name}" if name.startswith(("=", "+", "-", "@")) else name
    return '"' + name.replace('"', '""') + '"' if set(name) & set(',"') else name


def _write(
    stream: Sink,
    people: Sequence[PoseSequence],
    values: list[np.ndarray],
    names: list[str],
    tracks: list[str],
    extra: list[np.ndarray],
    *,
    wide: bool,
) -> None:
    """Write rows sorted by frame and person.

    values, names   (T, J, C) by person, and what the columns are called, scores being the last.
    extra, tracks   (T, C) by person of what is said once a frame, and its names.
    """
    table = rows.flatten(people)
    joints = people[0].skeleton.joints
    scores = np.concatenate([one.scores for one in people])[..., None]
    body = np.concatenate([np.concatenate(values), scores], axis=2)[table.order]
    beside = np.concatenate(extra)[table.order]
    if wide:
        head = [*WHO, *(_cell(f"{joint}_{name}") for joint in joints for name in names), *tracks]
    else:
        head = [*WHO, "joint", *names, *tracks]
    stream.write(",".join(head).encode() + b"\n")
    labels = [_cell(joint).encode() for joint in joints]
    seconds = table.time_s.round(9)
    for block in textrows.blocks(len(body), _FRAMES):
        keys = [
            b"%d,%s,%d," % key
            for key in zip(
                table.frame[block].tolist(),
                textrows.lines(seconds[block, None]),
                table.person_id[block].tolist(),
                strict=True,
            )
        ]
        count = len(keys)
        if wide:
            flat = np.concatenate([body[block].reshape(count, -1), beside[block]], axis=1)
            text = [key + row for key, row in zip(keys, textrows.lines(flat), strict=True)]
        else:
            each = np.repeat(beside[block, None], len(joints), axis=1)
            long = np.concatenate([body[block], each], axis=2)
            numbers = iter(textrows.lines(long.reshape(count * len(joints), -1)))
            text = [key + label + b"," + next(numbers) for key in keys for label in labels]
        stream.write(b"\n".join(text) + b"\n")
