"""Joint sets as text: what is written is read back, and what is no tree of joints is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from poselift.errors import PoseliftError
from poselift.io import load_poses, write_keypoints
from poselift.io.jointsets import from_joint_names
from poselift.lifting.arguments import joints_of
from poselift.poses import PoseSequence
from poselift.skeletons import (
    COCO_17,
    Skeleton,
    define,
    get_skeleton,
    skeleton_names,
    skeleton_text,
)

LAB = define(
    "lab",
    ("left_hip", "hub", "right_hip", "neck"),
    ("hub", None, "hub", "hub"),
    {"hub": "pelvis", "neck": "thorax"},
)
TEXT = "lab: left_hip < hub, hub = pelvis, right_hip < hub, neck = thorax < hub"


def test_text_and_joint_set_are_one() -> None:
    assert skeleton_text(LAB) == TEXT
    assert get_skeleton(TEXT) == LAB
    assert get_skeleton(TEXT).landmarks == ("left_hip", "pelvis", "right_hip", "thorax")
    assert get_skeleton(TEXT).flip_order.tolist() == [2, 1, 0, 3]
    for name in skeleton_names():
        known = get_skeleton(name)
        assert skeleton_text(known) == name
        renamed = Skeleton("other", known.joints, known.parents, known.aliases)
        assert get_skeleton(skeleton_text(renamed)) == renamed
        assert get_skeleton(skeleton_text(renamed)).landmarks == known.landmarks


def test_names_of_rigs_that_no_text_can_hold_stay_names() -> None:
    assert skeleton_text(Skeleton("rig", ("mixamorig:Hips", "Left Leg"), (-1, 0))) == "rig"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("lab: hub", "expected 2 to 300 joints, got 1"),
        ("lab: hub, left_hip < hip, right_hip < hub", "'hip' is not among its joints"),
        ("lab: hub, left_hip < hub", "has left_hip but no right_hip"),
        ("lab: hub, neck", "expected exactly one root"),
        ("lab: a < b, b < a, c", "is its own ancestor"),
        ("lab: a, a < a", "joint name 'a' occurs twice"),
        ("lab: a, b < < a", "expected joints as `joint < parent`, got ' b < < a'"),
        ("la b: a, b < a", "expected names of letters, digits, _ . -, got 'la b'"),
        (f"lab: {','.join(f'a{i}' for i in range(400))}", "expected 2 to 300 joints, got 400"),
    ],
)
def test_what_is_no_joint_set_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(PoseliftError, match=sentence):
        get_skeleton(text)


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_keypoint_files_carry_their_joint_set(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(0)
    own = PoseSequence.from_2d(rng.uniform(10, 90, (5, 4, 2)).astype(np.float32), LAB)
    write_keypoints(tmp_path / f"a{suffix}", [own])
    again = load_poses(tmp_path / f"a{suffix}")
    assert again.skeleton == LAB
    np.testing.assert_array_equal(again.positions, own.positions)


def test_a_chosen_joint_set_is_known_by_its_names() -> None:
    assert from_joint_names(["LHip", "hub", "RHip", "Neck"], "here", LAB) == LAB
    assert joints_of("lab", own=LAB) == joints_of(None, np.zeros((3, 4, 2)), LAB) == LAB
    with pytest.raises(PoseliftError, match="no known skeleton has these 4 joint names"):
        from_joint_names(LAB.joints, "here", COCO_17)
