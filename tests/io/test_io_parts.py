"""Files read in parts and whole blocks: the same poses and the same sentences as read at once."""

from __future__ import annotations

import copy
import gc
import json
import tempfile
import tracemalloc
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from io_samples import body_25, mmpose_frames, openpose_frame, pair, sequence, walker, write
from poselift.errors import PoseliftError
from poselift.io import (
    jsonparts,
    read_detections,
    read_results,
    write_json,
    write_keypoints,
)
from poselift.io.formats import openpose
from poselift.poses import Results

SIZES = ("LARGE", "PART")


def in_parts(monkeypatch: pytest.MonkeyPatch, size: int = 700) -> None:
    for name in SIZES:
        monkeypatch.setattr(jsonparts, name, size)
    monkeypatch.setattr(openpose, "_FILES", 2)


def outcome(path: Path, part: int) -> Any:
    """What reading gives, a table or a sentence, with parts of a certain size."""
    with pytest.MonkeyPatch.context() as patch:
        in_parts(patch, part)
        try:
            found = read_detections(path)
        except PoseliftError as error:
            return str(error)
    arrays = [getattr(found, name) for name in ("frames", "person_ids", "keypoints", "scores")]
    facts = found.fps, found.image_size, found.frame_count, found.notes, found.skeleton.name
    return [*(array.tobytes() for array in arrays), found.times is None, *facts]


@cache
def files() -> tuple[bytes, ...]:
    """One valid file of each kind, several frames or persons long."""
    frames = [openpose_frame(one, one / 2, person_id=-1) for one in body_25(6)]
    frames[3]["people"].append({"pose_keypoints_2d": []})
    numbered = [openpose_frame(one, person_id=i) for i, one in enumerate(body_25(6))]
    named = {"fps": 9, "frames": [{"image_size": [640, 480], **frame} for frame in numbered]}
    tracked = {"meta_info": {"fps": 3}, "instance_info": mmpose_frames(walker(6), 1, track_id=1)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.json"
        write_keypoints(path, [sequence(9), sequence(4, person_id=3, seed=1)])
        own = path.read_bytes()
        with path.open("wb") as stream:
            write_json(Results((pair(count=6),), {"scores": list(range(300))}), stream)
        results = path.read_bytes()
    contents = (frames, named, mmpose_frames(walker(6)), tracked)
    return (*(json.dumps(content).encode() for content in contents), own, results)


@pytest.mark.parametrize("index", range(6))
def test_parts_of_any_size_give_the_same(tmp_path: Path, index: int) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(files()[index])
    whole = outcome(path, 1 << 20)
    assert isinstance(whole, list)
    for part in (10, 150, 700, 1500, 5000):
        assert outcome(path, part) == whole


def test_a_folder_read_in_blocks_is_the_list_of_its_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = json.loads(files()[0])
    for index, frame in enumerate(frames):
        write(tmp_path / "many" / f"f{index:04d}.json", frame)
    single = read_detections(write(tmp_path / "one.json", frames))
    in_parts(monkeypatch)
    folder = read_detections(tmp_path / "many")
    for name in ("frames", "person_ids", "keypoints", "scores"):
        np.testing.assert_array_equal(getattr(folder, name), getattr(single, name))


VALUES = st.sampled_from(
    [None, True, False, "x", [], {}, [[]], [None], -2, -1, 0, 1, 1.5, 1e39, 1e300, 2**52, 2**70]
)


def _change(value: Any, data: st.DataObject) -> Any:
    """Replace, drop, or double one value somewhere inside."""
    if isinstance(value, (dict, list)) and value and data.draw(st.integers(0, 8)):
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = data.draw(st.sampled_from(keys))
        action = data.draw(st.integers(0, 9))
        if action == 0:
            value.pop(key)
        elif action == 1 and isinstance(value, list):
            value.append(copy.deepcopy(value[key]))
        else:
            value[key] = _change(value[key], data)
        return value
    return copy.deepcopy(data.draw(VALUES))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_one_wrong_value_is_said_the_same_in_parts(data: st.DataObject) -> None:
    content = _change(json.loads(data.draw(st.sampled_from(files()))), data)
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "a.json", content)
        assert outcome(path, data.draw(st.sampled_from([150, 700, 2500]))) == outcome(path, 1 << 20)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_one_wrong_byte_is_said_the_same_in_parts(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(files())))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.sampled_from(b'0-.,:[]{}" \\nNe'))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.json"
        path.write_bytes(content)
        assert outcome(path, data.draw(st.sampled_from([150, 700, 2500]))) == outcome(path, 1 << 20)


def _last(key: str, value: Any) -> Callable[[list[dict[str, Any]]], None]:
    return lambda frames: frames[5]["people"][0].__setitem__(key, value)


LATE = [
    (_last("pose_keypoints_2d", [1.0] * 72), "frame 5, person 0: expected 25 joints .* got 24"),
    (_last("pose_keypoints_2d", [1.0] * 74 + [True]), "person 0: expected numbers, got True"),
    (_last("person_id", [True]), "frame 5, person 0: expected person_id as a whole number"),
    (_last("person_id", [1, 2]), "frame 5, person 0: expected person_id as a whole number"),
    (lambda frames: frames[5].update(people={}), 'frame 5: expected "people" as a list'),
    (lambda frames: frames.__setitem__(5, []), "frame 5: expected a frame.* got a list"),
    (lambda frames: frames[5].update(image_size=[0, 9]), "frame 5: expected image_size as"),
]


@pytest.mark.parametrize(("change", "match"), LATE)
def test_what_is_wrong_late_in_a_clip_names_its_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], None], match: str
) -> None:
    frames = [openpose_frame(one) for one in body_25(6)]
    change(frames)
    in_parts(monkeypatch)
    with pytest.raises(PoseliftError, match=match):
        read_detections(write(tmp_path / "a.json", frames))
    for index, frame in enumerate(frames):
        write(tmp_path / "many" / f"f{index:04d}.json", frame)
    with pytest.raises(PoseliftError, match=match.replace("frame 5", "f0005.json")):
        read_detections(tmp_path / "many")


def test_of_two_wrong_files_the_first_is_named(tmp_path: Path) -> None:
    for index in range(4):
        write(tmp_path / f"f{index}.json", openpose_frame(*body_25(1)))
    write(tmp_path / "f2.json", {"people": None})
    (tmp_path / "f3.json").write_text("{")
    with pytest.raises(PoseliftError, match=r'f2\.json: expected "people" as a list, got null'):
        read_detections(tmp_path)


def test_results_in_parts_are_equal_and_facts_named_like_columns_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(files()[5])
    whole = read_results(path)
    in_parts(monkeypatch)
    parts = read_results(path)
    assert parts == whole
    assert parts.meta["scores"] == list(range(300))


@pytest.mark.parametrize("own", [False, True])
def test_reading_in_parts_needs_little_more_than_the_arrays(tmp_path: Path, own: bool) -> None:
    path = tmp_path / "a.json"
    if own:
        write_keypoints(path, [sequence(6000)])
    else:
        write(path, [openpose_frame(one) for one in np.resize(body_25(60), (6000, 25, 2))])
    tracemalloc.start()
    found = read_detections(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * (found.keypoints.nbytes + found.scores.nbytes) + path.stat().st_size * own


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_left_as_it_was(tmp_path: Path, enabled: bool) -> None:
    path = write(tmp_path / "a.json", {"people": None})
    (gc.enable if enabled else gc.disable)()
    try:
        with pytest.raises(PoseliftError):
            read_detections(path)
        assert gc.isenabled() == enabled
    finally:
        gc.enable()
