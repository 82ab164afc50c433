"""Clips in chunks, and memory that does not grow with the clip."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poselift import Lifter, PoseliftError, PoseSequence, get_skeleton
from tiny_model import tiny_onnx

SIZE = (1080, 1920)
LEFT_WRIST = 9
CAMERA = {"image_size": SIZE, "skeleton": "coco_17"}


@pytest.fixture(scope="module")
def lifter(tmp_path_factory: pytest.TempPathFactory) -> Lifter:
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    path.write_bytes(tiny_onnx())
    return Lifter(path, threads=1)


def clip(frames: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints in pixels and scores; some frames and joints are missing."""
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(100, 1000, size=(frames, 17, 2)).astype(np.float32)
    keypoints[rng.random((frames, 17)) < 0.1] = np.nan
    keypoints[rng.random(frames) < 0.1] = np.nan
    scores = rng.random((frames, 17)).astype(np.float32)
    scores[scores < 0.1] = 0
    return keypoints, scores


@given(st.lists(st.integers(0, 90), max_size=8), st.booleans(), st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_any_chunks_give_the_whole(
    lifter: Lifter, lengths: list[int], scored: bool, seed: int
) -> None:
    ends = np.cumsum([0, *lengths])
    keypoints, scores = clip(ends[-1], seed)
    chunks = [
        (keypoints[a:b], scores[a:b]) if scored else keypoints[a:b] for a, b in pairwise(ends)
    ]
    lifted = list(lifter.stream(iter(chunks), **CAMERA))
    assert [len(poses) for poses in lifted] == lengths
    whole = lifter.lift(keypoints, scores=scores if scored else None, **CAMERA)
    together = np.concatenate([np.empty((0, 17, 3), np.float32), *lifted])
    assert together.dtype == np.float32
    np.testing.assert_allclose(together, whole, rtol=0, atol=1e-6)


def test_chunks_are_lifted_as_they_come(lifter: Lifter) -> None:
    read = []

    def chunks() -> Iterator[np.ndarray]:
        for start in range(3):
            read.append(start)
            yield clip(5, start)[0]

    stream = lifter.stream(chunks(), **CAMERA)
    assert read == []
    next(stream)
    assert read == [0]


def test_focal_length_reaches_the_network(lifter: Lifter) -> None:
    keypoints, _ = clip(6)
    (wide,) = lifter.stream([keypoints], focal=700.0, **CAMERA)
    np.testing.assert_array_equal(wide, lifter.lift(keypoints, focal=700.0, **CAMERA))


def refused(lifter: Lifter, match: str, *chunks: object) -> None:
    with pytest.raises(PoseliftError, match=match):
        list(lifter.stream(chunks, **CAMERA))  # type: ignore[arg-type]


def test_errors_count_frames_through_all_chunks(lifter: Lifter) -> None:
    good, scores = clip(40)
    bad = good[:10].copy()
    bad[3, LEFT_WRIST] = np.inf
    refused(lifter, "^frame 83, joint left_wrist: expected finite", good, good, bad)
    bad[3, LEFT_WRIST] = 5, np.nan
    refused(lifter, "^frame 43, joint left_wrist: expected all coordinates", good, bad)
    refused(lifter, r"^chunk at frame 40: expected keypoints of shape \(fra", good, good[:, :9])
    refused(lifter, r"^chunk at frame 0: .*single frame pass keypoints\[None\]", good[0])
    refused(lifter, r"^chunk at frame 40: expected scores of", good, (good, scores[:9]))
    refused(lifter, r"^chunk at frame 0: expected a pair .*, got 3 items", (good, scores, scores))


def test_the_first_frame_with_a_person_tells_pixels_from_shares(lifter: Lifter) -> None:
    keypoints = np.random.default_rng(0).uniform(size=(6, 17, 2))
    keypoints[:3, 4:] = np.nan  # too little to tell
    for size in (1, 2, 6):
        stream = lifter.stream(np.split(keypoints, 6 // size), **CAMERA)
        for _ in range(3 // size):
            assert np.isnan(next(stream)).all()
        with pytest.raises(PoseliftError, match=r"are between -1\.5 and 1\.5: multiply"):
            next(stream)
    keypoints[3] *= 1000
    assert len(list(lifter.stream(keypoints[:, None], **CAMERA))) == 6


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"skeleton": "coco"}, "unknown skeleton 'coco'"),
        ({"image_size": (0, 1)}, "image_size as"),
        ({"focal": 0.0}, "focal length above 0"),
    ],
)
def test_a_useless_camera_is_refused_before_anything_is_read(
    lifter: Lifter, arguments: dict[str, object], match: str
) -> None:
    def unread() -> Iterator[np.ndarray]:
        raise AssertionError("read")
        yield

    with pytest.raises(PoseliftError, match=match):
        lifter.stream(unread(), **{**CAMERA, **arguments})  # type: ignore[arg-type]


def highest(work: Callable[[], object]) -> tuple[int, int]:
    """Bytes that `work` held at most, and that its result holds."""
    work()  # what is made once is made now
    gc.collect()
    tracemalloc.start()
    try:
        result = work()
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del result
    return peak, held


def test_a_stream_takes_the_memory_of_a_chunk(lifter: Lifter) -> None:
    keypoints, scores = clip(50)

    def consume(frames: int) -> None:
        for poses in lifter.stream(((keypoints, scores) for _ in range(frames // 50)), **CAMERA):
            assert poses.shape == (50, 17, 3)

    (short, _), (long, _) = highest(lambda: consume(500)), highest(lambda: consume(2500))
    kept = 2000 * 17 * (2 + 1 + 3) * 4  # what keypoints, scores and poses would take
    assert long - short < 0.1 * kept  # reference cycles wait for their collection


@pytest.mark.parametrize("together", [False, True])
def test_a_clip_takes_the_memory_of_its_arrays(lifter: Lifter, together: bool) -> None:
    def lift(frames: int) -> tuple[int, int]:
        keypoints, scores = clip(frames)
        person = PoseSequence.from_2d(
            keypoints, get_skeleton("coco_17"), scores=scores, image_size=SIZE
        )
        return highest(lambda: lifter.lift_people([person]) if together else lifter(person))

    (low, kept_low), (high, kept_high) = lift(2000), lift(8000)
    flat, solid = 17 * 2 * 4, 17 * 3 * 4  # bytes of a frame
    kept = (kept_high - kept_low) / 6000
    assert kept < solid + 2 * flat  # poses; keypoints and scores in the network's joints
    # beside the results, the prepared keypoints and a check's masks; no float64, no batches
    assert (high - low) / 6000 - kept < 2.5 * flat
