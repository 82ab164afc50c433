"""Tables and markers: what is written comes back, from our readers and from other people's."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poselift.errors import PoseliftError
from poselift.io import load, read_detections, save, save_all, writers
from poselift.io.axes import AXES, DIRECTIONS, axes_of, turned, turning
from poselift.io.timeline import timeline
from poselift.mocap import read_trc
from poselift.poses import Detections, Person, Results
from poselift.skeletons import H36M_17
from writer_samples import META, UPSIDE, person, results, without


def beside(path: Path) -> dict:
    return json.loads(path.read_bytes())


@pytest.mark.parametrize("source", AXES)
@pytest.mark.parametrize("target", AXES)
def test_axes_turn_without_mirroring_and_back(source: str, target: str) -> None:
    matrix = turning(source, target)
    assert np.linalg.det(matrix) == pytest.approx(1.0)
    points = np.random.default_rng(0).normal(size=(5, 17, 3)).astype(np.float32)
    there = turned(points, source, target)
    np.testing.assert_array_equal(there, (points @ matrix.T).astype(np.float32))
    np.testing.assert_array_equal(turned(there, target, source), points)
    # what points right, and what points up, is the same thing in both
    for way, opposite in (("up", "down"), ("right", "left"), ("forward", "backward")):
        arrows = []
        for axes in (source, target):
            arrow = np.zeros(3, np.float32)
            for place, name in enumerate(DIRECTIONS[axes]):
                arrow[place] = {way: 1, opposite: -1}.get(name, 0) * 1.0
            arrows.append(arrow)
        np.testing.assert_array_equal(turned(arrows[0], source, target), arrows[1])


@pytest.mark.parametrize("suffix", [".csv", ".wide.csv"])
@pytest.mark.parametrize("axes", [None, *AXES])
@pytest.mark.parametrize("world", [False, True])
def test_csv_comes_back_to_the_last_digit(
    tmp_path: Path, suffix: str, axes: str | None, world: bool
) -> None:
    first = without(person(np.arange(3, 20), world=world), "left_wrist", slice(4, 6))
    second = person(np.arange(0, 30, 2), person_id=7, world=world, root=False)
    written = results(first, second)
    save(written, tmp_path / f"a{suffix}", axes=axes)
    found = load(tmp_path / f"a{suffix}")
    assert isinstance(found, Results)
    upright = {"camera": False, None: world}.get(axes, True)
    by_id = {one.poses_3d.person_id: one for one in found.people}
    for one in written.people:
        back = by_id[one.poses_3d.person_id]
        assert axes_of(back.poses_3d) == ("y-up" if upright else "camera")
        signs = UPSIDE if upright != world else np.ones(3)
        np.testing.assert_array_equal(back.poses_3d.positions, one.poses_3d.positions * signs)
        np.testing.assert_array_equal(back.poses_2d.positions, one.poses_2d.positions)
        np.testing.assert_array_equal(back.poses_2d.scores, one.poses_2d.scores)
        np.testing.assert_array_equal(back.poses_3d.frames, one.poses_3d.frames)
        np.testing.assert_allclose(back.poses_3d.times, one.poses_3d.times, atol=1e-9)
        assert (back.poses_3d.fps, back.poses_3d.skeleton) == (30.0, H36M_17)
        if one.poses_3d.root is None:
            assert back.poses_3d.root is None
        else:
            np.testing.assert_array_equal(back.poses_3d.root, one.poses_3d.root * signs)


def test_the_columns_of_csv_say_unit_and_direction(tmp_path: Path) -> None:
    one = results(without(person(3), "head", slice(1, 2)))
    save(one, tmp_path / "a.csv", axes="z-up")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[0] == (
        "frame,time_s,person,joint,x_right_m,y_forward_m,z_up_m,x_px,y_px,score,"
        "root_x_right_m,root_y_forward_m,root_z_up_m"
    )
    assert len(lines) == 1 + 3 * 17
    missing = lines[1 + 17 + H36M_17.index("head")].split(",")
    assert missing[:7] == ["1", "0.033333333", "0", "head", "", "", ""]
    assert float(missing[7]) > 0
    save(one, tmp_path / "a.wide.csv")
    head, *rows = (tmp_path / "a.wide.csv").read_text().splitlines()
    assert head.startswith(
        "frame,time_s,person,pelvis_x_right_m,pelvis_y_down_m,pelvis_z_forward_m"
    )
    assert len(rows) == 3


def test_csv_of_keypoints(tmp_path: Path) -> None:
    flat = [person(5).poses_2d, person(np.arange(2, 6), person_id=3).poses_2d]
    for name in ("a.csv", "a.wide.csv"):
        save(flat, tmp_path / name)
        found = load(tmp_path / name)
        assert isinstance(found, Detections)
        assert (found.fps, found.frame_count, len(found)) == (30.0, 6, 9)
        mine = found.person_ids == 3
        np.testing.assert_array_equal(found.keypoints[mine], flat[1].positions)
        np.testing.assert_array_equal(found.scores[mine], flat[1].scores)
    said = beside(tmp_path / "a.poselift.json")
    assert said["image_size"] == [1920, 1080]
    assert said["files"][0]["units"] == "px"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("frame,time_s,person,joint,x_px,y_px\n0,0,0,pelvis,1,2\n", "expected a column 'score'"),
        ("frame,time_s,person,joint,x_px,y_px,score\n", "no person in any frame"),
        ("frame,time_s,person,joint,x_px,y_px,score\n0,0,0,pelvis,1\n", "line 2: expected 7 val"),
        ("frame,time_s,person,joint,x_px,y_px,score\n0,0,0,p,1,two,1\n", "line 2, y_px: expected"),
        ("frame,time_s,person,joint,x_px,y_px,score\n0,0,0,p,1,inf,1\n", "line 2, y_px: expected"),
        ("frame,time_s,person,joint,x_px,y_px,score\n0,0,0,p,1,2,1\n", "no known skeleton has"),
        ("frame,time_s,person,joint,x_px,y_px,score\n0,0,0.5,pelvis,1,2,1\n", "no known skeleton"),
    ],
)
def test_tables_that_are_none_are_refused(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(PoseliftError, match=sentence):
        load(tmp_path / "a.csv", format="csv")


def test_a_joint_twice_and_a_fraction_of_a_person_are_refused(tmp_path: Path) -> None:
    save(results(person(2)), tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    (tmp_path / "b.csv").write_text("\n".join([*lines, lines[5]]))
    with pytest.raises(PoseliftError, match="joint left_hip of person 0 occurs twice in frame 0"):
        load(tmp_path / "b.csv")
    (tmp_path / "c.csv").write_text("\n".join(lines).replace(",0,", ",0.5,"))
    with pytest.raises(PoseliftError, match=r"expected person as a whole number .*, got 0\.5"):
        load(tmp_path / "c.csv")


def test_trc_is_metres_y_up_in_the_room(tmp_path: Path) -> None:
    one = without(person(np.r_[90:100, 103:110]), "right_knee", slice(2, 4))
    save(results(one), tmp_path / "a.trc")
    found = read_trc(tmp_path / "a.trc")
    assert found.markers == H36M_17.joints
    assert found.fps == 30.0
    assert found.frames[0] == 91
    assert found.times[0] == pytest.approx(3.0)
    assert len(found) == 20
    there = np.r_[0:10, 13:20]
    placed = one.poses_3d.placed * UPSIDE
    np.testing.assert_allclose(found.positions[there], placed, atol=1e-7)
    assert np.isnan(found.positions[10:13]).all()
    assert np.isnan(found.positions[2:4, H36M_17.index("right_knee")]).all()
    (file,) = beside(tmp_path / "a.poselift.json")["files"]
    assert file["axes"]["name"] == "y-up"
    assert file["notes"] == ["person 0: is not in 3 of 20 frames"]


@pytest.mark.parametrize("axes", AXES)
def test_c3d_is_read_by_two_others(tmp_path: Path, axes: str) -> None:
    ezc3d, c3d = pytest.importorskip("ezc3d"), pytest.importorskip("c3d")
    one = without(person(np.r_[90:100, 103:110]), "right_knee", slice(2, 4))
    save(results(one), tmp_path / "a.c3d", axes=axes)
    placed = turned(one.poses_3d.placed, "camera", axes) * 1000
    rows, knee = np.r_[0:10, 13:20], H36M_17.index("right_knee")
    first = ezc3d.c3d(str(tmp_path / "a.c3d"))
    points = first["data"]["points"][:3].transpose(2, 1, 0)
    np.testing.assert_allclose(points[rows], placed, atol=1e-3)
    assert np.isnan(points[10:13]).all()
    assert np.isnan(points[2:4, knee]).all()
    known = first["parameters"]
    assert known["POINT"]["UNITS"]["value"] == ["mm"]
    assert known["POINT"]["RATE"]["value"] == [30.0]
    assert known["POINT"]["LABELS"]["value"] == list(H36M_17.joints)
    assert known["POSELIFT"]["AXES"]["value"][0].startswith(f"{axes}: x right, y ")
    assert known["POSELIFT"]["MODEL"]["value"] == ["gln"]
    assert known["POSELIFT"]["WEIGHTS_SHA256"]["value"] == [META["weights_sha256"]]
    assert "person 0: is not in 3 of 20 frames" in known["POSELIFT"]["HISTORY"]["value"]
    with (tmp_path / "a.c3d").open("rb") as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that there is no analog data
        second = c3d.Reader(stream)
        frames = list(second.read_frames())
    assert (frames[0][0], len(frames), second.point_rate) == (91, 20, 30.0)
    assert [label.strip() for label in second.point_labels] == list(H36M_17.joints)
    there = np.stack([points for _, points, _ in frames])
    np.testing.assert_allclose(there[rows][:, 0, :3], placed[:, 0], atol=1e-3)
    assert (there[2:4, knee, 3] == -1).all()  # the residual of a missing point


def test_c3d_refuses_what_it_cannot_count(tmp_path: Path) -> None:
    late = person(np.arange(5))
    late = Person(
        replace(late.poses_2d, frames=late.poses_2d.frames + 65533),
        replace(late.poses_3d, frames=late.poses_3d.frames + 65533),
    )
    with pytest.raises(PoseliftError, match="counts 65535 frames, this would reach frame 65538"):
        save(results(late), tmp_path / "a.c3d")
    assert not list(tmp_path.iterdir())


def test_a_steady_time_line() -> None:
    # every 60th frame of a video is a row a second, not sixty rows
    few = timeline(person(np.arange(0, 600, 60), fps=60.0).poses_3d, "y-up")
    assert (len(few), few.fps) == (10, 1.0)
    np.testing.assert_allclose(few.times, np.arange(10.0))
    # irregular times are resampled at their median rate; a law: what moves evenly still does
    times = np.array([0.0, 0.04, 0.08, 0.1, 0.16, 0.2, 0.24, 0.4, 0.44])
    one = person(9, fps=None, times=times).poses_3d
    even = np.zeros((9, 17, 3), np.float32)
    even[:, 1:] = times[:, None, None]
    line = timeline(replace(one, positions=even, tracks={}), "camera")
    assert line.fps == pytest.approx(25.0)
    np.testing.assert_allclose(np.diff(line.times), 0.04)
    there = ~np.isnan(line.positions[:, 1, 0])
    np.testing.assert_allclose(line.positions[there, 1, 0], line.times[there], atol=1e-6)
    assert (~there).sum() == 3  # the gap of 0.16 s is not bridged
    assert "irregular times" in line.notes[0]


def test_a_path_with_gaps_is_whole_and_said() -> None:
    one = person(9).poses_3d
    path = one.root.copy()
    path[3:5] = np.nan
    line = timeline(replace(one, tracks={"root": path}), "camera")
    np.testing.assert_allclose(line.positions[:, 0], one.root, atol=1e-6)
    assert "the place is not known in 2 of 9 frames" in line.notes[0]


def test_nothing_and_next_to_nothing_are_refused(tmp_path: Path) -> None:
    one = person(3)
    nothing = Person(
        one.poses_2d, replace(one.poses_3d, positions=np.full((3, 17, 3), np.nan, np.float32))
    )
    for suffix in (".trc", ".c3d", ".bvh", ".glb"):
        with pytest.raises(PoseliftError, match="person 0: has no 3D pose in any frame"):
            save(results(nothing), tmp_path / f"a{suffix}")
        with pytest.raises(PoseliftError, match="at least one person to write, got none"):
            save(Results((), {}), tmp_path / f"a{suffix}")
    far = person(np.array([0, 1, 3]))
    far = Person(*(replace(seq, frames=np.array([0, 1, 10**12])) for seq in far))
    with pytest.raises(PoseliftError, match="is in 3 of 1000000000001 frames, which is too few"):
        save(results(far), tmp_path / "a.trc")
    with pytest.raises(PoseliftError, match="unknown axes 'up', expected one of camera, y-up"):
        save(results(one), tmp_path / "a.trc", axes="up")
    with pytest.raises(PoseliftError, match="2D keypoints have no axes to choose"):
        save([one.poses_2d], tmp_path / "a.csv", axes="y-up")
    assert not list(tmp_path.iterdir())


def test_one_file_a_person_and_one_file_beside_all(tmp_path: Path) -> None:
    two = results(person(4, person_id=2), person(4, person_id=11))
    names = save_all(
        [(two, tmp_path / "a.trc"), (two, tmp_path / "a.bvh"), (two, tmp_path / "a.csv")]
    )
    assert [path.name for path in names] == [
        "a.person02.trc",
        "a.person11.trc",
        "a.person02.bvh",
        "a.person11.bvh",
        "a.csv",
        "a.poselift.json",
    ]
    said = beside(tmp_path / "a.poselift.json")
    assert (said["model"], said["fps"], len(said["people"])) == ("gln", 30.0, 2)
    assert said["people"][0]["history_3d"] == ["made by a test", "lifted by hand"]
    assert [(one["name"], one["person_ids"]) for one in said["files"]] == [
        ("a.person02.trc", [2]),
        ("a.person11.trc", [11]),
        ("a.person02.bvh", [2]),
        ("a.person11.bvh", [11]),
        ("a.csv", [2, 11]),
    ]
    with pytest.raises(PoseliftError, match="would be written twice"):
        save_all([(two, tmp_path / "b.trc"), (two, tmp_path / "b.poselift.json")])


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ezc3d", None)
    with pytest.raises(PoseliftError, match=r"needs ezc3d: .*c3d"):
        save(results(person(2)), tmp_path / "a.c3d")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", sorted(set(writers()) - {".html", ".mp4", ".glb", ".mot"}))
@pytest.mark.parametrize("axes", [None, *AXES])
def test_one_clip_through_every_writer_and_back(
    tmp_path: Path, suffix: str, axes: str | None
) -> None:
    """Where everyone is, who it is, when, and how it was made; with help of the file beside it."""
    pytest.importorskip("ezc3d")
    pytest.importorskip("pyarrow")
    one = person(np.arange(20), person_id=4, world=True)
    save(results(one), tmp_path / f"a{suffix}", axes=axes)
    found = load(tmp_path / f"a{suffix}")
    assert isinstance(found, Results)
    (back,) = (each.poses_3d for each in found.people)
    signs = UPSIDE if axes_of(back) == "camera" else np.ones(3)
    np.testing.assert_allclose(back.placed, one.poses_3d.placed * signs, atol=2e-6)
    np.testing.assert_allclose(back.times, one.poses_3d.times, atol=1e-6)
    np.testing.assert_array_equal(back.frames, one.poses_3d.frames)
    assert (back.skeleton, back.fps) == (H36M_17, 30.0)
    if suffix != ".c3d":  # it has no place for a number that a reader would look for
        assert back.person_id == 4
        assert found.meta["weights_sha256"] == META["weights_sha256"]
        assert back.history[: len(one.poses_3d.history)] == one.poses_3d.history


def test_files_say_their_own_name_and_unit(tmp_path: Path) -> None:
    two = results(person(4, person_id=0), person(4, person_id=1))
    save_all([(two, tmp_path / f"jump{suffix}") for suffix in (".trc", ".glb")], title="gym")
    assert b"\tjump.person01.trc\n" in (tmp_path / "jump.person01.trc").read_bytes()
    assert b'"name":"jump.glb"' in (tmp_path / "jump.glb").read_bytes()
    save(two, tmp_path / "angles.mot")
    said = beside(tmp_path / "angles.poselift.json")["files"]
    assert [(one["units"], one["axes"]) for one in said] == [("degrees", None)] * 2


def test_motion_is_not_taken_for_keypoints(tmp_path: Path) -> None:
    save(results(Person.only_3d(person(4).poses_3d)), tmp_path / "a.trc")
    with pytest.raises(PoseliftError, match=r"a\.trc: holds 3D poses \(trc\) and no 2D keypoints"):
        read_detections(tmp_path / "a.trc")


def test_the_file_beside_is_about_files_of_its_name_only(tmp_path: Path) -> None:
    two = results(person(3, person_id=1), person(3, person_id=2))
    save(two, tmp_path / "a.trc", axes="z-up")
    beside_it = tmp_path / "a.poselift.json"
    found = load(tmp_path / "a.person02.trc")
    assert found.people[0].poses_3d.person_id == 2
    assert found.people[0].poses_3d.history[2] == "axes: z-up, says a.poselift.json"
    wanted = two.people[1].poses_3d.placed * UPSIDE
    np.testing.assert_allclose(found.people[0].poses_3d.placed, wanted, atol=1e-6)
    # another program's file of that name is not in the list, and y-up as TRC is
    (tmp_path / "a.trc").write_bytes((tmp_path / "a.person02.trc").read_bytes())
    assert load(tmp_path / "a.trc").people[0].poses_3d.person_id == 0
    for text in (b'{"format": "poselift-sidecar", "files": [7]}', b'{"format": "poselift-\xe4'):
        beside_it.write_bytes(text)
        with pytest.raises(PoseliftError, match=r"a\.poselift\.json"):
            load(tmp_path / "a.person02.trc")
    beside_it.write_text('{"format": "another"}')
    assert load(tmp_path / "a.person02.trc").people[0].poses_3d.person_id == 0
