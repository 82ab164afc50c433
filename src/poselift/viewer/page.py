"""One self-contained HTML page that plays results: data, style and script inlined, no network."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from importlib.resources import files
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from poselift.errors import PoseliftError
from poselift.poses import Person, PoseSequence, Results
from poselift.skeletons import Skeleton

#: Stored value of a missing coordinate, and the largest one that is not missing.
_MISSING, _LARGEST = -32768, 32767
#: Playback rate where the source does not say one, frames a second.
_ASSUMED_FPS = 30.0
#: Frame numbers spread wider than this are not filled in one by one.
_LONGEST = 1_000_000


def render_html(results: Results, title: str) -> bytes:
    """Make a page that plays `results` in any browser, in UTF-8.

    3D positions are stored to 1 mm (up to 32 m from the root), 2D ones to 0.1 px (images wider
    than 4368 px: a 43,000th of the width; keypoints further out than that allows are moved to
    the limit). Frames without a person are kept as empty frames, time stamps exactly.
    Raises `PoseliftError` if there is no frame to show.
    """
    people = [pair for pair in results.people if len(pair[0]) or len(pair[1])]
    if not people:
        raise PoseliftError("expected at least one frame with a person to show, got none")
    script = "(() => {\n" + '"use strict";\n'
    script += "".join(_resource(name) for name in ("clip.js", "draw.js", "page.js")) + "})();\n"
    style = _resource("page.css")
    # "<" never occurs in the block, so neither "</script" nor "<!--" can end or confuse it
    clip = json.dumps(_clip(people, results.meta), allow_nan=False).replace("<", "\\u003c")
    parts = {
        "title": html.escape(title),
        "policy": _policy(script, style),
        "style": style,
        "script": script,
        "clip": clip,
    }
    # one pass, so that a title that looks like a placeholder stays a title
    page = re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _resource("page.html"))
    return page.encode("utf-8", errors="replace")


def _resource(name: str) -> str:
    return files("poselift.viewer").joinpath(name).read_text(encoding="utf-8")


def _policy(script: str, style: str) -> str:
    """Content-Security-Policy: nothing but this very script and style, no connection at all."""

    def digest(text: str) -> str:
        return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    return (
        f"default-src 'none'; script-src '{digest(script)}'; style-src '{digest(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _clip(people: list[Person], meta: dict[str, Any]) -> dict[str, object]:
    """Everything the script needs, as JSON values."""
    sequences = [sequence for pair in people for sequence in pair]
    frames, times, tail, rate_known = _timeline(sequences)
    size = next((s.image_size for s in sequences if s.image_size), None)
    box = _frame_box([flat for flat, _ in people], size)
    rate = next((s.fps for s in sequences if s.fps), None)
    centre = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]
    step = max(0.1, 0.75 * max(box[2] - box[0], box[3] - box[1]) / _LARGEST)
    return {
        "frames": _base64(frames.astype("<f8")),
        "times": _base64(times.astype("<f8")),
        "tail": tail,
        "rate_known": rate_known,
        "frame_box": box,
        "image_label": f"{size[0]} × {size[1]} px" if size else "image size unknown",
        "summary": _summary(people, frames, rate, rate_known),
        "facts": _facts(meta, people),
        "people": [
            {
                "name": f"Person {_short_name(solid.person_id, place)}",
                "short": _short_name(solid.person_id, place),
                "across": _across(flat),
                "flat": _track(flat, frames, step, centre),
                "solid": _track(solid, frames, 0.001, [0.0, 0.0, 0.0]),
            }
            for place, (flat, solid) in enumerate(people)
        ],
    }


def _across(flat: PoseSequence) -> float:
    """Where in the image (px from the left) a person mostly is, 0 if never seen."""
    x = flat.positions[..., 0]
    x = x[~np.isnan(x)]
    return float(np.median(x)) if len(x) else 0.0


def _short_name(person_id: int, place: int) -> str:
    return str(person_id) if person_id >= 0 else f"#{place + 1}"


def _timeline(
    sequences: list[PoseSequence],
) -> tuple[Int[np.ndarray, " T"], Float[np.ndarray, " T"], float, bool]:
    """Frame numbers and time stamps (s) of the whole clip, how long the last frame lasts, rate.

    Frame numbers in which nobody was seen are filled in, their times interpolated (beyond
    `_LONGEST` frames only the first of each gap). The last value is False where no sequence
    knows its rate: then 30 frames a second are assumed.
    """
    frames, first = np.unique(np.concatenate([s.frames for s in sequences]), return_index=True)
    times = np.concatenate([s.times for s in sequences])[first]
    rate = next((s.fps for s in sequences if s.fps), None)
    # without a rate PoseSequence counts one second a frame; real time stamps differ from that
    known = rate is not None or not np.array_equal(times, frames)
    if not known:
        rate, times = _ASSUMED_FPS, times / _ASSUMED_FPS
    if frames[-1] - frames[0] < _LONGEST:
        every = np.arange(frames[0], frames[-1] + 1)
    else:
        gaps = frames[:-1][np.diff(frames) > 1] + 1
        every = np.union1d(frames, gaps)
    filled = np.interp(every, frames, times)
    usual = float(np.median(np.diff(filled))) if len(filled) > 1 else 0.0
    return every, filled, (1.0 / rate if rate else usual), known


def _frame_box(flats: list[PoseSequence], size: tuple[int, int] | None) -> list[float]:
    """Left, top, right, bottom of the 2D panel in px: the image, or the extent of the data."""
    if size is not None:
        return [0.0, 0.0, float(size[0]), float(size[1])]
    points = np.concatenate([s.positions.reshape(-1, s.dims) for s in flats])
    points = points[~np.isnan(points[:, 0])]
    if not len(points):
        return [0.0, 0.0, 1.0, 1.0]
    low, high = points.min(axis=0).astype(float), points.max(axis=0).astype(float)
    margin = max(0.05 * float((high - low).max()), 1.0)
    return [*(low - margin).tolist(), *(high + margin).tolist()]


def _track(
    sequence: PoseSequence, frames: Int[np.ndarray, " T"], step: float, origin: list[float]
) -> dict[str, object]:
    """One sequence as JSON: int16 coordinates in units of `step` from `origin`, base64."""
    missing = np.isnan(sequence.positions)
    units = np.round((np.nan_to_num(sequence.positions).astype(np.float64) - origin) / step)
    values = np.where(missing, _MISSING, np.clip(units, -_LARGEST, _LARGEST))
    sides = bone_sides(sequence.skeleton)
    feet = ("ankle", "toe", "heel", "foot")
    return {
        "values": _base64(values.astype("<i2")),
        "rows": _base64(np.searchsorted(frames, sequence.frames).astype("<i4")),
        "step": step,
        "origin": origin,
        "sides": sides,
        "bones": [[p, c, sides[c]] for p, c in sequence.skeleton.edges],
        "feet": [
            joint
            for joint, name in enumerate(sequence.skeleton.joints)
            if any(part in name for part in feet)
        ],
    }


def bone_sides(skeleton: Skeleton) -> list[str]:
    """Tell for each joint (and the bone that ends in it) "left", "right" or "middle"."""
    return [
        "left" if joint in skeleton.left else "right" if joint in skeleton.right else "middle"
        for joint in range(len(skeleton))
    ]


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def _summary(
    people: list[Person], frames: Int[np.ndarray, " T"], rate: float | None, rate_known: bool
) -> str:
    """One line under the title: people, frames, rate, joints."""
    persons = "1 person" if len(people) == 1 else f"{len(people)} people"
    count = "1 frame" if len(frames) == 1 else f"{len(frames):,} frames"
    speed = f"{rate:.6g} frames/s" if rate else "irregular time stamps"
    if not rate_known:
        speed = "frame rate unknown"
    return f"{persons} · {count} · {speed} · {people[0][1].skeleton.name}"


def _facts(meta: dict[str, Any], people: list[Person]) -> list[list[str]]:
    """The rest of what is known about the result, as pairs of text."""
    facts = {str(key).replace("_", " "): value for key, value in meta.items()}
    histories = dict.fromkeys(solid.history for _, solid in people if solid.history)
    for place, steps in enumerate(histories):
        facts["steps" if place == 0 else f"steps ({place + 1})"] = "; ".join(steps)
    return [
        [name, value if isinstance(value, str) else json.dumps(value, default=str)]
        for name, value in facts.items()
        if value is not None
    ]
