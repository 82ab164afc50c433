"""Lifter by its laws: a frame's pose depends on that frame alone."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from poselift import Lifter, PoseliftError, PoseSequence, get_skeleton
from poselift.lifting import session
from poselift.lifting.core import Core
from poselift.lifting.optics import Optics
from poselift.skeletons import conversion
from tiny_model import tiny_onnx

SIZE = (1080, 1920)
LEFT_WRIST = 13


@pytest.fixture(scope="module")
def lifter(tmp_path_factory: pytest.TempPathFactory) -> Lifter:
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    path.write_bytes(tiny_onnx())
    return Lifter(path, threads=1)


def saved(folder: Path, **arguments: object) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(tiny_onnx(**arguments))  # type: ignore[arg-type]
    return path


def people(frames: int, joints: int = 17, seed: int = 0) -> np.ndarray:
    """Keypoints in pixels, somewhere in a portrait picture."""
    rng = np.random.default_rng(seed)
    return rng.uniform(100, 1000, size=(frames, joints, 2)).astype(np.float32)


def close(a: np.ndarray, b: np.ndarray) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_result_is_metres_around_the_root(lifter: Lifter) -> None:
    poses = lifter.lift(people(5), image_size=SIZE, skeleton="h36m_17")
    assert poses.shape == (5, 17, 3)
    assert poses.dtype == np.float32
    assert (poses[:, 0] == 0).all()
    assert np.isfinite(poses).all()
    assert np.abs(poses[:, 1:]).min() > 0


@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_batch_size_changes_nothing(lifter: Lifter, batch: int) -> None:
    keypoints = people(70)
    core = Core(lifter.core.run, lifter.card, flip=True, batch=batch)
    close(
        core.lift(keypoints, Optics(SIZE), np.arange(70)),
        lifter.lift(keypoints, image_size=SIZE, skeleton="h36m_17"),
    )


def test_frame_by_frame_is_the_whole(lifter: Lifter) -> None:
    keypoints = people(9)
    keypoints[4, LEFT_WRIST] = np.nan
    whole = lifter.lift(keypoints, image_size=SIZE, skeleton="h36m_17")
    close(
        np.concatenate(
            [lifter.lift(k[None], image_size=SIZE, skeleton="h36m_17") for k in keypoints]
        ),
        whole,
    )


def test_order_of_frames_changes_nothing(lifter: Lifter) -> None:
    keypoints, order = people(30), np.random.default_rng(1).permutation(30)
    shuffled = lifter.lift(keypoints[order], image_size=SIZE, skeleton="h36m_17")
    close(shuffled, lifter.lift(keypoints, image_size=SIZE, skeleton="h36m_17")[order])


def test_a_mirrored_person_is_lifted_to_the_mirrored_pose(lifter: Lifter) -> None:
    keypoints = people(20)
    keypoints[3, LEFT_WRIST] = np.nan
    mirrored = lifter.skeleton.flip(keypoints, width=float(SIZE[0]))
    expected = lifter.skeleton.flip(lifter.lift(keypoints, image_size=SIZE, skeleton="h36m_17"))
    close(lifter.lift(mirrored, image_size=SIZE, skeleton="h36m_17"), expected)


def test_flip_is_the_mean_of_both(lifter: Lifter, tmp_path: Path) -> None:
    plain = Lifter(saved(tmp_path), threads=1, flip=False)
    keypoints = people(20)
    mirrored = plain.skeleton.flip(keypoints, width=float(SIZE[0]))
    other = plain.skeleton.flip(plain.lift(mirrored, image_size=SIZE, skeleton="h36m_17"))
    mean = (plain.lift(keypoints, image_size=SIZE, skeleton="h36m_17") + other) / 2
    close(lifter.lift(keypoints, image_size=SIZE, skeleton="h36m_17"), mean)


def test_nothing_in_gives_nothing_out(lifter: Lifter) -> None:
    assert lifter.lift(people(0), image_size=SIZE, skeleton="h36m_17").shape == (0, 17, 3)


def test_score_zero_is_a_missing_joint_and_other_scores_do_not_matter(lifter: Lifter) -> None:
    keypoints, scores = people(4), np.full((4, 17), 0.5)
    plain = lifter.lift(keypoints, image_size=SIZE, skeleton="h36m_17")
    close(lifter.lift(keypoints, image_size=SIZE, skeleton="h36m_17", scores=scores), plain)
    scores[2, LEFT_WRIST] = 0
    found = lifter.lift(keypoints, image_size=SIZE, skeleton="h36m_17", scores=scores)
    keypoints[2, LEFT_WRIST] = np.nan
    missing = lifter.lift(keypoints, image_size=SIZE, skeleton="h36m_17")
    close(found, missing)
    assert np.abs(missing[2] - plain[2]).max() > 1e-3
    close(np.delete(missing, 2, axis=0), np.delete(plain, 2, axis=0))


def test_a_missing_joint_reaches_the_network_as_zero(tmp_path: Path) -> None:
    # under `screen` the picture's centre is 0
    lifter = Lifter(saved(tmp_path, card={"normalisation": "screen"}))
    keypoints = people(3)
    keypoints[1, LEFT_WRIST] = (SIZE[0] / 2, SIZE[1] / 2)
    centred = lifter.lift(keypoints, image_size=SIZE, skeleton="h36m_17")
    keypoints[1, LEFT_WRIST] = np.nan
    close(lifter.lift(keypoints, image_size=SIZE, skeleton="h36m_17"), centred)


@pytest.mark.parametrize(("visible", "lifted"), [(0, False), (5, False), (6, True), (17, True)])
def test_frames_with_too_few_joints_stay_missing(
    lifter: Lifter, visible: int, lifted: bool
) -> None:
    keypoints = people(3)
    keypoints[1, visible:] = np.nan
    poses = lifter.lift(keypoints, image_size=SIZE, skeleton="h36m_17")
    assert np.isfinite(poses[1]).all() == lifted
    assert np.isnan(poses[1]).all() != lifted
    assert np.isfinite(poses[[0, 2]]).all()


def test_unknown_focal_length_is_the_longer_side(lifter: Lifter) -> None:
    keypoints = people(4)
    assumed = lifter.lift(keypoints, image_size=SIZE, skeleton="h36m_17")
    close(lifter.lift(keypoints, image_size=SIZE, skeleton="h36m_17", focal=1920.0), assumed)
    wide = lifter.lift(keypoints, image_size=SIZE, skeleton="h36m_17", focal=700.0)
    assert np.abs(wide - assumed).max() > 1e-3


@pytest.mark.parametrize("name", ["coco_17", "body_25", "halpe_26", "mediapipe_33"])
def test_other_joint_sets_are_converted_by_name(lifter: Lifter, name: str) -> None:
    source = get_skeleton(name)
    keypoints = people(3, len(source))
    rule = conversion(source, lifter.skeleton)
    close(
        lifter.lift(keypoints, image_size=SIZE, skeleton=name),
        lifter.lift(rule.positions(keypoints), image_size=SIZE, skeleton="h36m_17"),
    )
    sequence = PoseSequence.from_2d(keypoints, source, image_size=SIZE)
    assert f"joints: {rule.describe()}" in lifter(sequence).history


def test_a_sequence_keeps_its_times_and_says_how_it_was_made(lifter: Lifter) -> None:
    sequence = PoseSequence.from_2d(
        people(3),
        get_skeleton("h36m_17"),
        frames=np.array([4, 6, 9]),
        fps=29.97,
        image_size=SIZE,
        person_id=3,
        history=("read from somewhere",),
    )
    lifted = lifter(sequence)
    assert (lifted.units, lifted.dims, lifted.skeleton.name) == ("m", 3, "h36m_17")
    assert (lifted.fps, lifted.person_id, lifted.image_size) == (29.97, 3, SIZE)
    np.testing.assert_array_equal(lifted.times, sequence.times)
    np.testing.assert_array_equal(lifted.frames, sequence.frames)
    close(lifted.positions, lifter.lift(sequence.positions, image_size=SIZE, skeleton="h36m_17"))
    first, last = lifted.history
    assert first == "read from somewhere"
    for fact in ("model tiny", lifter.weights_sha256, "normalisation person", "focal 1920 px (as"):
        assert fact in last
    assert "(assumed)" not in lifter(sequence, focal=1500.0).history[-1]


def test_a_skeleton_other_than_h36m_17_is_the_models_choice(tmp_path: Path) -> None:
    lifter = Lifter(saved(tmp_path, card={"skeleton": "h36m_16"}))
    poses = lifter.lift(people(2), image_size=SIZE, skeleton="h36m_17")
    assert poses.shape == (2, 16, 3)
    assert (poses[:, lifter.skeleton.root] == 0).all()


def test_integers_and_lists_are_numbers_too(lifter: Lifter) -> None:
    keypoints = people(2).astype(np.int64)
    close(
        lifter.lift(keypoints.tolist(), image_size=SIZE, skeleton="h36m_17"),
        lifter.lift(keypoints.astype(np.float64), image_size=SIZE, skeleton="h36m_17"),
    )


def refused(lifter: Lifter, match: str, keypoints: object, **arguments: object) -> None:
    given = {"image_size": SIZE, "skeleton": "h36m_17", **arguments}
    with pytest.raises(PoseliftError, match=match):
        lifter.lift(keypoints, **given)  # type: ignore[arg-type]


def test_bad_arrays_are_refused_in_words(lifter: Lifter) -> None:
    good = people(4)
    refused(lifter, r"\(frames, 17, 2\) for h36m_17, got \(17, 2\).*keypoints\[None\]", good[0])
    refused(lifter, r"\(frames, 17, 2\) for h36m_17, got \(4, 16, 2\)", good[:, :16])
    refused(lifter, r"\(frames, 17, 2\) for h36m_17, got \(4, 17, 3\)", np.zeros((4, 17, 3)))
    refused(lifter, r"\(frames, 33, 2\) for mediapipe_33", good, skeleton="mediapipe_33")
    refused(lifter, "dtype complex64", good.astype(np.complex64))
    refused(lifter, "dtype bool", good > 0)
    refused(lifter, "array of numbers", [[[1, 2], [3]]])
    refused(lifter, "unknown skeleton 'coco'", good, skeleton="coco")
    refused(lifter, r"scores of shape \(frames, 17\)", good, scores=good)
    refused(lifter, r"scores of shape \(4, 17\) .* got \(3, 17\)", good, scores=np.ones((3, 17)))
    refused(lifter, "are between -1.5 and 1.5: multiply", good / 1920)


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300])
def test_infinite_coordinates_name_frame_and_joint(lifter: Lifter, value: float) -> None:
    keypoints = people(4).astype(np.float64)
    keypoints[2, LEFT_WRIST, 1] = value
    refused(lifter, "frame 2, joint left_wrist: expected finite", keypoints)


def test_half_a_joint_names_frame_and_joint(lifter: Lifter) -> None:
    keypoints = people(4)
    keypoints[3, LEFT_WRIST, 0] = np.nan
    refused(lifter, "frame 3, joint left_wrist: expected all coordinates or none", keypoints)


@pytest.mark.parametrize("size", [(1080,), (1080, 1920, 3), (0, 1920), ("a", "b"), (np.nan, 1920)])
def test_image_size_is_two_positive_numbers(lifter: Lifter, size: object) -> None:
    refused(lifter, r"image_size as \(width, height\) in pixels", people(1), image_size=size)


@pytest.mark.parametrize("focal", [0.0, -5.0, np.inf, np.nan, 1e-9, 1e300])
def test_focal_length_is_positive(lifter: Lifter, focal: float) -> None:
    refused(lifter, "focal length above 0", people(1), focal=focal)


def test_focal_length_is_refused_where_it_does_nothing(tmp_path: Path) -> None:
    lifter = Lifter(saved(tmp_path, card={"normalisation": "gridconv"}))
    refused(lifter, "makes no use of a focal length", people(1), focal=900.0)


def test_joint_sets_are_named_where_several_have_so_many_joints(lifter: Lifter) -> None:
    with pytest.raises(PoseliftError, match=r"joint set of the keypoints of 17 joints, one of 'h3"):
        lifter.lift(people(2), image_size=SIZE)
    mediapipe = people(2, 33)
    close(
        lifter.lift(mediapipe, image_size=SIZE),
        lifter.lift(mediapipe, image_size=SIZE, skeleton="mediapipe_33"),
    )
    for call in (lambda: lifter.live(image_size=SIZE), lambda: lifter.stream([], image_size=SIZE)):
        with pytest.raises(PoseliftError, match=r"expected skeleton=\.\.\., the joint set"):
            call()


def test_a_size_that_most_joints_contradict(lifter: Lifter) -> None:
    refused(lifter, r"most lie outside: .* is the image size right", people(3) + 1000)
    keypoints = people(3)
    keypoints[:, :5] += 1500  # a person cut off by the edge
    assert np.isfinite(lifter.lift(keypoints, image_size=SIZE, skeleton="h36m_17")).all()


def test_all_joints_in_one_point_are_nobody(lifter: Lifter) -> None:
    keypoints = people(3)
    keypoints[1] = 400
    lifted = lifter.lift(keypoints, image_size=SIZE, skeleton="h36m_17")
    assert np.isfinite(lifted).all(axis=(1, 2)).tolist() == [True, False, True]
    live = lifter.live(image_size=SIZE, skeleton="h36m_17")
    assert np.isnan(live(keypoints[1])).all()
    person = PoseSequence.from_2d(
        np.full((2, 17, 2), 400.0), get_skeleton("h36m_17"), image_size=SIZE
    )
    with pytest.raises(PoseliftError, match=r"nothing to lift: .* in different places"):
        lifter.lift_people([person])


def test_what_is_no_body_is_refused_with_its_frame(tmp_path: Path) -> None:
    lifter = Lifter(saved(tmp_path, card={"longest_bone_m": 0.5}))
    refused(lifter, r"frame 0: model tiny gave no body \(\w+ is [\d.]+ m from \w+\)", people(2))


def test_what_is_no_sequence_is_refused_in_words(lifter: Lifter) -> None:
    for other in ("clip.json", people(2)):
        with pytest.raises(PoseliftError, match=r"expected a PoseSequence to lift, got (s|n)"):
            lifter._prepare(other, None)  # a call, without the checker that only tests have


def test_what_was_chosen_is_said(lifter: Lifter, tmp_path: Path) -> None:
    words = "model tiny, precision fp32, mean with the mirrored pose, 1 thread"
    assert repr(lifter) == f"Lifter({words}, h36m_17, {lifter.weights_sha256[:12]})"
    results = lifter.lift_people([sequence_of(1, frames=2)])
    assert f"lifted: {words}, weights sha256" in results.people[0].poses_3d.history[-1]
    assert {"model": "tiny", "precision": "fp32", "flip": True, "threads": 1}.items() <= (
        results.meta.items()
    )
    plain = Lifter(saved(tmp_path), threads=10**12, flip=False)  # never more than cores
    assert "without the mirrored pose" in repr(plain)
    assert plain.core.run is not None


def test_sequences_that_cannot_be_lifted(lifter: Lifter) -> None:
    skeleton = get_skeleton("h36m_17")
    with pytest.raises(PoseliftError, match="--size WIDTHxHEIGHT"):
        lifter(PoseSequence.from_2d(people(2), skeleton))
    lifted = lifter(PoseSequence.from_2d(people(2), skeleton, image_size=SIZE))
    with pytest.raises(PoseliftError, match="3D already"):
        lifter(lifted)


def test_a_model_that_breaks_says_which_frame(tmp_path: Path) -> None:
    lifter = Lifter(saved(tmp_path, gain=3e38))
    with pytest.raises(PoseliftError, match="frame 0: model tiny gave no finite pose"):
        lifter.lift(people(2), image_size=SIZE, skeleton="h36m_17")


def test_threads_are_counted_from_one() -> None:
    with pytest.raises(PoseliftError, match="at least 1 thread, got 0"):
        Lifter("gln", threads=0)


def test_threads_are_those_of_free_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "physical_cores", lambda: 8)
    for load, expected in ((0.0, 8), (2.6, 5), (7.4, 1), (99.0, 1)):
        monkeypatch.setattr(os, "getloadavg", lambda load=load: (load, 0.0, 0.0))
        assert session.threads_for(None) == expected
    assert [session.threads_for(wanted) for wanted in (1, 8, 9, 10**12)] == [1, 8, 8, 8]


def sequence_of(person_id: int, frames: int = 70, **arguments: object) -> PoseSequence:
    given = {"image_size": SIZE, "fps": 30.0, **arguments}
    keypoints = people(frames, seed=person_id)
    return PoseSequence.from_2d(
        keypoints,
        get_skeleton("h36m_17"),
        person_id=person_id,
        **given,  # type: ignore[arg-type]
    )


def test_people_are_lifted_one_by_one(lifter: Lifter) -> None:
    both, done = (sequence_of(4), sequence_of(2, frames=5)), []
    results = lifter.lift_people(both, focal=1500.0, progress=done.append)
    assert sum(done) == 75
    for given, (flat, solid) in zip(both, results.people, strict=True):
        assert flat == given
        assert solid == lifter(given, focal=1500.0)
    assert results.meta["weights_sha256"] == lifter.weights_sha256
    assert (results.meta["focal_px"], results.meta["focal_assumed"]) == (1500.0, False)


def test_people_that_do_not_belong_together(lifter: Lifter) -> None:
    with pytest.raises(PoseliftError, match="at least one person to lift, got none"):
        lifter.lift_people(())
    for other in (sequence_of(2, fps=25.0), sequence_of(2, image_size=(640, 480))):
        with pytest.raises(PoseliftError, match=r"expected one (fps|image_size) for all persons"):
            lifter.lift_people((sequence_of(1), other))
