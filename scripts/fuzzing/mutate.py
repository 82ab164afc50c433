"""Damage done to valid files: bytes, JSON values, table cells and members of archives.

Everything follows from the random generator, so that a case can be made again from its number.
"""

from __future__ import annotations

import io
import json
import random
import re
import zipfile
from collections.abc import Callable
from typing import Any

Random = random.Random
Damage = Callable[[bytes, Random], bytes]

#: What stands in for a value, as JSON text: other types, extremes, and what JSON does not have.
STRANGE = (
    "null", "true", "[]", "{}", '""', '"x"', "-1", "0", "1e308", "-1e308", "1e999", "5e-324",
    "NaN", "Infinity", "-Infinity", "1" * 400, "1" * 5000,
    f'"{"7" * 5000}.jpg"', "9007199254740993", "1.5", '"\\ud800"', '"\\u0000"',
    '"\\u001b[31m"', "[[[]]]", "[null]", '{"a": null}', "[" * 200 + "]" * 200,
    "[" * 3000 + "]" * 3000, '"' + "y" * 5000 + '"',
)  # fmt: skip

#: What stands in for a cell of a table or a word of a text file.
WORDS = (
    "", "nan", "inf", "-inf", "1e308", "1e999", "-1", "0", "x", "1,2", '"', "9" * 400, "9" * 5000,
    "1e-320",
    "\x00",
    "\x1b[2J", "ä", "None", "0x10", "1_000", "٣", "1.5.2", "-", "{", "}",
)  # fmt: skip

_MARK = "\x01strange\x01"


def mutate(data: bytes, rng: Random) -> bytes:
    """Return `data` with one to four kinds of damage that suit what it is."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = rng.choice(_suitable(data))(data, rng)
    return data


def _suitable(data: bytes) -> list[Damage]:
    """List the ways to damage `data`; those that know its structure come more often."""
    ways: list[Damage] = [_flip, _cut, _repeat, _insert, _truncate, _bad_text]
    if data[:2] == b"PK":
        return ways[:3] + [_archive] * 6
    if data[8:9] == b"{" and data[2:8] == bytes(6):
        return ways[:3] + [_safetensors] * 6
    if data[:1] == b"\x08" and _parts(data):  # ONNX begins with the number of its version
        return ways[:3] + [_protobuf] * 8
    if data.lstrip()[:1] in (b"{", b"["):
        return ways + [_json] * 9
    if data and max(data[:512]) < 128 and b"\n" in data:
        return ways + [_line, _word, _word, _word] * 2
    return ways


def _flip(data: bytes, rng: Random) -> bytes:
    """Change a few bits or bytes."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 4, 16))):
        if changed:
            place = rng.randrange(len(changed))
            changed[place] ^= rng.choice((1 << rng.randrange(8), rng.randrange(256)))
    return bytes(changed)


def _span(data: bytes, rng: Random) -> tuple[int, int]:
    """Choose a span, mostly a short one."""
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((1, 2, 8, 64, 1024, len(data))))


def _cut(data: bytes, rng: Random) -> bytes:
    """Leave a span out."""
    start, end = _span(data, rng)
    return data[:start] + data[end:]


def _repeat(data: bytes, rng: Random) -> bytes:
    """Write a span twice or more."""
    start, end = _span(data, rng)
    return (
        data[:end]
        + data[start:end] * min(rng.choice((1, 2, 30)), 1 + 65536 // (end - start + 1))
        + data[end:]
    )


def _insert(data: bytes, rng: Random) -> bytes:
    """Put random bytes somewhere."""
    place = rng.randrange(len(data) + 1)
    return data[:place] + rng.randbytes(rng.choice((1, 4, 64))) + data[place:]


def _truncate(data: bytes, rng: Random) -> bytes:
    """End early."""
    return data[: rng.randrange(len(data) + 1)]


def _bad_text(data: bytes, rng: Random) -> bytes:
    """Put bytes somewhere that no text in UTF-8 has, or a mark that begins a file."""
    place = rng.choice((0, rng.randrange(len(data) + 1)))
    return (
        data[:place]
        + rng.choice((b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\x00"))
        + data[place:]
    )


def _json(data: bytes, rng: Random) -> bytes:
    """Remove, repeat or replace a value at any depth of a JSON text."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return _flip(data, rng)
    places = _places(content, rng)
    if not places:
        return rng.choice(STRANGE).encode()
    holder, key = rng.choice(places)
    action = rng.choice(("replace", "replace", "replace", "remove", "twice", "move"))
    if action == "remove":
        del holder[key]
    elif action == "move":
        other, elsewhere = rng.choice(places)
        if elsewhere in other if isinstance(other, dict) else elsewhere < len(other):
            holder[key] = (
                json.loads(json.dumps(other[elsewhere])) if other is not holder[key] else None
            )
    elif action == "twice" and isinstance(holder, dict):
        holder[f"{key}{_MARK}"] = _MARK
    elif isinstance(holder[key], int | float) and rng.random() < 0.5:
        holder[key] = holder[key] * rng.choice((-1, 0, 10**6, 10**30)) + rng.choice((0, 1, -1))
    else:
        holder[key] = _MARK
    text = json.dumps(content).replace(json.dumps(_MARK)[1:-1] + '":', '":')
    return text.replace(json.dumps(_MARK), rng.choice(STRANGE)).encode("utf-8", "surrogatepass")


def _places(content: Any, rng: Random) -> list[tuple[Any, Any]]:
    """List (container, key) of values, the outer ones all and of long lists a few."""
    found: list[tuple[Any, Any]] = []
    queue = [content]
    while queue and len(found) < 300:
        value = queue.pop(0)
        keys = (
            list(value)
            if isinstance(value, dict)
            else range(len(value))
            if isinstance(value, list)
            else []
        )
        for key in rng.sample(list(keys), min(len(keys), 12)):
            found.append((value, key))
            queue.append(value[key])
    return found


def _line(data: bytes, rng: Random) -> bytes:
    """Remove, repeat, exchange or empty a line; or change how lines end."""
    lines = data.split(b"\n")
    place, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    action = rng.randrange(5)
    if action == 0:
        del lines[place]
    elif action == 1:
        lines.insert(other, lines[place])
    elif action == 2:
        lines[place], lines[other] = lines[other], lines[place]
    elif action == 3:
        lines[place] = b""
    return (b"\r\n" if action == 4 else b"\n").join(lines)


def _word(data: bytes, rng: Random) -> bytes:
    """Replace one cell or word of a text, mostly in the first lines."""
    reach = rng.choice((200, 2000, len(data)))
    words = list(re.finditer(rb"[^\s,;\t]+", data[:reach]))
    if not words:
        return _insert(data, rng)
    one = rng.choice(words)
    return data[: one.start()] + rng.choice(WORDS).encode() + data[one.end() :]


def _archive(data: bytes, rng: Random) -> bytes:
    """Damage, remove, rename or repeat a member of a zip archive, and write it anew."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist()]
    except Exception:  # already damaged: whatever it says
        return _flip(data, rng)
    if not members:
        return _flip(data, rng)
    place = rng.randrange(len(members))
    name, content = members[place]
    action = rng.choice(
        ("damage", "damage", "damage", "header", "header", "remove", "rename", "twice")
    )
    if action == "damage":
        members[place] = name, mutate(content, rng)
    elif action == "header":
        members[place] = name, _header(content, rng)
    elif action == "remove":
        del members[place]
    elif action == "rename":
        members[place] = (
            rng.choice(("x.npy", "poses_3d.npy", "keypoints.npy", "\x1b[2J\n.npy", "../a.npy")),
            content,
        )
    else:
        members.append((name, _flip(content, rng)))
    out = io.BytesIO()
    with zipfile.ZipFile(
        out, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    ) as archive:
        for entry, value in members:
            archive.writestr(zipfile.ZipInfo(entry), value)
    return out.getvalue()


def _header(content: bytes, rng: Random) -> bytes:
    """Rewrite shape, order or type in the header of an .npy member, its length kept."""
    end = content.find(b"\n")
    head = content[:end].decode("latin-1")
    choices = (
        (r"\(\d*", f"({rng.choice((0, 1, 2, 10**6, 10**12, 2**62))}"),
        (
            r"'[<|>][a-zA-Z]\d+'",
            rng.choice(("'|O'", "'<f8'", "'<U4'", "'|S1'", "'<M8[s]'", "'<c16'")),
        ),
        (r"'fortran_order': False", "'fortran_order': True "),
        (r"\)", ", 3)"),
    )
    pattern, text = rng.choice(choices)
    changed = re.sub(pattern, text.replace("\\", ""), head, count=1).rstrip()
    return changed[: len(head)].ljust(len(head)).encode("latin-1") + content[end:]


def _safetensors(data: bytes, rng: Random) -> bytes:
    """Damage the header, which is JSON behind its length, and say its new length."""
    size = int.from_bytes(data[:8], "little")
    header = _json(data[8 : 8 + size], rng)
    return len(header).to_bytes(8, "little") + header + data[8 + size :]


#: Fields of a protobuf message: number, kind, and a whole number or the bytes that it holds.
_Parts = list[tuple[int, int, int | bytes]]

#: Whole numbers that stand in for others.
_WHOLES = (0, 1, 2, 7, 16, 255, 2**31, 2**32, 2**62, 2**63, 2**64 - 1)


def _parts(data: bytes) -> _Parts:
    """Take a protobuf message apart; none if it is none."""
    place, found = 0, _Parts()
    try:
        while place < len(data):
            tag, place = _varint(data, place)
            if tag & 7 == 0:
                value, place = _varint(data, place)
                found.append((tag >> 3, 0, value))
                continue
            size, place = _varint(data, place) if tag & 7 == 2 else ({1: 8, 5: 4}[tag & 7], place)
            if not tag >> 3 or place + size > len(data):
                return []
            found.append((tag >> 3, tag & 7, data[place : place + size]))
            place += size
    except (IndexError, KeyError):
        return []
    return found


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        value, shift, place = value | (byte & 127) << shift, shift + 7, place + 1
        if byte < 128:
            return value, place


def _as_varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _protobuf(data: bytes, rng: Random) -> bytes:
    """Change, remove or repeat a field at any depth of a message; all lengths stay true."""
    parts = _parts(data)
    if not parts:
        return _flip(data, rng)
    place = rng.randrange(len(parts))
    number, kind, value = parts[place]
    action = rng.choice(("change", "change", "change", "change", "remove", "twice", "move"))
    if action == "remove":
        del parts[place]
    elif action == "twice":
        parts.insert(rng.randrange(len(parts)), parts[place])
    elif action == "move":
        parts[place] = rng.choice((1, 2, 3, 5, 7, 8, 13, 14, 20, 25)), kind, value
    elif isinstance(value, int):
        parts[place] = number, kind, rng.choice((*_WHOLES, value + 1))
    elif kind == 2 and _parts(value) and rng.random() < 0.8:
        parts[place] = number, kind, _protobuf(value, rng)
    elif value.lstrip()[:1] in (b"{", b"["):
        parts[place] = number, kind, mutate(value, rng)
    else:
        changed = rng.choice((_flip, _cut, _repeat, _insert, _truncate, _bad_text))(value, rng)
        parts[place] = number, kind, changed if kind == 2 else changed[: len(value)]
    out = b""
    for number, kind, value in parts:
        held = _as_varint(value) if isinstance(value, int) else value
        size = _as_varint(len(held)) if kind == 2 else b""
        out += _as_varint(number << 3 | kind) + size + held
    return out
