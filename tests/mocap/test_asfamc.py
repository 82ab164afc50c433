"""ASF/AMC: hand-computed kinematics, what CMU's files contain, every error once."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from poselift.errors import PoseliftError
from poselift.mocap.asfamc import AsfSkeleton, read_amc, read_asf

ASF = """# AST/ASF file generated using VICON BodyLanguage
:version 1.10
:name VICON
:units
  mass 1.0
  length 0.5
  angle deg
:documentation
   .ast/.asf automatically generated
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 1
     name upper
     direction 1 0 0
     length 2
     axis 0 0 90  XYZ
     dof rx ry rz
     limits (-160.0 20.0)
            (-70.0 70.0)
            (-60.0 70.0)
  end
  begin
     id 2
     name lower
     direction 1 0 0
     length 1
     axis 0 0 0  XYZ
     dof rz
     limits (-10.0 170.0)
  end
  begin
     id 3
     name tip
     direction 0 1 0
     length 1
     axis 0 0 0  XYZ
  end
:hierarchy
  begin
    root upper
    upper lower
    lower tip
  end
"""

AMC = """#!OML:ASF F:\\VICON\\X.ASF
:FULLY-SPECIFIED
:DEGREES
1
root 0 0 0 0 0 0
upper 0 0 0
lower 0
2
root 1 2 3 0 0 0
upper 90 0 0
lower 90
"""


def skeleton_in(folder: Path, text: str = ASF) -> AsfSkeleton:
    (folder / "01.asf").write_text(text)
    return read_asf(folder / "01.asf")


def write(folder: Path, text: str) -> Path:
    (folder / "01_01.amc").write_text(text)
    return folder / "01_01.amc"


def test_skeleton_is_read(tmp_path: Path) -> None:
    skeleton = skeleton_in(tmp_path)
    assert skeleton.names == ("root", "upper", "lower", "tip")
    assert skeleton.parents == (-1, 0, 1, 2)
    assert skeleton.dofs[1:] == (("rx", "ry", "rz"), ("rz",), ())
    assert skeleton.metres == pytest.approx(0.0508)  # an inch over the scale 0.5
    assert skeleton.index("tip") == 3
    with pytest.raises(PoseliftError, match=r"01\.asf: the skeleton has no bone 'toe'"):
        skeleton.index("toe")


def test_positions_known_by_hand(tmp_path: Path) -> None:
    skeleton = skeleton_in(tmp_path)
    motion = read_amc(write(tmp_path, AMC), skeleton)
    ends, _ = motion.world()
    expected = np.array(
        [
            [[0, 0, 0], [2, 0, 0], [3, 0, 0], [3, 1, 0]],
            # the axis turns rx of `upper` into a turn about y: its end goes down to -z,
            # and `lower` turns about the z of that frame, to y; its tip from y to +z
            [[1, 2, 3], [1, 2, 1], [1, 3, 1], [1, 3, 2]],
        ]
    )
    np.testing.assert_allclose(ends / skeleton.metres, expected, atol=1e-12)
    np.testing.assert_array_equal(motion[1:].world()[0], ends[1:])
    assert len(motion) == 2


def test_radians_are_recognised(tmp_path: Path) -> None:
    skeleton = skeleton_in(tmp_path)
    text = AMC.replace(":DEGREES", ":RADIANS").replace("90", repr(np.pi / 2))
    degrees = read_amc(write(tmp_path, AMC), skeleton)
    np.testing.assert_allclose(
        read_amc(write(tmp_path, text), skeleton).angles, degrees.angles, atol=1e-15
    )
    in_radians = ASF.replace("angle deg", "angle rad").replace("0 0 90", f"0 0 {np.pi / 2}")
    np.testing.assert_allclose(skeleton_in(tmp_path, in_radians).axes, skeleton.axes, atol=1e-15)


def test_gzip_carriage_returns_and_irregular_frames_change_nothing(tmp_path: Path) -> None:
    skeleton = skeleton_in(tmp_path, ASF.replace("\n", "\r\n"))
    expected = read_amc(write(tmp_path, AMC), skeleton).angles
    packed = tmp_path / "01_02.amc.gz"
    packed.write_bytes(gzip.compress(AMC.replace("\n", "\r\n").encode()))
    texts = [
        AMC.replace("root 1 2 3 0 0 0\nupper 90 0 0", "upper 90 0 0\nroot 1 2 3 0 0 0"),
        AMC.replace("upper 0 0 0\n", ""),  # a bone without a line is at zero
        AMC.replace("\n2\n", "\n\n# second frame\n2\n") + "\n\n",
    ]
    np.testing.assert_array_equal(read_amc(packed, skeleton).angles, expected)
    for text in texts:
        np.testing.assert_array_equal(read_amc(write(tmp_path, text), skeleton).angles, expected)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (":bonedata", ":bones", r"01\.asf: expected an ASF skeleton, but it has no bones"),
        ("length 0.5", "length zero", "line 6: expected 1 number after 'length', got 'zero'"),
        ("length 0.5", "length 0", "line 6: expected a length scale above 0"),
        ("angle deg", "angle grad", "line 7: expected angle deg or rad, got 'grad'"),
        ("order TX", "order UX", "line 11: unknown degree of freedom 'ux'"),
        ("axis XYZ", "axis ZYX", "line 12: expected axis order XYZ, got 'ZYX'"),
        ("position 0 0 0", "position 0 1 0", "line 13: expected a root position of 0 0 0"),
        ("  begin\n     id 1", "     id 1", "line 16: expected 'begin' before 'id'"),
        ("direction 1 0 0", "direction 1 0", "line 19: expected 3 numbers after 'direction'"),
        ("     direction 1 0 0\n", "", "line 16: bone 'upper' has no direction"),
        ("     length 2\n", "", "line 16: bone 'upper' has no length"),
        ("     name upper\n", "", "line 16: bone '' has no name"),
        ("90  XYZ", "90  ZYX", "line 21: expected axis order XYZ, got 'ZYX'"),
        ("dof rx ry rz", "dof rx tx", "line 22: unknown degree of freedom 'tx'"),
        ("name lower", "name upper", "line 27: bone 'upper' occurs twice"),
        ("upper lower", "upper toe", "line 46: unknown bone 'toe'"),
        ("root upper", "root", "line 46: bone 'upper' has no parent yet"),
        ("lower tip\n", "lower tip\n    root tip\n", "line 48: bone 'tip' has two parents"),
        ("    lower tip\n", "", "bone 'tip' does not occur in :hierarchy"),
    ],
)
def test_broken_skeleton_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in ASF
    with pytest.raises(PoseliftError, match=message) as error:
        skeleton_in(tmp_path, ASF.replace(old, new, 1))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("upper 90", "toe 90", r"line 10 \(frame 2\): bone 'toe' is not in .*01\.asf"),
        ("upper 90 0 0", "upper 90 0", r"line 10 \(frame 2\): expected 3 values for bone 'upper'"),
        ("lower 90", "lower x", r"line 11 \(frame 2\): expected a number for bone 'lower'"),
        ("lower 90", "lower inf", r"line 11 \(frame 2\): expected a number for bone 'lower'"),
        ("\n2\n", "\n3\n", "line 8: expected frame 2, got 3"),
        ("\n1\n", "\n", "line 4: expected a frame number, got 'root 0 0 0 0 0 0'"),
        (AMC[AMC.index("\n1\n") :], "", "expected an AMC motion, but it has no frames"),
    ],
)
def test_broken_motion_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in AMC
    skeleton = skeleton_in(tmp_path)
    with pytest.raises(PoseliftError, match=message) as error:
        read_amc(write(tmp_path, AMC.replace(old, new, 1)), skeleton)
    assert "\n" not in str(error.value)


def test_missing_skeleton_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match=r"02\.asf: no such file"):
        read_asf(tmp_path / "02.asf")
