"""Files that appear whole or not at all, several of them together, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from poselift.errors import PoseliftError
from poselift.files import atomic_write, write_bytes, write_together


def put(data: bytes) -> Callable[[BinaryIO], None]:
    def fill(stream: BinaryIO) -> None:
        stream.write(data)

    return fill


def fail(stream: BinaryIO) -> None:
    stream.write(b"half")
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_all_or_none_whichever_fails(tmp_path: Path, order: tuple[int, int]) -> None:
    old = tmp_path / "good"
    old.write_bytes(b"old")
    writers = [(old, put(b"new")), (tmp_path / "bad", fail)]
    with pytest.raises(PoseliftError, match="bad: cannot be written"):
        write_together([writers[i] for i in order])
    assert old.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["good"]


def test_a_full_disk_found_at_the_flush_leaves_the_other_output_as_it_was(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with pytest.raises(PoseliftError, match="full: cannot be written"):
        write_together([(tmp_path / "a", put(b"x")), (Path("/dev/full"), put(b"y" * 100))])
    assert os.listdir(tmp_path) == []


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "there" / "file")
    write_bytes(link, b"data")
    assert link.is_symlink()
    assert (tmp_path / "there" / "file").read_bytes() == b"data"


def test_a_pipe_takes_the_bytes(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    write_bytes(pipe, b"data")
    reader.join(10)
    assert found == [b"data"]
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_read_only_file_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(PoseliftError, match=r"kept: is read-only, choose another output"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"


def test_permissions_of_a_replaced_file_stay(tmp_path: Path) -> None:
    path = tmp_path / "private"
    path.write_bytes(b"old")
    path.chmod(0o600)
    write_bytes(path, b"new")
    assert path.stat().st_mode & 0o777 == 0o600


def test_names_as_long_as_the_file_system_takes_and_longer(tmp_path: Path) -> None:
    write_bytes(tmp_path / ("n" * 255), b"x")
    assert os.listdir(tmp_path) == ["n" * 255]
    with pytest.raises(PoseliftError, match="cannot be written"):
        write_bytes(tmp_path / ("n" * 256), b"x")


KILLED = """
import os, signal, sys
from poselift.files import atomic_write
with atomic_write(sys.argv[1]) as stream:
    stream.write(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "out.npz"
    killed = subprocess.run([sys.executable, "-c", KILLED, path], timeout=60)
    assert killed.returncode == -signal.SIGKILL
    (left,) = os.listdir(tmp_path)
    assert left.endswith(".part")
    with atomic_write(path) as stream:
        assert left not in os.listdir(tmp_path)
        stream.write(b"whole")
    assert os.listdir(tmp_path) == ["out.npz"]


def test_the_part_of_a_living_writer_stays(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with atomic_write(path) as first:
        first.write(b"first")
        write_bytes(path, b"second")
        assert path.read_bytes() == b"second"
    assert path.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["out"]


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match="it is a folder"):
        write_bytes(tmp_path, b"x")
