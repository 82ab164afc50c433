"""`dataset.toml` as it is typed: its keys, and which kind of value each has."""

from __future__ import annotations

import difflib
import re
import sys
from pathlib import Path
from typing import Any

import msgspec

from poselift.errors import PoseliftError, quoted

#: What msgspec says of types, and what it is called in TOML.
_WORDS = (("`", "'"), ("$.", ""), (" | null", ""), ("array", "list"), ("object", "table"))

#: Types as msgspec calls them, in words.
_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "str": "text in quotes",
    "array": "a list in [ ]",
    "object": "a table",
    "bool": "true or false",
    "date": "a date",
    "datetime": "a date",
    "time": "a time of day",
}
_WRONG = re.compile(r"Expected `([a-z |]+)`, got `([a-z]+)`(?: - at `\$\.(.+)`)?")

#: What others call a key.
_OTHER_WORDS = {
    "fps": "rate",
    "framerate": "rate",
    "frame_rate": "rate",
    "joint_set": "skeleton",
    "size": "image_size",
    "resolution": "image_size",
    "validation": "val",
    "valid": "val",
    "dev": "val",
}


class Splits(msgspec.Struct, forbid_unknown_fields=True):
    """The table `splits`."""

    train: list[str] = []
    val: list[str] = []
    test: list[str] = []
    overlap: bool = False


class Joints(msgspec.Struct, forbid_unknown_fields=True):
    """The table `skeleton`."""

    joints: list[str]
    parents: list[str] | dict[str, str]
    name: str = ""
    landmarks: dict[str, str] = {}


class Content(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file, as it is typed."""

    skeleton: str | Joints
    poses: str
    splits: Splits
    name: str = ""
    units: str | float | None = None
    rate: float | None = None
    every: int = 1
    axes: str | list[str] | None = None
    keypoints: str | None = None
    keypoints_skeleton: str | None = None
    keypoints_rate: float | None = None
    calibration: str | None = None
    calibration_units: str | float | None = None
    cameras: str | list[str] | None = None
    image_size: tuple[int, int] | None = None
    focal: float | None = None
    joints: dict[str, str | list[str]] = {}


def table_of(path: Path, data: bytes) -> dict[str, Any]:
    """Return the TOML as it stands, its keys checked."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        table = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise PoseliftError(f"{path}: is no TOML ({str(error).splitlines()[0][:200]})") from None
    places: list[tuple[str, Any, type]] = [("", table, Content)]
    places += [
        ("splits", table.get("splits"), Splits),
        ("skeleton", table.get("skeleton"), Joints),
    ]
    for place, inner, kind in places:
        if not isinstance(inner, dict):
            continue
        # msgspec gives it to its classes, which `type` does not say
        known = kind.__struct_fields__  # type: ignore[attr-defined]
        for key in inner:
            if key not in known:
                where = f" under [{place}]" if place else ""
                advice = _advice(key, known, place)
                raise PoseliftError(f"{path}: unknown key {quoted(key)}{where}, {advice}")
    return table


def _advice(key: str, known: tuple[str, ...], place: str) -> str:
    """Say what an unknown key may have been meant as."""
    top = Content.__struct_fields__
    if not place and key in Splits.__struct_fields__:
        return "it belongs under [splits]"
    if place and key in top:
        return f"it belongs to the lines above [{place}]"
    plain = key.lower()
    near = difflib.get_close_matches(plain, known, 1)
    near = [_OTHER_WORDS[plain]] if _OTHER_WORDS.get(plain) in known else near
    return f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"


def typed(path: Path, table: dict[str, Any]) -> Content:
    """Return the table as types; say what is missing before what is of another kind."""
    for key, example in (
        ("skeleton", 'skeleton = "h36m_17"'),
        ("poses", 'poses = "{subject}_{action}.trc"'),
        ("splits", 'train = ["anna"], val = ["ben"] and test = ["carl"] under [splits]'),
    ):
        if key not in table:
            raise PoseliftError(f"{path}: has no {key}, expected for example {example}")
    try:
        return msgspec.convert(table, Content)
    except msgspec.ValidationError as error:
        wrong = _WRONG.fullmatch(str(error))
        if wrong:
            types = [_TYPES.get(one, one) for one in wrong[1].split(" | ") if one != "null"]
            raise PoseliftError(
                f"{path}: expected {wrong[3] or 'a table'} as {' or '.join(types)}, got "
                f"{_TYPES.get(wrong[2], wrong[2])}"
            ) from None
        words = str(error)[:1].lower() + str(error)[1:]  # in the words of TOML
        for ours, theirs in _WORDS:
            words = words.replace(ours, theirs)
        raise PoseliftError(f"{path}: {words}") from None
