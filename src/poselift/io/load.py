"""Files of keypoints and of poses: as they are, as detections, or one sequence for each person."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from poselift.errors import PATH, PoseliftError
from poselift.files import told
from poselift.io.jointsets import decide_order, resolve
from poselift.io.jsonfile import without_collector
from poselift.io.mend import mend
from poselift.io.native import detections_of
from poselift.io.registry import Format, ReadOptions, find_format
from poselift.poses import Detections, Person, PoseSequence, Results
from poselift.skeletons import Skeleton
from poselift.tracking import people_of


def load(
    path: str | os.PathLike[str],
    *,
    format: str = "auto",
    skeleton: str | Skeleton | None = None,
    image_size: tuple[int, int] | None = None,
    fps: float | None = None,
    normalised: bool = False,
) -> Detections | Results:
    """Read a file or folder of any known format: detections of 2D keypoints, or 3D results.

    format      a name of `format_names()`; "auto" recognises it.
    skeleton    joint set by name, where the file leaves it open.
    image_size  (width, height) in pixels; wins over the file's.
    fps         frames a second; wins over the file's, and then time stamps are frames / fps.
    normalised  whether the coordinates are 0..1 of the picture, whose size is then needed.

    Raises `PoseliftError`, in one sentence, for whatever cannot be read, and for an option that
    3D results do not need.
    """
    options = ReadOptions(resolve(skeleton), image_size, fps, normalised)
    path, entry, found = _read(path, format, options)
    if isinstance(found, Detections):
        return _with_options(found, path, entry, options)
    given = {"skeleton": skeleton, "image_size": image_size, "fps": fps}
    for option, value in {**given, "normalised": normalised or None}.items():
        if value is not None:
            flag = "--size" if option == "image_size" else f"--{option}"
            raise PoseliftError(
                f"{path}: holds 3D results, which need no {option} ({flag}), leave it out"
            )
    step = f"read: {told(path)}"
    people = tuple(
        Person(flat, replace(solid, history=(*solid.history, step))) for flat, solid in found.people
    )
    return Results(people, found.meta)


def read_detections(
    path: str | os.PathLike[str],
    *,
    format: str = "auto",
    skeleton: str | Skeleton | None = None,
    image_size: tuple[int, int] | None = None,
    fps: float | None = None,
    normalised: bool = False,
) -> Detections:
    """Read 2D keypoints of any known format; of a result file its 2D poses.

    Arguments as in `load`. Raises `PoseliftError`, in one sentence, for whatever cannot be read.
    """
    options = ReadOptions(resolve(skeleton), image_size, fps, normalised)
    path, entry, found = _read(path, format, options)
    if isinstance(found, Results):
        if not any(one.poses_2d.visible.any() for one in found.people):
            raise PoseliftError(
                f"{path}: holds 3D poses ({entry.name}) and no 2D keypoints, which are needed"
            )
        found = detections_of(found, str(path), options.skeleton)
    return _with_options(found, path, entry, options)


def _read(
    source: str | os.PathLike[str], format: str, options: ReadOptions
) -> tuple[Path, Format, Detections | Results]:
    """Read a path in the format that it is in, or that is named; refuse options of other types."""
    if not isinstance(source, PATH):
        raise PoseliftError(
            f"expected the path of a file to read, got {type(source).__name__} (Lifter.lift takes "
            "arrays)"
        )
    size, fps = np.asarray(options.image_size or (1, 1)), options.fps
    if size.shape != (2,) or size.dtype.kind not in "fiu":
        raise PoseliftError(
            f"expected image_size as (width, height) in pixels, got {options.image_size!r}"
        )
    if fps is not None and not (isinstance(fps, int | float) and np.isfinite(fps) and fps > 0):
        raise PoseliftError(f"expected fps as a number above 0, got {fps!r}")
    path = Path(source)
    entry = find_format(path, format)
    assert entry.read is not None  # only such formats are found
    with without_collector():
        return path, entry, entry.read(path, options)


def _with_options(found: Detections, path: Path, entry: Format, options: ReadOptions) -> Detections:
    """Let the user's image size and frame rate win over the file's, and note what was read."""
    image_size, fps = options.image_size, options.fps
    ours = entry.write_2d is not None
    given = found.image_size
    found = mend(found, normalised=options.normalised, size=image_size, ours=ours)
    found = _doubted(found, options.skeleton, ours=ours)
    notes = [f"read: {told(path)} ({entry.name}, {found.skeleton.name})", *found.notes]
    if image_size is not None and given not in (None, tuple(image_size)):
        notes.append(f"image size: {given} in the file, taken as {image_size}")
    times, rate = found.times, found.fps
    if times is not None and not ours:
        rate = _regular_rate(found.frames, times)
        if rate is None:
            notes.append("fps: none, the time stamps are irregular")
    if fps is not None and rate is not None and fps != rate:
        notes.append(f"fps: {rate:g} in the file, taken as {fps:g}")
    if fps is not None and fps != rate:
        times = None
    return replace(
        found,
        image_size=given if image_size is None else (image_size[0], image_size[1]),
        fps=rate if fps is None else float(fps),
        times=times,
        notes=tuple(notes),
    )


def _doubted(found: Detections, chosen: Skeleton | None, *, ours: bool) -> Detections:
    """Warn of a joint set of the user's choice that bodies contradict."""
    if ours or chosen is None or found.skeleton != chosen:
        return found
    likely, doubt = decide_order(found.keypoints, chosen)
    if doubt is not None or likely == chosen:
        return found
    words = f"joints taken as {chosen.name}, though the poses look like {likely.name} (--skeleton)"
    return replace(found, notes=(*found.notes, f"warning: {found.source}: {words}"))


def _regular_rate(frames: Int[np.ndarray, " N"], times: Float[np.ndarray, " N"]) -> float | None:
    """Return frames a second of time stamps, None if they are irregular by more than a tenth."""
    steps, seconds = np.diff(frames), np.diff(times)
    steps, seconds = steps[steps > 0], seconds[steps > 0]
    if not len(steps) or (seconds <= 0).any():
        return None
    one = seconds / steps
    if np.abs(one - np.median(one)).max() > 0.1 * np.median(one):
        return None
    rate = float(steps.sum() / seconds.sum())
    return float(round(rate)) if abs(rate - round(rate)) < 1e-3 * rate else round(rate, 3)


def load_people(
    path: str | os.PathLike[str],
    *,
    format: str = "auto",
    skeleton: str | Skeleton | None = None,
    image_size: tuple[int, int] | None = None,
    fps: float | None = None,
    normalised: bool = False,
) -> tuple[PoseSequence, ...]:
    """Read all persons of a file or folder, followed over time, the most prominent first.

    Prominence is the area a person takes up in the picture times the share of visible joints,
    summed over frames. Persons keep the numbers the source gives them; where it gives none they
    are linked over time (see `link`). The joints are the source's own. Arguments as in `load`. A
    file of 3D poses gives its 3D sequences, in the order of the file.

    Raises `PoseliftError`, in one sentence, for whatever cannot be read.
    """
    found = load(
        path,
        format=format,
        skeleton=skeleton,
        image_size=image_size,
        fps=fps,
        normalised=normalised,
    )
    if isinstance(found, Detections):
        return people_of(found)
    people = tuple(one.poses_3d for one in found.people)
    if not people:
        raise PoseliftError(f"{path}: no person in any frame")
    return people


def load_poses(
    path: str | os.PathLike[str],
    *,
    format: str = "auto",
    skeleton: str | Skeleton | None = None,
    image_size: tuple[int, int] | None = None,
    fps: float | None = None,
    normalised: bool = False,
    person: int | None = None,
) -> PoseSequence:
    """Read one person: the most prominent one, or the one with the number `person`.

    Everything else as `load_people`. Raises `PoseliftError` that lists the persons if there is
    none of that number.
    """
    people = load_people(
        path,
        format=format,
        skeleton=skeleton,
        image_size=image_size,
        fps=fps,
        normalised=normalised,
    )
    if person is None:
        return people[0]
    for one in people:
        if one.person_id == person:
            return one
    ids = ", ".join(str(one.person_id) for one in people)
    raise PoseliftError(f"{path}: no person {person}, expected one of {ids}")
