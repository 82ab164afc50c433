"""What is done with the persons of a clip, the same for one file and for a million of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from poselift.lifting.core import Advance
from poselift.lifting.lifter import Lifter
from poselift.motion import Lens, Options, refine
from poselift.poses import PoseSequence, Results

#: Frame rate taken where the source says nothing and the user neither.
DEFAULT_FPS = 30.0


def with_rate(people: tuple[PoseSequence, ...]) -> tuple[tuple[PoseSequence, ...], bool]:
    """Give persons of unknown frame rate the default one; also return whether."""
    if any(one.timed for one in people):
        return people, False  # known, or irregular time stamps that are true as they are
    step = f"fps: not known, taken as {DEFAULT_FPS:g}"
    return tuple(
        replace(one, fps=DEFAULT_FPS, times=one.frames / DEFAULT_FPS, history=(*one.history, step))
        for one in people
    ), True


def rate_doubt(people: Iterable[PoseSequence]) -> str | None:
    """Return what to warn of where `with_rate` took the default; one picture has no rate."""
    if all(len(one) < 2 for one in people):
        return None
    return f"the frame rate is not known, taking {DEFAULT_FPS:g} fps (give --fps)"


def focal_of(lifter: Lifter, lens: Lens, size: tuple[int, int] | None) -> float | None:
    """Return the focal length in pixels that a lifter is given, None if it is not known.

    size  (width, height) of the pictures. Raises `PoseliftError` as `Lens.camera` does.
    """
    if lens.fov is None and lens.calibration is None:
        return lens.focal
    camera = lens.camera(size)
    # other normalisations make no use of it; only a focal length itself is then refused
    return sum(camera.focal) / 2 if lifter.card.normalisation == "person" else None


def lift_clip(
    lifter: Lifter,
    people: tuple[PoseSequence, ...],
    options: Options,
    facts: dict[str, Any],
    progress: Advance | None = None,
    ready: Sequence[Float[np.ndarray, "_ J 3"]] | None = None,
) -> Results:
    """Lift all persons of a clip and take the steps of `options`.

    facts     go into the results' meta.
    progress, ready  as in `Lifter.lift_people`.

    Raises `PoseliftError` as `Lifter.lift_people` and `refine` do.
    """
    focal = focal_of(lifter, options.lens, people[0].image_size)
    results = lifter.lift_people(people, focal=focal, progress=progress, ready=ready)
    return refine(replace(results, meta={**results.meta, **facts}), options)
