"""The page's "about": what is known of the result, in words."""

from __future__ import annotations

import json
from typing import Any

from poselift.poses import AXES_2D, AXES_WORLD
from poselift.viewer.clip import Shown, Timeline, short_name

#: What is said first, and by which name.
_FIRST = {
    "model": "Model",
    "precision": "Precision",
    "flip": "Mirrored pose",
    "threads": "Threads",
    "backend": "Runtime",
}
_AXES_CAMERA = (
    "In the axes of the camera x points right, y down and z forward, away from the camera."
)
_AXES_WORLD = "In the axes of the room x points right, y up and z backward"


def summary(people: list[Shown], line: Timeline) -> str:
    """One line under the title: people, frames, rate, joints."""
    persons = "1 person" if len(people) == 1 else f"{len(people)} people"
    count = "1 frame" if len(line.frames) == 1 else f"{len(line.frames):,} frames"
    speed = f"{line.rate:.6g} frames/s" if line.rate else "irregular time stamps"
    if not line.known:
        speed = "frame rate unknown"
    return f"{persons} · {count} · {speed} · {people[0].any.skeleton.name}"


def facts(meta: dict[str, Any], people: list[Shown]) -> list[list[str]]:
    """Names and values that matter most: model, precision, units, axes."""
    one = people[0]
    known: dict[str, Any] = {name: meta.get(key) for key, name in _FIRST.items()}
    if one.solid is not None:
        known["Units"] = "metres in 3D, pixels in 2D" if one.flat is not None else "metres"
        known["Axes"] = one.solid.axes
        root = one.solid.root is not None
        known["Root"] = "its path is known" if root else "at the origin in every frame"
    else:
        known["Units"], known["Axes"] = "pixels", AXES_2D
    return [[name, _words(value)] for name, value in known.items() if value is not None]


def besides(meta: dict[str, Any], people: list[Shown], line: Timeline) -> list[list[str]]:
    """Names and values of all else that is known."""
    one = people[0].any
    size, flat = one.image_size, people[0].flat
    known: dict[str, Any] = {
        "Joints": f"{one.skeleton.name}, {len(one.skeleton)}",
        "Image": f"{size[0]} × {size[1]} px"
        if size
        else "size unknown"
        if flat is not None
        else None,
        "Frames": f"{line.frames[0]} to {line.frames[-1]} in files, where the first is 0",
    }
    said = {*_FIRST, "units", "axes"}
    rest = {_name(str(key)): value for key, value in meta.items() if key not in said}
    return [[name, _words(v)] for name, v in (rest | known).items() if v is not None]


def histories(people: list[Shown]) -> list[dict[str, Any]]:
    """Steps that made the poses, oldest first; people who share them together."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for place, one in enumerate(people):
        if one.any.history:
            name = short_name(one.any.person_id, place)
            groups.setdefault(one.any.history, []).append(name)
    return [
        {"who": f"Person {', '.join(who)}" if len(groups) > 1 else "", "steps": list(steps)}
        for steps, who in groups.items()
    ]


def notes(people: list[Shown], line: Timeline, *, room: bool) -> list[str]:
    """What a reader must know to read the pictures right."""
    solid = people[0].solid
    out = ["“Left” and “right” are the person's own."]
    if solid is not None:
        filmed = ", to the filming side." if people[0].flat is not None else "."
        out.append(_AXES_WORLD + filmed if solid.axes == AXES_WORLD else _AXES_CAMERA)
        if room and solid.axes == AXES_WORLD:
            out.append("People stand where they were in the room, on its floor (0.5 m squares).")
        elif room:
            out.append(
                "People stand where they were in front of the camera. The floor (0.5 m squares) is "
                "a help for the eye: level with the camera, at the clip's lowest foot."
            )
        else:
            out.append(
                "The floor (0.5 m squares) is a help for the eye: level with the camera, at the "
                "person's lowest foot in each frame. Steps across the room and the height of a "
                "jump are not in root-relative data; a person filmed from a tilted camera leans."
            )
        if len(people) > 1 and not room:
            out.append(
                "Everyone has a stage of their own: where people are relative to each other is not "
                "known from root-relative data."
            )
    if len(people) > 1:
        out.append("Head and trunk have the person's colour.")
    if any(s is not None and "contacts" in s.tracks for one in people for s in (one.solid,)):
        out.append("A disc under a foot says that it stands; dots are where feet stood.")
    if not line.known and len(line.frames) > 1:
        out.append("The frame rate of this clip is unknown; it plays at 30 frames a second.")
    return out


def _name(key: str) -> str:
    """A key for people to read."""
    words = key.replace("_", " ")
    return words[:1].upper() + words[1:]


def _words(value: Any) -> str:
    """A value for people to read."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, default=str)
