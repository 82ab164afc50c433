"""`dataset.toml`: what a folder of one's own recordings holds, read into types and checked.

skeleton = "h36m_17"                 # a known joint set, or a table of names and parents
units = "mm"                         # of the 3D, where its files do not say
poses = "{subject}_{action}.trc"     # 3D files
keypoints = "{subject}_{action}_{camera}.json"     # 2D files, if there are any
calibration = "calibration.toml"     # the cameras
axes = ["z", "x", "y"]               # x of the cameras' world is z of the 3D files, and so on

[splits]
train = ["anna", "ben"]
val = ["carl"]
test = ["dora"]
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations, product
from pathlib import Path
from typing import final

from poselift.datasets.own.content import Content, Splits, table_of, typed
from poselift.errors import PoseliftError, quoted
from poselift.io.jointsets import plain_name
from poselift.skeletons import Skeleton, define, get_skeleton, skeleton_names

#: Name of the file.
FILE = "dataset.toml"

SPLITS = ("train", "val", "test")

#: Metres in a unit of length.
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254}

#: What else units are called.
_UNIT_WORDS = {"metre": "m", "centimetre": "cm", "millimetre": "mm", "inch": "in", "inche": "in"}

#: What stands in braces in the names of files.
FIELDS = ("subject", "action", "camera")

#: Says that cameras are to be put around each recording, or that 3D is in a camera's space.
VIRTUAL, CAMERA = "virtual", "camera"

_ENTRY = re.compile(r"([^/@]+)(?:/([^@]+))?(?:@(\d{1,3})-(\d{1,3}))?")
_AXIS = re.compile(r"[+-]?[xyz]")


@final
@dataclass(frozen=True)
class Entry:
    """A word under [splits]: whose recordings, `action` "" for all, and which share of each."""

    text: str
    subject: str
    action: str
    share: tuple[float, float]

    def shares_frames(self, other: Entry) -> bool:
        """Tell whether both mean a frame that is the same."""
        same = self.subject == other.subject
        same = same and (self.action == other.action or not (self.action and other.action))
        return same and max(self.share[0], other.share[0]) < min(self.share[1], other.share[1])


@final
@dataclass(frozen=True)
class Description:
    """What a folder holds.

    folder       where the files are, `mark` a hash of `dataset.toml`.
    name         of the data set.
    skeleton     the joints that its poses come in.
    splits       whose recordings by the name of the split; in the order of `SPLITS`.
    overlap      whether splits share people on purpose.
    poses        names of the 3D files with `FIELDS` in braces; `keypoints` of the 2D files.
    metres       of a unit of the 3D, None where the files have to say it.
    rate         frames a second of the 3D where its files do not say; `keypoints_rate` of the 2D.
    every        each how manieth frame is taken.
    turn         for x, y and z of the cameras' world the axis of the 3D and its sign; empty: as the
                 files have them.
    in_camera    3D is in camera space (x right, y down, z forward) already.
    keypoints_skeleton  joint set of the 2D files where they leave it open.
    calibration  name of the file, which may have a subject or action in braces; `camera_metres` a
                 unit of the places in it.
    cameras      those to take, by name; None: all of them.
    virtual      cameras are put around each recording.
    image_size   (width, height), pixels, where no file says it; `focal` in pixels.
    joints       markers by the joint that they are the mean of.
    """

    folder: Path
    mark: str
    name: str
    skeleton: Skeleton
    splits: Mapping[str, tuple[Entry, ...]]
    overlap: bool
    poses: str
    metres: float | None
    rate: float | None
    every: int
    turn: tuple[tuple[int, float], ...]
    in_camera: bool
    keypoints: str | None
    keypoints_skeleton: Skeleton | None
    keypoints_rate: float | None
    calibration: str | None
    camera_metres: float
    cameras: tuple[str, ...] | None
    virtual: bool
    image_size: tuple[int, int] | None
    focal: float | None
    joints: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """Where all this stands."""
        return self.folder / FILE


def read_description(folder: Path) -> Description:
    """Read and check `dataset.toml` of a folder.

    Raises `PoseliftError`, in one sentence, if it is missing or no TOML, has an unknown key (naming
    the nearest known one), a value of another kind, no splits, subjects in two splits, an unknown
    skeleton or unit, or says where the cameras are in no way or in two.
    """
    path, data = folder / FILE, _read(folder)
    content = typed(path, table_of(path, data))
    skeleton = _skeleton(path, content)
    name = content.name or folder.resolve().name or "own"
    if not re.fullmatch(r"[\w .-]{1,60}", name):
        raise PoseliftError(
            f"{path}: expected name as up to 60 letters, digits, spaces, _ . -, got {quoted(name)}"
        )
    turn, in_camera = _axes(path, content.axes)
    files = _files(path, content)
    _check_rest(path, content, skeleton, in_camera)
    virtual = content.cameras == VIRTUAL
    listed = None if virtual or content.cameras is None else tuple(content.cameras)
    chosen = content.keypoints_skeleton
    return Description(
        folder=folder,
        mark=hashlib.sha256(data).hexdigest()[:8],
        name=name,
        skeleton=skeleton,
        splits=_splits(path, content.splits),
        overlap=content.splits.overlap,
        poses=files["poses"],
        metres=_metres(path, "units", content.units),
        rate=content.rate,
        every=content.every,
        turn=turn,
        in_camera=in_camera,
        keypoints=files.get("keypoints"),
        keypoints_skeleton=_known(path, "keypoints_skeleton", chosen) if chosen else None,
        keypoints_rate=content.keypoints_rate,
        calibration=files.get("calibration"),
        camera_metres=_metres(path, "calibration_units", content.calibration_units) or 1.0,
        cameras=listed,
        virtual=virtual,
        image_size=content.image_size,
        focal=content.focal,
        joints={
            plain_name(joint): (of,) if isinstance(of, str) else tuple(of)
            for joint, of in content.joints.items()
        },
    )


def _read(folder: Path) -> bytes:
    """Return the content of a folder's description."""
    path = folder / FILE
    if not folder.is_dir():
        words = (
            "is a file, expected the folder that it is in" if folder.exists() else "no such folder"
        )
        raise PoseliftError(f"{folder}: {words}")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise PoseliftError(
            f"{folder}: has no {FILE}, which says what its files are (docs/own-data.md; "
            f"`poselift data check {folder}` drafts one)"
        ) from None
    except OSError as error:
        raise PoseliftError(f"{path}: cannot be read ({error.strerror})") from None


def _skeleton(path: Path, content: Content) -> Skeleton:
    """Return the joint set that is named, or given by names and parents."""
    given = content.skeleton
    if isinstance(given, str):
        return _known(path, "skeleton", given)
    joints = [plain_name(name) for name in given.joints]
    if isinstance(given.parents, dict):
        pairs = {plain_name(joint): plain_name(of) for joint, of in given.parents.items()}
        for joint in pairs:
            if joint not in joints:
                raise PoseliftError(f"{path}, skeleton: {quoted(joint)} is not among its joints")
        parents = [pairs.get(joint) for joint in joints]
    else:
        if len(given.parents) != len(joints):
            raise PoseliftError(
                f"{path}, skeleton: expected a parent for each of {len(joints)} joints (the root's "
                f'is ""), got {len(given.parents)}'
            )
        parents = [plain_name(of) if of else None for of in given.parents]
    marks = {plain_name(joint): plain_name(mark) for joint, mark in given.landmarks.items()}
    name = given.name or re.sub(r"\W+", "_", content.name or path.parent.resolve().name) or "own"
    try:
        skeleton = define(name, joints, parents, marks)
        if not skeleton.left:
            raise PoseliftError(
                f"skeleton {name}: expected sides in the names of joints (left_knee, right_knee), "
                "as mirrored poses are lifted, too"
            )
        if skeleton.name in skeleton_names():
            raise PoseliftError(f"skeleton {name}: is the name of a known joint set, take another")
    except PoseliftError as error:
        raise PoseliftError(f"{path}: {error}") from None
    return skeleton


def _known(path: Path, key: str, name: str) -> Skeleton:
    try:
        return get_skeleton(name)
    except PoseliftError as error:
        advice = "" if key != "skeleton" else ", or a table [skeleton] with joints and parents"
        plain = re.sub(r"[\s-]+", "_", name.lower())
        near = difflib.get_close_matches(plain, skeleton_names(), 1)
        if near:
            raise PoseliftError(
                f"{path}, {key}: unknown skeleton {quoted(name)}, did you mean {near[0]}?"
            ) from None
        raise PoseliftError(f"{path}, {key}: {error}{advice}") from None


def _metres(path: Path, key: str, unit: str | float | None) -> float | None:
    """Return a unit of length in metres."""
    if unit is None:
        return None
    if isinstance(unit, str) and unit in UNITS:
        return UNITS[unit]
    if not isinstance(unit, str) and 0 < unit < float("inf"):
        return float(unit)
    word = str(unit).lower().replace("meter", "metre").removesuffix("s")
    meant = _UNIT_WORDS.get(word, word)
    raise PoseliftError(
        f"{path}: expected {key} as one of {', '.join(UNITS)}, or as metres in a unit, "
        f"got {quoted(unit)}{f', did you mean {meant}?' if meant in UNITS else ''}"
    )


def _axes(path: Path, axes: str | list[str] | None) -> tuple[tuple[tuple[int, float], ...], bool]:
    """Return which axes the cameras' x, y, z are, with signs; and whether 3D is a camera's."""
    if axes is None:
        return (), False
    if axes == CAMERA:
        return (), True
    words = [] if isinstance(axes, str) else axes
    good = len(words) == 3 and all(_AXIS.fullmatch(word) for word in words)
    if not good or {word[-1] for word in words} != set("xyz"):
        raise PoseliftError(
            f'{path}: expected axes = "camera", or three of x, y, z, as ["z", "x", "y"] (x of the '
            f"cameras' world is z of the 3D files), got {quoted(axes)}"
        )
    turn = tuple(("xyz".index(word[-1]), -1.0 if word[0] == "-" else 1.0) for word in words)
    return turn, False


def _splits(path: Path, splits: Splits) -> dict[str, tuple[Entry, ...]]:
    """Return the splits that there are; refuse those that share frames, or people unsaid."""
    found = {
        name: tuple(_entry(path, text) for text in dict.fromkeys(getattr(splits, name)))
        for name in SPLITS
        if getattr(splits, name)
    }
    if not found:
        raise PoseliftError(f"{path}: no subject under [splits], expected train, val or test")
    for (name, own), (other, others) in combinations(found.items(), 2):
        for one, two in product(own, others):
            if one.shares_frames(two):
                raise PoseliftError(
                    f"{path}: {quoted(one.text)} of {name} is also in {other}, and what a network "
                    "was trained on must not test it"
                )
            if one.subject == two.subject and not splits.overlap:
                raise PoseliftError(
                    f"{path}: subject {quoted(one.subject)} is in {name} and in {other}: errors "
                    "would be those of people that the network knows; if that is meant, write "
                    "overlap = true under [splits]"
                )
    return found


def _entry(path: Path, text: str) -> Entry:
    """Read whose recordings a word under [splits] means."""
    match = _ENTRY.fullmatch(text)
    if match is None or not 0 <= int(match[3] or 0) < int(match[4] or 100) <= 100:
        raise PoseliftError(
            f'{path}: expected subjects under [splits], as "anna", "anna/walk" or "anna@0-70" (per '
            f"cent of each recording's frames), got {quoted(text)}"
        )
    share = int(match[3] or 0) / 100, int(match[4] or 100) / 100
    return Entry(text, match[1], match[2] or "", share)


def _files(path: Path, content: Content) -> dict[str, str]:
    """Return the names of files that are given, by their keys, each checked."""
    given = {key: getattr(content, key) for key in ("poses", "keypoints", "calibration")}
    return {key: _pattern(path, key, text) for key, text in given.items() if text is not None}


def _pattern(path: Path, key: str, text: str) -> str:
    """Check the names of files; those with {} say whose they are."""
    fields = re.findall(r"\{([^{}]*)\}", text)
    for name in fields:
        if name not in FIELDS:
            near = difflib.get_close_matches(name, FIELDS, 1)
            advice = (
                f"did you mean {{{near[0]}}}?" if near else "expected subject, action or camera"
            )
            raise PoseliftError(f"{path}, {key}: unknown {{{name}}} in {quoted(text)}, {advice}")
    rest = re.sub(r"\{[^{}]*\}", "", text)
    odd = next((one for one in ("{", "}", "*", "\\", "//") if one in rest), "")
    if odd or text.startswith("./") or text != text.strip():
        raise PoseliftError(
            f"{path}, {key}: expected the name of a file below the folder, folders apart by one /, "
            "what differs in braces ({subject}, {action}, {camera}) and nothing around it, got "
            f"{quoted(text)}"
        )
    if key == "calibration" and "camera" in fields:
        raise PoseliftError(
            f"{path}, calibration: expected one file with all cameras of a recording, "
            f"{{subject}} or {{action}} in its name at most, got {quoted(text)}"
        )
    if key == "poses" and "subject" not in fields:
        raise PoseliftError(
            f'{path}, poses: expected {{subject}} in the names of files, as "{{subject}}_{{action}}'
            f'.trc", got {quoted(text)}'
        )
    if not text or text.startswith("/") or ".." in Path(text).parts or Path(text).is_absolute():
        raise PoseliftError(f"{path}, {key}: expected a file below the folder, got {quoted(text)}")
    return text


def _check_once(path: Path, content: Content) -> None:
    """Refuse joints and cameras that are there twice, spelled in two ways."""
    cameras = [] if content.cameras == VIRTUAL else content.cameras or []
    for key, names, spelled in (
        ("joints", content.joints, plain_name),
        ("cameras", cameras, lambda name: "".join(filter(str.isalnum, name.lower()))),
    ):
        first: dict[str, str] = {}
        for name in names:
            if (plain := spelled(name)) in first:
                raise PoseliftError(
                    f"{path}, {key}: {quoted(first[plain])} and {quoted(name)} are one {key[:-1]}"
                )
            first[plain] = name


def _check_rest(path: Path, content: Content, skeleton: Skeleton, in_camera: bool) -> None:
    """Refuse numbers that mean nothing, and cameras that are said twice or not at all."""
    for key in ("rate", "keypoints_rate", "focal", "every"):
        value = getattr(content, key)
        if value is not None and not 0 < value < 1e6:
            raise PoseliftError(f"{path}: expected {key} above 0, got {value}")
    if content.image_size is not None and min(content.image_size) < 1:
        raise PoseliftError(f"{path}: expected image_size as [width, height], got 0 or less")
    if isinstance(content.cameras, str) and content.cameras != VIRTUAL:
        raise PoseliftError(
            f'{path}: expected cameras as a list of names, or "{VIRTUAL}", got '
            f"{quoted(content.cameras)}"
        )
    _check_once(path, content)
    for joint in content.joints:
        if plain_name(joint) not in skeleton.joints:
            raise PoseliftError(
                f"{path}, joints: {quoted(joint)} is no joint of {skeleton.name}, expected one of "
                f"{', '.join(skeleton.joints)}"
            )
        if not content.joints[joint]:
            raise PoseliftError(f"{path}, joints: expected a marker, or several, for {joint}")
    if content.cameras == []:
        raise PoseliftError(f"{path}: expected a camera under cameras; leave it out for all")
    for key in ("keypoints_skeleton", "keypoints_rate", "calibration_units"):
        of, _ = key.split("_")
        if getattr(content, key) is not None and getattr(content, of) is None:
            raise PoseliftError(f"{path}: {key} is about {of}, of which it says nothing")
    if content.calibration and content.focal:
        raise PoseliftError(f"{path}: calibration and focal do not go together")
    virtual = content.cameras == VIRTUAL
    lenses = ("calibration", "keypoints", "image_size", "focal")
    others = [key for key in lenses if getattr(content, key)] + [f"axes = {CAMERA!r}"] * in_camera
    if virtual and others:
        raise PoseliftError(f'{path}: cameras = "{VIRTUAL}" and {others[0]} do not go together')
    if content.calibration and content.axes is None:
        raise PoseliftError(
            f"{path}: says nothing of axes, expected which axes of the 3D files are x, y and z of "
            'the cameras\' world: axes = ["x", "y", "z"] where they are the same, ["z", "x", "y"] '
            f'for TRC and cameras of Pose2Sim, "{CAMERA}" for 3D in camera space'
        )
    if not (virtual or content.calibration or in_camera):
        raise PoseliftError(
            f"{path}: says nothing of the cameras, expected calibration = a file, "
            f'axes = "{CAMERA}" for 3D in camera space, or cameras = "{VIRTUAL}" to put some '
            "around each recording"
        )
