"""Exponential maps: the root's repair, rows read, every error once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from poselift.errors import PoseliftError
from poselift.geometry import about_axis
from poselift.mocap.expmap import METRES, read_expmap, read_expmap_skeleton, repair_root

TABLE = """index,name,parent,offset_x,offset_y,offset_z
0,hips,-1,0,0,0
1,leg,0,0,-2,0
2,foot,1,0,-1,0
"""
ROWS = "0,1,0,0,0,0,0,0,0,0,0,0\n5,1,0,0,0,0,0,0,1.5707963267948966,0,0,0\n"


def write(folder: Path, text: str, name: str = "walk.txt") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_repair_recomposes_the_same_angles() -> None:
    x, y, z = np.random.default_rng(0).uniform(-1.4, 1.4, (3, 50))
    published = about_axis("z", z) @ about_axis("x", x) @ about_axis("y", y)
    expected = about_axis("z", z) @ about_axis("y", y) @ about_axis("x", x)
    np.testing.assert_allclose(repair_root(published), expected, atol=1e-12)


def test_positions_known_by_hand(tmp_path: Path) -> None:
    skeleton = read_expmap_skeleton(write(tmp_path, TABLE, "SKELETON.csv"))
    motion = read_expmap(write(tmp_path, ROWS), skeleton)
    positions, _ = motion.world()
    # the matrices are for row vectors: a positive angle about z turns -y to -x
    expected = [[[0, 1, 0], [0, -1, 0], [0, -2, 0]], [[5, 1, 0], [5, -1, 0], [4, -1, 0]]]
    np.testing.assert_allclose(positions / METRES, expected, atol=1e-12)
    np.testing.assert_array_equal(motion[1:].world()[0], positions[1:])
    assert len(motion) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected rows of 12 numbers, but it is empty"),
        (ROWS + "1,2\n", r"line 3 \(frame 2\): expected 12 values, got 2"),
        (ROWS.replace("5,", "x,"), r"line 2 \(frame 1\): expected a number, got 'x'"),
    ],
)
def test_broken_motion_is_refused(tmp_path: Path, text: str, message: str) -> None:
    skeleton = read_expmap_skeleton(write(tmp_path, TABLE, "SKELETON.csv"))
    with pytest.raises(PoseliftError, match=message):
        read_expmap(write(tmp_path, text), skeleton)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (TABLE, "index,name\n", "expected a table of joints, but it has no rows"),
        ("offset_y", "y", "expected a column 'offset_y'"),
        ("-2", "two", "a parent or an offset is not a number"),
        ("leg,0", "leg,2", "expected the parent of 'leg' before it, got 2"),
    ],
)
def test_broken_skeleton_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(PoseliftError, match=message):
        read_expmap_skeleton(write(tmp_path, TABLE.replace(old, new)))
