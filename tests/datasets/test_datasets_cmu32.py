"""cmu32: Human3.6M's 32 joints from CMU's own files, with the 17 of cmu17 among them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from poselift.datasets import Part, get_data_set
from poselift.datasets.cmu import MotionReader, clips_of
from poselift.errors import PoseliftError
from poselift.mocap.h36m_joints import from_amc, joints_32_from_amc
from poselift.skeletons import H36M_17, H36M_32, get_skeleton


@pytest.fixture(scope="module")
def root(shared: Path) -> Path:
    return shared / "data" / "cmu"


def test_the_17_joints_are_among_the_32_and_bones_keep_their_lengths(root: Path) -> None:
    clip = clips_of(root, "val")[0]
    motion = MotionReader(root).amc(clip, clip.frames_at(30)[:40])
    many, few = joints_32_from_amc(motion), from_amc(motion)
    for place, joint in enumerate(H36M_17.joints):
        assert np.array_equal(many[:, H36M_32.index(joint)], few[:, place])
    outer = ("left_toe_base left_toe_end", "left_hand left_hand_end", "left_thumb left_thumb_end")
    for bone in (pair.split() for pair in outer):
        lengths = np.linalg.norm(np.subtract(*(many[:, H36M_32.index(j)] for j in bone)), axis=1)
        assert np.ptp(lengths) < 1e-9
        assert 0.01 < lengths[0] < 0.2
    toes, ankles = (many[:, H36M_32.index(f"left_{joint}"), 1] for joint in ("toe_base", "ankle"))
    assert (toes < ankles).mean() > 0.8  # a walker's toes are below the ankles
    hands = many[:, [H36M_32.index(f"{side}_hand_end") for side in ("left", "right")]]
    assert (hands[:, :, 1] < many[:, [H36M_32.index("head")], 1]).all()


def test_either_count_of_joints_is_read_of_the_same_poses(root: Path) -> None:
    data = get_data_set("cmu32").read(root, Part("val", skeleton="h36m_32"))
    assert data.skeleton == H36M_32
    assert set(data.subject) == {16, 39}
    few = data.in_joints_of(get_skeleton("h36m_17"))
    assert few.poses.shape == (len(data), 17, 3)
    assert np.isfinite(data.keypoints).all()
    with pytest.raises(PoseliftError, match="cmu32 has true 2D keypoints only; cmu17 has detected"):
        get_data_set("cmu32").read(root, Part("val", "detected"))
