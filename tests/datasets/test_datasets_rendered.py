"""cmu17-rendered: pictures follow from seed and number, and their truth is in them."""

from __future__ import annotations

import json
import pickle
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from poselift.datasets.cmu import load_cmu17
from poselift.datasets.rendered import RenderedPictures, load_rendered
from poselift.datasets.rendered_files import store_rendered
from poselift.datasets.rendered_lifting import rendered_lifting_data
from poselift.detection import Found, Picture, open_detector
from poselift.errors import PoseliftError
from poselift.skeletons import H36M_17


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


def test_the_box_is_jittered_for_training_only(root: Path, tmp_path: Path) -> None:
    header, *lines = (root / "INDEX.csv").read_text().splitlines()
    kept = [line for line in lines if line.startswith("bvh/007")]
    (tmp_path / "INDEX.csv").write_text("\n".join([header, *kept]))
    (tmp_path / "bvh").symlink_to(root / "bvh")
    middles, spans = {}, {}
    for split, folder in (("train", tmp_path), ("val", root)):
        pictures = load_rendered(folder, split, size=100, count=60)
        points = np.array([pictures.truth(number)["keypoints"] for number in range(60)])
        low, high = points.min(axis=1), points.max(axis=1)
        middles[split], spans[split] = (low + high) / 2, (high - low).max(axis=1)
    np.testing.assert_allclose(middles["val"], 50, atol=0.01)
    np.testing.assert_allclose(spans["val"], 80, atol=0.01)  # of 100: the margin is 1.25
    assert 2 < middles["train"].std() < 9
    assert 0.06 < np.log(spans["train"]).std() < 0.18


def test_other_seeds_are_other_pictures_of_other_poses(some: RenderedPictures) -> None:
    other = some.reseeded(6)
    assert len(other) == len(some)
    frames = [[one.truth(n)["frame"] for n in range(40)] for one in (some, other)]
    assert frames[0] != frames[1]
    again = other.reseeded(5)
    assert again[2]["image"].tobytes() == some[2]["image"].tobytes()


def test_a_count_beyond_all_rows_starts_again_with_other_looks(root: Path) -> None:
    rows = len(load_rendered(root, "val", size=64))
    pictures = load_rendered(root, "val", size=64, count=rows + 5)
    np.testing.assert_array_equal(np.sort(pictures.order), np.arange(rows))  # each row once
    first, again = pictures[2], pictures[rows + 2]
    np.testing.assert_array_equal(first["poses"], again["poses"])
    assert first["image"].tobytes() != again["image"].tobytes()


def test_exact_keypoints_are_those_of_cmu17(root: Path) -> None:
    numbers = [0, 17, 5000, 40]
    data = load_cmu17(root, "val")[np.array(numbers)]
    found = rendered_lifting_data(load_rendered(root, "val"), numbers)
    assert found.name == "cmu17-rendered val, ground truth"
    np.testing.assert_allclose(found.keypoints, data.keypoints, atol=0.01)
    for name in ("poses", "image_size", "root", "intrinsics", "subject", "camera", "frame"):
        np.testing.assert_array_equal(getattr(found, name), getattr(data, name))
    assert [found.clips[k] for k in found.clip] == [data.clips[k] for k in data.clip]


class _Pointing:
    """A detector that puts all joints into the middle of the box it is given."""

    name, skeleton = "pointing", H36M_17

    def find(self, picture: Picture) -> Found:
        raise AssertionError("the box is known")

    def follow(self, picture: Picture, boxes: np.ndarray) -> Found:
        assert picture.size == (96, 96)
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        return Found(np.repeat(middle[:, None], 17, axis=1), np.ones((len(boxes), 17)))


def test_what_a_detector_finds_is_in_pixels_of_the_whole_picture(some: RenderedPictures) -> None:
    found = rendered_lifting_data(some, [1, 2], _Pointing())
    assert found.name == "cmu17-rendered val, detected by pointing"
    exact = rendered_lifting_data(some, [1, 2])
    middle = (exact.keypoints.min(axis=1) + exact.keypoints.max(axis=1)) / 2
    np.testing.assert_allclose(found.keypoints, np.repeat(middle[:, None], 17, 1), atol=0.01)


def test_a_detector_of_photographs_finds_people_in_them(root: Path) -> None:
    """MoveNet has never seen a drawn person: where it is right, people look like people."""
    pictures = load_rendered(root, "test", size=192, count=8)
    found = rendered_lifting_data(pictures, None, open_detector("movenet"))
    exact = rendered_lifting_data(pictures)
    limbs = [k for k, joint in enumerate(H36M_17.joints) if joint.endswith(("elbow", "knee"))]
    limbs += [k for k, joint in enumerate(H36M_17.joints) if joint.endswith(("wrist", "ankle"))]
    off = np.linalg.norm(found.keypoints - exact.keypoints, axis=2)[:, limbs]
    tall = np.ptp(exact.keypoints, axis=1).max(axis=1)[:, None]
    visible = np.array([pictures[number]["visible"][limbs] for number in range(8)])
    assert np.median((off / tall)[visible]) < 0.03
    assert ((off / tall)[visible] < 0.1).mean() > 0.8


def test_files_are_the_same_whatever_the_workers(
    root: Path, tmp_path: Path, some: RenderedPictures
) -> None:
    pictures = replace(some, count=10)
    calls: list[tuple[int, int]] = []
    alone = store_rendered(pictures, tmp_path / "alone", 1, lambda *done: calls.append(done))
    assert calls == [(done, 10) for done in range(1, 11)]
    (tmp_path / "two").mkdir()  # an empty folder may be there
    several = store_rendered(pictures, tmp_path / "two", 2)
    assert alone.read_bytes() == several.read_bytes()
    listed = json.loads(alone.read_text())
    assert len(list(alone.parent.iterdir())) == 11
    for number, known in enumerate(listed["pictures"]):
        image = Image.open(alone.parent / known["file"])
        np.testing.assert_array_equal(np.asarray(image), pictures[number]["image"])
        both = (alone.parent / known["file"], several.parent / known["file"])
        assert both[0].read_bytes() == both[1].read_bytes()
        np.testing.assert_allclose(known["keypoints"], pictures[number]["keypoints"], rtol=1e-6)
    assert listed["joints"] == list(H36M_17.joints)
    assert [listed[name] for name in ("split", "size", "seed")] == ["val", 96, 5]


def test_what_cannot_be_stored_is_refused(
    tmp_path: Path, some: RenderedPictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PoseliftError, match="is there already and not an empty folder"):
        store_rendered(some, tmp_path.parent)
    with pytest.raises(PoseliftError, match="expected at least one worker, got 0"):
        store_rendered(some, tmp_path / "x", 0)
    (tmp_path / "file").touch()
    with pytest.raises(PoseliftError, match="x: cannot be written"):
        store_rendered(some, tmp_path / "file" / "x")

    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(PoseliftError, match=r"new: cannot be written \(No space left on device\)"):
        store_rendered(some, tmp_path / "new", 1, broken)
    assert [one.name for one in tmp_path.iterdir()] == ["file"]  # nothing half-written is left
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(PoseliftError, match="storing pictures needs Pillow: pip install"):
        store_rendered(some, tmp_path / "new")
