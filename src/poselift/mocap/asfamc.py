"""ASF/AMC (Acclaim, as the CMU database distributes it): a skeleton and its joint angles.

ASF gives each bone a direction, a length, a local axis system and its degrees of freedom; AMC
lists, frame by frame, the angles of each bone. Rotations act on column vectors:

    C = Rz(az) Ry(ay) Rx(ax)         M = Rz(rz) Ry(ry) Rx(rx)
    R = R_parent C M C^T             end = end_parent + length R direction
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from poselift.errors import PoseliftError
from poselift.geometry import about_axis
from poselift.mocap.chain import chain_rotations
from poselift.mocap.textfile import first_bad_number, read_text, to_floats

_ROOT_ORDER = ("tx", "ty", "tz", "rx", "ry", "rz")
_DOFS = ("rx", "ry", "rz")
_INCH = 0.0254


@dataclass(frozen=True, eq=False)
class AsfSkeleton:
    """A skeleton read from an ASF file; bone 0 is `root`, of no length.

    names       bones, parents before children.
    parents     index of the bone at whose end a bone starts, -1 for the root.
    directions  (B, 3) unit vectors at zero angles; zero for the root.
    lengths     (B,) in the file's unit.
    axes        (B, 3, 3) the rotations C.
    dofs        columns of the AMC line of each bone, among rx, ry, rz (root: also tx, ty, tz).
    metres      metres a length unit: lengths are inches times the scale of `:units`.
    degrees     whether angles are degrees (else radians) where the AMC does not say.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    directions: Float[np.ndarray, "B 3"]
    lengths: Float[np.ndarray, " B"]
    axes: Float[np.ndarray, "B 3 3"]
    dofs: tuple[tuple[str, ...], ...]
    metres: float
    degrees: bool
    source: str

    def index(self, bone: str) -> int:
        """Return the index of a bone; `PoseliftError` if there is none of that name."""
        try:
            return self.names.index(bone)
        except ValueError:
            raise PoseliftError(f"{self.source}: the skeleton has no bone {bone!r}") from None


@dataclass(frozen=True, eq=False)
class AmcMotion:
    """Angles of all bones: `translation` (T, 3) of the root in the skeleton's length unit,
    `angles` (T, B, 3) radians about x, y, z (0 where a bone lacks that degree of freedom).
    """

    skeleton: AsfSkeleton
    translation: Float[np.ndarray, "T 3"]
    angles: Float[np.ndarray, "T B 3"]

    def __len__(self) -> int:
        """Return the number of frames T."""
        return int(self.translation.shape[0])

    def __getitem__(self, frames: slice | np.ndarray) -> AmcMotion:
        """Return the motion of some frames (a slice or an index array)."""
        return AmcMotion(self.skeleton, self.translation[frames], self.angles[frames])

    def world(self) -> tuple[Float[np.ndarray, "T B 3"], Float[np.ndarray, "T B 3 3"]]:
        """Return the ends of all bones (metres, Y up) and their rotations.

        A bone starts at the end of its parent; the end of the root is its position.
        """
        bones = self.skeleton
        turn = _euler(self.angles)
        local = bones.axes @ turn @ bones.axes.transpose(0, 2, 1)
        rotations = chain_rotations(local, bones.parents)
        along = bones.lengths[:, None] * bones.directions
        vectors = (rotations @ along[..., None])[..., 0]
        ends = np.empty_like(vectors)
        for bone, parent in enumerate(bones.parents):
            start = self.translation if parent < 0 else ends[:, parent]
            ends[:, bone] = start + vectors[:, bone]
        return ends * bones.metres, rotations


def _euler(angles: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3 3"]:
    """Rz Ry Rx of angles about x, y, z (radians)."""
    x, y, z = (about_axis(axis, angles[..., i]) for i, axis in enumerate("xyz"))
    return z @ y @ x


@dataclass
class _Bone:
    """A bone as it is being read."""

    line: int
    name: str = ""
    direction: tuple[float, ...] | None = None
    length: float | None = None
    axis: tuple[float, ...] = (0.0, 0.0, 0.0)
    dofs: tuple[str, ...] = ()


@dataclass
class _Asf:
    """An ASF file as it is being read."""

    bones: list[_Bone]
    children: list[tuple[int, list[str]]]
    scale: float = 1.0
    degrees: bool = True
    root_order: tuple[str, ...] = _ROOT_ORDER


def read_asf(path: str | os.PathLike[str]) -> AsfSkeleton:
    """Read an ASF skeleton, plain or gzip-compressed.

    Comments, limits, masses and documentation are skipped. Raises `PoseliftError` naming file and
    line for a missing file, a bone without direction or length, degrees of freedom other than
    rx, ry, rz, an axis order other than XYZ, and a hierarchy that is broken.
    """
    name = Path(path)
    asf, section = _Asf([], []), ""
    for number, line in enumerate(read_text(name).splitlines(), start=1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        where = f"{name}, line {number}"
        if words[0].startswith(":"):
            section = words[0].lower()
        elif section == ":units":
            _read_unit(where, words, asf)
        elif section == ":root":
            _read_root_line(where, words, asf)
        elif section == ":bonedata" and words[0] == "begin":
            asf.bones.append(_Bone(number))
        elif section == ":bonedata":
            if not asf.bones:
                raise PoseliftError(f"{where}: expected 'begin' before {words[0]!r}")
            _read_bone_line(where, words, asf.bones[-1])
        elif section == ":hierarchy" and words[0] not in ("begin", "end"):
            asf.children.append((number, words))
    if not asf.bones:
        raise PoseliftError(f"{name}: expected an ASF skeleton, but it has no bones (:bonedata)")
    return _assemble(name, asf)


def _read_unit(where: str, words: list[str], asf: _Asf) -> None:
    """Take a line of `:units`."""
    if words[0] == "length":
        asf.scale = _numbers(where, words, 1)[0]
        if asf.scale <= 0:
            raise PoseliftError(f"{where}: expected a length scale above 0, got {asf.scale}")
    elif words[0] == "angle":
        if words[1:] not in (["deg"], ["rad"]):
            raise PoseliftError(f"{where}: expected angle deg or rad, got {' '.join(words[1:])!r}")
        asf.degrees = words[1] == "deg"


def _read_root_line(where: str, words: list[str], asf: _Asf) -> None:
    """Take a line of `:root`; a skeleton that does not rest at the origin is refused."""
    key = words[0].lower()
    if key == "order":
        asf.root_order = _read_dofs(where, words[1:], _ROOT_ORDER)
    elif key in ("position", "orientation") and any(_numbers(where, words, 3)):
        raise PoseliftError(f"{where}: expected a root {key} of 0 0 0, got {' '.join(words[1:])}")
    elif key == "axis" and "".join(words[1:]).upper() != "XYZ":
        raise PoseliftError(f"{where}: expected axis order XYZ, got {' '.join(words[1:])!r}")


def _read_bone_line(where: str, words: list[str], bone: _Bone) -> None:
    """Take a line of `:bonedata`; ids, limits and masses are of no use here."""
    if words[0] == "name":
        bone.name = " ".join(words[1:])
    elif words[0] == "direction":
        bone.direction = _numbers(where, words, 3)
    elif words[0] == "length":
        bone.length = _numbers(where, words, 1)[0]
    elif words[0] == "axis":
        bone.axis = _numbers(where, words[:4], 3)
        if "".join(words[4:]).upper() != "XYZ":
            raise PoseliftError(f"{where}: expected axis order XYZ, got {' '.join(words[4:])!r}")
    elif words[0] == "dof":
        bone.dofs = _read_dofs(where, words[1:], _DOFS)


def _read_dofs(where: str, words: list[str], known: tuple[str, ...]) -> tuple[str, ...]:
    dofs = tuple(word.lower() for word in words)
    for dof in dofs:
        if dof not in known:
            raise PoseliftError(
                f"{where}: unknown degree of freedom {dof!r}, expected {', '.join(known)}"
            )
    return dofs


def _numbers(where: str, words: list[str], count: int) -> tuple[float, ...]:
    """Return the `count` numbers after the keyword."""
    if len(words) != count + 1 or first_bad_number(words[1:]) is not None:
        raise PoseliftError(
            f"{where}: expected {count} number{'s' * (count > 1)} after {words[0]!r}, "
            f"got {' '.join(words[1:])[:60]!r}"
        )
    return tuple(float(word) for word in words[1:])


def _assemble(name: Path, asf: _Asf) -> AsfSkeleton:
    """Order bones by the hierarchy and check that all of them hang on the root."""
    known: dict[str, _Bone] = {"root": _Bone(0, "root", (0.0, 0.0, 0.0), 0.0)}
    known["root"].dofs = asf.root_order
    for bone in asf.bones:
        if not bone.name or bone.direction is None or bone.length is None:
            lacks = "name" if not bone.name else "direction" if not bone.direction else "length"
            raise PoseliftError(f"{name}, line {bone.line}: bone {bone.name!r} has no {lacks}")
        if bone.name in known:
            raise PoseliftError(f"{name}, line {bone.line}: bone {bone.name!r} occurs twice")
        known[bone.name] = bone
    names, parents = ["root"], [-1]
    for number, words in asf.children:
        for word in words:
            if word not in known:
                raise PoseliftError(f"{name}, line {number}: unknown bone {word!r}")
        if words[0] not in names:
            raise PoseliftError(f"{name}, line {number}: bone {words[0]!r} has no parent yet")
        for child in words[1:]:
            if child in names:
                raise PoseliftError(f"{name}, line {number}: bone {child!r} has two parents")
            names.append(child)
            parents.append(names.index(words[0]))
    loose = [bone for bone in known if bone not in names]
    if loose:
        raise PoseliftError(f"{name}: bone {loose[0]!r} does not occur in :hierarchy")
    bones = [known[bone] for bone in names]
    axes = np.array([bone.axis for bone in bones], dtype=np.float64)
    return AsfSkeleton(
        tuple(names),
        tuple(parents),
        np.array([bone.direction for bone in bones], dtype=np.float64),
        np.array([bone.length for bone in bones], dtype=np.float64),
        _euler(np.radians(axes) if asf.degrees else axes),
        tuple(bone.dofs for bone in bones),
        _INCH / asf.scale,
        asf.degrees,
        str(name),
    )


def read_amc(path: str | os.PathLike[str], skeleton: AsfSkeleton) -> AmcMotion:
    """Read an AMC motion of `skeleton`, plain or gzip-compressed.

    Bones without a line are at zero. Raises `PoseliftError` naming file, line and frame for an
    unknown bone, a wrong number of values, something that is no number, and frame numbers that do
    not count up.
    """
    name = Path(path)
    degrees = skeleton.degrees
    lines: list[str] = []
    skipped = 0
    text = read_text(name).splitlines()
    for index, line in enumerate(text):
        word = line.strip()
        if word and not word.startswith(("#", ":")):
            lines, skipped = text[index:], index
            break
        if word.upper() in (":DEGREES", ":RADIANS"):
            degrees = word.upper() == ":DEGREES"
    lines = [line.rstrip() for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise PoseliftError(f"{name}: expected an AMC motion, but it has no frames")
    # a frame is its number and some bones: of nothing but numbers gigabytes would be made
    size = 48 * len(skeleton.names) * sum(map(str.isdecimal, lines))
    if size > max(_LARGE, 16 * sum(map(len, lines))):
        raise PoseliftError(f"{name}: expected frames of bones, got hardly anything but frames")
    table = _read_regular(lines, skeleton)
    translation, angles = table or _read_line_by_line(name, lines, skipped, skeleton)
    return AmcMotion(skeleton, translation, np.radians(angles) if degrees else angles)


def _is_frame(word: str) -> bool:
    """Tell whether a word is a frame number."""
    return word.isdecimal() and len(word) < 16


#: Bytes of a table that are made of any text.
_LARGE = 1 << 25

_Table = tuple[Float[np.ndarray, "T 3"], Float[np.ndarray, "T B 3"]]


def _read_regular(lines: list[str], skeleton: AsfSkeleton) -> _Table | None:
    """Read a motion whose frames all list the same bones in the same order; None if it does not.

    A tenth of the time of `_read_line_by_line`, which is for everything else.
    """
    height = next((i for i, line in enumerate(lines[1:], 1) if line.isdecimal()), len(lines))
    count, rest = divmod(len(lines), height)
    first = int(lines[0]) if _is_frame(lines[0]) else -1
    if rest or lines[::height] != [str(i) for i in range(first, first + count)]:
        return None
    values = np.zeros((count, len(skeleton.names), 6))
    for row in range(1, height):
        bone = lines[row].split(maxsplit=1)[0] if lines[row] else ""
        words = " ".join(lines[row::height]).split()
        dofs = skeleton.dofs[skeleton.names.index(bone)] if bone in skeleton.names else ()
        width = len(dofs) + 1
        if not dofs or len(words) != count * width or words[::width] != [bone] * count:
            return None
        for column, dof in enumerate(dofs, start=1):
            try:
                numbers = to_floats(words[column::width])
            except ValueError:
                return None
            values[:, skeleton.names.index(bone), _ROOT_ORDER.index(dof)] = numbers
    return values[:, 0, :3], values[:, :, 3:]


def _read_line_by_line(name: Path, lines: list[str], skipped: int, skeleton: AsfSkeleton) -> _Table:
    """Read any AMC motion, and say what is wrong with one that cannot be read."""
    frames: list[np.ndarray] = []
    expected: int | None = None
    for number, line in enumerate(lines, start=skipped + 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        if len(words) == 1 and _is_frame(words[0]):
            if expected is not None and int(words[0]) != expected:
                raise PoseliftError(
                    f"{name}, line {number}: expected frame {expected}, got {words[0]}"
                )
            expected = int(words[0]) + 1
            frames.append(np.zeros((len(skeleton.names), 6)))
            continue
        if expected is None:
            raise PoseliftError(
                f"{name}, line {number}: expected a frame number, got {line.strip()[:40]!r}"
            )
        where = f"{name}, line {number} (frame {expected - 1})"
        if words[0] not in skeleton.names:
            raise PoseliftError(f"{where}: bone {words[0][:40]!r} is not in {skeleton.source}")
        bone = skeleton.names.index(words[0])
        dofs = skeleton.dofs[bone]
        if len(words) != len(dofs) + 1:
            raise PoseliftError(
                f"{where}: expected {len(dofs)} values for bone {words[0]!r}, got {len(words) - 1}"
            )
        bad = first_bad_number(words[1:])
        if bad is not None:
            raise PoseliftError(
                f"{where}: expected a number for bone {words[0]!r}, got {bad[:40]!r}"
            )
        for dof, word in zip(dofs, words[1:], strict=True):
            frames[-1][bone, _ROOT_ORDER.index(dof)] = float(word)
    values = np.stack(frames)
    return values[:, 0, :3], values[:, :, 3:]
