"""Every format that is read, given what is none: one sentence. A new one is in by itself.

Damaged files are the business of scripts/fuzz.py.
"""

from __future__ import annotations

import runpy
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from io_samples import mmpose_frames, openpose_frame, sequence, walker, write
from poselift.errors import PoseliftError
from poselift.io import all_formats, find_format, load, save
from reader_samples import BVH, CASES, body_of, moving

Make = Callable[[Path], Path]


def _saved(suffix: str) -> Make:
    def make(path: Path) -> Path:
        return moving().save(path / f"a{suffix}")[0]

    return make


def _saved_2d(suffix: str) -> Make:
    def make(path: Path) -> Path:
        return save([sequence(3)], path / f"a{suffix}")[0]

    return make


def _bvh(path: Path) -> Path:
    (path / "a.bvh").write_text(BVH)
    return path / "a.bvh"


#: A small file of each format that the samples of other programs lack.
OWN: dict[str, list[Make]] = {
    "openpose": [lambda path: write(path / "a.json", [openpose_frame(x) for x in body_of()])],
    "mmpose": [lambda path: write(path / "a.json", mmpose_frames(walker(2)))],
    "poselift": [*map(_saved, (".npz", ".json")), *map(_saved_2d, (".npz", ".json"))],
    "bvh": [_bvh],
}


@cache
def seeds(name: str) -> tuple[tuple[str, bytes], ...]:
    """Small files of a format: name and content; of folders one file."""
    makes = [*OWN.get(name, []), *(make for make, of, _, _ in CASES if of == name)]
    entry = next(one for one in all_formats() if one.name == name)
    if entry.write is not None and name not in OWN:
        makes += [_saved(suffix) for suffix in entry.suffixes]
    found = []
    for make in makes:
        with tempfile.TemporaryDirectory() as folder:
            path = make(Path(folder))
            assert find_format(path).name == name
            file = min(path.iterdir()) if path.is_dir() else path
            found.append((file.name, file.read_bytes()))
    assert found, f"the format {name} needs a small file here"
    return tuple(found)


def poses_or_a_sentence(name: str, file: str, content: bytes, **options: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file
        path.write_bytes(content)
        for chosen in ("auto", name):
            try:
                load(path, format=chosen, **options)
            except PoseliftError as error:
                lines = str(error).splitlines()
                if len(lines) != 1:
                    raise ValueError(f"expected one line, got {lines}") from error


READABLE = [entry.name for entry in all_formats() if entry.read is not None]


@pytest.mark.parametrize("name", READABLE)
def test_empty_and_foreign_files(name: str) -> None:
    (file, content), *_ = seeds(name)
    for text in (b"", b"\n", b"null", b"[[[[", b"[" * 20_000, b"\x00" * 100, content[:20] * 50):
        poses_or_a_sentence(name, file, text)


def test_the_page_of_formats_is_up_to_date() -> None:
    """Else: python scripts/make_formats.py."""
    scripts = Path(__file__).parents[2] / "scripts"
    found = runpy.run_path(str(scripts / "make_formats.py"))
    assert found["PAGE"].read_text(encoding="utf-8") == found["page"]()


def test_formats_lists_what_people_arrive_and_leave_with(
    run: Callable[..., tuple[int, str, str]],
) -> None:
    status, out, _ = run("formats")
    assert status == 0
    names = {line.split()[0] for line in out.splitlines() if line.strip()}
    assert names >= {
        "alphapose",
        "bvh",
        "c3d",
        "coco",
        "coco-results",
        "csv",
        "deeplabcut",
        "deeplabcut-h5",
        "detectron",
        "glb",
        "html",
        "mediapipe",
        "mediapipe-csv",
        "mmpose",
        "numpy",
        "openpose",
        "parquet",
        "poselift",
        "trc",
        "videopose3d",
        "yolo",
        "yolo-txt",
    }
