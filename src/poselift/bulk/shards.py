"""What is to be done: the shards of a folder, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

from poselift.bulk.stores import Found, Store, contains, open_file
from poselift.errors import PoseliftError, how_to_install, quoted
from poselift.files import VIDEOS
from poselift.io.parquetfile import joints_in

#: Suffixes of files of keypoints, and of lists of videos: a path or URL a line.
KEYPOINTS, LIST = ".parquet", ".txt"

#: Schemas that are read at a time: an object store answers slowly, but many at once.
_AT_ONCE = 16

#: Shards whose schemas are asked for before the first answers are looked at. Bounds the memory.
_PART = 1024


@final
@dataclass(frozen=True)
class Shard:
    """A file of the input: keypoints, a video, or a list of videos.

    name  in the input's store.
    tag   what the store says changes with its content, if it does.
    """

    name: str
    kind: Literal["keypoints", "video", "list"]
    tag: str = ""


@final
@dataclass(frozen=True)
class Clip:
    """One thing to lift: its store and name, what the user calls it, its output and tag."""

    store: Store
    name: str
    shown: str
    output: str
    tag: str = ""


def plan(source: Store, target: Store) -> tuple[list[Shard], list[str]]:
    """Return the shards of `source` in the order of their names, and what is passed over.

    Raises `PoseliftError` if there is none, if `target` is or lies in `source`, if a file has
    other columns than keypoints, or if the files differ in their joints. A file that cannot be read
    is no reason: it fails for itself.
    """
    if contains(source, target):
        raise PoseliftError(
            f"{target.shown}: lies in the input {source.shown}, where outputs would be read as "
            "shards the next time, choose another place"
        )
    shards, others = [], []
    for found in source.files():
        shard = _shard(found)
        if shard is None:
            others.append(found.name)
        else:
            shards.append(shard)
    if not shards:
        what = f", only {len(others)} other files ({others[0]}, ...)" if others else ""
        raise PoseliftError(
            f"{source.shown}: holds no shards{what}, expected .parquet files of keypoints, videos, "
            "or .txt lists of videos"
        )
    _check_joints(source, [one for one in shards if one.kind == "keypoints"])
    return shards, others


def _shard(found: Found) -> Shard | None:
    suffix = Path(found.name).suffix.lower()
    if suffix == KEYPOINTS:
        return Shard(found.name, "keypoints", found.tag)
    if suffix == LIST:
        return Shard(found.name, "list", found.tag)
    return Shard(found.name, "video", found.tag) if suffix in VIDEOS else None


def _check_joints(source: Store, shards: list[Shard]) -> None:
    """Refuse other columns than keypoints, and keypoints of different joints."""
    if not shards:
        return
    try:
        import pyarrow  # noqa: F401  (only whether it is there)
    except ImportError:
        raise PoseliftError(
            f"reading .parquet needs pyarrow, install it with: {how_to_install('parquet')}"
        ) from None

    def joints(shard: Shard) -> tuple[str, ...] | None:
        try:
            schema = source.schema(shard.name)
        except Exception:  # damaged, gone, or out of reach: said when its turn comes
            return None
        return joints_in(schema, source.place(shard.name))

    first: tuple[Shard, tuple[str, ...]] | None = None
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        parts = (shards[start : start + _PART] for start in range(0, len(shards), _PART))
        found = (pair for part in parts for pair in zip(part, pool.map(joints, part), strict=True))
        for shard, names in found:
            if names is None:
                continue
            if first is None:
                first = shard, names
            elif names != first[1]:
                raise PoseliftError(
                    f"{source.shown}: mixes skeletons, {first[0].name} has {_said(first[1])} and "
                    f"{shard.name} {_said(names)}; give each its own folder"
                )


def _said(joints: tuple[str, ...]) -> str:
    """Describe a joint set in a few words."""
    if not joints:
        return "joints without names"
    return f"{len(joints)} joints ({', '.join(joints[:3])}, ...)"


def clips(source: Store, shard: Shard) -> Iterator[Clip]:
    """Yield what a shard consists of: itself, or the videos of a list.

    Empty lines of a list, and those that begin with #, say nothing. Raises `PoseliftError` if a
    list cannot be read, is empty, or names two videos that would have the same output.
    """
    shown = source.place(shard.name)
    if shard.kind != "list":
        output = shard.name if shard.kind == "keypoints" else f"{shard.name}.parquet"
        yield Clip(source, shard.name, shown, output, shard.tag)
        return
    with source.copy(shard.name) as path:
        try:
            lines = [line.strip() for line in path.read_text("utf-8-sig").splitlines()]
        except UnicodeDecodeError:
            raise PoseliftError(
                f"{shown}: is no text, expected the path of a video a line"
            ) from None
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise PoseliftError(f"{shown}: names no video, expected the path of one a line")
    odd = next((line for line in lines if any(c < " " for c in line)), None)
    if odd is not None:
        raise PoseliftError(f"{shown}: {quoted(odd)} is no path of a video")
    folder, _, _ = shard.name.rpartition("/")
    stem, outputs = shard.name[: -len(LIST)], dict[str, str]()
    for line in lines:
        store, name = open_file(line, source, folder)
        inside = store is source and ".." not in Path(line).parts
        output = f"{stem}/{line if inside else name.rpartition('/')[2]}.parquet"
        if output in outputs:
            raise PoseliftError(
                f"{shown}: names two videos that would both become {output}, {outputs[output]} and "
                f"{line}; put one of them into another list"
            )
        outputs[output] = line
        yield Clip(store, name, store.place(name), output)
