"""BVH: hand-computed kinematics, any hierarchy and channel order, every error once."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from poselift.errors import PoseliftError
from poselift.mocap.bvh import read_bvh

ARM = """HIERARCHY
ROOT hip
{
  OFFSET 0 10 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT arm
  {
    OFFSET 1 0 0
    CHANNELS 3 Yrotation Xrotation Zrotation
    End Site
    {
      OFFSET 0 0 2
    }
  }
}
MOTION
Frames: 3
Frame Time: 0.025
0 0 0 0 0 0 0 0 0
1 2 3 90 0 0 0 0 0
0 0 0 0 0 0 90 90 0
"""


def write(folder: Path, text: str, name: str = "clip.bvh") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_positions_known_by_hand(tmp_path: Path) -> None:
    motion = read_bvh(write(tmp_path, ARM))
    assert motion.names == ("hip", "arm", "arm_end")
    assert motion.parents == (-1, 0, 1)
    assert (len(motion), motion.frame_time) == (3, 0.025)
    positions, rotations = motion.world()
    expected = [
        [[0, 10, 0], [1, 10, 0], [1, 10, 2]],
        [[1, 12, 3], [1, 13, 3], [1, 13, 5]],  # x turned to y about z
        # Ry(90) Rx(90): z goes to -y by the inner Rx, and stays there
        [[0, 10, 0], [1, 10, 0], [1, 8, 0]],
    ]
    np.testing.assert_allclose(positions, expected, atol=1e-12)
    identity = np.broadcast_to(np.eye(3), rotations.shape)
    np.testing.assert_allclose(rotations @ rotations.swapaxes(-1, -2), identity, atol=1e-12)


def test_position_channels_add_to_or_replace_the_offset(tmp_path: Path) -> None:
    motion = read_bvh(write(tmp_path, ARM))
    np.testing.assert_allclose(motion.world()[0][1, 0], [1, 12, 3])
    np.testing.assert_allclose(motion.world(translation="replace")[0][1, 0], [1, 2, 3])
    with pytest.raises(PoseliftError, match="unknown BVH translation 'both'"):
        motion.world(translation="both")


def test_position_channels_at_an_inner_joint(tmp_path: Path) -> None:
    text = ARM.replace("CHANNELS 3 Yrotation", "CHANNELS 4 Zposition Yrotation")
    text = text.replace("0 0 0 0 0 0 0 0 0\n", "0 0 0 0 0 0 7 0 0 0\n").replace(
        "1 2 3 90 0 0 0 0 0", "1 2 3 90 0 0 0 0 0 0"
    )
    text = text.replace("0 0 0 0 0 0 90 90 0", "0 0 0 0 0 0 0 90 90 0")
    positions, _ = read_bvh(write(tmp_path, text)).world()
    np.testing.assert_allclose(positions[0, 1], [1, 10, 7])


def test_gzip_braces_on_the_same_line_and_carriage_returns_change_nothing(tmp_path: Path) -> None:
    plain = read_bvh(write(tmp_path, ARM))
    (tmp_path / "clip.bvh.gz").write_bytes(gzip.compress(ARM.replace("\n", "\r\n").encode()))
    compact = write(tmp_path, ARM.replace("\n{", " {").replace("\n  {", " {"), "compact.bvh")
    for other in (read_bvh(tmp_path / "clip.bvh.gz"), read_bvh(compact)):
        assert other.names == plain.names
        np.testing.assert_array_equal(other.values, plain.values)


def test_restricting_and_slicing_keep_the_positions(tmp_path: Path) -> None:
    motion = read_bvh(write(tmp_path, ARM))
    full = motion.world()[0]
    np.testing.assert_array_equal(motion.restricted_to(["arm"]).world()[0], full[:, :2])
    np.testing.assert_array_equal(motion[1:].world()[0], full[1:])
    with pytest.raises(PoseliftError, match="no joint 'leg'"):
        motion.restricted_to(["leg"])


@pytest.mark.parametrize("frames", [2, 4])
def test_another_number_of_frames_is_noted(tmp_path: Path, frames: int) -> None:
    text = ARM.replace("Frames: 3", f"Frames: {frames}", 1)
    motion = read_bvh(write(tmp_path, text))
    assert len(motion) == 3
    assert f"announces {frames} frames, 3 come" in motion.notes[0]
    if frames == 4:
        with pytest.raises(PoseliftError, match="is cut off, 4 frames are announced, 3 come"):
            read_bvh(write(tmp_path, text.rstrip()))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("HIERARCHY", "HIERACHY", r"line 1: expected HIERARCHY, got 'HIERACHY'"),
        (ARM, "", "expected a BVH file, but it is empty"),
        ("}\nMOTION", "MOTION", "line 15: MOTION begins inside joint 'hip', a '}' is missing"),
        ("}\nMOTION", "}\n}\nMOTION", "line 16: '}' without a matching '{'"),
        ("JOINT arm\n  {", "JOINT arm", "line 7: expected '{' after 'arm'"),
        ("ROOT hip\n{", "{\nROOT hip", "line 2: '{' without a joint"),
        ("OFFSET 1 0 0\n", "\n", "joint 'arm' has no OFFSET"),
        ("OFFSET 1 0 0", "OFFSET 1 0", "line 8: expected three numbers after OFFSET, got 2"),
        ("OFFSET 1 0 0", "OFFSET 1 x 0", "line 8: expected three numbers after OFFSET, got 'x'"),
        ("OFFSET 1 0 0", "ORIGIN 1 0 0", "line 8: unknown keyword 'ORIGIN'"),
        ("ROOT hip\n{", "OFFSET 0 0 0\nROOT hip\n{", "line 2: OFFSET outside of a joint"),
        ("JOINT arm", "ROOT arm", "line 6: ROOT inside joint 'hip'"),
        ("JOINT arm", "JOINT hip", "line 6: joint 'hip' occurs twice"),
        ("JOINT arm", "JOINT", "line 6: JOINT without a name"),
        ("CHANNELS 3 Y", "CHANNELS 4 Y", "line 9: CHANNELS declares 4, got 3 names"),
        ("3 Yrotation", "3 Wrotation", "line 9: unknown channel 'Wrotation'"),
        (ARM[: ARM.index("MOTION")], "HIERARCHY\n", "line 2: the hierarchy has no ROOT"),
        (ARM[ARM.index("MOTION") :], "", "the line MOTION is missing"),
        ("Frames: 3\n", "", "expected 'Frames' after MOTION"),
        ("Frame Time: 0.025\n", "", "expected 'Frame Time' after MOTION"),
        ("Frames: 3", "Frames: many", "expected a number of frames, got 'many'"),
        ("0.025", "0", "expected a frame time above 0, got '0'"),
        ("1 2 3 90 0", "1 2 3 90", r"line 20 \(frame 1\): expected 9 values, got 8"),
        ("1 2 3 90 0", "1 2 e 90 0", r"line 20 \(frame 1\): expected a number, got 'e'"),
        ("1 2 3 90 0", "1 2 nan 90 0", r"line 20 \(frame 1\): expected a number, got 'nan'"),
    ],
)
def test_broken_file_is_refused_in_one_sentence(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in ARM
    path = write(tmp_path, ARM.replace(old, new, 1))
    with pytest.raises(PoseliftError, match=message) as error:
        read_bvh(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_file_that_is_missing_damaged_or_no_text_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(ARM.encode() * 50)
    cases = {
        "cut.bvh.gz": (packed[: len(packed) // 2], "the gzip file is cut short"),
        "bad.bvh.gz": (packed[:20] + b"\xff" * 20 + packed[40:], "the gzip file is damaged"),
        "plain.bvh.gz": (ARM.encode(), "it is not a gzip file"),
        "binary.bvh": (b"HIERARCHY\x00\x01", "it is a binary file"),
    }
    for name, (data, message) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(PoseliftError, match=message):
            read_bvh(tmp_path / name)
    with pytest.raises(PoseliftError, match="no such file"):
        read_bvh(tmp_path / "none.bvh")
    with pytest.raises(PoseliftError, match="cannot be read"):
        read_bvh(tmp_path)
