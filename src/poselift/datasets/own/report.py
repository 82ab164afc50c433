"""What `poselift data check` says of a folder: what was found in it, and what is wrong with it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import final

import numpy as np

from poselift.datasets.lifting_data import LiftingData
from poselift.datasets.own.cameras import Eye, eyes_of, fitting_axes, in_world
from poselift.datasets.own.description import Description, read_description
from poselift.datasets.own.detections import match
from poselift.datasets.own.loading import Seen, kinds_of, look
from poselift.datasets.own.motion import read_track
from poselift.datasets.own.recordings import Recording, recordings_of
from poselift.datasets.own.sides import knees_forward
from poselift.errors import PoseliftError

#: 2D farther from the projected 3D than so much of the person's size does not belong to it.
_FAR = 0.15

#: Degrees from upright that people rarely lean for half of a recording.
_LYING = 60

#: Recordings that are listed one by one.
_LISTED = 12

#: Suffixes of 3D files, for a first draft of a description.
_SOLID = (".trc", ".c3d", ".bvh", ".npz", ".npy")


@final
@dataclass(frozen=True)
class Checked:
    """What was found: `lines` that explain it, `problems` to be mended, a sentence each."""

    lines: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass
class _Found:
    """What is known while the recordings go by."""

    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    derived: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    rates: set[float | None] = field(default_factory=set)
    listed: int = 0


def check_folder(folder: Path, say: Callable[[str], None]) -> Checked:
    """Read everything that a folder's description names.

    Raises `PoseliftError` for a description that cannot be read; what is wrong with the files comes
    back as problems.
    """
    what = read_description(folder)
    kinds = kinds_of(what)
    found = _Found()
    rows = []
    for split in what.splits:
        try:
            recordings = recordings_of(what, split)
        except PoseliftError as error:
            found.problems.append(str(error))
            continue
        counts: Counter[str] = Counter()
        for number, one in enumerate(recordings, start=1):
            say(f"{what.name} {split}: {number} of {len(recordings)} recordings ...")
            counts += _check_recording(what, one, kinds[0], found)
        subjects = sorted({one.subject for one in recordings})
        names = ", ".join(subjects[:6]) + (", ..." if len(subjects) > 6 else "")
        rows.append(
            f"  {split:5} {counts['poses']:7} poses of {_many(len(recordings), 'recording')} of "
            f"{_many(len(subjects), 'subject')} ({names})"
        )
        if not counts["poses"] and not found.problems:
            found.problems.append(f"{what.name}: no frame of split {split} can be used")
    if found.listed > _LISTED:
        found.lines.append(f"  ... and {found.listed - _LISTED} more")
    return Checked(
        (*_head(what, kinds, found), *rows, *found.lines, *_foot(what, found)),
        (*dict.fromkeys(found.problems),),
    )


def _head(what: Description, kinds: tuple[str, ...], found: _Found) -> list[str]:
    """Say what the description says."""
    skeleton = what.skeleton
    rates = ", ".join(
        "unknown" if one is None else f"{one:g}"
        for one in sorted(found.rates, key=lambda one: one or 0.0)
    )
    of_rates = f"; frames a second of the 3D: {rates}" if rates else ""
    unit = "as the files say" if what.metres is None else f"{what.metres:g} m a unit"
    every = "" if what.every == 1 else f", one frame of {what.every} taken"
    twoD = {"detected": "as given", "ground_truth": "projected from the 3D"}
    return [
        f"{what.name}: {what.file}",
        f"  skeleton {skeleton.name}, {len(skeleton)} joints, root "
        f"{skeleton.joints[skeleton.root]}: {', '.join(skeleton.joints)}",
        f"  units: {unit}{of_rates}{every}",
        f"  2D: {', or '.join(f'{kind} ({twoD[kind]})' for kind in kinds)}",
        *(f"  {words} ({_many(count, 'file')})" for words, count in found.derived.items()),
    ]


def _foot(what: Description, found: _Found) -> list[str]:
    """Say what can be done with it, and what was decided."""
    usable = []
    if {"train", "val"} <= what.splits.keys():
        usable.append("poselift train")
    if "test" in what.splits:
        usable.append("poselift eval")
    if len(what.splits) == 3:
        usable.append("poselift reproduce")
    lacking = [one for one in ("train", "val", "test") if one not in what.splits]
    ending = f"; for all of it {' and '.join(lacking)} would be needed" if lacking else ""
    notes = [f"  note: {words} ({_many(count, 'file')})" for words, count in found.notes.items()]
    if what.turn and np.linalg.det(in_world(np.eye(3), what.turn)) < 0:
        notes.append(
            "  note: warning: these axes mirror the 3D, its left becomes right: that is fine only "
            "where its files are left-handed (Unity, Unreal)"
        )
    return [*notes, f"  for {', '.join(usable) or 'nothing'}{ending}"]


def _check_recording(what: Description, one: Recording, kind: str, found: _Found) -> Counter[str]:
    """Look at a recording by all its cameras; return the number of poses."""
    counts: Counter[str] = Counter()
    views: list[str] = []
    try:
        for seen in look(what, one, kind):
            counts["poses"] += 0 if seen.data is None else len(seen.data)
            views.append(_view(what, seen, found))
            _check_sides(what, seen, found)
    except PoseliftError as error:
        found.problems.append(f"{error}{_advice(what, one, kind, str(error))}")
        return counts
    track = seen.track
    found.rates.add(track.rate)
    if track.derived:
        means = (
            f"{joint} = {'mean of ' * (len(of) > 1)}{', '.join(of)}"
            for joint, of in track.derived.items()
        )
        found.derived[f"3D, derived: {'; '.join(means)}"] += 1
    found.notes.update(track.notes)
    if not counts["poses"]:
        advice = _advice(what, one, kind, "not before the camera")
        lost = all("camera" in view or "picture" in view for view in views)
        if not advice and lost and what.calibration is not None:
            advice = ": are axes, and calibration_units, right?"
        found.problems.append(f"{one.poses}: no frame can be used ({'; '.join(views)}){advice}")
    found.listed += 1
    if found.listed <= _LISTED:
        name = one.poses.relative_to(what.folder).as_posix()
        rate = "" if track.rate is None else f" at {track.rate:g} fps"
        found.lines.append(f"  {name}: {len(track.frames)} frames{rate}; {'; '.join(views)}")
    return counts


def _view(what: Description, seen: Seen, found: _Found) -> str:
    """Say what a camera saw; note a 2D that is not where the 3D is."""
    name = seen.eye.name or "camera"
    count = 0 if seen.data is None else len(seen.data)
    words = [f"{name} {count} poses"]
    if seen.matched is not None:
        words.append(f"2D {seen.matched.skeleton} {seen.matched.how}")
        if seen.matched.derived:
            found.derived[f"2D {seen.matched.derived}"] += 1
    if np.isfinite(seen.off):
        words.append(f"{seen.off:.1f} px from the 3D")
    words += [f"{count} left out, {reason}" for reason, count in seen.left_out.items()]
    if seen.data is not None and _leaning(seen.data) > _LYING:
        found.notes[
            f"warning: the person lies or stands upside down in most pictures of {name}: are the "
            "axes right?"
        ] += 1
    if seen.eye.assumed:
        focal = f"{seen.eye.intrinsics[0]:g} px"
        found.notes[
            f"the focal length is not known and taken as {focal} (focal in {what.file})"
        ] += 1
    if seen.data is not None and np.isfinite(seen.off):
        flat = seen.data.keypoints
        size = np.median(np.linalg.norm(np.nanmax(flat, axis=1) - np.nanmin(flat, axis=1), axis=1))
        if seen.off > _FAR * size and not seen.exchanged:
            advice = _advice(what, seen.recording, "detected", "where the 3D is")
            found.problems.append(
                f"{seen.recording.poses}: the 2D of {name} lies {seen.off:.0f} px from the "
                f"projected 3D, of a person of {size:.0f} px: are both of the same time, and axes, "
                f"units and calibration right?{advice}"
            )
    return ", ".join(words)


def _check_sides(what: Description, seen: Seen, found: _Found) -> None:
    """Note left and right that are exchanged, in the names of either or by mirroring axes."""
    forward = None
    if seen.data is not None:
        forward = knees_forward(seen.data.poses.astype(np.float64), seen.data.skeleton)
    if forward is not None and forward < 0.5:
        found.problems.append(
            f"{seen.recording.poses}: {100 * (1 - forward):.0f} % of its bent knees point "
            "backwards: left and right are exchanged, by the names of its joints or by axes in "
            f"{what.file} that mirror"
        )
    elif seen.exchanged:
        found.problems.append(
            f"{seen.recording.poses}: the 2D of {seen.eye.name or 'the camera'} fits once left and "
            "right are exchanged: one of both calls the sides by the other's names"
        )


def _leaning(data: LiftingData) -> float:
    """Return by how many degrees a person leans in the picture (median), 0 if it is not known."""
    marks = data.skeleton.landmarks
    upper, lower = (
        [i for i, mark in enumerate(marks) if mark.endswith(parts)]
        for parts in (("shoulder", "nose", "head_top", "thorax"), ("knee", "ankle"))
    )
    if not upper or not lower:
        return 0.0
    flat = data.poses[..., :2]  # as seen: x right, y down
    down = flat[:, lower].mean(axis=1) - flat[:, upper].mean(axis=1)
    return float(np.median(np.degrees(np.arctan2(np.abs(down[:, 0]), down[:, 1]))))


def _advice(what: Description, one: Recording, kind: str, error: str) -> str:
    """Return other axes of the 3D that would bring it where the 2D is, in words; or nothing."""
    about = ("where the 3D is", "not before the camera", "not found in 2D")
    asked = any(words in error for words in about)
    if kind != "detected" or what.in_camera or what.virtual or not asked or what.keypoints is None:
        return ""
    plain = replace(what, turn=())
    try:
        track = read_track(one.poses, plain)
        for eye in eyes_of(plain, one, track):
            axes = _axes(plain, one, eye)
            if axes is not None:
                return (
                    f"; with axes = [{', '.join(f'{a!r}' for a in axes[0])}] in {what.file} it "
                    f"would be {axes[1]:.0f} px away"
                )
    except PoseliftError:
        pass
    return ""


def _axes(what: Description, one: Recording, eye: Eye) -> tuple[tuple[str, str, str], float] | None:
    """Return the axes that fit one camera's 2D, if they do."""
    path = one.keypoints_of(eye.name)
    if path is None or eye.project is None:
        return None
    track = read_track(one.poses, what)
    given = match(path, what, track, eye.size, None).keypoints
    rows = np.linspace(0, len(given) - 1, min(len(given), 40)).astype(int)
    axes, off = fitting_axes(track.joints[rows], given[rows], eye.place, eye.project)
    shown = given[rows][np.isfinite(given[rows]).all(axis=2).any(axis=1)]
    with np.errstate(invalid="ignore"):
        size = np.linalg.norm(np.nanmax(shown, axis=1) - np.nanmin(shown, axis=1), axis=1)
    return (axes, off) if len(shown) and off < _FAR * float(np.median(size)) else None


def draft(folder: Path) -> str:
    """Return a first `dataset.toml` for the files of a folder; what it cannot know is a guess."""
    files = sorted(path for path in folder.rglob("*") if _solid_suffix(path) is not None)
    places = [path.relative_to(folder).parts for path in files[:2000]]
    suffix = Counter(_solid_suffix(path) for path in files).most_common(1)
    ending = (suffix[0][0] if suffix else None) or ".trc"
    own = [place for place in places if place[-1].endswith(ending)]
    if own and all(len(place) > 1 for place in own):
        pattern, subjects = f"{{subject}}/{{action}}{ending}", [place[0] for place in own]
        if all(place[-1].startswith(f"{place[0]}_") for place in own):
            pattern = f"{{subject}}/{{subject}}_{{action}}{ending}"
    elif own and all("_" in place[-1] for place in own):
        pattern = f"{{subject}}_{{action}}{ending}"
        subjects = [place[-1].split("_")[0] for place in own]
    else:
        pattern, subjects = f"{{subject}}{ending}", [place[-1][: -len(ending)] for place in own]
    known = list(dict.fromkeys(subjects))
    parts = {"train": known[:-2] or known, "val": known[-2:-1], "test": known[-1:]}
    if len(known) < 3:
        parts = {"train": known[:1], "val": known[1:], "test": []}
    if len(known) == 1:  # parts of its frames
        shares = {"train": "0-70", "val": "70-85", "test": "85-100"}
        parts = {name: [f"{known[0]}@{share}"] for name, share in shares.items()}
    calibrations = sorted(
        path.relative_to(folder).as_posix()
        for suffix in (".toml", ".json", ".yml", ".yaml")
        for path in folder.rglob(f"*calib*{suffix}")
    )
    units = [] if ending in (".trc", ".c3d") else ['units = "mm"    # of the 3D: m, cm, mm, in']
    if not files:
        units.append(f"# there is no 3D file here that ends in one of {', '.join(_SOLID)}")
    cameras = (
        f'calibration = "{calibrations[0]}"\n'
        'axes = ["x", "y", "z"]    # of the 3D files that are x, y, z of the cameras\' world'
        if calibrations
        else (
            'cameras = "virtual"    # put around each recording; or calibration = "FILE", or '
            'axes = "camera"'
        )
    )
    return "\n".join(
        [
            'skeleton = "h36m_17"    # or a table [skeleton] with joints and parents',
            f'poses = "{pattern}"',
            *units,
            cameras,
            "",
            "[splits]",
            *(f"{name} = [{_listed(one)}]" for name, one in parts.items()),
            *["overlap = true    # one person alone: parts of the frames"] * (len(known) == 1),
            "",
        ]
    )


def _solid_suffix(path: Path) -> str | None:
    """Return the suffix of a 3D file as it is spelled, `.bvh.gz` among them; None for others."""
    found = re.search(r"\.[^.]+(\.gz)?$", path.name, re.IGNORECASE)
    plain = found[0].lower().removesuffix(".gz") if found else ""
    return found[0] if found and plain in _SOLID else None


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'s' * (count != 1)}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
