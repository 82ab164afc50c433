"""Metrics by what must leave them unchanged, and by cases known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from poselift.errors import PoseliftError
from poselift.evaluation import (
    ALIGNMENTS,
    auc,
    error_per_axis,
    joint_errors,
    mean_velocity_error,
    mpjpe,
    mpjpe_per_joint,
    mpjpe_per_sample,
    n_mpjpe,
    p_mpjpe,
    pck,
    pck_curve,
    weighted_mpjpe,
)
from poselift.evaluation.metrics import align
from poselift.geometry import from_rotation_vector

RNG = np.random.default_rng(7)
TARGET = RNG.normal(size=(6, 17, 3))
NOISY = TARGET + 0.05 * RNG.normal(size=TARGET.shape)
ROTATIONS = from_rotation_vector(RNG.normal(size=(6, 3)))
SHIFT = RNG.normal(size=(6, 1, 3))
FACTOR = RNG.uniform(0.3, 3.0, size=(6, 1, 1))
MIRROR = np.array([-1.0, 1.0, 1.0])

#: What each alignment removes.
MOVED = {
    "none": TARGET,
    "root": TARGET + SHIFT,
    "scale": FACTOR * TARGET,
    "rigid": TARGET @ ROTATIONS + SHIFT,
    "similarity": FACTOR * TARGET @ ROTATIONS + SHIFT,
}


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("change", ALIGNMENTS)
def test_alignments_remove_what_they_should_and_no_more(alignment: str, change: str) -> None:
    removed = {
        "none": {"none"},
        "root": {"none", "root"},
        "scale": {"none", "scale"},
        "rigid": {"none", "root", "rigid"},
        "similarity": set(ALIGNMENTS),
    }
    error = mpjpe(MOVED[change], TARGET, alignment=alignment)
    assert (error < 1e-12) == (change in removed[alignment])


@pytest.mark.parametrize("alignment", ["rigid", "similarity"])
def test_mirror_images_are_not_aligned_away(alignment: str) -> None:
    assert mpjpe(TARGET * MIRROR, TARGET, alignment=alignment) > 0.1


def test_similarity_alignment_does_not_depend_on_how_the_prediction_lies() -> None:
    moved = FACTOR * NOISY @ ROTATIONS + SHIFT
    assert p_mpjpe(moved, TARGET) == pytest.approx(p_mpjpe(NOISY, TARGET), rel=1e-10)
    assert n_mpjpe(FACTOR * NOISY, TARGET) == pytest.approx(n_mpjpe(NOISY, TARGET), rel=1e-10)


def squared(predicted: np.ndarray, alignment: str) -> float:
    moved, target = align(predicted, TARGET, alignment)
    return float(((moved - target) ** 2).sum())


def test_each_alignment_includes_the_narrower_ones() -> None:
    moved = 1.3 * NOISY + SHIFT
    by_name = {name: squared(moved, name) for name in ALIGNMENTS}
    assert by_name["similarity"] <= by_name["rigid"] <= by_name["none"]
    assert by_name["similarity"] <= by_name["scale"] <= by_name["none"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_averages_agree_with_each_other(dtype: type) -> None:
    predicted, target = NOISY.astype(dtype), TARGET.astype(dtype)
    for alignment in ALIGNMENTS:
        whole = mpjpe(predicted, target, alignment=alignment)
        samples = mpjpe_per_sample(predicted, target, alignment=alignment)
        joints = mpjpe_per_joint(predicted, target, alignment=alignment)
        assert samples.shape == (6,)
        assert joints.shape == (17,)
        assert samples.dtype == joints.dtype == dtype
        assert samples.mean() == pytest.approx(whole, rel=1e-5)
        assert joints.mean() == pytest.approx(whole, rel=1e-5)
    ones = np.ones((6, 1), dtype)
    assert weighted_mpjpe(predicted, target, ones) == pytest.approx(mpjpe(predicted, target))
    assert weighted_mpjpe(predicted, target, 2 * ones) == pytest.approx(
        2 * mpjpe(predicted, target)
    )


def test_errors_known_by_hand() -> None:
    target = np.zeros((2, 4, 3))
    predicted = target + np.array([3.0, 0.0, 4.0])
    assert mpjpe(predicted, target) == 5.0
    assert error_per_axis(predicted, target).tolist() == [3.0, 0.0, 4.0]
    assert mpjpe(predicted, target, alignment="root") == 0.0
    assert n_mpjpe(np.ones((1, 4, 3)), np.zeros((1, 4, 3))) == 0.0
    assert n_mpjpe(np.zeros((1, 4, 3)), np.ones((1, 4, 3))) == pytest.approx(3**0.5)


def test_velocity_error_of_two_bodies_in_uniform_motion() -> None:
    time = np.arange(5.0)[:, None, None]
    still, moving = np.zeros((5, 3, 3)), time * np.array([1.0, 0.0, 0.0]) * np.ones((5, 3, 3))
    assert mean_velocity_error(moving, still) == 1.0
    assert mean_velocity_error(moving + 7.0, moving) == 0.0
    mask = np.ones((5, 3), bool)
    mask[2] = False  # steps 1-2 and 2-3 do not count
    jump = moving.copy()
    jump[2] += np.nan
    assert mean_velocity_error(jump, still, mask=mask) == 1.0


def test_percentages_known_by_hand() -> None:
    target = np.zeros((1, 4, 3))
    predicted = target.copy()
    predicted[0, :, 0] = [0.0, 0.1, 0.15, 0.2]
    assert pck(predicted, target) == 50.0  # 150 mm itself is not closer than 150 mm
    assert pck(predicted, target, threshold_mm=151.0) == 75.0
    curve = pck_curve(predicted, target)
    assert (np.diff(curve) >= 0).all()
    assert curve[0] == 0.0
    assert auc(predicted, target) == pytest.approx(curve.mean())
    assert auc(target, target) == pytest.approx(100 * 30 / 31)


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_masked_joints_do_not_matter(alignment: str) -> None:
    mask = RNG.random((6, 17)) < 0.7
    mask[:, 0] = True
    holes = np.where(mask[..., None], NOISY, np.nan)
    wild = np.where(mask[..., None], NOISY, 1e6)
    found = mpjpe_per_sample(holes, TARGET, alignment=alignment, mask=mask)
    assert np.array_equal(found, mpjpe_per_sample(wild, TARGET, alignment=alignment, mask=mask))
    alone = [
        mpjpe(NOISY[i, mask[i]], TARGET[i, mask[i]], alignment=alignment) for i in range(len(mask))
    ]
    np.testing.assert_allclose(found, alone, rtol=1e-12)
    full = np.ones((6, 17), bool)
    assert mpjpe(NOISY, TARGET, alignment=alignment, mask=full) == pytest.approx(
        mpjpe(NOISY, TARGET, alignment=alignment), rel=1e-12
    )


def test_masked_percentages_and_axes() -> None:
    mask = np.ones((6, 17), bool)
    mask[3] = False
    keep = np.arange(6) != 3
    assert pck(NOISY, TARGET, threshold_mm=80.0, mask=mask) == pytest.approx(
        pck(NOISY[keep], TARGET[keep], threshold_mm=80.0)
    )
    assert auc(NOISY, TARGET, mask=mask) == pytest.approx(auc(NOISY[keep], TARGET[keep]))
    np.testing.assert_allclose(
        error_per_axis(NOISY, TARGET, mask=mask), error_per_axis(NOISY[keep], TARGET[keep])
    )


@pytest.mark.parametrize("which", ["prediction", "target"])
def test_a_nan_that_counts_is_an_error(which: str) -> None:
    poses = {"prediction": NOISY.copy(), "target": TARGET.copy()}
    poses[which][2, 5, 1] = np.nan
    message = f"pose 2, joint 5: the {which} is not finite; leave such joints out by a mask"
    with pytest.raises(PoseliftError, match=message):
        mpjpe(poses["prediction"], poses["target"])
    with pytest.raises(PoseliftError, match=f"^joint 5: the {which} is not finite"):
        mpjpe(poses["prediction"][2], poses["target"][2])


def test_a_missing_root_cannot_be_aligned() -> None:
    holes = NOISY.copy()
    holes[1, 0] = np.nan
    mask = np.ones((6, 17), bool)
    mask[1, 0] = False
    with pytest.raises(PoseliftError, match="pose 1, joint 1: the prediction is not finite"):
        mpjpe(holes, TARGET, alignment="root", mask=mask)


def test_refused_in_words() -> None:
    nothing = np.zeros((6, 17), bool)
    for measure in (mpjpe, mpjpe_per_sample, mpjpe_per_joint, pck, auc):
        with pytest.raises(PoseliftError, match="no joint is left to average over"):
            measure(NOISY, TARGET, mask=nothing)
    with pytest.raises(PoseliftError, match="no joint is left to average over"):
        mpjpe(NOISY[:0], TARGET[:0])
    with pytest.raises(PoseliftError, match="unknown alignment 'hip', expected one of none, root"):
        joint_errors(NOISY, TARGET, alignment="hip")
    with pytest.raises(PoseliftError, match="velocity error: expected 2 frames or more, got 1"):
        mean_velocity_error(NOISY[:1], TARGET[:1])


def test_shapes_are_checked_without_the_type_checker() -> None:
    from poselift.evaluation.metrics import _check_shapes

    with pytest.raises(PoseliftError, match=r"of one shape, got \(6, 17, 3\) and \(17, 3\)"):
        _check_shapes(NOISY, TARGET[0], None)
    with pytest.raises(PoseliftError, match=r"expected a mask of shape \(6, 17\), got \(17,\)"):
        _check_shapes(NOISY, TARGET, np.ones(17, bool))
