"""What Python 2 and NumPy 1 wrote: protocol 2, where text and bytes are the same thing."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np


def python2_pickle(value: Any) -> bytes:
    """Return a pickle of a value as Python 2 would have written it (without its memo)."""
    return b"\x80\x02" + _opcodes(value) + b"."


def _opcodes(value: Any) -> bytes:
    if value is None:
        return b"N"
    if isinstance(value, bool):
        return b"\x88" if value else b"\x89"
    if isinstance(value, int):
        raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return b"\x8a" + bytes([len(raw)]) + raw
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, str | bytes):
        raw = value.encode("latin-1") if isinstance(value, str) else value
        return b"T" + struct.pack("<i", len(raw)) + raw
    if isinstance(value, np.ndarray):
        return _array(value)
    items = b"".join(map(_opcodes, value))
    if isinstance(value, tuple):
        return b"(" + items + b"t"
    if isinstance(value, list):
        return b"](" + items + b"e"
    assert isinstance(value, dict)
    pairs = (_opcodes(key) + _opcodes(item) for key, item in value.items())
    return b"}(" + b"".join(pairs) + b"u"


def _array(array: np.ndarray) -> bytes:
    kind = _opcodes((array.dtype.str[1:], 0, 1))
    dtype = (
        b"cnumpy\ndtype\n" + kind + b"R" + _opcodes((3, "<", None, None, None, -1, -1, 0)) + b"b"
    )
    start = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + _opcodes((0,))
    state = b"(K\x01" + _opcodes(array.shape) + dtype + b"\x89" + _opcodes(array.tobytes()) + b"t"
    return start + _opcodes("b") + b"tR" + state + b"b"


def python2_torch(value: Any) -> bytes:
    """Return the five pickles of torch.save until 1.5, for values without tensors."""
    machine = {
        "protocol_version": 1001,
        "little_endian": True,
        "type_sizes": {"short": 2, "int": 4, "long": 4},
    }
    parts = (0x1950A86A20F9469CFC6C, 1001, machine, value, [])
    return b"".join(map(python2_pickle, parts))
