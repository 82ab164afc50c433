"""docs/own-data.md is followed: its descriptions are written, its commands are run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from conftest import Run
from own_samples import CAMERAS, cameras, seen, swaying, to_files, write_trc
from poselift import Lifter
from poselift.io import read_results, write_keypoints
from poselift.motion import Calibration
from poselift.poses import PoseSequence
from poselift.skeletons import H36M_17

PAGE = (Path(__file__).parents[1] / "docs" / "own-data.md").read_text("utf-8")
TOMLS = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
COMMANDS = [
    shlex.split(line)[1:]
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folders that the page speaks of, filled with a person who sways."""
    first, detector, joints, arrays = TOMLS
    top, splits = first.split("[splits]")
    folders = {
        "recordings": first,
        "detected": f"{top}{detector}\n[splits]{splits}",
        "recordings14": f"{top.split(chr(10), 1)[1]}{joints}\n[splits]{splits}",
        "arrays": arrays,
    }
    names = tuple(
        re.sub(r"^(.).*?_(.)", lambda m: (m[1] + m[2]).upper(), one) for one in H36M_17.joints
    )
    names = tuple("Neck" if one == "thorax" else one for one in names)
    world = swaying(160)
    for name, text in folders.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "dataset.toml").write_text(text, "utf-8")
        (folder / "calibration.toml").write_text(CAMERAS, "utf-8")
        if name != "arrays":
            write_trc(folder / "anna_walk.trc", to_files(world), names)
    place = cameras(tmp_path / "recordings")["cam_01"]
    for seed, name in enumerate(("anna", "ben", "carl")):
        solid = place.to_camera(swaying(260, seed))
        flat = Calibration.of_focal((1000, 1000), 1145.0).project(solid)
        np.savez(tmp_path / "arrays" / f"{name}_walk.npz", poses=1000 * solid, keypoints=flat)
    clip = seen(tmp_path / "recordings", "cam_01", swaying(20, 5)).astype(np.float32)
    write_keypoints(tmp_path / "clip.json", [PoseSequence.from_2d(clip, H36M_17, fps=30.0)])
    lab = [0, 1, 2, 3, 4, 5, 6, 8, 11, 12, 13, 14, 15, 16]
    np.save(tmp_path / "keypoints14.npy", clip[:, lab])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_from_its_start_to_its_end(home: Path, run: Run, untrained: None) -> None:
    printed = []
    for arguments in COMMANDS:
        status, out, err = run(*arguments, *["--threads", "1"] * (arguments[0] != "data"))
        assert status == 0, (arguments, err)
        printed.append(out)
    words = ["data", "train", "eval", "lift", "train", "lift", "data"]
    assert [one[0] for one in COMMANDS] == words
    assert printed[0].startswith("recordings: recordings/dataset.toml\n  skeleton h36m_17, 17")
    assert "  train     224 poses of 1 recording of 1 subject (anna)\n" in printed[0]
    assert "recordings test, ground truth, people of other splits: 17 joints" in printed[2]
    assert "  train     260 poses of 1 recording of 1 subject (anna)\n" in printed[-1]
    assert b"</html>" in (home / "clip.html").read_bytes()
    (pair,) = read_results(home / "lab14.npz").people
    assert pair[1].positions.shape == (20, 14, 3)
    assert pair[1].skeleton.joints[:4] == ("pelvis", "right_hip", "right_knee", "right_ankle")
    assert Lifter("runs/lab14").skeleton.name == "lab14"
    status, out, err = run("data", "check", "detected")
    assert "no 2D file that is named anna_walk_{camera}_json" in out
