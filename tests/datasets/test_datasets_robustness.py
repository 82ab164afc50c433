"""Frozen kinds of 2D: each does what it says, nothing else, and always the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from poselift.datasets.robustness import EXCHANGED, KINDS, MISSING, Kind, load_kinds
from poselift.errors import PoseliftError
from poselift.skeletons import H36M_17

AT = {joint: index for index, joint in enumerate(H36M_17.joints)}

FIRST_ARMS = [0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1]
NOSE = (609.5203857421875, 393.66131591796875)
ROOT = (0.050370946526527405, -0.1404847949743271, 6.881689548492432)


@pytest.fixture(scope="module")
def kinds(shared: Path) -> dict[str, Kind]:
    return {kind.name: kind for kind in load_kinds(shared / "data" / "cmu", "val")}


def test_all_kinds_come_with_the_rows_of_the_split(kinds: dict[str, Kind]) -> None:
    assert tuple(kinds) == KINDS
    true = kinds["true"]
    for name, kind in kinds.items():
        assert kind.visible.shape == kind.data.keypoints.shape[:2]
        if name != "synthetic people":
            np.testing.assert_array_equal(kind.data.poses, true.data.poses)
    assert len(kinds["synthetic people"].data) == 40 * 4 * 50


def test_missing_joints_are_of_one_side_and_the_others_stay(kinds: dict[str, Kind]) -> None:
    true = kinds["true"].data.keypoints
    for name, parts in MISSING.items():
        kind = kinds[name]
        assert set((~kind.visible).sum(axis=1)) == {len(parts)}
        np.testing.assert_array_equal(kind.data.keypoints[kind.visible], true[kind.visible])
        if name != "head missing":
            left = ~kind.visible[:, AT[f"left_{parts[0]}"]]
            assert left.mean() == pytest.approx(0.5, abs=0.03)
    assert not kinds["head missing"].visible[:, [AT["neck"], AT["head"]]].any()


def test_exchanged_joints_change_names_only(kinds: dict[str, Kind]) -> None:
    true = kinds["true"].data.keypoints
    moved = {
        "elbows and wrists exchanged": {"elbow": "wrist", "wrist": "elbow"},
        "legs exchanged": {},
    }
    for name in EXCHANGED:
        expected = true.copy()
        for side, other in (("left", "right"), ("right", "left")):
            for part, given in moved[name].items():
                expected[:, AT[f"{side}_{part}"]] = true[:, AT[f"{side}_{given}"]]
            for part in ("hip", "knee", "ankle") if name == "legs exchanged" else ():
                expected[:, AT[f"{side}_{part}"]] = true[:, AT[f"{other}_{part}"]]
        np.testing.assert_array_equal(kinds[name].data.keypoints, expected)


def test_heads_are_displaced_by_a_share_of_the_person(kinds: dict[str, Kind]) -> None:
    true, found = kinds["true"].data.keypoints, kinds["heads displaced"].data.keypoints
    head = [AT["neck"], AT["head"]]
    size = np.linalg.norm(np.ptp(true, axis=1), axis=1)
    step = (found - true)[:, head] / size[:, None, None]
    assert step.std() == pytest.approx(0.06, rel=0.03)
    rest = [joint for joint in range(17) if joint not in head]
    np.testing.assert_array_equal(found[:, rest], true[:, rest])


def test_kinds_are_frozen(kinds: dict[str, Kind], shared: Path) -> None:
    """Values noted when they were made; what was chosen by them depends on these."""
    size = {name: int((~kind.visible).sum()) for name, kind in kinds.items()}
    assert size["detected"] == 3540
    first = kinds["arm missing"].visible[:12, AT["left_wrist"]]
    assert first.astype(int).tolist() == FIRST_ARMS
    nose = kinds["heads displaced"].data.keypoints[1000, AT["neck"]]
    np.testing.assert_allclose(nose, NOSE, atol=1e-2)
    root = kinds["synthetic people"].data.root[777]
    np.testing.assert_allclose(root, ROOT, atol=1e-3)
    (again,) = load_kinds(shared / "data" / "cmu", "val", ("wrist missing",))
    np.testing.assert_array_equal(again.visible, kinds["wrist missing"].visible)


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match="unknown split 'train' of frozen 2D, expected one of "):
        next(load_kinds(tmp_path, "train"))
    with pytest.raises(PoseliftError, match="unknown kind of 2D 'fog', expected one of true, det"):
        next(load_kinds(tmp_path, "val", ("fog",)))
