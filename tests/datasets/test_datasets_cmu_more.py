"""cmu_more: what is in it, that it shares nobody with cmu17's held-out subjects, and refusals."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from poselift.datasets import cmu_more
from poselift.datasets.cmu_more import ENCODINGS, load_cmu_more, load_unseen
from poselift.errors import PoseliftError
from poselift.mocap.chain import Motion


@pytest.fixture(scope="module")
def root(shared: Path) -> Path:
    return shared / "data" / "motion"


def test_clips_of_known_subjects(root: Path) -> None:
    motions = load_cmu_more(root)
    assert (len(motions), sum(map(len, motions))) == (278, 124428)
    assert not {motion.subject for motion in motions} & {-1, 2, 3, 16, 39}
    assert not any(motion.path.startswith("x") for motion in motions)
    for motion in motions[::40]:
        span = np.ptp(motion.positions[..., 1], axis=1)
        assert 0.3 < np.median(span) < 2.2  # metres, y up
        assert motion.fps == 30
    one = load_cmu_more(root, ("mb-bvh",))
    assert sum(map(len, one)) == 3072
    assert "neo-fbx" not in ENCODINGS


def test_other_people_are_those_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    body = np.random.default_rng(0).uniform(-0.5, 0.5, (25, 17, 3)).astype(np.float32)
    frames = np.arange(25, dtype=np.int64)
    motions = [Motion(body + 1, frames, 30.0, who, 1, "dance", f"{who}_1") for who in (5, 9)]
    monkeypatch.setattr(cmu_more, "load_cmu_more", lambda root: motions)
    data = load_unseen("x", {5})
    assert set(data.subject) == {9}
    assert (len(data), sorted(set(data.camera))) == (12, [0, 1, 2, 3])  # frames 0, 10, 20
    assert set(data.frame) == {0, 10, 20}
    with pytest.raises(PoseliftError, match="every subject is among those that were learnt from"):
        load_unseen("x", {5, 9})


def broken(root: Path, folder: Path, old: str, new: str) -> Path:
    shutil.copytree(root, folder)
    for path in folder.iterdir():
        path.chmod(0o644)
    text = (folder / "INDEX.csv").read_text()
    assert old in text
    (folder / "INDEX.csv").write_text(text.replace(old, new, 1))
    return folder


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("6,13,1227", "6,13,1228", "expected 1228 frames of clip 0 as INDEX.csv says, found 1227"),
        ("6,13,1227", "6,13,many", "INDEX.csv, line 2: this row cannot be read"),
        ("encoding", "coding", "INDEX.csv, line 2: this row cannot be read"),
    ],
)
def test_a_broken_index_is_refused(
    root: Path, tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    with pytest.raises(PoseliftError, match=sentence):
        load_cmu_more(broken(root, tmp_path / "copy", old, new))


def test_other_files_are_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match=r"cmu_more\.npz: "):
        load_cmu_more(tmp_path)
    for poses in (np.zeros((3, 16, 3), np.int16), np.full((3, 17, 3), "0")):
        np.savez(tmp_path / "cmu_more.npz", poses=poses, clip=np.arange(3))
        with pytest.raises(PoseliftError, match=r"expected poses of shape \(N, 17, 3\)"):
            load_cmu_more(tmp_path)
    with pytest.raises(PoseliftError, match="no clip of a known subject is bvh"):
        load_cmu_more(root, ("bvh",))
