"""PoseSequence behaves as Python's own containers do, and refuses what is not a sequence."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import jaxtyping
import numpy as np
import pytest

from poselift.errors import PoseliftError
from poselift.poses import AXES_2D, AXES_3D, PoseSequence
from poselift.skeletons import COCO_17, H36M_17, get_skeleton

RNG = np.random.default_rng(9)
FRAMES = np.array([0, 1, 3, 7])


def make(**changes: Any) -> PoseSequence:
    positions = np.arange(4 * 17 * 2, dtype=np.float32).reshape(4, 17, 2)
    options = {"fps": 30.0, "frames": FRAMES, "image_size": (640, 480), "history": ("read",)}
    return PoseSequence.from_2d(positions, COCO_17, **{**options, **changes})


@pytest.mark.parametrize(
    ("item", "frames"),
    [
        (0, [0]),
        (-1, [7]),
        (slice(None), [0, 1, 3, 7]),
        (slice(1, 3), [1, 3]),
        (slice(None, None, 2), [0, 3]),
        (slice(2, 2), []),
        (np.array([1, 3]), [1, 7]),
        (np.array([True, False, False, True]), [0, 7]),
        (np.zeros(4, bool), []),
    ],
)
def test_indexing(item: Any, frames: list[int]) -> None:
    clip = make()
    part = clip[item]
    assert part.frames.tolist() == frames
    assert len(part) == len(frames)
    rows = [FRAMES.tolist().index(frame) for frame in frames]
    assert np.array_equal(part.positions, clip.positions[rows])
    assert np.array_equal(part.times, clip.times[rows])
    assert (part.fps, part.image_size, part.history) == (30.0, (640, 480), ("read",))


def test_indices_out_of_range_and_backwards() -> None:
    clip = make()
    with pytest.raises(IndexError):
        clip[4]
    with pytest.raises(PoseliftError, match="expected increasing frame numbers, got 3 after 7"):
        clip[::-1]


def test_iteration_yields_each_frame() -> None:
    clip = make()
    parts = list(clip)
    assert [len(part) for part in parts] == [1, 1, 1, 1]
    assert parts == [clip[i] for i in range(4)]


def test_equality() -> None:
    assert make() == make()
    assert make() == make(history=("read", "again"))
    holes = make().positions.copy()
    holes[0, 0] = np.nan
    with_hole = dataclasses.replace(make(), positions=holes)
    assert with_hole == dataclasses.replace(make(), positions=holes.copy())
    assert with_hole != make()
    for change in (
        {"fps": 25.0},
        {"image_size": None},
        {"frames": np.arange(4)},
        {"scores": np.ones((4, 17), np.float32)},
        {"times": np.arange(4.0)},
        {"person_id": 3},
    ):
        assert make() != make(**change)
    assert make() != "a clip"
    with pytest.raises(TypeError, match="unhashable"):
        hash(make())


def test_times_follow_from_frames_and_fps() -> None:
    np.testing.assert_allclose(make().times, FRAMES / 30.0)
    np.testing.assert_allclose(make(fps=29.97).times, FRAMES / 29.97)
    np.testing.assert_allclose(make(fps=None).times, FRAMES)
    assert make(frames=None).frames.tolist() == [0, 1, 2, 3]
    stamps = np.array([0.0, 0.03, 0.11, 0.2])
    assert np.array_equal(make(fps=None, times=stamps).times, stamps)


def test_unknown_scores_are_nan_not_zero() -> None:
    assert np.isnan(make().scores).all()
    assert make().scores.shape == (4, 17)


def test_arrays_are_read_only_and_fields_frozen() -> None:
    clip = make()
    for name in ("positions", "scores", "frames", "times"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(clip, name)[0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        clip.fps = 1.0  # type: ignore[misc]


def test_the_callers_array_stays_writable() -> None:
    positions = np.zeros((4, 17, 2), np.float32)
    PoseSequence.from_2d(positions, COCO_17)
    positions[0] = 1.0


def test_visible_and_dims() -> None:
    positions = make().positions.copy()
    positions[2, 5] = np.nan
    clip = dataclasses.replace(make(), positions=positions)
    assert clip.dims == 2
    assert clip.visible.sum() == 4 * 17 - 1
    assert not clip.visible[2, 5]


def test_lifting_keeps_all_but_the_positions() -> None:
    clip = make()
    lifted = clip.as_3d(np.ones((4, 17, 3), np.float32), "lifted")
    assert (lifted.dims, lifted.units, lifted.axes) == (3, "m", AXES_3D)
    assert lifted.history == ("read", "lifted")
    for name in ("frames", "times", "scores"):
        assert np.array_equal(getattr(lifted, name), getattr(clip, name), equal_nan=True)
    assert (clip.units, clip.axes) == ("px", AXES_2D)


def test_conversion_keeps_a_record() -> None:
    clip = make(scores=RNG.random((4, 17)).astype(np.float32))
    converted = clip.to_skeleton(H36M_17)
    assert converted.skeleton == H36M_17
    assert converted.history[0] == "read"
    assert "coco_17 -> h36m_17" in converted.history[1]
    assert "pelvis = mean of left_hip, right_hip" in converted.history[1]
    assert clip.to_skeleton(COCO_17) is clip
    knee = converted.positions[:, H36M_17.index("left_knee")]
    assert np.array_equal(knee, clip.positions[:, COCO_17.index("left_knee")])
    assert np.isfinite(converted.scores).all()


def test_an_empty_sequence_is_one() -> None:
    empty = make()[:0]
    assert len(empty) == 0
    assert list(empty) == []
    assert len(empty.to_skeleton(H36M_17)) == 0
    assert "0 frames" in repr(empty)


def test_repr_says_what_is_inside() -> None:
    assert repr(make()) == (
        "PoseSequence(4 frames, coco_17, 2D px, 30 fps, image (640, 480), person 0)"
    )
    assert "irregular times" in repr(make(fps=None))


def half_missing() -> np.ndarray:
    positions = make().positions.copy()
    positions[2, 5, 0] = np.nan
    return positions


def infinite() -> np.ndarray:
    positions = make().positions.copy()
    positions[3, 6, 1] = -np.inf
    return positions


ZEROS = np.zeros((4, 17), np.float32)
REFUSED: list[tuple[dict[str, Any], str]] = [
    (
        {"positions": np.zeros((4, 17, 4), np.float32)},
        r"joints, 2 or 3\), got \(4, 17, 4\)",
    ),
    ({"skeleton": get_skeleton("body_25")}, r"expected 25 joints \(body_25\), got 17"),
    ({"scores": ZEROS[:, :16]}, r"expected scores of shape \(4, 17\), got \(4, 16\)"),
    ({"frames": np.arange(3)}, r"expected frames of shape \(4,\), got \(3,\)"),
    ({"times": np.arange(5.0)}, r"expected times of shape \(4,\), got \(5,\)"),
    (
        {"positions": infinite()},
        "frame 7, joint right_shoulder: expected finite coordinates",
    ),
    (
        {"positions": half_missing()},
        "frame 3, joint left_shoulder: expected all coordinates or",
    ),
    ({"times": np.array([0, 1, 2, np.nan])}, "expected finite time stamps"),
    ({"frames": np.array([0, 1, 1, 2])}, "expected increasing frame numbers, got 1 after 1"),
    ({"times": np.array([0, 2, 1, 3.0])}, "expected increasing time stamps, got 1.0 after 2.0"),
    ({"units": "m"}, r"expected units and axes \('px', .*\) for 2D poses, got \('m'"),
    ({"fps": 0.0}, "expected fps above 0, got 0.0"),
    ({"fps": float("nan")}, "expected fps above 0, got nan"),
    ({"image_size": (0, 480)}, r"expected a positive image size, got \(0, 480\)"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[m for _, m in REFUSED])
def test_refused_in_words(
    changes: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # users run without the type checker, which would refuse wrong shapes first
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(PoseliftError, match=message):
        dataclasses.replace(make(), **changes)


def test_three_dimensional_poses_have_metres() -> None:
    with pytest.raises(PoseliftError, match=r"for 3D poses, got \('px'"):
        dataclasses.replace(make(), positions=np.zeros((4, 17, 3), np.float32))


def test_a_sequence_travels_between_processes() -> None:
    poses = dataclasses.replace(
        PoseSequence.from_2d(np.zeros((3, 17, 2), np.float32), H36M_17, fps=30.0),
        tracks={"root": np.ones((3, 3), np.float32)},
    )
    for other in (pickle.loads(pickle.dumps(poses)), copy.deepcopy(poses)):
        assert other == poses
        assert other.history == poses.history
        assert not other.tracks["root"].flags.writeable
