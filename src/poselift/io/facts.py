"""What every written file says of itself, inside where its format has a place, else beside it.

The file beside `jump.trc` and `jump.bvh` is `jump.poselift.json`:

    {"format": "poselift-sidecar", "version": 1, "software": "poselift ...", "model": "gln",
     "weights_sha256": "...", "skeleton": "h36m_17", "joint_names": [...], "fps": 30.0,
     "image_size": [1920, 1080],
     "people": [{"person_id": 0, "history_2d": [...], "history_3d": [...]}],
     "files": [{"name": "jump.trc", "person_ids": [0], "units": "m",
                "axes": {"name": "y-up", "x": "right", "y": "up", "z": "backward",
                         "handed": "right"},
                "notes": ["person 0: is not in 3 of 90 frames"]}]}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from poselift.errors import PoseliftError
from poselift.io import rows
from poselift.io.axes import AXES, Axes, axes_of, describe
from poselift.io.fields import read_fps, read_index, read_list, read_object, read_size
from poselift.io.jsonfile import content
from poselift.poses import PoseSequence, Results

SIDECAR = "poselift-sidecar"
VERSION = 1

#: Of the file that says what its neighbours of the same name have no place for.
SUFFIX = ".poselift.json"


def facts(results: Results) -> dict[str, Any]:
    """Say how `results` were made, whatever file they go into.

    Raises `PoseliftError` if there is no person, or if they cannot stand in one file.
    """
    rows.check_common([solid for _, solid in results.people])
    return {
        **results.meta,
        **_common(results.people[0].poses_3d),
        "people": [
            {
                "person_id": solid.person_id,
                "history_2d": list(flat.history),
                "history_3d": list(solid.history),
            }
            for flat, solid in results.people
        ],
    }


def facts_2d(people: Sequence[PoseSequence]) -> dict[str, Any]:
    """Say how 2D sequences were made; raises as `facts`."""
    rows.check_common(people)
    each = [{"person_id": one.person_id, "history_2d": list(one.history)} for one in people]
    return {**_common(people[0]), "people": each}


def _common(first: PoseSequence) -> dict[str, Any]:
    return {
        "skeleton": first.skeleton.name,
        "joint_names": list(first.skeleton.joints),
        "fps": first.fps,
        "image_size": None if first.image_size is None else list(first.image_size),
    }


def about_file(
    name: str,
    what: Results | Sequence[PoseSequence],
    axes: Axes | None,
    notes: Sequence[str],
    units: str | None = None,
) -> dict[str, Any]:
    """Say what the numbers of a file mean.

    axes   None are those that the poses are in.
    units  of numbers that are no coordinates and so have no axes; None for coordinates.
    """
    if isinstance(what, Results):
        people = [one.poses_3d for one in what.people]
        own, said = "m", describe(axes or axes_of(people[0]))
    else:
        people = list(what)
        own, said = "px", {"name": "image", "x": "right", "y": "down"}
    ids = [one.person_id for one in people]
    return {
        "name": name,
        "person_ids": ids,
        "units": units or own,
        "axes": said if units is None else None,
        "notes": list(notes),
    }


def sidecar(said: dict[str, Any], files: Sequence[dict[str, Any]]) -> bytes:
    """Return the content of the file that stands beside others: `facts`, and of each file."""
    head = {"format": SIDECAR, "version": VERSION}
    return rows.dump({**head, **said, "files": files}) + b"\n"


@dataclass(frozen=True)
class Beside:
    """What the file beside another one says of it.

    place      that file.
    axes       of the 3D poses; None of keypoints.
    ids        numbers of the persons in it.
    fps        frames a second, None if the source did not say.
    image_size (width, height) in pixels, or None.
    histories  of each person in 2D and in 3D.
    meta       the rest: model, weights hash, software, ...
    """

    place: Path
    axes: Axes | None
    ids: tuple[int, ...]
    fps: float | None
    image_size: tuple[int, int] | None
    histories: dict[int, tuple[tuple[str, ...], tuple[str, ...]]]
    meta: dict[str, Any]


#: What a file says besides `Results.meta`.
_OWN = frozenset(
    ("format", "version", "files", "skeleton", "joint_names", "fps", "image_size", "people")
)


def beside(path: Path) -> Beside | None:
    """Return what stands beside a file of ours, None if nothing does or it is not about this file.

    Raises `PoseliftError` if it is damaged.
    """
    parts = path.name.split(".")
    for end in range(len(parts) - 1, 0, -1):  # jump.person00.trc: jump.person00, then jump
        place = path.with_name(".".join(parts[:end]) + SUFFIX)
        if place.is_file():
            break
    else:
        return None
    where = str(place)
    try:
        said = read_object(msgspec.json.decode(content(place)), where)
        if said.get("format") != SIDECAR:
            return None
        listed = [read_object(one, where) for one in read_list(said.get("files"), "files", where)]
        about = next((one for one in listed if one.get("name") == path.name), None)
        if about is None:
            return None
        axes = read_object(about.get("axes"), where).get("name")
        ids = read_list(about.get("person_ids"), "person_ids", where)
        histories = {
            read_index(one.get("person_id"), "person_id", where): (
                tuple(map(str, one.get("history_2d") or ())),
                tuple(map(str, one.get("history_3d") or ())),
            )
            for one in (read_object(one, where) for one in said.get("people") or ())
        }
        return Beside(
            place,
            next((one for one in AXES if one == axes), None),
            tuple(read_index(one, "person_id", where) for one in ids),
            read_fps(said.get("fps"), where),
            read_size(said.get("image_size"), where),
            histories,
            {key: value for key, value in said.items() if key not in _OWN},
        )
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError, RecursionError) as error:
        raise PoseliftError(
            f"{where}: is damaged ({str(error)[:150]}), and would say how {path.name} is to be read"
        ) from None
