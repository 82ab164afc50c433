"""What people hand in that is in none of the formats: each is told what to do instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from poselift.errors import PoseliftError
from poselift.io import load


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.m4a", "holds sound and no picture, give the video"),
        ("a.HEIC", "kind of picture that is not read, save it as .jpg or .png"),
        ("a.fbx", "is a scene, which is not read, export its motion as .bvh"),
        ("a.html", "is a page to look at, give the .npz or .json of the same results"),
        ("a.mot", "holds no joints in space, give the .trc of the same motion"),
        ("a.xlsx", "is a spreadsheet, save it as .csv"),
        ("a.zip", "is an archive, unpack it"),
    ],
)
def test_what_people_take_for_keypoints_is_told(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / name).write_bytes(b"\0\1\2 whatever is in it")
    with pytest.raises(PoseliftError, match=words):
        load(tmp_path / name)


def test_a_folder_of_videos_is_for_bulk(tmp_path: Path) -> None:
    (tmp_path / "gym.MP4").touch()
    with pytest.raises(PoseliftError, match="give one of them, or the folder to `poselift bulk`"):
        load(tmp_path)
