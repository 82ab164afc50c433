"""`poselift angles`: tables and plots of what was lifted, and what cannot be measured."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from motion_samples import LENGTHS, sequence, walk, wandering
from poselift.io import save
from poselift.motion.angles import angles
from poselift.poses import AXES_WORLD, Person, Results
from poselift.skeletons import H36M_17

Run = Callable[..., tuple[int, str, str]]


def results(people: int = 1) -> Results:
    """A person who walks, and others who wander."""
    world, _ = walk(60)
    first = sequence((world - world[:, :1]) * [1, -1, -1])
    rng = np.random.default_rng(1)
    others = [
        sequence(wandering(H36M_17, LENGTHS, rng, 50), person_id=number)
        for number in range(1, people)
    ]
    return Results(tuple(map(Person.only_3d, [first, *others])))


def test_every_output(run: Run, tmp_path: Path) -> None:
    poses = results().people[0].poses_3d
    save(results(), tmp_path / "walk.npz")
    outputs = [tmp_path / f"a{suffix}" for suffix in (".csv", ".parquet", ".mot", ".html")]
    given = [word for path in outputs for word in ("-o", path)]
    status, out, err = run("angles", tmp_path / "walk.npz", *given)
    assert (status, err) == (0, "")
    assert "17 angles, 60 frames" in out
    knee = angles(poses)["left_knee_flexion"]
    rows = list(csv.DictReader(outputs[0].read_text().splitlines()))
    assert [float(row["left_knee_flexion"]) for row in rows] == pytest.approx(knee, abs=0.01)
    assert {row["trunk_lean"] for row in rows} == {""}  # camera axes: up is not known
    table = parquet.read_table(outputs[1])
    np.testing.assert_allclose(table["left_knee_flexion"].to_numpy(), knee, atol=1e-4)
    assert table["trunk_lean"].null_count == 60
    assert b"angles: 17 measured" in table.schema.metadata[b"history"]
    head, _, body = outputs[2].read_text().partition("endheader\n")
    assert "nRows=60\nnColumns=16\ninDegrees=yes" in head
    assert "known in no frame, left out: trunk_lean, trunk_tilt\n" in head
    assert "nan" not in body.lower()  # at which OpenSim's window ends
    names, *lines = [line.split("\t") for line in body.splitlines()]
    column = names.index("left_knee_flexion")
    assert [float(line[column]) for line in lines] == pytest.approx(knee, abs=1e-3)
    page = outputs[3].read_text()
    assert page.count("<svg") == 9
    assert not re.search(r"(src|href)=|<script", page)


def test_several_persons(run: Run, tmp_path: Path) -> None:
    save(results(2), tmp_path / "two.npz")
    out = tmp_path / "out"
    status, _, _ = run("angles", tmp_path / "two.npz", "-o", out / "a.mot", "-o", out / "a.csv")
    assert status == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "a.csv",
        "a.person00.mot",
        "a.person01.mot",
    ]
    status, _, _ = run("angles", tmp_path / "two.npz", "-o", out / "b.mot", "--person", "1")
    assert (out / "b.mot").read_text() == (out / "a.person01.mot").read_text()


def test_long_curves_are_drawn_by_their_extremes(run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    poses = wandering(H36M_17, LENGTHS, rng, 6000)
    poses[3000:3100] = np.nan
    save(Results((Person.only_3d(sequence(poses)),)), tmp_path / "long.npz")
    status, _, _ = run("angles", tmp_path / "long.npz", "-o", tmp_path / "a.html")
    assert status == 0
    paths = re.findall(r"<path class='[a-z]+' d='([^']+)'", (tmp_path / "a.html").read_text())
    assert max(path.count("L") for path in paths) <= 1600
    assert all(path.count("M") >= 2 for path in paths)


def test_upright_poses_have_a_lean() -> None:
    world, _ = walk(10)
    poses = sequence(world - world[:, :1], axes=AXES_WORLD)
    assert np.isfinite(angles(poses)["trunk_lean"]).all()


def test_what_is_refused(run: Run, tmp_path: Path, example: Path) -> None:
    status, _, err = run("angles", example, "-o", tmp_path / "a.csv")
    assert status == 2
    assert "holds 2D keypoints; angles are of 3D poses, which `poselift lift` makes" in err
    labels = "".join(f"M{k}\t\t\t" for k in range(9))
    numbers = "\t".join("0.5" for _ in range(27))
    (tmp_path / "m.trc").write_text(
        "PathFileType\t4\t(X/Y/Z)\tm.trc\nDataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\n"
        f"9\t9\t1\t9\tm\nFrame#\tTime\t{labels}\n\t\tX1\n1\t0.0\t{numbers}\n"
    )
    status, _, err = run("angles", tmp_path / "m.trc", "-o", tmp_path / "a.csv")
    assert status == 2
    assert "m.trc: no angle can be measured of M0, M1, M2, M3, M4, ...: expected joints as" in err
    (tmp_path / "m.trc").unlink()
    save(results(), tmp_path / "walk.npz")
    status, _, err = run("angles", tmp_path / "walk.npz", "-o", tmp_path / "a.xlsx")
    assert status == 2
    assert "cannot write '.xlsx'" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["walk.npz"]


@pytest.fixture
def example() -> Path:
    return Path(__file__).resolve().parents[2] / "examples" / "walk.json"


@pytest.mark.parametrize("step", ["lifted: model gln", "world: y up, the floor at y = 0"])
def test_a_camera_turned_over_for_a_file_is_not_upright(
    run: Run, tmp_path: Path, step: str
) -> None:
    poses = results().people[0].poses_3d
    poses = replace(poses, history=("lifted: model gln", step))
    save(Results((Person.only_3d(poses),)), tmp_path / "a.trc")  # y-up in any case
    assert run("angles", tmp_path / "a.trc", "-o", tmp_path / "a.csv")[0] == 0
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert {row["trunk_lean"] == "" for row in rows} == {step.startswith("lifted")}
