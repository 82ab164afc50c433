"""Results and our own keypoint files: what is written is what is read."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from io_samples import pair, sequence
from poselift.errors import PoseliftError
from poselift.io import (
    load,
    load_people,
    load_poses,
    read_detections,
    read_results,
    save,
    write_json,
    write_keypoints,
    write_npz,
)
from poselift.io.results import arrays_of, results_from_arrays
from poselift.poses import AXES_3D, Person, PoseSequence, Results
from poselift.skeletons import COCO_17, H36M_17
from writer_samples import UPSIDE, person

META = {"model": "gln", "weights_sha256": "ab" * 32, "normalisation": "screen", "software": "x"}


def results(fps: float | None = 29.97) -> Results:
    return Results(
        people=(
            pair(count=6, person_id=4, seed=2, fps=fps),
            pair(count=3, person_id=1, seed=3, start=5, fps=fps),
        ),
        meta=dict(META),
    )


def written(what: Results, suffix: str, folder: Path) -> Path:
    path = folder / f"out{suffix}"
    with path.open("wb") as stream:
        {".npz": write_npz, ".json": write_json}[suffix](what, stream)
    return path


@pytest.mark.parametrize("suffix", [".npz", ".json"])
@pytest.mark.parametrize("fps", [29.97, None])
def test_results_round_trip(tmp_path: Path, suffix: str, fps: float | None) -> None:
    first = results(fps)
    back = read_results(written(first, suffix, tmp_path))
    assert back.people == first.people
    assert back.meta.items() >= first.meta.items()
    assert (back.meta["units"], back.meta["axes"], back.meta["fps"]) == ("m", AXES_3D, fps)
    assert back.meta["image_size"] == [1920, 1080]
    for (flat, solid), (old_flat, old_solid) in zip(back.people, first.people, strict=True):
        assert (flat.history, solid.history) == (old_flat.history, old_solid.history)
    again = read_results(written(back, suffix, tmp_path))
    assert again == back


def test_npz_arrays_are_as_documented(tmp_path: Path) -> None:
    with np.load(written(results(), ".npz", tmp_path), allow_pickle=False) as file:
        arrays = dict(file)
    count = 9
    shapes = {
        "poses_3d": (count, 17, 3),
        "poses_2d": (count, 17, 2),
        "scores": (count, 17),
        "person_id": (count,),
        "frame": (count,),
        "time_s": (count,),
        "joint_names": (17,),
        "edges": (16, 2),
        "meta": (),
    }
    assert {name: array.shape for name, array in arrays.items()} == shapes
    assert all(arrays[name].dtype == np.float32 for name in ("poses_3d", "poses_2d", "scores"))
    keys = list(zip(arrays["frame"], arrays["person_id"], strict=True))
    assert keys == sorted(keys)
    assert tuple(arrays["joint_names"]) == H36M_17.joints
    assert json.loads(str(arrays["meta"]))["model"] == "gln"


def test_json_is_strict_and_lists_people(tmp_path: Path) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    text = written(results(), ".json", tmp_path).read_text()
    content = json.loads(text, parse_constant=refuse)
    assert [person["person_id"] for person in content["people"]] == [4, 1]
    assert content["people"][0]["poses_3d"][0] == [[None] * 3] * 17
    assert content["meta"]["units"] == "m"


def test_equal_results_are_equal_bytes() -> None:
    for write in (write_npz, write_json):
        one, other = io.BytesIO(), io.BytesIO()
        write(results(), one)
        write(results(), other)
        assert one.getvalue() == other.getvalue()


def test_2d_of_another_skeleton_is_converted_when_written(tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(0, 900, (2, 17, 2)).astype(np.float32)
    flat = PoseSequence.from_2d(points, COCO_17)
    solid = flat.to_skeleton(H36M_17).as_3d(np.zeros((2, 17, 3), np.float32), "lifted")
    back = read_results(written(Results((Person(flat, solid),)), ".npz", tmp_path))
    assert back.people[0][0] == flat.to_skeleton(H36M_17)


def test_pairs_that_do_not_belong_together_are_refused() -> None:
    flat, solid = pair()
    with pytest.raises(PoseliftError, match="expected a 2D and a 3D sequence"):
        Results((Person(solid, flat),))
    with pytest.raises(PoseliftError, match="of the same frames"):
        Results((Person(flat[1:], solid),))
    with pytest.raises(PoseliftError, match="person 0 twice"):
        write_npz(Results((Person(flat, solid), Person(flat, solid))), io.BytesIO())
    with pytest.raises(PoseliftError, match="at least one person"):
        write_json(Results(()), io.BytesIO())
    other, above = pair(person_id=1, fps=None)
    with pytest.raises(PoseliftError, match=r"one fps for all persons, got 29\.97 .* and None"):
        write_json(Results((Person(flat, solid), Person(other, above))), io.BytesIO())


@pytest.mark.parametrize("suffix", [".npz", ".json"])
@pytest.mark.parametrize("fps", [29.97, None])
def test_keypoints_round_trip(tmp_path: Path, suffix: str, fps: float | None) -> None:
    people = [sequence(5, person_id=3, fps=fps), sequence(4, person_id=8, seed=1, fps=fps)]
    path = tmp_path / f"clip{suffix}"
    write_keypoints(path, people)
    back = {one.person_id: one for one in load_people(path)}
    assert back == {3: people[0], 8: people[1]}
    assert load_poses(path, person=8) == people[1]
    with pytest.raises(PoseliftError, match="no person 5, expected one of"):
        load_poses(path, person=5)


def test_keypoints_to_a_stream_are_json(tmp_path: Path) -> None:
    stream = io.BytesIO()
    write_keypoints(stream, [sequence()])
    (tmp_path / "a.json").write_bytes(stream.getvalue())
    assert load_poses(tmp_path / "a.json") == sequence()


def test_keypoints_refuse_what_they_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match=r"expected .json or .npz"):
        write_keypoints(tmp_path / "a.csv", [sequence()])
    with pytest.raises(PoseliftError, match="got a 3D one"):
        write_keypoints(tmp_path / "a.json", [pair()[1]])
    other = PoseSequence.from_2d(sequence().positions, H36M_17, fps=29.97, person_id=1)
    with pytest.raises(PoseliftError, match="one image size"):
        write_keypoints(tmp_path / "a.json", [sequence(), other])
    assert not list(tmp_path.iterdir())


def test_a_plain_npz_of_a_user(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, keypoints=np.full((3, 17, 2), 5))
    with pytest.raises(PoseliftError, match="does not say which joints"):
        read_detections(path)
    found = read_detections(path, skeleton="coco_17")
    assert found.frames.tolist() == [0, 1, 2]
    assert found.person_ids.tolist() == [0, 0, 0]
    assert np.isnan(found.scores).all()


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_result_files_are_read_back_by_loaders(tmp_path: Path, suffix: str) -> None:
    what = results()
    path = written(what, suffix, tmp_path)
    assert load_people(path) == tuple(solid for _, solid in what.people)
    assert load_poses(path, person=1) == what.people[1][1]
    found = read_detections(path)
    assert (found.skeleton, found.keypoints.shape) == (H36M_17, (9, 17, 2))
    with pytest.raises(PoseliftError, match="need no normalised"):
        load(path, normalised=True)
    with pytest.raises(PoseliftError, match="need no fps"):
        load_people(path, fps=3.0)


@pytest.mark.parametrize("suffix", [".npz", ".json"])
@pytest.mark.parametrize("axes", [None, "camera", "y-up", "z-up"])
@pytest.mark.parametrize("world", [False, True])
def test_tracks_and_axes_come_back(
    tmp_path: Path, suffix: str, axes: str | None, world: bool
) -> None:
    """What was z-up comes back y-up; all else as it was, the root's path and contacts too."""
    one = person(np.arange(2, 9), world=world)
    path = one.poses_3d.tracks["root"]
    marks = np.zeros((7, 17), np.float32)
    marks[3, 5] = 1
    more = {"root": path, "root_std": np.abs(path), "contacts": marks[:, :2], "filled": marks}
    one = Person(one.poses_2d, replace(one.poses_3d, tracks=more))
    other = person(4, person_id=3, world=world, root=False)
    save(Results((one, other)), tmp_path / f"a{suffix}", axes=axes)
    found = read_results(tmp_path / f"a{suffix}")
    assert found.meta["axes"].startswith("camera" if axes == "camera" else "") or world
    upright = {"camera": False, None: world}.get(axes, True)
    signs = UPSIDE if upright != world else np.ones(3)
    for before, after in zip((one, other), found.people, strict=True):
        before, after = before.poses_3d, after.poses_3d
        assert after.axes.startswith("world" if upright else "camera")
        np.testing.assert_array_equal(after.positions, before.positions * signs)
        assert after.tracks.keys() == before.tracks.keys()
    after = found.people[0].poses_3d.tracks
    np.testing.assert_array_equal(after["root"], path * signs)
    for name in ("root_std", "contacts", "filled"):
        np.testing.assert_array_equal(after[name], more[name])


def test_axes_that_are_not_known_are_refused(tmp_path: Path) -> None:
    arrays = arrays_of(Results((person(2),)))
    meta = str(arrays["meta"]).replace("camera: x right", "camera: x left")
    with pytest.raises(PoseliftError, match="meta: expected axes 'camera: x right, y down"):
        results_from_arrays({**arrays, "meta": np.array(meta)}, "file")
