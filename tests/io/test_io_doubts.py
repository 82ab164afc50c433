"""What a user says of a file that its poses contradict: taken as said, and warned of."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from io_samples import walker
from poselift.io import read_detections


def warnings(path: Path, **options: object) -> list[str]:
    notes = read_detections(path, **options).notes  # type: ignore[arg-type]
    return [note.removeprefix(f"warning: {path}: ") for note in notes if "warning" in note]


@pytest.mark.parametrize("name", ["h36m_17", "mpi_inf_3dhp_17"])
def test_a_joint_set_that_the_poses_contradict(tmp_path: Path, name: str) -> None:
    np.save(tmp_path / "a.npy", walker(9))
    expected = f"joints taken as {name}, though the poses look like coco_17 (--skeleton)"
    assert warnings(tmp_path / "a.npy", skeleton=name) == [expected]
    assert warnings(tmp_path / "a.npy", skeleton="coco_17") == []


def test_a_size_of_which_only_a_corner_is_used(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", walker(9))  # to (350, 485)
    coco = {"skeleton": "coco_17"}
    (said,) = warnings(tmp_path / "a.npy", image_size=(1920, 1080), **coco)
    assert said.endswith(
        "all joints lie in the upper left quarter of a picture of 1920x1080, they end at 350, 485: "
        "is its size right?"
    )
    assert warnings(tmp_path / "a.npy", image_size=(1920, 900), **coco) == []
    assert warnings(tmp_path / "a.npy", **coco) == []


def test_columns_are_named_as_people_spell_joints(tmp_path: Path) -> None:
    points = walker(5)
    names = "Nose LEye REye LEar REar LShoulder RShoulder LElbow RElbow LWrist RWrist LHip RHip "
    names = (names + "LKnee RKnee LAnkle RAnkle").split()
    header = [f"{name}_{axis}" for name in names for axis in ("X", "Y", "likelihood")]
    with (tmp_path / "a.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["Frame", *header])
        for frame, one in enumerate(points):
            rows.writerow([frame, *np.c_[one, np.full(17, 0.75)].ravel()])
    found = read_detections(tmp_path / "a.csv")
    assert found.skeleton.name == "coco_17"
    np.testing.assert_allclose(found.keypoints, points, atol=1e-3)
    assert (found.scores == 0.75).all()
