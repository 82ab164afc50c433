"""Networks that look at several frames: windows by clip and frame, and one law for all callers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from poselift import Lifter, PoseliftError, PoseSequence, get_skeleton
from poselift.lifting.optics import Optics
from poselift.poses import windows
from tiny_model import tiny_onnx

SIZE = (1080, 1920)


@pytest.fixture(scope="module", params=[3, 4])
def lifter(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lifter:
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    path.write_bytes(tiny_onnx({"frames": request.param}))
    return Lifter(path, threads=1)


def clip(frames: int = 12, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(100, 1000, size=(frames, 17, 2)).astype(np.float32)


def close(a: np.ndarray, b: np.ndarray) -> None:
    np.testing.assert_allclose(a, b, rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    ("frames", "length", "expected"),
    [
        ([0, 1, 2], 1, [[0], [1], [2]]),
        ([0, 1, 2], 3, [[0, 0, 1], [0, 1, 2], [1, 2, 2]]),  # the edges repeat
        ([0, 1, 2], 4, [[0, 0, 1, 2], [0, 1, 2, 2], [1, 2, 2, 2]]),  # one more after than before
        ([7], 5, [[0, 0, 0, 0, 0]]),
        ([0, 1, 4, 5], 3, [[0, 0, 1], [0, 1, 1], [2, 2, 3], [2, 3, 3]]),  # the nearest in a gap
        ([0, 4, 8], 3, [[0, 0, 1], [0, 1, 2], [1, 2, 2]]),  # every fourth frame
        ([2, 0, 1], 3, [[2, 0, 0], [1, 1, 2], [1, 2, 0]]),  # in any order
        ([], 3, np.empty((0, 3))),
    ],
)
def test_windows(frames: list[int], length: int, expected: list[list[int]]) -> None:
    found = windows(np.array(frames, np.int64), length)
    np.testing.assert_array_equal(found, expected)


def test_windows_stay_in_their_clip() -> None:
    frames, clips = np.array([0, 0, 1, 1]), np.array([5, 3, 5, 3])
    assert windows(frames, 3, clips).tolist() == [[0, 0, 2], [1, 1, 3], [0, 2, 2], [1, 3, 3]]


def test_a_pose_depends_on_its_window_and_nothing_else(lifter: Lifter) -> None:
    keypoints, length = clip(), lifter.card.frames
    whole = lifter.lift(keypoints, image_size=SIZE, skeleton="h36m_17")
    assert whole.shape == (12, 17, 3)
    changed = keypoints.copy()
    changed[6] += 40
    touched = np.abs(lifter.lift(changed, image_size=SIZE, skeleton="h36m_17") - whole) > 1e-4
    first, last = 6 - length // 2, 6 + (length - 1) // 2
    assert np.flatnonzero(touched.any(axis=(1, 2))).tolist() == list(range(first, last + 1))


def test_frames_that_show_too_little_are_in_no_window(lifter: Lifter) -> None:
    keypoints = clip()
    keypoints[5, 3:] = np.nan
    lifted = lifter.lift(keypoints, image_size=SIZE, skeleton="h36m_17")
    assert np.isnan(lifted[5]).all()
    assert np.isfinite(np.delete(lifted, 5, axis=0)).all()
    sequence = PoseSequence.from_2d(
        np.delete(keypoints, 5, axis=0),
        get_skeleton("h36m_17"),
        frames=np.delete(np.arange(12), 5),
        image_size=SIZE,
    )
    close(lifter(sequence).positions, np.delete(lifted, 5, axis=0))


def test_live_is_the_last_frame_of_the_clip_so_far(lifter: Lifter) -> None:
    keypoints = clip()
    live = lifter.live(image_size=SIZE, skeleton="h36m_17")
    for number, frame in enumerate(keypoints, start=1):
        so_far = lifter.lift(keypoints[:number], image_size=SIZE, skeleton="h36m_17")
        close(live(frame), so_far[-1])


@pytest.mark.parametrize("cuts", [[5], [1, 2, 3], [11], [2, 9], []])
def test_chunks_make_the_whole(lifter: Lifter, cuts: list[int]) -> None:
    keypoints = clip()
    parts = lifter.stream(np.split(keypoints, cuts), image_size=SIZE, skeleton="h36m_17")
    whole = lifter.lift(keypoints, image_size=SIZE, skeleton="h36m_17")
    close(np.concatenate(list(parts)), whole)


def test_clips_of_one_array_do_not_see_each_other(lifter: Lifter) -> None:
    both = np.stack([clip(), clip(seed=1)], axis=1).reshape(24, 17, 2)  # in turns
    numbers, clips = np.repeat(np.arange(12), 2), np.tile([0, 1], 12)
    found = lifter.core.lift(both, Optics(SIZE), numbers, clips)
    for index in range(2):
        alone = lifter.lift(both[clips == index], image_size=SIZE, skeleton="h36m_17")
        close(found[clips == index], alone)


def test_ports_must_fit_the_frames_of_the_card(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    wanted = tiny_onnx({"frames": 3})
    path.write_bytes(wanted.replace(b'"frames": 3', b'"frames": 5'))
    with pytest.raises(PoseliftError, match=r"input keypoints \(batch, 5, 17, 2\) and output"):
        Lifter(path)
    path.write_bytes(wanted.replace(b'"frames": 3', b'"frames": 0'))
    with pytest.raises(PoseliftError, match="card gives the frames 0, expected a number from 1 on"):
        Lifter(path)
