"""What is done and what came to nothing: a small JSON file for each, so that nobody shares one.

```
OUT/gln-int8-0123456789ab/      a model and its options; others have another folder
    a.parquet                   what became of IN/a.parquet
    _bulk/work.json             the model and the options
    _bulk/done/a.parquet.json   hash of the input, of the output; frames, persons; who, when
    _bulk/quarantine/b.parquet.json   why IN/b.parquet came to nothing
    _bulk/locks/                who is at what, while a run goes on
```

Spark, DuckDB and PyArrow pass over folders that begin with `_`.
"""

from __future__ import annotations

from typing import Any, final

import msgspec

from poselift.bulk.stores import Store

#: Folder of all that is no output.
NOTES = "_bulk"


@final
class Done(msgspec.Struct, frozen=True, omit_defaults=True):
    """A clip that was lifted: from what, into what.

    input_tag  what the object store said of the input, if it is in one.
    owner      the run that did it.
    """

    input: str
    input_sha256: str
    output: str
    output_sha256: str
    output_bytes: int
    frames: int
    poses: int
    persons: int
    seconds: float
    owner: str
    finished: str
    input_tag: str = ""
    warnings: tuple[str, ...] = ()


@final
class Quarantined(msgspec.Struct, frozen=True):
    """A shard that failed as often as a shard may."""

    input: str
    sentence: str
    attempts: int
    owner: str
    finished: str


@final
class Manifest:
    """The notes of one output folder; reading and writing them raises as `Store` does."""

    def __init__(self, store: Store) -> None:
        """Take a store."""
        self._store = store

    def begin(self, facts: dict[str, Any]) -> None:
        """Say how everything here was made."""
        if self._store.read(f"{NOTES}/work.json") is None:
            self._store.write(f"{NOTES}/work.json", _text(facts))

    def done(self, output: str) -> Done | None:
        """Return what is known of an output, None if nothing, or if it is not there as it was."""
        text = self._store.read(f"{NOTES}/done/{output}.json")
        if text is None:
            return None
        try:
            known = msgspec.json.decode(text, type=Done)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None  # somebody's hand; done anew
        return known if self._store.size(output) == known.output_bytes else None

    def add(self, done: Done) -> None:
        """Note an output."""
        self._store.write(f"{NOTES}/done/{done.output}.json", _text(done))

    def quarantine(self, shard: str, why: Quarantined) -> None:
        """Note a shard that came to nothing."""
        self._store.write(f"{NOTES}/quarantine/{shard}.json", _text(why))

    def release(self, shard: str) -> None:
        """Forget that a shard was in quarantine: it is done."""
        self._store.remove(f"{NOTES}/quarantine/{shard}.json")

    def place_of_quarantine(self) -> str:
        """Where the sentences are."""
        return self._store.place(f"{NOTES}/quarantine")


def lock_of(shard: str) -> str:
    """Name of a shard's lock."""
    return f"{NOTES}/locks/{shard}"


def _text(content: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
