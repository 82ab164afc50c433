"""`poselift data check`, and where one's own data differ from a data set by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from conftest import Run
from own_samples import LAB14, TOML, make_folder, swaying, to_files, write_trc
from poselift.datasets import get_data_set
from poselift.errors import PoseliftError
from poselift.reproduction import Study, get_budget
from poselift.reproduction.cells import cell, complete_all
from poselift.training import DataSpec, SilentReporter, make_config, open_data, train


def test_what_was_found_is_said(tmp_path: Path, run: Run) -> None:
    folder = make_folder(tmp_path / "lab")
    status, out, err = run("data", "check", folder)
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        f"lab: {folder / 'dataset.toml'}",
        "  skeleton h36m_17, 17 joints, root pelvis: pelvis, right_hip, right_knee, right_ankle, "
        "left_hip, left_knee, left_ankle, spine, thorax, neck, head, left_shoulder, left_elbow, "
        "left_wrist, right_shoulder, right_elbow, right_wrist",
        "  units: as the files say; frames a second of the 3D: 50",
        "  2D: ground_truth (projected from the 3D)",
        *(
            f"  {split:5}      24 poses of 1 recording of 1 subject ({name})"
            for split, name in (("train", "anna"), ("val", "ben"), ("test", "carl"))
        ),
        *(
            f"  {name}_walk.trc: 12 frames at 50 fps; cam_01 12 poses; cam_02 12 poses"
            for name in ("anna", "ben", "carl")
        ),
        "  for poselift train, poselift eval, poselift reproduce",
    ]


def test_problems_are_listed_and_the_status_is_2(tmp_path: Path, run: Run) -> None:
    folder = make_folder(tmp_path / "lab")
    (folder / "ben_walk.trc").write_text("nothing")
    (folder / "carl_walk.trc").unlink()
    status, out, err = run("data", "check", folder)
    found = [line for line in out.splitlines() if line.startswith("problem: ")]
    assert len(found) == 2
    assert "ben_walk.trc: expected a TRC file, which begins with PathFileType" in found[0]
    assert "'carl' of split test has no file" in found[1]
    assert err == (
        f"poselift: error: {folder}: cannot be used as it is, 2 problems are listed above\n"
    )
    assert status == 2


def test_a_folder_without_a_description_gets_a_draft(tmp_path: Path, run: Run) -> None:
    folder = make_folder(tmp_path / "lab")
    (folder / "dataset.toml").unlink()
    status, out, err = run("data", "check", folder)
    assert status == 2
    assert 'poses = "{subject}_{action}.trc"\ncalibration = "calibration.toml"\n' in out
    assert err.startswith(f"poselift: error: {folder}: has no dataset.toml")
    status, out, err = run("data", "check", tmp_path / "none")
    assert (status, out) == (2, "")
    assert err.endswith("none: no such folder\n")
    status, _, err = run("data", "check", folder / "anna_walk.trc")
    assert err.endswith("anna_walk.trc: is a file, expected the folder that it is in\n")


def test_networks_have_the_joints_of_the_data(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "lab", LAB14, count=2)
    spec = DataSpec("own", folder)
    text = get_data_set(str(folder)).skeleton
    assert make_config("gln", spec).model["skeleton"] == text
    assert make_config("gln", spec).model["grid"] == (5, 5)
    assert make_config("lcn", spec).model == {"skeleton": text}
    assert "skeleton" not in make_config("lcn", DataSpec("own", make_folder(tmp_path / "b"))).model


def test_cells_of_one_folder_are_not_those_of_another(tmp_path: Path) -> None:
    one, other = (make_folder(tmp_path / name, count=2) for name in ("one", "other"))
    places = set()
    for folder, toml in ((one, TOML), (other, TOML), (other, TOML.replace("carl", "dora"))):
        (folder / "dataset.toml").write_text(toml)
        study = Study("own", folder, get_budget("smoke"), tmp_path)
        places.add(study.folder(cell("lcn", "ground_truth")).relative_to(tmp_path))
    assert len(places) == 3
    assert {place.parts[0] for place in places} == {"one-smoke", "other-smoke"}


def test_a_table_of_too_few_poses_says_so_before_it_trains(tmp_path: Path, run: Run) -> None:
    folder, runs = make_folder(tmp_path / "lab"), tmp_path / "runs"
    options = ("--budget", "smoke", "--threads", "1", "--runs", runs)
    status, out, err = run("reproduce", "gridconv.figure8", "--data", folder, *options)
    assert (status, out) == (2, "")
    assert err == (
        "poselift: error: lab train, ground truth: has 24 poses, too few for a table, whose "
        "networks learn from 200 a step (--budget smoke)\n"
    )
    assert not runs.exists()


def test_a_network_of_a_table_learns_from_ones_own_folder(tmp_path: Path) -> None:
    folder, said = make_folder(tmp_path / "lab", count=100), list[str]()
    study = Study("own", folder, get_budget("smoke"), tmp_path / "runs", threads=1, device="cpu")
    one = cell("martinez", "ground_truth")
    (result,) = complete_all(study, (one,), SilentReporter(), said.append).values()
    assert (result.frames, result.data) == (200, "lab test, ground truth")
    assert said[0].startswith("1 of 1 networks are to be trained, about ")
    assert study.finished(one)


def test_a_run_goes_on_with_the_data_that_it_began_with(tmp_path: Path) -> None:
    """Another description, and other recordings of as many frames, are both refused."""
    folder, out = make_folder(tmp_path / "lab"), tmp_path / "run"
    config = make_config("martinez", DataSpec("own", folder), epochs=1)
    config = replace(config, batch_size=8, threads=1)

    def go_on(resume: bool = True) -> int:
        data = open_data(config)
        return train(config, data, out, device="cpu", resume=resume, export=False).best["epoch"]

    assert go_on(resume=False) == go_on() == 1
    (folder / "dataset.toml").write_text(TOML.replace("axes", "every = 2\naxes"))
    with pytest.raises(
        PoseliftError, match=r"other data \(24 training samples then, 12 now\): --re"
    ):
        go_on()
    (folder / "dataset.toml").write_text(TOML.replace('"anna"', '"dora"'))
    write_trc(folder / "dora_walk.trc", 1.1 * to_files(swaying(12, 7)))
    with pytest.raises(PoseliftError, match=r"other data \(the training inputs are others\)"):
        go_on()
    (folder / "dataset.toml").write_text(TOML)
    assert go_on() == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("train", "gln", "--out", "x", "--root", "y", "--data"), "leave out --root y"),
        (("train", "lcn", "--out", "x", "--variant", "detected", "--data"), "no detected 2D"),
        (("train", "lcn", "--out", "x", "--recipe", "shipped", "--data"), "not of one's own data"),
        (("eval", "--model", "gln", "--split", "dev", "--data"), "has no split 'dev', only train"),
        (("eval", "--model", "gln", "--annotations", "raw", "--data"), "is for --data 3dhp"),
        (
            ("reproduce", "gridconv.table5", "--detections", "cpn", "--data"),
            "--detections is for --data h36m, not for",
        ),
        (
            ("reproduce", "gridconv.table5", "--drop-drifting", "--data"),
            "--drop-drifting is for --data h36m, not for",
        ),
        (
            ("reproduce", "gridconv.table5", "--mpi-root", "x", "--data"),
            "--mpi-root is for gridconv.table3: leave it out",
        ),
        (
            ("reproduce", "gridconv.table3", "--more", "x", "--data"),
            "--more is for gridconv.table3-open and gridconv.figure5b-open: leave it out",
        ),
        (
            ("train", "lcn", "--out", "x", "--variant", "detected", "--data"),
            "add keypoints, the 2D",
        ),
        (("reproduce", "gridconv.table5", "--data"), "tables need the splits train, val, test, it"),
    ],
)
def test_refusals(tmp_path: Path, run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    folder = make_folder(tmp_path / "lab", TOML.split("test =")[0], count=2)
    status, out, err = run(*arguments, folder)
    assert (status, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1
