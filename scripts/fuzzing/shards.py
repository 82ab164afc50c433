"""Shards for `poselift bulk`: folders of tables and lists, and the notes on what is done."""

from __future__ import annotations

from pathlib import Path

import msgspec

from bulk_samples import write_shards
from fuzzing.children import Surface
from poselift.bulk.lift import sha256
from poselift.bulk.manifest import NOTES, Done, Manifest
from poselift.bulk.shards import clips, plan
from poselift.bulk.stores import Folder

_DONE = Done("s000.parquet", "0" * 64, "s000.parquet", "1" * 64, 5, 4, 8, 2, 0.5, "me", "2026")


def shards(folder: Path) -> list[Surface]:
    """Make a folder of shards with what has become of one of them."""
    source = folder / "in"
    source.mkdir(parents=True)
    write_shards(source, 2, frames=4)
    (source / "films.txt").write_text("# of the gym\na.mp4\nsub/b.mp4\n", encoding="utf-8")
    notes = source / NOTES / "done"
    notes.mkdir(parents=True)
    (notes / "s000.parquet.json").write_bytes(msgspec.json.encode(_DONE))
    return [Surface("shards", [source], _planned, share=0.3)]


def _planned(path: Path) -> object:
    """Find what is to be done, with the hashes of all of it and the notes of what is."""
    source = Folder(str(path), path)
    found, _ = plan(source, Folder("out", path.parent / "out"))
    notes = Manifest(source)
    each = [clip for shard in found for clip in clips(source, shard)]
    hashes = [sha256(path / shard.name) for shard in found]
    return each, hashes, [notes.done(clip.output) for clip in each]
