"""Whatever a file holds: poses, or one sentence that says what is wrong."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
import tempfile
import tracemalloc
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from io_samples import (
    body_25,
    mmpose_frames,
    mmpose_instance,
    openpose_frame,
    pair,
    sequence,
    walker,
    write,
)
from poselift.errors import PoseliftError
from poselift.io import (
    load_people,
    read_detections,
    read_results,
    write_json,
    write_keypoints,
    write_npz,
)
from poselift.poses import Results


def refuse(path: Path, match: str, **options: Any) -> str:
    """Expect one sentence that names the path."""
    with pytest.raises(PoseliftError, match=match) as caught:
        load_people(path, **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


# Files and folders


def test_missing_empty_and_unknown(tmp_path: Path) -> None:
    refuse(tmp_path / "none.json", "there is no such file")
    refuse(tmp_path, "no .json file in this folder, no labels and no pictures")
    (tmp_path / "none.json").write_text("[]\n")
    refuse(tmp_path / "none.json", "is an empty list or object, nobody is in it")
    (tmp_path / "none.json").unlink()
    (tmp_path / "a.txt").write_text("hello")
    refuse(tmp_path, "no .json file in this folder")
    refuse(tmp_path / "a.txt", "formats that are read: .*mmpose, .*openpose, .*poselift")
    (tmp_path / "a.json").write_text(" \n")
    refuse(tmp_path / "a.json", "is empty")
    refuse(tmp_path, "a.json: is empty")
    write(tmp_path / "a.json", [1, 2])
    refuse(tmp_path / "a.json", "none of the formats")
    refuse(tmp_path / "a.json", "unknown format 'x', expected one of auto, .*openpose", format="x")
    refuse(tmp_path / "a.json", "unknown skeleton", skeleton="x", format="openpose")


def test_truncated(tmp_path: Path) -> None:
    text = json.dumps(openpose_frame(*body_25(1)))
    (tmp_path / "a.json").write_text(text[:-3])
    refuse(tmp_path / "a.json", f"cut off after {len(text) - 3} bytes")
    long = json.dumps(mmpose_frames(walker(300)))
    (tmp_path / "b.json").write_text(long[:-7])
    refuse(tmp_path / "b.json", "cut off")


@pytest.mark.parametrize("start", [b"", b"{", b'{"people": [', b"[[1, 2], ", b"PK\x03\x04"])
def test_two_gigabytes_that_are_no_json_are_not_read(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "big.json"
    with path.open("wb") as stream:
        stream.write(start)
        stream.truncate(2 << 30)
    tracemalloc.start()
    refuse(path, "big.json.*(not JSON|damaged|none of the formats)")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def test_large_file_that_begins_well_is_refused_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "big.json"
    with path.open("wb") as stream:
        stream.write(json.dumps(mmpose_frames(walker(200))).encode()[:-1])
        stream.truncate(2 << 30)
    refuse(path, "binary data")
    with path.open("r+b") as stream:
        stream.seek((2 << 30) - 1)
        stream.write(b"]")
    refuse(path, "2.0 GiB of JSON is more than is read at once")


def test_frame_file_that_is_too_large(tmp_path: Path) -> None:
    with (tmp_path / "a.json").open("wb") as stream:
        stream.write(b'{"people": [')
        stream.truncate(1 << 30)
    refuse(tmp_path, "too large to be one frame")


def test_nan_and_infinity(tmp_path: Path) -> None:
    frame = openpose_frame(*body_25(1))
    frame["people"][0]["pose_keypoints_2d"][3] = float("nan")
    refuse(write(tmp_path / "a.json", frame), "joint neck: one coordinate is missing, one is not")
    frame["people"][0]["pose_keypoints_2d"][3] = float("inf")
    refuse(write(tmp_path / "a.json", frame), "holds Infinity at byte")
    frame["people"][0]["pose_keypoints_2d"][3] = 1e300
    refuse(write(tmp_path / "a.json", frame), "frame 0, joint neck: expected finite coordinates")
    text = json.dumps(frame).replace("1e+300", "1e999")
    (tmp_path / "a.json").write_text(text)
    refuse(tmp_path / "a.json", "too large for a float")


def test_normalised_coordinates_are_not_pixels(tmp_path: Path) -> None:
    frame = openpose_frame(*(body_25(1) / 2000))
    refuse(write(tmp_path / "a.json", frame), "--keypoint_scale 0")


# Content


def _openpose(change: Callable[[list[dict[str, Any]]], Any]) -> list[dict[str, Any]]:
    frames = [openpose_frame(one) for one in body_25(4)]
    change(frames)
    return frames


def _set(index: int, key: str, value: Any) -> Callable[[list[dict[str, Any]]], Any]:
    return lambda frames: frames[index].__setitem__(key, value)


def _set_person(key: str, value: Any) -> Callable[[list[dict[str, Any]]], Any]:
    return lambda frames: frames[2]["people"][0].__setitem__(key, value)


_KEY = "pose_keypoints_2d"
OPENPOSE = [
    (_set_person(_KEY, [1.0] * 72), r"frame 2, person 0: expected 25 joints .* got 24"),
    (_set_person(_KEY, [1.0] * 74), "expected x, y, c for each joint, got 74 numbers"),
    (_set_person(_KEY, None), r'frame 2, person 0: expected "pose_keypoints_2d" as a list'),
    (_set_person(_KEY, [1.0] * 74 + ["2"]), r"frame 2, person 0: expected numbers, got '2'"),
    (_set_person(_KEY, [1.0] * 74 + [None]), "expected numbers, got null"),
    (_set_person(_KEY, [1.0] * 74 + [True]), "expected numbers, got True"),
    (_set_person(_KEY, [1.0] * 74 + [[3.0]]), "expected numbers, got a list"),
    (_set_person("person_id", "me"), "expected person_id as a whole number"),
    (_set_person("person_id", [1e30]), "expected person_id as a whole number"),
    (_set(2, "people", None), 'frame 2: expected "people" as a list, got null'),
    (_set(2, "people", ["x"]), "frame 2, person 0: .* got a string"),
    (_set(2, "people", [{"face": 1}]), 'frame 2, person 0: expected "pose_keypoints_2d"'),
    (lambda frames: frames.__setitem__(2, 5), "frame 2: expected a frame.* got a number"),
    (lambda frames: frames[2].pop("people"), "frame 2: expected an OpenPose frame"),
    (lambda frames: [f.update(people=[]) for f in frames], "no person in any frame"),
    (
        lambda frames: [f.update(image_size=[9 + i, 9]) for i, f in enumerate(frames)],
        "frame 1: image size 10x9 differs from 9x9 in .*frame 0",
    ),
    (_set(2, "image_size", ["9", 9]), "expected image_size as"),
]


@pytest.mark.parametrize(("change", "match"), OPENPOSE)
def test_openpose_errors_name_the_place(
    tmp_path: Path, change: Callable[[list[dict[str, Any]]], Any], match: str
) -> None:
    frames = _openpose(change)
    refuse(write(tmp_path / "one.json", frames), match)
    for index, frame in enumerate(frames):
        write(tmp_path / "many" / f"f{index:04d}.json", frame)
    many = match.replace("frame 2", "f0002.json").replace("frame 1", "f0001.json")
    text = refuse(tmp_path / "many", many.replace("frame 0", "f0000.json"))
    assert "no person" in text or "f000" in text


def test_openpose_wrong_count_lists_the_counts(tmp_path: Path) -> None:
    frame = openpose_frame(np.ones((19, 2)) * 50)
    path = write(tmp_path / "a.json", frame)
    refuse(path, r"17 \(coco_17\), 18 \(openpose_18\), 25 \(body_25 or body_25b\), .* joints")
    refuse(path, r"expected 26 joints \(halpe_26\), got 19", skeleton="halpe_26")


def test_openpose_named_joints_must_be_known(tmp_path: Path) -> None:
    content = {"keypoint_names": ["Nose"], "frames": [openpose_frame(*body_25(1))]}
    refuse(write(tmp_path / "a.json", content), "no known skeleton has these 1 joint names")
    content["keypoint_names"] = 3
    refuse(write(tmp_path / "a.json", content), '"keypoint_names" as a list')


def _instance(change: Callable[[dict[str, Any]], Any]) -> list[dict[str, Any]]:
    frames = mmpose_frames(walker(3))
    change(frames[1]["instances"][0])
    return frames


MMPOSE = [
    (lambda one: one.pop("keypoints"), 'frame 1, person 0: expected "keypoints"'),
    (lambda one: one["keypoints"].pop(), "frame 1, person 0: expected 17 joints .* got 16"),
    (lambda one: one["keypoints"][3].append(1.0), "expected 17 x 2 numbers, got a list of 3 for 2"),
    (lambda one: one["keypoints"].__setitem__(3, None), '"keypoints" to hold lists, got null'),
    (lambda one: one["keypoints"].__setitem__(3, ["1", 2]), "expected numbers, got '1'"),
    (lambda one: one["keypoint_scores"].pop(), "person 0, scores: expected 17 numbers"),
    (lambda one: one.update(keypoint_scores="x"), '"keypoint_scores" as a list, got a string'),
    (lambda one: one.update(track_id=1.5), "expected track_id as a whole number"),
    (lambda one: one["keypoints"].__setitem__(3, [1e300, 2]), "joint left_ear: expected finite"),
]


@pytest.mark.parametrize(("change", "match"), MMPOSE)
def test_mmpose_errors_name_the_place(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], match: str
) -> None:
    refuse(write(tmp_path / "a.json", _instance(change)), match)


MMPOSE_FILES: list[tuple[Any, str]] = [
    ([{"frame_id": 1, "instances": []}, {"frame_id": 1, "instances": []}], "1 occurs twice"),
    ([{"frame_id": 1, "instances": None}], '"instances" as a list'),
    ([{"frame_id": -1, "instances": []}], "expected frame_id as a whole number from 0"),
    ({"meta_info": {}, "instance_info": [{"frame_id": 0, "instances": []}]}, "from 1 on"),
    ([{"frame_id": 1, "instances": []}], "no person in any frame"),
    ([{"instances": []}], 'expected "frame_id"'),
    ({"meta_info": {}}, 'an object with "instance_info"'),
    ({"meta_info": 3, "instance_info": []}, "meta_info: expected an object"),
    ({"meta_info": {"fps": "30"}, "instance_info": []}, "expected fps as a number"),
    ({"meta_info": {"keypoint_id2name": {"7": "x"}}, "instance_info": []}, "to name joints 0"),
    ([mmpose_instance(np.ones((21, 2)))], r"expected 17 \(coco_17 or h36m_17\), .* got 21"),
    (
        [{"frame_id": 1, "instances": [mmpose_instance(walker(1)[0], track_id=2)] * 2}],
        "frame 1: person 2 occurs twice",
    ),
]


@pytest.mark.parametrize(("content", "match"), MMPOSE_FILES)
def test_mmpose_files_that_are_refused(tmp_path: Path, content: Any, match: str) -> None:
    refuse(write(tmp_path / "a.json", content), match)


NATIVE = [
    (lambda c: c.update(version=9), "version 1, got 'poselift-keypoints' version 9"),
    (lambda c: c.update(units="mm"), "expected units 'px', got 'mm'"),
    (lambda c: c.update(axes="y up"), "expected axes"),
    (lambda c: c.update(skeleton=3), "expected skeleton as a name"),
    (lambda c: c.update(skeleton="coco_17"), "joint_names are not those of coco_17"),
    (lambda c: (c.pop("skeleton"), c.pop("joint_names")), "does not say which joints"),
    (lambda c: c.update(fps=0), "expected fps"),
    (lambda c: c.update(frame_count=1), "frame_count is 1, but there is a frame"),
    (lambda c: c.update(people=[]), "no person in any frame"),
    (lambda c: c["people"][0].update(person_id="a"), r"people\[0\]: expected person_id"),
    (lambda c: c["people"][0].update(frames=[0.5] * 5), "expected frames as whole numbers"),
    (lambda c: c["people"][0].update(frames=[3] * 5), "frame 3: person 0 occurs twice"),
    (lambda c: c["people"][0]["keypoints"].pop(), "keypoints: expected 5 entries"),
    (lambda c: c["people"][0]["keypoints"][1].pop(), r"keypoints\[1\]: expected 17 x 2"),
    (lambda c: c["people"][0]["keypoints"][1].__setitem__(0, [None, 3]), "one coordinate is"),
    (lambda c: c["people"][0]["scores"][1].__setitem__(0, "x"), r"scores\[1\]: expected numbers"),
    (lambda c: c["people"][0]["scores"][1].__setitem__(0, 1e99), "expected a finite score"),
    (lambda c: c["people"][0]["times"].__setitem__(1, None), r"times\[1\]: expected numbers"),
    (lambda c: c["people"][0]["times"].__setitem__(1, 0.0), "person 0: expected increasing time"),
]


@pytest.mark.parametrize(("change", "match"), NATIVE)
def test_own_keypoints_that_are_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], match: str
) -> None:
    path = tmp_path / "a.json"
    write_keypoints(path, [sequence()])
    content = json.loads(path.read_text())
    change(content)
    refuse(write(path, content), match)


def _arrays() -> dict[str, Any]:
    with tempfile.TemporaryFile() as stream:
        write_npz(Results((pair(),), {}), stream)
        stream.seek(0)
        with np.load(stream, allow_pickle=False) as file:
            return dict(file)


ARRAYS = [
    ({"poses_2d": None}, "expected an array 'poses_2d', found"),
    ({"scores": np.zeros((5, 3))}, r"'scores' of shape 5 x 17, got \(5, 3\)"),
    ({"frame": np.zeros(5)}, "'frame' to hold whole numbers, got float64"),
    ({"frame": np.zeros(5, int)}, "person 0: expected increasing frame numbers"),
    ({"poses_3d": np.zeros((5, 17))}, "'poses_3d' of shape any x any x 3"),
    ({"meta": np.array("{")}, "meta is not JSON"),
    ({"meta": np.array("[]")}, "meta: expected an object, got a list"),
    ({"meta": np.array('{"fps": "x"}')}, "meta: expected fps as a number"),
    ({"edges": np.array([[0, 99]])}, "edge 0-99 has a joint that does not exist"),
    ({"joint_names": np.array(["a"] * 17)}, "joint name .a. occurs twice"),
    ({"poses_3d": np.full((5, 17, 3), 1e300)}, "expected finite coordinates"),
    ({"frame": np.array([0, 1, 2, 3, 4], dtype="m8[s]")}, "expected numbers or text"),
]


@pytest.mark.parametrize(("change", "match"), ARRAYS)
def test_result_arrays_that_are_refused(tmp_path: Path, change: dict[str, Any], match: str) -> None:
    arrays = {name: array for name, array in {**_arrays(), **change}.items() if array is not None}
    np.savez(tmp_path / "a.npz", **arrays)
    refuse(tmp_path / "a.npz", match)


def test_pickles_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, keypoints=np.array({"S1": 1}, dtype=object))
    refuse(path, "array 'keypoints': holds pickled Python objects, which are not read")
    np.savez(path, poses_3d=np.array({"S1": 1}, dtype=object))
    with pytest.raises(PoseliftError, match="pickled"):
        read_results(path)
    path.write_bytes(pickle.dumps({"S1": 1}))
    refuse(path, "is not an .npz file")
    with pytest.raises(PoseliftError, match="is not an"):
        read_results(path)


def test_damaged_archives(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_keypoints(path, [sequence()])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    refuse(path, "damaged .npz")
    path.write_bytes(data[:200] + b"\xff" * 8 + data[208:])
    refuse(path, "damaged .npz")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("keypoints.npy", b"nonsense")
    refuse(path, "damaged .npz")
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (900000000000, 17, 2)}"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "keypoints.npy",
            b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n",
        )
    refuse(path, "its header promises")
    np.savez(path, other=np.zeros(3), more=np.zeros(3))
    refuse(path, "expected an array 'keypoints', found other, more")
    np.savez(path, other=np.zeros(3))
    refuse(path, r"array 'other': expected an array \(frames, joints, 2 or 3\)")


def test_results_of_an_unknown_suffix(tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match=r"expected results as .npz or .json, got '.csv'"):
        read_results(tmp_path / "a.csv")


# Anything at all


@cache
def _seeds() -> tuple[bytes, ...]:
    """One small valid file of each JSON kind."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.json"
        write_keypoints(path, [sequence(2)])
        own = path.read_bytes()
        with path.open("wb") as stream:
            write_json(Results((pair(count=2),), {}), stream)
        results = path.read_bytes()
    contents = (
        openpose_frame(*body_25(2)),
        {"fps": 30, "image_size": [9, 9], "frames": [openpose_frame(*body_25(1))] * 2},
        mmpose_frames(walker(2), track_id=1),
        {"meta_info": {"fps": 3}, "instance_info": mmpose_frames(walker(2), first=1)},
    )
    return (*(json.dumps(content).encode() for content in contents), own, results)


VALUES = st.sampled_from(
    [None, True, "x", "1", [], {}, [[]], -1, 0, 1, 2, 1.5, 1e39, 1e300, 2**63, 2**70, -(2**70), ""]
)


def _mutate(value: Any, data: st.DataObject) -> Any:
    """Replace, drop, or double one value somewhere inside."""
    if isinstance(value, (dict, list)) and value and data.draw(st.integers(0, 5)):
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = data.draw(st.sampled_from(keys))
        action = data.draw(st.integers(0, 7))
        if action == 0:
            value.pop(key)
        elif action == 1 and isinstance(value, list):
            value.append(value[key])
        else:
            value[key] = _mutate(value[key], data)
        return value
    return copy.deepcopy(data.draw(VALUES))


def _sentence_or(read: Callable[[], Any]) -> None:
    """Call; anything but a result or one line of `PoseliftError` fails the test."""
    with contextlib.suppress(PoseliftError):
        try:
            read()
        except PoseliftError as error:
            if "\n" in str(error):
                raise ValueError(f"more than a line: {error}") from error
            raise


def _outcome(content: bytes, format_name: str) -> None:
    """Read; anything but detections or one sentence fails the test."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.json"
        path.write_bytes(content)
        for format_ in ("auto", format_name):
            _sentence_or(lambda: read_detections(path, format=format_))  # noqa: B023  # called now
            _sentence_or(lambda: load_people(path, format=format_))  # noqa: B023


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_changed_value_is_poses_or_a_sentence(data: st.DataObject) -> None:
    content = json.loads(data.draw(st.sampled_from(_seeds())))
    for _ in range(data.draw(st.integers(1, 3))):
        content = _mutate(content, data)
    name = data.draw(st.sampled_from(["openpose", "mmpose", "poselift"]))
    _outcome(json.dumps(content).encode(), name)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_changed_byte_is_poses_or_a_sentence(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(_seeds())))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    _outcome(bytes(content), data.draw(st.sampled_from(["openpose", "mmpose", "poselift"])))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_changed_byte_of_an_npz_is_poses_or_a_sentence(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.npz"
        write_keypoints(path, [sequence(2)])
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(bytes(content[: data.draw(st.integers(1, len(content)))]))
        _sentence_or(lambda: load_people(path))


def test_letters_beyond_unicode_are_refused(tmp_path: Path) -> None:
    from poselift.io.arrays import read_arrays

    letters = np.array([0x110000, 97], dtype=np.uint32)
    np.savez(tmp_path / "odd.npz", name=letters.view("<U2"))
    with pytest.raises(PoseliftError, match=r"odd\.npz, array 'name': holds text that is not Uni"):
        read_arrays(tmp_path / "odd.npz")["name"]
