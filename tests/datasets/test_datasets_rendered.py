"""cmu17-rendered: pictures follow from seed and number, and their truth is in them."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from poselift.datasets.cmu import load_cmu17
from poselift.datasets.rendered import RenderedPictures, load_rendered
from poselift.errors import PoseliftError


@pytest.fixture(scope="module")
def root(shared: Path) -> Path:
    return shared / "data" / "cmu"


@pytest.fixture(scope="module")
def some(root: Path) -> RenderedPictures:
    return load_rendered(root, "val", size=96, seed=5, count=40)


def test_the_same_number_is_the_same_picture_anywhere(some: RenderedPictures) -> None:
    here = [some[number]["image"].tobytes() for number in (3, 0, 7)]
    assert len(set(here)) == 3
    assert some[0]["image"].tobytes() == here[1]  # whatever was asked for before
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as workers:
        elsewhere = workers.submit(_images, pickle.dumps(some), (7, 3, 0)).result()
    assert elsewhere == [here[2], here[0], here[1]]


def _images(source: bytes, numbers: tuple[int, ...]) -> list[bytes]:
    pictures: RenderedPictures = pickle.loads(source)
    return [pictures[number]["image"].tobytes() for number in numbers]


def test_all_rows_are_those_of_cmu17(root: Path) -> None:
    pictures, data = load_rendered(root, "val", size=64), load_cmu17(root, "val")
    assert len(pictures) == len(data)
    for number in (0, 1234, len(data) - 1):
        item, row = pictures[number], data[number]
        np.testing.assert_array_equal(item["poses"], row.poses[0])
        np.testing.assert_allclose(item["root"], row.root[0])
        whole = (item["keypoints"] - item["crop"][:2, 2]) / np.diag(item["crop"])[:2]
        np.testing.assert_allclose(whole, row.keypoints[0], atol=0.01)
        assert item["picture_size"] == tuple(row.image_size[0])
        assert (item["subject"], item["camera"]) == (row.subject[0], row.camera[0])
        assert (item["frame"], item["clip"]) == (row.frame[0], data.clips[int(row.clip[0])])
        assert item["action"] == row.action[0]


def test_splits_share_no_subject(root: Path, tmp_path: Path, some: RenderedPictures) -> None:
    header, *lines = (root / "INDEX.csv").read_text().splitlines()
    kept = [line for line in lines if line.startswith("bvh/007")]
    (tmp_path / "INDEX.csv").write_text("\n".join([header, *kept]))
    (tmp_path / "bvh").symlink_to(root / "bvh")
    train = load_rendered(tmp_path, "train", more=root.parent / "motion")
    assert 7 in train.subjects
    assert len(train.subjects) > 30
    test = load_rendered(root, "test")
    assert (some.subjects, test.subjects) == ((16, 39), (2, 3))
    assert not set(train.subjects) & {*some.subjects, *test.subjects}
    pelvis = train[len(train) - 1]["root"]  # of cmu_more, by the last camera
    assert 3 < pelvis[2] < 15


def test_what_cannot_be_is_refused(root: Path, some: RenderedPictures) -> None:
    with pytest.raises(PoseliftError, match="expected pictures of 64 to 512 pixels, got 32"):
        load_rendered(root, "val", size=32)
    with pytest.raises(PoseliftError, match="expected a seed of at least 0, got -1"):
        load_rendered(root, "val", seed=-1)
    with pytest.raises(PoseliftError, match="expected at least one picture, got 0"):
        load_rendered(root, "val", count=0)
    with pytest.raises(PoseliftError, match="for training only: leave it out for split 'val'"):
        load_rendered(root, "val", more=root)
    with pytest.raises(PoseliftError, match="unknown split 'dev', expected one of train"):
        load_rendered(root, "dev")
    with pytest.raises(IndexError, match="there are 40 pictures, none of number 40"):
        some[40]
