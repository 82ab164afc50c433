"""The test set of MPI-INF-3DHP: what is read from its files, and what is refused."""

from __future__ import annotations

import importlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from mpi_samples import CAMERA, FRAMES, SCALE, STEP, arrays, write_clip, write_test_set
from poselift.datasets.mpi_inf_3dhp import (
    ACTIVITIES,
    SCENES,
    load_mpi_inf_3dhp,
    scenes_of,
)
from poselift.errors import PoseliftError
from poselift.skeletons import H36M_17, MPI_INF_3DHP_17

VALID = FRAMES // STEP


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_test_set(tmp_path_factory.mktemp("3dhp") / "mpi_inf_3dhp_test_set")


def test_valid_frames_of_all_clips(folder: Path) -> None:
    told: list[tuple[int, int]] = []
    data = load_mpi_inf_3dhp(folder, progress=lambda *done: told.append(done))
    assert len(data) == 6 * VALID
    assert data.clips == tuple(SCENES)
    assert data.skeleton == H36M_17
    assert data.name == "mpi_inf_3dhp test, univ_annot3, 2D ground truth"
    np.testing.assert_array_equal(data.frame, np.tile(np.arange(1, FRAMES, STEP), 6))
    np.testing.assert_array_equal(data.subject, 1 + data.clip)
    assert data.action[:VALID].tolist() == list(ACTIVITIES[:VALID])
    outdoors = data.subject >= 5
    assert (data.image_size[outdoors] == [1920, 1080]).all()
    assert (data.image_size[~outdoors] == [2048, 2048]).all()
    assert told == [(done, 6) for done in range(1, 7)]


def test_scenes(folder: Path) -> None:
    data = load_mpi_inf_3dhp(folder)
    assert scenes_of(data)[::VALID].tolist() == ["GS", "GS", "noGS", "noGS", "outdoor", "outdoor"]


@pytest.mark.parametrize(("poses", "scale"), [("annot3", 1.0), ("univ_annot3", SCALE)])
def test_joints_by_what_they_are_in_metres(poses: str, scale: float, folder: Path) -> None:
    data = load_mpi_inf_3dhp(folder, poses=poses, subjects=[2])
    raw = arrays(2)
    rows = data.frame
    pelvis = MPI_INF_3DHP_17.index("pelvis")
    places = {"thorax": "neck", "neck": "head", "head": "head_top"}  # h36m_17: official name
    for index, joint in enumerate(H36M_17.joints):
        official = MPI_INF_3DHP_17.index(places.get(joint, joint))
        expected = scale * (raw["annot3"][rows, 0, official] - raw["annot3"][rows, 0, pelvis])
        np.testing.assert_allclose(data.poses[:, index], expected / 1000, atol=1e-6)
        np.testing.assert_allclose(data.keypoints[:, index], raw["annot2"][rows, 0, official], 1e-6)
    expected = scale * raw["annot3"][rows, 0, pelvis] / 1000
    np.testing.assert_allclose(data.root, expected, rtol=1e-6)


def test_intrinsics_project_poses_to_keypoints(folder: Path) -> None:
    data = load_mpi_inf_3dhp(folder, poses="annot3")
    np.testing.assert_allclose(data.intrinsics, np.tile(CAMERA, (len(data), 1)), rtol=1e-5)
    points = data.poses + data.root[:, None]
    seen = points[..., :2] / points[..., 2:] * data.intrinsics[:, None, :2]
    np.testing.assert_allclose(seen + data.intrinsics[:, None, 2:], data.keypoints, atol=0.01)


def test_the_folder_above_will_do(folder: Path) -> None:
    above, inside = load_mpi_inf_3dhp(folder.parent), load_mpi_inf_3dhp(folder)
    np.testing.assert_array_equal(above.poses, inside.poses)


def test_only_frames_marked_1_count(tmp_path: Path) -> None:
    content = arrays(1)
    content["valid_frame"][4] = 2
    write_clip(tmp_path / "TS1" / "annot_data.mat", content)
    assert load_mpi_inf_3dhp(tmp_path, subjects=[1]).frame.tolist() == [1, 7, 10]


def test_a_column_may_be_a_row(tmp_path: Path) -> None:
    content = arrays(1)
    content["valid_frame"] = content["valid_frame"].T
    write_clip(tmp_path / "TS1" / "annot_data.mat", content)
    assert len(load_mpi_inf_3dhp(tmp_path, subjects=[1])) == VALID


def changed(name: str, value: object, *at: int) -> dict[str, np.ndarray]:
    content = arrays(1)
    content[name] = content[name].copy()
    content[name][at] = value
    return content


def without(name: str) -> dict[str, np.ndarray]:
    return {key: array for key, array in arrays(1).items() if key != name}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (without("valid_frame"), "has no array 'valid_frame'"),
        (without("annot3"), "has no array 'annot3'"),
        (
            {**arrays(1), "annot2": arrays(1)["annot2"][:, 0]},
            r"expected annot2 of shape \(12, 1, 17, 2\), which is 2 x 17 x 1 x 12 in MATLAB, "
            r"got \(12, 17, 2\)",
        ),
        (
            {**arrays(1), "univ_annot3": arrays(1)["univ_annot3"].T},
            r"got \(3, 17, 1, 12\)",
        ),
        (
            {**arrays(1), "valid_frame": np.ones((11, 1))},
            r"expected valid_frame of shape \(12, 1\), .* got \(11, 1\)",
        ),
        ({**arrays(1), "annot2": np.array(b"x")}, "expected annot2 to be an array of numbers"),
        (
            {**arrays(1), "valid_frame": np.zeros((FRAMES, 1))},
            "valid_frame is 1 for none of the frames",
        ),
        (
            changed("annot2", np.nan, 4, 0, 3, 0),
            "frame 4 is valid, but annot2 of its joint right_elbow is not finite",
        ),
        (
            changed("annot3", -5.0, 4, 0, 10, 2),
            "frame 4: joint right_ankle of annot3 is not in front of the camera",
        ),
        (
            changed("activity_annotation", 8, 4, 0),
            "expected activity_annotation from 1 to 7 in valid frames, got 8 in frame 4",
        ),
        (
            {**arrays(1), "annot2": -arrays(1)["annot2"]},
            "no camera sees annot3 where annot2 says it is",
        ),
    ],
)
def test_refused_files(content: dict[str, np.ndarray], sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "TS1" / "annot_data.mat"
    write_clip(path, content)
    with pytest.raises(PoseliftError, match=sentence) as caught:
        load_mpi_inf_3dhp(tmp_path, subjects=[1])
    assert str(caught.value).startswith(f"{path}: ")


def test_files_cut_off_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "TS1" / "annot_data.mat"
    write_clip(path, arrays(1))
    whole = path.read_bytes()
    for size in (600, 2000, len(whole) // 2, len(whole) - 100):
        path.write_bytes(whole[:size])
        with pytest.raises(PoseliftError, match="cannot be read, it is cut off or damaged"):
            load_mpi_inf_3dhp(tmp_path, subjects=[1])


def test_no_hdf5(tmp_path: Path) -> None:
    path = tmp_path / "TS1" / "annot_data.mat"
    path.parent.mkdir()
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(4000))
    with pytest.raises(PoseliftError, match=r"expected a MATLAB v7\.3 file \(HDF5\), this is none"):
        load_mpi_inf_3dhp(tmp_path, subjects=[1])


def test_a_group_is_no_array(tmp_path: Path) -> None:
    path = tmp_path / "TS1" / "annot_data.mat"
    write_clip(path, without("annot3"))
    with h5py.File(path, "r+") as file:
        file.create_group("annot3")
    with pytest.raises(PoseliftError, match="expected annot3 to be an array of numbers"):
        load_mpi_inf_3dhp(tmp_path, subjects=[1])


def test_missing_files_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PoseliftError, match=r"TS1 to TS6, found none of them; docs/data\.md says"):
        load_mpi_inf_3dhp(tmp_path)
    write_clip(tmp_path / "TS1" / "annot_data.mat", arrays(1))
    with pytest.raises(PoseliftError, match=r"TS2/annot_data\.mat: no such file; docs/data\.md"):
        load_mpi_inf_3dhp(tmp_path)
    with pytest.raises(PoseliftError, match="unknown annotation 'univ', expected univ_annot3 or"):
        load_mpi_inf_3dhp(tmp_path, poses="univ")
    with pytest.raises(PoseliftError, match="unknown subject 7, expected numbers from 1 to 6"):
        load_mpi_inf_3dhp(tmp_path, subjects=[1, 7])

    def refuse(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(PoseliftError, match=r"takes the package h5py, .*: pip install h5py"):
        load_mpi_inf_3dhp(tmp_path, subjects=[1])
