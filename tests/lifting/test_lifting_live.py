"""LiveLifter by its one law: a frame's pose is what `Lifter.lift` makes of a clip of that frame."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poselift import Lifter, PoseliftError, get_skeleton
from poselift.geometry import NORMALISATIONS
from poselift.lifting import LiveLifter
from poselift.modelfiles import shipped_models
from poselift.motion import OneEuro
from poselift.skeletons import skeleton_names
from tiny_model import tiny_onnx

SIZE = (1080, 1920)
LEFT_WRIST = 13


class RowByRow:
    """A model whose rows cannot see each other, not even in how sums are rounded."""

    def __init__(self, lifter: Lifter) -> None:
        self.card, self.sha256, self._inner = lifter.card, lifter.weights_sha256, lifter._model.run

    def run(self, inputs: np.ndarray) -> np.ndarray:
        return np.concatenate([self._inner(row[None]) for row in inputs])


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Lifter]:
    """Lifters with a tiny network."""
    folder = tmp_path_factory.mktemp("models")

    @cache
    def made(normalisation: str = "person", flip: bool = True, skeleton: str = "h36m_17") -> Lifter:
        path = folder / f"{normalisation}-{skeleton}.onnx"
        path.write_bytes(tiny_onnx({"normalisation": normalisation, "skeleton": skeleton}))
        return Lifter(path, threads=1, flip=flip)

    return made


@pytest.fixture(scope="module")
def lifter(make: Callable[..., Lifter]) -> Lifter:
    return make()


def frame(joints: int = 17, seed: int = 0) -> np.ndarray:
    """Keypoints in pixels, somewhere in a portrait picture."""
    return np.random.default_rng(seed).uniform(100, 1000, size=(joints, 2)).astype(np.float32)


@given(
    normalisation=st.sampled_from(NORMALISATIONS),
    flip=st.booleans(),
    source=st.sampled_from(skeleton_names()),
    target=st.sampled_from(["h36m_17", "h36m_16"]),
    size=st.sampled_from([SIZE, (1920, 1080), (333, 333)]),
    focal=st.none() | st.floats(100, 5000),
    lost=st.sampled_from([0.0, 0.0, 0.1, 0.4, 1.0]),
    scored=st.sampled_from(["no", "all", "some"]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=200)
def test_one_frame_is_the_clip_of_that_frame(
    make: Callable[..., Lifter],
    normalisation: str,
    flip: bool,
    source: str,
    target: str,
    size: tuple[int, int],
    focal: float | None,
    lost: float,
    scored: str,
    seed: int,
) -> None:
    lifter, joints = make(normalisation, flip, target), len(get_skeleton(source))
    given_ = {"image_size": size, "skeleton": source}
    if normalisation == "person":
        given_["focal"] = focal
    rng = np.random.default_rng(seed)
    middle, spread = rng.uniform(0.3, 0.7, size=2) * size, rng.uniform(2, min(size) / 5)
    keypoints = rng.normal(middle, spread, size=(joints, 2))
    keypoints[rng.random(joints) < lost] = np.nan
    scores = None if scored == "no" else rng.random(joints)
    if scored == "some":
        scores[rng.random(joints) < 0.1] = 0
        scores[rng.random(joints) < 0.1] = np.nan
    clip_scores = None if scores is None else scores[None]
    before = keypoints.copy()

    pose = lifter.live(**given_)(keypoints, scores)
    expected = lifter.lift(keypoints[None], scores=clip_scores, **given_)[0]
    # a batch of two rounds differently from two batches of one
    np.testing.assert_allclose(pose, expected, rtol=0, atol=1e-6)
    assert pose.dtype == np.float32
    assert np.array_equal(keypoints, before, equal_nan=True)

    model, lifter._model = lifter._model, RowByRow(lifter)  # type: ignore[assignment]
    try:
        pose = lifter.live(**given_)(keypoints, scores)
        expected = lifter.lift(keypoints[None], scores=clip_scores, **given_)[0]
    finally:
        lifter._model = model
    assert np.array_equal(pose, expected, equal_nan=True)


@pytest.mark.parametrize("name", shipped_models())
def test_shipped_models_one_frame_at_a_time(name: str) -> None:
    lifter = Lifter(name)
    keypoints = np.stack([frame(seed=seed) for seed in range(4)])
    keypoints[2, 5:8] = np.nan
    live = lifter.live(image_size=SIZE, skeleton="coco_17")
    whole = lifter.lift(keypoints, image_size=SIZE, skeleton="coco_17")
    np.testing.assert_allclose([live(k) for k in keypoints], whole, rtol=0, atol=2e-6)


def test_root_is_exactly_zero_and_the_result_is_the_callers(lifter: Lifter) -> None:
    live = lifter.live(image_size=SIZE, skeleton="h36m_17")
    pose = live(frame())
    assert (pose[0] == 0).all()
    assert np.abs(pose[1:]).min() > 0
    kept = pose.copy()
    live(frame(seed=1))
    assert np.array_equal(pose, kept)
    pose[:] = 7
    assert np.array_equal(live(frame()), kept)


def test_smoothed_live_poses_are_those_of_the_one_euro_filter(lifter: Lifter) -> None:
    given_: dict[str, Any] = {"image_size": SIZE, "skeleton": "h36m_17"}
    raw, live, one = lifter.live(**given_), lifter.live(**given_, smooth=True), OneEuro()
    frames = [frame(seed=seed) for seed in range(6)]
    frames[3][:] = np.nan  # nobody, after which it starts anew
    for number, keypoints in enumerate(frames):
        pose = live(keypoints, None, number / 30)
        assert np.array_equal(pose, one(raw(keypoints), number / 30), equal_nan=True)
        fresh = number in (0, 3, 4)
        assert np.array_equal(pose, raw(keypoints), equal_nan=True) == fresh
    with pytest.raises(PoseliftError, match=r"frame 6: expected time=\.\.\., the frame's time in"):
        live(frame())
    with pytest.raises(PoseliftError, match=r"expected a time after 0\.16"):
        live(frame(), None, 0.1)


def test_calls_from_several_threads_do_not_mix(lifter: Lifter) -> None:
    live, frames = (
        lifter.live(image_size=SIZE, skeleton="h36m_17"),
        [frame(seed=seed) for seed in range(400)],
    )
    alone = [live(keypoints) for keypoints in frames]
    with ThreadPoolExecutor(4) as pool:
        np.testing.assert_array_equal(list(pool.map(live, frames)), alone)


@pytest.mark.parametrize(("visible", "lifted"), [(0, False), (5, False), (6, True), (17, True)])
def test_too_few_joints_give_a_missing_pose(lifter: Lifter, visible: int, lifted: bool) -> None:
    live, keypoints, scores = lifter.live(image_size=SIZE, skeleton="h36m_17"), frame(), np.ones(17)
    keypoints[visible:] = np.nan
    for pose in (live(keypoints), live(frame(), np.where(np.isnan(keypoints[:, 0]), 0, scores))):
        assert pose.shape == (17, 3)
        assert np.isfinite(pose).all() == lifted
        assert np.isnan(pose).all() != lifted


def test_a_detector_that_finds_nobody_says_zeros_with_score_zero(lifter: Lifter) -> None:
    nobody, nothing = np.zeros((17, 2)), np.zeros(17)
    assert np.isnan(lifter.live(image_size=SIZE, skeleton="h36m_17")(nobody, nothing)).all()
    assert np.isnan(
        lifter.lift(nobody[None], scores=nothing[None], image_size=SIZE, skeleton="h36m_17")
    ).all()


def test_lists_and_whole_numbers_are_numbers_too(lifter: Lifter) -> None:
    live, keypoints = lifter.live(image_size=SIZE, skeleton="h36m_17"), frame().astype(np.int64)
    scores = np.full(17, 0.5)
    expected = live(keypoints.astype(np.float64), scores)
    assert np.array_equal(live(keypoints.tolist(), scores.tolist()), expected)


def refused(live: LiveLifter, match: str, keypoints: object, scores: object = None) -> None:
    with pytest.raises(PoseliftError, match=match):
        live(keypoints, scores)  # type: ignore[arg-type]


def test_bad_frames_are_refused_in_words(lifter: Lifter) -> None:
    live, good = lifter.live(image_size=SIZE, skeleton="h36m_17"), frame()
    refused(live, r"shape \(17, 2\) for h36m_17, got \(16, 2\)$", good[:16])
    refused(live, r"shape \(17, 2\) for h36m_17, got \(4, 17, 2\); .*lift takes clips", [good] * 4)
    refused(live, r"scores of shape \(17,\) for h36m_17, got \(16,\)$", good, np.ones(16))
    refused(live, r"keypoints of real numbers, got dtype bool", good > 0)
    refused(live, r"array of numbers", [[1, 2], [3]])
    refused(live, "are between -1.5 and 1.5: multiply", good / 1920)


def sentence(call: Callable[..., object], *arguments: object, **named: object) -> str:
    with pytest.raises(PoseliftError) as caught:
        call(*arguments, **named)
    return str(caught.value)


@pytest.mark.parametrize("values", [np.inf, -np.inf, 1e300, (np.nan, 5.0), (np.inf, np.nan)])
@pytest.mark.parametrize("score", [1.0, 0.0])
def test_bad_values_are_refused_as_in_a_clip(
    lifter: Lifter, values: float | tuple[float, float], score: float
) -> None:
    live, keypoints, scores = (
        lifter.live(image_size=SIZE, skeleton="h36m_17"),
        frame().astype(np.float64),
        np.ones(17),
    )
    keypoints[LEFT_WRIST], scores[LEFT_WRIST] = values, score
    said = sentence(live, keypoints, scores)
    assert said.startswith("frame 0, joint left_wrist: expected")
    clip = {"scores": scores[None], "image_size": SIZE, "skeleton": "h36m_17"}
    assert said == sentence(lifter.lift, keypoints[None], **clip)
    live(frame())
    assert sentence(live, keypoints, scores).startswith("frame 2, ")  # the third call


def test_joints_far_outside_any_picture_are_refused(lifter: Lifter) -> None:
    keypoints = frame()
    keypoints[LEFT_WRIST] = 1e30  # its square is not a float32
    live = lifter.live(image_size=SIZE, skeleton="h36m_17")
    said = sentence(live, keypoints)
    assert said.startswith("frame 0, joint left_wrist: expected pixels of a 1080x1920 picture, got")
    assert said == sentence(lifter.lift, keypoints[None], image_size=SIZE, skeleton="h36m_17")


def test_a_joint_outside_the_picture_is_no_reason_to_refuse(lifter: Lifter) -> None:
    keypoints = frame()
    keypoints[LEFT_WRIST] = -900
    pose = lifter.live(image_size=SIZE, skeleton="h36m_17")(keypoints)
    np.testing.assert_allclose(
        pose, lifter.lift(keypoints[None], image_size=SIZE, skeleton="h36m_17")[0], atol=1e-6
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"skeleton": "coco"},
        {"image_size": (0, 100)},
        {"image_size": "large"},
        {"focal": -1.0},
        {"focal": np.nan},
    ],
)
def test_a_useless_camera_is_refused_at_once(lifter: Lifter, arguments: dict[str, object]) -> None:
    given_ = {"image_size": SIZE, "skeleton": "h36m_17", **arguments}
    said = sentence(lifter.live, **given_)
    assert said == sentence(lifter.lift, frame()[None], **given_)


def test_focal_length_is_refused_where_it_does_nothing(make: Callable[..., Lifter]) -> None:
    said = sentence(make("screen").live, image_size=SIZE, skeleton="h36m_17", focal=900.0)
    assert "makes no use of a focal length" in said


def test_a_model_that_breaks_says_which_frame(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(tiny_onnx(gain=3e38))
    lifter = Lifter(path)
    said = sentence(lifter.live(image_size=SIZE, skeleton="h36m_17"), frame())
    assert said == sentence(lifter.lift, frame()[None], image_size=SIZE, skeleton="h36m_17")
    assert "frame 0: model tiny gave no finite pose, are these pixels of a 1080x1920" in said
