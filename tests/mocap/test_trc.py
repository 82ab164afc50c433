"""TRC: units, missing markers, every error once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from poselift.errors import PoseliftError
from poselift.mocap.trc import read_trc

TRC = (
    "PathFileType\t4\t(X/Y/Z)\tclip.trc\n"
    "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames\n"
    "50.00\t50.00\t3\t2\tm\t50.00\t1\t3\n"
    "Frame#\tTime\tRHip\t\t\tLeft knee\t\t\n"
    "\t\tX1\tY1\tZ1\tX2\tY2\tZ2\n"
    "1\t0.00\t1\t2\t3\t4\t5\t6\n"
    "2\t0.02\t\t\t\t4.5\t5\t6\n"
    "3\t0.04\t1\t2\t3.5\tnan\tnan\tnan\n"
)


def write(folder: Path, text: str) -> Path:
    (folder / "clip.trc").write_text(text, newline="")
    return folder / "clip.trc"


def test_markers_are_read(tmp_path: Path) -> None:
    track = read_trc(write(tmp_path, TRC))
    assert track.markers == ("RHip", "Left knee")
    assert (len(track), track.fps) == (3, 50)
    nan = np.nan
    expected = [[[1, 2, 3], [4, 5, 6]], [[nan] * 3, [4.5, 5, 6]], [[1, 2, 3.5], [nan] * 3]]
    np.testing.assert_array_equal(track.positions, expected)
    np.testing.assert_array_equal(track.frames, [1, 2, 3])
    np.testing.assert_allclose(track.times, [0, 0.02, 0.04])
    assert track.index("Left knee") == 1
    with pytest.raises(PoseliftError, match="no marker 'Nose', expected one of RHip, Left knee"):
        track.index("Nose")


@pytest.mark.parametrize(("unit", "metres"), [("mm", 0.001), ("cm", 0.01), ("M", 1.0)])
def test_units_become_metres(tmp_path: Path, unit: str, metres: float) -> None:
    track = read_trc(write(tmp_path, TRC.replace("\tm\t", f"\t{unit}\t")))
    np.testing.assert_allclose(track.positions[0, 1], np.array([4, 5, 6]) * metres)


def test_empty_lines_surplus_tabs_and_carriage_returns_change_nothing(tmp_path: Path) -> None:
    expected = read_trc(write(tmp_path, TRC))
    text = TRC.replace("Z2\n", "Z2\n\n").replace("5\t6\n", "5\t6\t\n").replace("\n", "\r\n")
    # Pose2Sim's calibration leaves the value of OrigDataStartFrame out
    text = text.replace("50.00\t1\t3", "50.00\t3")
    np.testing.assert_array_equal(read_trc(write(tmp_path, text)).positions, expected.positions)


def test_another_number_of_frames_is_noted(tmp_path: Path) -> None:
    path, text = tmp_path / "a.trc", TRC.replace("\t3\t2\tm", "\t4\t2\tm", 1)
    path.write_text("\ufeff" + text, encoding="utf-8")
    assert "announces 4 frames, 3 come" in read_trc(path).notes[0]
    path.write_text(text.rstrip())
    with pytest.raises(PoseliftError, match="is cut off, 4 frames are announced, 3 come"):
        read_trc(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("PathFileType", "Path", "expected a TRC file, which begins with PathFileType"),
        (TRC[30:], "", "the TRC header is cut short"),
        ("NumFrames", "Frames", "line 2: the TRC header has no NumFrames"),
        ("\tm\t", "\tft\t", "line 3: unknown unit 'ft', expected m, cm or mm"),
        ("\t3\t2\tm", "\tall\t2\tm", "line 3: expected a number as NumFrames, got 'all'"),
        ("\t3\t2\tm", "\t3\t3\tm", "line 4: expected 3 markers as NumMarkers says, found 2"),
        ("50.00\t50.00", "0\t50.00", "line 3: expected a DataRate above 0, got '0'"),
        ("50.00\t50.00", "fast\t50.00", "line 3: expected a DataRate above 0, got 'fast'"),
        ("Frame#\tTime", "Frame Time", "line 4: expected Frame# and Time, got 'Frame Time"),
        ("Left knee", "RHip", "line 4: marker 'RHip' occurs twice"),
        ("4.5\t5\t6", "4.5\t5", "line 7: expected 8 tab-separated values, got 7"),
        ("4.5\t5", "4.5\t5\t6\t7", "line 7: expected 8 tab-separated values, got 10"),
        ("4.5\t5", "4.5\tx", "line 7, Left knee: expected a number, got 'x'"),
        ("2\t0.02", "two\t0.02", "line 7, Frame#: expected a number, got 'two'"),
        ("2\t0.02", "2.5\t0.02", "line 7: expected a frame number and a time, got 2.5"),
        ("2\t0.02", "2\tnan", "line 7: expected a frame number and a time"),
        ("2\t0.02", "1e30\t0.02", "line 7: expected a frame number and a time"),
        ("4.5\t5", "4.5\t", "line 7, Left knee: expected three finite coordinates or none"),
        ("4.5\t5", "4.5\tinf", "line 7, Left knee: expected three finite coordinates or none"),
    ],
)
def test_broken_file_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TRC
    with pytest.raises(PoseliftError, match=message) as error:
        read_trc(write(tmp_path, TRC.replace(old, new, 1)))
    assert "\n" not in str(error.value)


def test_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match="no such file"):
        read_trc(tmp_path / "none.trc")
    with pytest.raises(PoseliftError, match="cannot be read"):
        read_trc(tmp_path)
    (tmp_path / "odd.trc").write_bytes(b"PathFileType\xff\xfe")
    with pytest.raises(PoseliftError, match="expected text in UTF-8"):
        read_trc(tmp_path / "odd.trc")


def test_real_file_has_the_stated_bone_lengths(shared: Path) -> None:
    track = read_trc(shared / "data" / "pose2sim" / "balancing" / "balancing.trc")
    assert (len(track), len(track.markers), track.fps) == (100, 21, 60)
    ends = [track.positions[:, track.index(marker)] for marker in ("RHip", "RKnee")]
    thigh = np.linalg.norm(ends[0] - ends[1], axis=1)
    assert thigh.mean() == pytest.approx(0.414, abs=0.001)
    assert thigh.std() == pytest.approx(0.016, abs=0.001)
