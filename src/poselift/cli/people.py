"""Persons of a source: whom to take, at which rate, and what was doubtful about them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from poselift.cli.saying import warn
from poselift.errors import PoseliftError

if TYPE_CHECKING:
    from poselift.poses import PoseSequence


def choose(people: Sequence[PoseSequence], person: str, source: Path) -> tuple[PoseSequence, ...]:
    """Select all persons, the most prominent one, the one with an id, or the one at a pixel.

    Raises `PoseliftError` that lists the persons if there is no such one.
    """
    if person == "all":
        return tuple(people)
    if person == "main":
        return tuple(people[:1])
    pixel = re.fullmatch(r"(\d+(?:\.\d+)?),(\d+(?:\.\d+)?)", person.replace(" ", ""))
    if pixel is not None:
        at = _at_pixel(people, float(pixel[1]), float(pixel[2]))
        if at is None:
            raise PoseliftError(f"{source}: nobody is at pixel {person} in any frame")
        return (at,)
    chosen = tuple(one for one in people if str(one.person_id) == person)
    if not chosen:
        ids = ", ".join(str(one.person_id) for one in people)
        raise PoseliftError(
            f"{source}: no person {person!r}, expected --person all, main, X,Y or one of {ids}"
        )
    return chosen


def _at_pixel(people: Sequence[PoseSequence], x: float, y: float) -> PoseSequence | None:
    """Return who is the first to have a pixel inside the box around the joints.

    Of several in one frame, the one whose joints are nearest.
    """
    import numpy as np

    best: tuple[int, float] | None = None
    found = None
    for one in people:
        seen = np.flatnonzero(one.visible.any(axis=1))
        points = one.positions[seen, :, :2]
        low, high = np.nanmin(points, axis=1), np.nanmax(points, axis=1)
        rows = np.flatnonzero(((low <= (x, y)) & (high >= (x, y))).all(axis=1))
        if len(rows):
            near = float(np.nanmin(np.hypot(*(points[rows[0]] - (x, y)).T)))
            rank = int(one.frames[seen[rows[0]]]), near
            if best is None or rank < best:
                best, found = rank, one
    return found


def refuse_video(source: Path, advice: str) -> None:
    """Refuse a video where poses are expected, and say what makes some of it."""
    from poselift.detection import is_video

    if is_video(source):
        raise PoseliftError(f"{source}: is a video, {advice}")


def say_warnings(histories: Iterable[Sequence[str]]) -> None:
    """Print what was doubtful when a source was read, each once, on stderr."""
    said = dict.fromkeys(
        step for steps in histories for step in steps if step.startswith("warning: ")
    )
    for step in said:
        warn(step.removeprefix("warning: "))


def say_linked(pages: Iterable[Path], video: Path | None) -> None:
    """Warn of pages that play a video from where it lies, since it is too large to be in them."""
    from poselift.viewer.film import EMBED_LIMIT, kind_of

    page = next((path for path in pages if path.suffix.lower() == ".html"), None)
    if page is None or video is None or not video.is_file() or kind_of(video) is None:
        return
    if video.stat().st_size > EMBED_LIMIT:
        warn(f"{page}: plays {video}, which is too large to be in it: pass on both, as they lie")


def say_untimed(people: Iterable[PoseSequence], outputs: Iterable[Path]) -> None:
    """Warn of tables whose column of seconds is made of frame numbers, the rate being unknown."""
    table = next((path for path in outputs if path.suffix.lower() in (".csv", ".parquet")), None)
    if table is not None and not any(one.timed for one in people):
        warn(f"{table}: the frame rate is not known, time_s are frame numbers (give --fps)")


def with_fps(people: tuple[PoseSequence, ...]) -> tuple[tuple[PoseSequence, ...], bool]:
    """Give persons of unknown frame rate the default one, saying so; also return whether."""
    from poselift.lifting.clip import rate_doubt, with_rate

    people, assumed = with_rate(people)
    if assumed and (doubt := rate_doubt(people)):
        warn(doubt)
    return people, assumed
