"""A look at the start of a file: enough to recognise its format without reading it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from poselift.io.jsonfile import read_head


@dataclass(frozen=True)
class Head:
    """The first 64 KiB of a file."""

    data: bytes

    @property
    def text(self) -> bytes:
        """The content without a byte order mark and white space in front."""
        return self.data.lstrip(b"\xef\xbb\xbf \t\r\n")

    @property
    def is_json(self) -> bool:
        """Tell whether the content begins as JSON lists and objects do."""
        return self.text[:1] in (b"{", b"[")

    @property
    def is_zip(self) -> bool:
        """Tell whether this is a zip archive, which .npz files are."""
        return self.data.startswith(b"PK\x03\x04")

    def has_key(self, name: str) -> bool:
        """Tell whether an object with the key `name` begins here."""
        return re.search(rb'"' + re.escape(name.encode()) + rb'"\s*:', self.data) is not None

    def has_text(self, key: str, value: str) -> bool:
        """Tell whether `key` occurs with a string that begins with `value`."""
        pattern = rb'"' + re.escape(key.encode()) + rb'"\s*:\s*"' + re.escape(value.encode())
        return re.search(pattern, self.data) is not None


def peek(path: Path) -> Head:
    """Read the head of a file; `PoseliftError` if there is none to read."""
    return Head(read_head(path))
