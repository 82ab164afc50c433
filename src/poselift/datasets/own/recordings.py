"""Which files of a folder are a recording: found by their names, as `dataset.toml` spells them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import final

from poselift.datasets.own.description import Description
from poselift.errors import PoseliftError, quoted

#: More files of a data set than anyone has; a pattern of stars alone would run for ever.
_MOST = 200_000


@final
@dataclass(frozen=True)
class Recording:
    """One take of one person.

    subject, action  from the names of its files; the action is the file's name where that is all.
    poses            the 3D file; `camera` the one that it belongs to, "" for all of them.
    keypoints        2D files by camera, "" where names do not say it.
    calibration      file of its cameras, None without.
    share            from where to where frames are taken, in parts of 1.
    """

    subject: str
    action: str
    poses: Path
    camera: str
    keypoints: Mapping[str, Path]
    calibration: Path | None
    share: tuple[float, float] = (0.0, 1.0)

    def keypoints_of(self, camera: str) -> Path | None:
        """Return the 2D file of a camera, however its name is spelled; None if there is none."""
        same = (path for name, path in self.keypoints.items() if plain(name) == plain(camera))
        return next(same, self.keypoints.get(""))


def plain(camera: str) -> str:
    """A camera's name without what people vary: `cam_01` and `Cam01` are one."""
    return "".join(letter for letter in camera.lower() if letter.isalnum())


def recordings_of(what: Description, split: str) -> tuple[Recording, ...]:
    """Return the recordings of a split, by subject, action and camera.

    Raises `PoseliftError` if the data set has no such split, or no file of one of its subjects.
    """
    if split not in what.splits:
        raise PoseliftError(
            f"{what.name} has no split {split!r}, only {', '.join(what.splits)}: name its subjects "
            f"under [splits] in {what.file}"
        )
    wanted = what.splits[split]
    found: dict[str, list[Recording]] = {entry.text: [] for entry in wanted}
    there: dict[str, list[str]] = {}
    for path, said in _matching(what.folder, what.poses):
        subject, action = said["subject"], said.get("action", "")
        there.setdefault(subject, []).append(f"{subject}/{action}")
        for entry in wanted:
            if entry.subject == subject and entry.action in ("", action):
                found[entry.text].append(replace(_recording(what, path, said), share=entry.share))
    for text, own in found.items():
        if not own:
            names = there.get(text.split("/")[0], list(there))
            only = f", only of {', '.join(names)}" if names else _example(what)
            raise PoseliftError(
                f"{what.file}: {quoted(text)} of split {split} has no file that is named "
                f"{what.poses}{only}"[:400]
            )
    each = {(one.poses, one.share): one for own in found.values() for one in own}
    return tuple(sorted(each.values(), key=lambda r: (r.subject, r.action, r.camera, r.share)))


def _example(what: Description) -> str:
    """Name a file that is there, one with the suffix that is looked for if there is one."""
    suffix = Path(what.poses).suffix.lower()
    files = [path for path in islice(what.folder.rglob("*"), 2000) if path.is_file()]
    files = [path for path in files if path.name != what.file.name]
    alike = [path for path in files if path.suffix.lower() == suffix] or files
    if not alike:
        return ": there is no other file in the folder"
    return f", there is for example {min(alike).relative_to(what.folder).as_posix()}"


def _recording(what: Description, path: Path, said: Mapping[str, str]) -> Recording:
    """Put together what belongs to a 3D file."""
    keypoints: dict[str, Path] = {}
    if what.keypoints is not None:
        for other, names in _matching(what.folder, _filled(what.keypoints, said)):
            if other.suffix == path.suffix and not what.keypoints.endswith(path.suffix):
                continue  # a 3D file whose name is like those of the 2D
            camera = names.get("camera", said.get("camera", ""))
            keypoints[camera] = other
        if not keypoints:
            raise PoseliftError(
                f"{path}: no 2D file that is named {_filled(what.keypoints, said)} in {what.folder}"
            )
    calibration = None
    if what.calibration is not None:
        calibration = what.folder / _filled(what.calibration, said)
    return Recording(
        said["subject"],
        said.get("action") or path.name.split(".")[0],
        path,
        said.get("camera", ""),
        keypoints,
        calibration,
    )


def _filled(pattern: str, said: Mapping[str, str]) -> str:
    """Put what is known in the place of its braces."""
    for name, text in said.items():
        pattern = pattern.replace(f"{{{name}}}", text)
    return pattern


def _matching(folder: Path, pattern: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield the files and folders that have a name like the pattern, and what stands in its braces.

    A brace takes as few letters as it can, none of them a slash; one that repeats says the same.
    """
    parts, seen = [], set()
    for index, piece in enumerate(re.split(r"\{(\w+)\}", pattern)):
        if index % 2 == 0:
            parts.append(re.escape(piece))
        elif piece in seen:
            parts.append(f"(?P={piece})")
        else:
            seen.add(piece)
            parts.append(f"(?P<{piece}>[^/]+?)")
    shape = re.compile("".join(parts))
    stars = re.sub(r"\{\w+\}", "*", re.sub(r"([\[\]*?])", r"[\1]", pattern))
    for count, path in enumerate(sorted(folder.glob(stars))):
        if count > _MOST:
            raise PoseliftError(f"{folder}: more than {_MOST} files are named {pattern}")
        match = shape.fullmatch(path.relative_to(folder).as_posix())
        if match is not None:
            yield path, match.groupdict()
