"""Faults of real files: each of ../shared/cases gives what its README names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from io_samples import walker
from poselift.io import load_people, read_detections
from poselift.mocap import read_bvh, read_trc
from poselift.poses import PoseSequence

Run = Callable[..., tuple[int, str, str]]
Converted = Callable[..., tuple[tuple[PoseSequence, ...], str, str]]


@pytest.fixture(name="cases")
def folder_of_cases(shared: Path) -> Path:
    folder = shared / "cases"
    if not folder.is_dir():
        pytest.skip(f"no cases at {folder}")
    return folder


@pytest.fixture
def converted(run: Run, cases: Path, tmp_path: Path) -> Converted:
    """Convert a case; return the persons, what was printed and what was warned of."""

    def call(name: str, *options: object) -> tuple[tuple[PoseSequence, ...], str, str]:
        status, out, err = run("convert", cases / name, "-o", tmp_path / "out.json", *options)
        assert status == 0, err
        return load_people(tmp_path / "out.json"), out, err

    return call


def test_a_person_of_nan_is_nobody(converted: Converted) -> None:
    (one,), out, err = converted("nan_person/frames")
    assert one.frames.tolist() == [0, 1, 2, 6, 7, 8, 9]
    assert "1 person, 10 frames" in out
    assert err == ""


def test_a_clip_that_begins_at_frame_90_begins_at_three_seconds(converted: Converted) -> None:
    (one,), _, _ = converted("first_frame_90/frames", "--fps", 30)
    assert one.frames.tolist() == list(range(90, 100))
    np.testing.assert_allclose(one.times[[0, -1]], [3.0, 3.3])


def test_the_first_number_in_a_name_counts_not_its_seconds(converted: Converted) -> None:
    (one,), _, _ = converted("time_stamps_in_names/frames", "--fps", 30)
    assert one.frames.tolist() == list(range(20))


def test_every_60th_frame_is_one_person(converted: Converted) -> None:
    (one,), _, _ = converted("every_60th_frame/frames", "--fps", 30)
    assert one.frames.tolist() == list(range(0, 421, 60))


def test_a_frame_without_an_id_belongs_to_who_stands_there(converted: Converted) -> None:
    (one,), _, _ = converted("one_frame_without_id/frames")
    assert one.frames.tolist() == list(range(8))


def test_upper_bodies_of_25_joints(converted: Converted) -> None:
    (one,), _, err = converted("body25b_upper_body/frames")
    assert (one.skeleton.name, err) == ("body_25b", "")
    assert one.positions[0, one.skeleton.index("left_shoulder"), 0] == np.float32(352.9)


def test_human36m_order_in_a_coco_place(cases: Path) -> None:
    assert (
        read_detections(cases / "h36m_order_inferencer" / "input.json").skeleton.name == "h36m_17"
    )


@pytest.mark.parametrize("command", ["lift", "convert"])
def test_normalised_coordinates_are_refused_alike(
    run: Run, cases: Path, tmp_path: Path, command: str
) -> None:
    path = cases / "normalised_mmpose" / "input.json"
    status, _, err = run(command, path, "-o", tmp_path / "a.npz", "--size", "1920x1080")
    assert (status, "expected pixels, got coordinates between" in err) == (2, True)


def test_normalised_coordinates_are_taken_when_said(converted: Converted) -> None:
    (one,), _, _ = converted("normalised_mmpose/input.json", "--normalised", "--size", "1920x1080")
    np.testing.assert_allclose(one.positions[0, 0], [366.2, 372.1], atol=0.01)


def test_width_and_height_exchanged(run: Run, cases: Path, tmp_path: Path) -> None:
    path = cases / "portrait_size_swapped" / "frames"
    status, _, err = run("convert", path, "-o", tmp_path / "a.npz", "--size", "1920x1080")
    assert status == 0
    assert "outside of a picture of 1920x1080; 1080x1920 is meant?" in err
    assert err.count("\n") == 1
    assert run("convert", path, "-o", tmp_path / "a.npz", "--size", "1080x1920")[2] == ""


def test_a_folder_of_mmpose_pictures(converted: Converted) -> None:
    (one,), _, _ = converted("mmpose_folder_of_images/predictions")
    assert (one.frames.tolist(), one.skeleton.name) == ([0, 1, 2, 3, 4], "coco_17")


def test_openpose_coco_18(converted: Converted) -> None:
    (one,), _, _ = converted("openpose_coco18/frames")
    assert one.positions[0, one.skeleton.index("right_hip"), 0] == np.float32(337.6)


def test_openpose_before_1_2(cases: Path) -> None:
    assert len(read_detections(cases / "openpose_old_key" / "frames")) > 0


def test_bvh_with_a_byte_order_mark(cases: Path) -> None:
    motion = read_bvh(cases / "bvh_bom" / "input.bvh")
    assert (len(motion), motion.names) == (3, ("Hips", "Spine", "Spine_end"))


def test_bvh_names_in_utf_8(cases: Path) -> None:
    assert read_bvh(cases / "bvh_utf8_names" / "input.bvh").index("脊椎") == 1


def test_bvh_that_repeats_its_offsets(cases: Path) -> None:
    positions, _ = read_bvh(cases / "bvh_positions_in_all_joints" / "input.bvh").world()
    np.testing.assert_allclose(positions[0, -1], (0, 125, 0))


def test_bvh_with_one_frame_more(cases: Path) -> None:
    motion = read_bvh(cases / "bvh_one_frame_more" / "input.bvh")
    assert len(motion) == 3
    assert "announces 2 frames, 3 come" in motion.notes[0]


def test_trc_that_announces_more(cases: Path) -> None:
    track = read_trc(cases / "trc_numframes_too_large" / "input.trc")
    assert len(track) == 2
    assert "announces 50 frames, 2 come" in track.notes[0]


def test_where_joints_are_outside_is_said_and_no_size_that_fits_neither(
    run: Run, tmp_path: Path
) -> None:
    points = walker(4, x=-340)
    np.save(tmp_path / "a.npy", points)
    given = ("--skeleton", "coco_17", "--size", "640x480")
    status, _, err = run("convert", tmp_path / "a.npy", "-o", tmp_path / "a.json", *given)
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    assert status == 0
    assert err.endswith(
        f"joints lie at x = {low[0]:.0f} to {high[0]:.0f}, y = {low[1]:.0f} to {high[1]:.0f} px, "
        "outside of a picture of 640x480\n"
    )
