"""`poselift convert` as a user meets it: our files of 2D keypoints, or one sentence and nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from io_samples import body_25, mmpose_frames, openpose_frame, pair, sequence, walker, write
from poselift.io import load, load_people, write_json, write_keypoints, write_npz
from poselift.poses import Person, Results

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(name="run")
def run_convert(run: Run) -> Run:
    """Call `poselift convert`."""
    return partial(run, "convert")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A folder of OpenPose frames: one person throughout, a smaller one in the first frames."""
    folder = tmp_path / "clip"
    for frame, body in enumerate(body_25(7)):
        people = [body, body / 2 + (900, 0)][: 2 if frame < 4 else 1]
        write(folder / f"clip_{frame:06d}_keypoints.json", openpose_frame(*people))
    return folder


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def openpose_file(path: Path) -> None:
    write(path, {"fps": 25, "frames": [openpose_frame(one) for one in body_25(5)]})


def mmpose_file(path: Path) -> None:
    write(path, mmpose_frames(walker(5), track_id=3))


def own_file(path: Path) -> None:
    write_keypoints(path, [sequence(), sequence(person_id=4, seed=1)])


FILES = {"openpose": openpose_file, "mmpose": mmpose_file, "poselift": own_file}


@pytest.mark.parametrize("suffix", [".npz", ".json"])
@pytest.mark.parametrize("name", FILES)
def test_what_is_read_from_the_copy_is_what_was_read(
    run: Run, tmp_path: Path, name: str, suffix: str
) -> None:
    source, copy = tmp_path / "source.json", tmp_path / f"copy{suffix}"
    FILES[name](source)
    assert run(source, "-o", copy, "--quiet") == (0, "", "")
    assert load_people(copy) == load_people(source)


def test_all_outputs_at_once_and_a_summary(run: Run, clip: Path, tmp_path: Path) -> None:
    outputs = [tmp_path / "out" / "clip.npz", tmp_path / "out" / "clip.JSON"]
    given = [part for path in outputs for part in ("-o", path)]
    status, out, err = run(clip, *given, "--size", "1280x1024", "--fps", 25)
    assert (status, err) == (0, "")
    assert out.startswith(f"wrote {outputs[0]}, {outputs[1]}: 2 persons, 7 frames, ")
    assert (out.endswith(" frames/s\n"), out.count("\n")) == (True, 1)
    assert listing(tmp_path / "out") == ["clip.JSON", "clip.npz"]
    for path in outputs:
        people = load_people(path)
        assert [len(one) for one in people] == [7, 4]
        assert {(one.fps, one.image_size) for one in people} == {(25.0, (1280, 1024))}
        assert people[0].skeleton.name == "body_25"


@pytest.mark.parametrize(("person", "length"), [("main", 7), ("0", 7), ("1", 4)])
def test_whom_to_convert(run: Run, clip: Path, tmp_path: Path, person: str, length: int) -> None:
    path = tmp_path / "one.npz"
    status, out, _ = run(clip, "-o", path, "--person", person)
    assert (status, "1 person, 7 frames" in out) == (0, True)
    assert [len(one) for one in load_people(path)] == [length]


def test_an_unknown_frame_rate_stays_unknown(run: Run, clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "clip.npz"
    assert run(clip, "-o", path)[0] == 0
    assert {one.fps for one in load_people(path)} == {None}
    assert load_people(path, fps=50.0)[0].times[1] == pytest.approx(0.02)
    table = tmp_path / "clip.csv"
    status, _, err = run(clip, "-o", table)
    assert (status, err) == (
        0,
        f"poselift: warning: {table}: the frame rate is not known, time_s are frame numbers "
        "(give --fps)\n",
    )
    assert run(clip, "-o", table, "--fps", 50)[2] == ""


def test_joints_by_name(run: Run, clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "clip.npz"
    status, out, _ = run(clip, "-o", path, "--to", "coco_17")
    assert status == 0
    assert out.splitlines()[1] == "joints: body_25 -> coco_17"
    seen = ~np.isnan(load_people(path)[0].positions)
    np.testing.assert_allclose(load_people(path)[0].positions[seen], walker(7)[seen], atol=1e-3)


def test_a_table_in_the_joints_it_has(run: Run, tmp_path: Path) -> None:
    """A CSV has no history, and its own joints add none."""
    source = tmp_path / "a.csv"
    Results((Person(*pair()),), {}).save(source)
    (tmp_path / "a.poselift.json").unlink()
    status, out, err = run(source, "-o", tmp_path / "b.npz", "--to", "h36m_17")
    assert (status, out.count("\n"), err) == (0, 1, "")


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_results_keep_their_2d_and_their_3d_poses(run: Run, tmp_path: Path, suffix: str) -> None:
    source = tmp_path / f"results{suffix}"
    with source.open("wb") as stream:
        (write_npz if suffix == ".npz" else write_json)(Results((pair(),), {}), stream)
    assert run(source, "-o", tmp_path / "again.npz")[0] == 0
    again = load(tmp_path / "again.npz")
    assert isinstance(again, Results)
    assert again.people == (pair(),)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("-o", "out.c3d"), "cannot write '.c3d' of 2D keypoints"),
        (("-o", "a.npz", "-o", "./a.npz"), "a.npz: is given as output twice"),
        (("-o", "clip/out.json"), "lies in the input folder"),
        (("-o", "folder.npz"), "cannot write a file here, it is a folder"),
        (("-o", "out.npz", "--size", "1280"), "expected --size as WIDTHxHEIGHT in pixels"),
        (("-o", "out.npz", "--fps", "0"), "fps above 0"),
        (
            ("-o", "out.npz", "--person", "77"),
            "no person '77', expected --person all, main, X,Y",
        ),
        (("-o", "out.npz", "--format", "xml"), "unknown format 'xml'"),
        (("-o", "out.npz", "--skeleton", "coco"), "unknown skeleton 'coco'"),
        (("-o", "out.npz", "--skeleton", "coco_17"), "expected 17 joints (coco_17), got 25"),
        (("-o", "out.npz", "--to", "coco"), "unknown skeleton 'coco'"),
        (("-o", "out.npz", "--format", "mmpose"), 'expected "instances" as a list, got an object'),
    ],
)
def test_refusals_are_one_sentence_and_leave_nothing(
    run: Run,
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.npz").mkdir()
    before = listing(tmp_path)
    status, out, err = run("clip", *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("poselift: error: ")
    assert sentence in err
    assert listing(tmp_path) == before


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty, expected JSON"),
        (b'[{"people": [{"a": 1}]}]', 'frame 0, person 0: expected "pose_keypoints_2d"'),
        (b'[{"people": []}]', "no person in any frame"),
        (b"hello", "is not JSON"),
    ],
)
def test_bad_input_is_one_sentence(run: Run, tmp_path: Path, content: bytes, sentence: str) -> None:
    source = tmp_path / "a.json"
    source.write_bytes(content)
    status, out, err = run(source, "-o", tmp_path / "out.npz")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert f"{source}" in err
    assert sentence in err
    assert listing(tmp_path) == ["a.json"]


def test_a_failed_write_leaves_no_output(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from poselift.io import native

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(native, "write_keypoints_json", fail)
    before = listing(tmp_path)
    status, _, err = run(clip, "-o", tmp_path / "a.npz", "-o", tmp_path / "b.json")
    assert status == 2
    assert "b.json: cannot be written (No space left on device)" in err
    assert listing(tmp_path) == before


def test_the_input_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "input.json"
    openpose_file(path)
    before = json.loads(path.read_text())
    status, _, err = run(path, "-o", path)
    assert (status, "is the input, choose another output" in err) == (2, True)
    assert json.loads(path.read_text()) == before
