"""One self-contained HTML page that plays results: data, style and script inlined, no network."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from poselift.errors import PoseliftError
from poselift.poses import PoseSequence, Results
from poselift.viewer import facts
from poselift.viewer.bundle import bundle, resource
from poselift.viewer.clip import Angles, Shown, clip_data, timeline
from poselift.viewer.film import PLAYED, open_film


def render_html(
    results: Results,
    title: str,
    *,
    video: Path | None = None,
    angles: Sequence[Angles | None] | None = None,
    folder: Path | None = None,
) -> bytes:
    """Make a page that plays `results` in any browser, in UTF-8.

    video   what was filmed; its time 0 is time 0 of the poses. Up to `EMBED_LIMIT` bytes it is put
            into the page, else the page plays it from where it lies. A kind that browsers do not
            play is left out, which the page says.
    angles  for each person degrees by name (`left_knee_flexion`), (T,) as the 3D poses, or None.
    folder  where the page will lie; without it, a video that is not embedded lies beside it.

    3D positions are stored to 1 mm (up to 32 m from the root), 2D ones to 0.1 px (images wider
    than 4368 px: a 43,000th of the width; keypoints further out than that allows are moved to
    the limit), angles to 0.1 degrees. Frames without a person are kept as empty frames, time
    stamps exactly. People without any 2D are shown in 3D alone.
    Raises `PoseliftError` if there is no frame to show, the video cannot be read or angles do not
    fit.
    """
    people = [
        Shown(poses_2d if poses_2d.visible.any() else None, poses_3d)
        for poses_2d, poses_3d in results.people
        if len(poses_3d)
    ]
    if angles is not None:
        if len(angles) != len(results.people):
            raise PoseliftError(
                f"expected angles of {len(results.people)} people, got {len(angles)}"
            )
        angles = [one for one, person in zip(angles, results.people, strict=True) if len(person[1])]
    return _page(people, results.meta, title, (video, folder), angles)


def render_keypoints_html(
    people: Sequence[PoseSequence],
    title: str,
    *,
    video: Path | None = None,
    folder: Path | None = None,
) -> bytes:
    """Make a page that plays 2D sequences (pixels), as `render_html` does with results."""
    shown = [Shown(one, None) for one in people if len(one)]
    return _page(shown, {}, title, (video, folder), None)


def _page(
    people: list[Shown],
    meta: dict[str, Any],
    title: str,
    video: tuple[Path | None, Path | None],
    angles: Sequence[Angles | None] | None,
) -> bytes:
    """Fill the page."""
    if not people:
        raise PoseliftError("expected at least one frame with a person to show, got none")
    path, folder = video
    film = None if path is None else open_film(path, folder)
    line = timeline(people)
    clip = clip_data(people, line, angles)
    clip |= {
        "summary": facts.summary(people, line),
        "facts": facts.facts(meta, people),
        "besides": facts.besides(meta, people, line),
        "histories": facts.histories(people),
        "notes": facts.notes(people, line, room=bool(clip["scene"] and clip["scene"]["room"])),
        "video": film and {"type": film.kind, "link": film.link},
    }
    if path is not None and film is None:
        clip["notes"].append(f"The video {path.name} is not shown: browsers play {PLAYED}.")
    # a video inside of the page is played from memory, one beside it from where the page comes from
    media = "" if film is None else "media-src blob:" if film.data else "media-src 'self'"
    data = base64.b64encode(film.data).decode("ascii") if film else ""
    return fill("page", title, clip, allowed=media, video=data)


def fill(name: str, title: str, clip: dict[str, Any], *, allowed: str, video: str = "") -> bytes:
    """Fill the page `name` with a title, a data block and the script of that name, in UTF-8.

    allowed  what the policy allows besides this very script and style, and pictures inside of the
             page: nothing, or one directive.
    """
    script, style = bundle(name), resource("page.css")
    parts = {
        "title": html.escape(title),
        "policy": (
            f"default-src 'none'; script-src '{digest(script)}'; style-src '{digest(style)}'; "
            f"img-src data:; {allowed + '; ' if allowed else ''}base-uri 'none'; "
            "form-action 'none'"
        ),
        "style": style,
        "script": script,
        # "<" never occurs in the block, so neither "</script" nor "<!--" can end or confuse it
        "clip": json.dumps(clip, allow_nan=False).replace("<", "\\u003c"),
        "video": video,
    }
    # one pass, so that a title that looks like a placeholder stays a title
    page = re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], resource(f"{name}.html"))
    return page.encode("utf-8", errors="replace")


def digest(text: str) -> str:
    """What a policy calls a script or style by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
