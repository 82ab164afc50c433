"""What every written file says of itself, inside where its format has a place, else beside it.

The file beside `jump.trc` is `jump.poselift.json`:

    {"format": "poselift-sidecar", "version": 1, "files": ["jump.trc"], "software": "poselift ...",
     "model": "gln", "weights_sha256": "...", "units": "m",
     "axes": {"name": "y-up", "x": "right", "y": "up", "z": "backward", "handed": "right"},
     "skeleton": "h36m_17", "joint_names": [...], "fps": 30.0, "image_size": [1920, 1080],
     "people": [{"person_id": 0, "history_2d": [...], "history_3d": [...]}], "notes": [...]}
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from poselift.io import rows
from poselift.io.axes import Axes, describe
from poselift.poses import Results

SIDECAR = "poselift-sidecar"
VERSION = 1


def facts(results: Results, axes: Axes, *, units: str = "m") -> dict[str, Any]:
    """Say how `results` were made and what the numbers of a file mean that is in `axes`.

    Raises `PoseliftError` if there is no person, or if they cannot stand in one file.
    """
    rows.check_common([solid for _, solid in results.people])
    first = results.people[0].poses_3d
    return {
        **results.meta,
        "units": units,
        "axes": describe(axes),
        "skeleton": first.skeleton.name,
        "joint_names": list(first.skeleton.joints),
        "fps": first.fps,
        "image_size": None if first.image_size is None else list(first.image_size),
        "people": [
            {
                "person_id": solid.person_id,
                "history_2d": list(flat.history),
                "history_3d": list(solid.history),
            }
            for flat, solid in results.people
        ],
    }


def sidecar(said: dict[str, Any], files: Sequence[Path], notes: Sequence[str]) -> bytes:
    """Return the content of the file that stands beside `files`."""
    names = [path.name for path in files]
    head = {"format": SIDECAR, "version": VERSION, "files": names}
    return rows.dump({**head, **said, "notes": list(notes)}) + b"\n"


def sidecar_path(path: Path) -> Path:
    """Return where the facts about `path` stand: `jump.trc` has `jump.poselift.json`."""
    return path.with_suffix(".poselift.json")
