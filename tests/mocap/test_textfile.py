"""Text files that are compressed: a small file does not fill the memory."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from poselift.errors import PoseliftError
from poselift.mocap.textfile import read_text


def test_a_compressed_text_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.amc.gz"
    text = "\n".join(f"root {n} {n * 7 % 13}" for n in range(5000))
    path.write_bytes(gzip.compress(text.encode()))
    assert read_text(path) == text


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.amc.gz"
    path.write_bytes(gzip.compress(bytes(200_000_000).replace(b"\0", b" ")))
    with pytest.raises(PoseliftError, match=r"a\.amc\.gz: inflates to more than 25 times its size"):
        read_text(path)
