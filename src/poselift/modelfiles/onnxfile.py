"""What an ONNX file says of itself, read without any runtime: its texts, and where its weights are.

An ONNX file is a protobuf message. Only the few fields that lead to tensors and to the metadata
are followed here (numbers from onnx.proto); all else is skipped by its length.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from poselift.errors import PoseliftError, quoted
from poselift.modelfiles.card import METADATA_KEY

#: The metadata entry that holds the SHA-256 of the graph, as `OnnxFile.graph_sha256` gives it.
GRAPH_KEY = "poselift_graph_sha256"

# message -> field number -> message it holds; a leaf that matters has an empty name
_FIELDS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_METADATA, _GRAPH = 14, 7
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14

# Subgraphs lie in one another; no file of ours has any.
_DEEPEST = 32


@dataclass(frozen=True)
class OnnxFile:
    """The texts of an ONNX file by their keys, and the SHA-256 of its graph, weights included."""

    metadata: dict[str, str]
    graph_sha256: str


def read_onnx(data: bytes, source: str) -> OnnxFile:
    """Read the metadata of an ONNX file and hash its graph.

    Raises `PoseliftError` naming `source` if the bytes are no such message, if a text is not
    UTF-8, or if weights lie outside the file: a model is one file, whatever the runtime.
    """
    view = memoryview(data)
    metadata: dict[str, str] = {}
    graph: str | None = None
    try:
        _refuse_external(view, "model", source, 0)
        for number, value in _fields(view):
            if number == _METADATA and isinstance(value, memoryview):
                entry = dict(_fields(value))
                key, text = (bytes(entry.get(part, b"")).decode() for part in (1, 2))
                metadata[key] = text
            elif number == _GRAPH and isinstance(value, memoryview):
                graph = hashlib.sha256(value).hexdigest()
        if graph is None:
            raise ValueError("no graph")
    except UnicodeDecodeError:
        raise PoseliftError(f"{source}: an ONNX model whose metadata is not UTF-8 text") from None
    except (IndexError, TypeError, ValueError):
        raise PoseliftError(
            f"{source}: not a readable ONNX model, damaged or of another kind"
        ) from None
    return OnnxFile(metadata, graph)


def card_text(data: bytes, source: str) -> str:
    """Return the JSON of the card in a model file whose graph is what its maker hashed.

    Files of before the hash are taken as they are. Raises `PoseliftError` as `read_onnx` does, for
    a file without a card, and for a graph that has changed since it was written.
    """
    file = read_onnx(data, source)
    if METADATA_KEY not in file.metadata:
        raise PoseliftError(
            f"{source}: an ONNX model, but not one of poselift's "
            f"(it carries no {METADATA_KEY!r} card)"
        )
    expected = file.metadata.get(GRAPH_KEY, file.graph_sha256)
    if file.graph_sha256 != expected:
        raise PoseliftError(
            f"{source}: damaged, its network is not what was written (expected SHA-256 "
            f"{quoted(expected[:12])}, got {file.graph_sha256[:12]!r}), export or copy it again"
        )
    return file.metadata[METADATA_KEY]


def _refuse_external(view: memoryview, message: str, source: str, depth: int) -> None:
    """Look for tensors whose numbers lie in another file."""
    if depth > _DEEPEST:
        raise PoseliftError(f"{source}: an ONNX model with graphs more than {_DEEPEST} deep")
    for number, value in _fields(view):
        if message == "tensor" and (
            number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value == 1)
        ):
            raise PoseliftError(
                f"{source}: keeps weights outside the file (ONNX external data), expected a "
                "model in one file"
            )
        inner = _FIELDS[message].get(number)
        if inner is not None and isinstance(value, memoryview):
            _refuse_external(value, inner, source, depth + 1)


def _fields(view: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the fields of a message: their number, and an integer or the bytes they hold."""
    place = 0
    while place < len(view):
        tag, place = _varint(view, place)
        kind = tag & 7
        if kind == 0:
            value, place = _varint(view, place)
            yield tag >> 3, value
            continue
        if kind == 2:
            size, place = _varint(view, place)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError("a field of unknown kind")
        if place + size > len(view):
            raise ValueError("a field that reaches beyond the file")
        yield tag >> 3, view[place : place + size]
        place += size


def _varint(view: memoryview, place: int) -> tuple[int, int]:
    """Read a whole number of 7 bits a byte; return it and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        byte = view[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("a number that does not end")
