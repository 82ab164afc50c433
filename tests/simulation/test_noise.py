"""Detector noise: identities, equivariance, and rates within statistics."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poselift.errors import PoseliftError
from poselift.simulation.noise import (
    REACH,
    TRAINING_NOISE,
    DetectorNoise,
    cross_arms,
    person_size,
    swap_sides,
)
from poselift.skeletons import H36M_17

AT = {joint: index for index, joint in enumerate(H36M_17.joints)}
CENTRE = [AT["pelvis"], AT["spine"], AT["thorax"]]
PLACED = [index for index in range(17) if index not in CENTRE]


def only(**amounts: float) -> DetectorNoise:
    """All amounts zero but these."""
    return DetectorNoise(**{**{field.name: 0.0 for field in fields(DetectorNoise)}, **amounts})


def people(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 500, (count, 17, 2)).astype(np.float32)


def apply(noise: DetectorNoise, points: np.ndarray, seed: int = 1) -> np.ndarray:
    return noise.apply(np.random.default_rng(seed), points)


def test_zero_amounts_change_nothing() -> None:
    points = people(50)
    points[3, 4] = np.nan
    points[4] = np.nan
    np.testing.assert_array_equal(apply(only(), points), points)
    assert apply(only(), points[:0]).shape == (0, 17, 2)


def test_same_seed_same_errors_and_input_untouched() -> None:
    points = people(200)
    before = points.copy()
    first, second = (apply(DetectorNoise(), points) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(points, before)
    assert not np.array_equal(first, apply(DetectorNoise(), points, seed=2), equal_nan=True)
    assert first.dtype == points.dtype


@settings(deadline=None, max_examples=20)
@given(scale=st.floats(1e-3, 1e3), shift=st.floats(-100, 100), seed=st.integers(0, 99))
def test_errors_scale_with_the_person(scale: float, shift: float, seed: int) -> None:
    points = people(40).astype(np.float64)
    expected = apply(DetectorNoise(), points, seed) * scale + shift
    found = apply(DetectorNoise(), points * scale + shift, seed)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * scale * 500)


@settings(deadline=None, max_examples=20)
@given(legs=st.booleans(), arms=st.booleans())
def test_swapping_twice_is_the_identity(legs: bool, arms: bool) -> None:
    points = people(5)
    rows = np.ones(5, dtype=bool)
    once = swap_sides(points, rows & legs, rows & arms)
    np.testing.assert_array_equal(swap_sides(once, rows & legs, rows & arms), points)
    if legs and arms:
        np.testing.assert_array_equal(once, points[:, H36M_17.flip_order])


def test_jitter_has_the_stated_spread_and_grows_with_distance_from_the_torso() -> None:
    points = people(40_000)
    noise = only(jitter_torso=0.01, jitter_end=0.03, quality_spread=0.3)
    errors = (apply(noise, points) - points) / person_size(points)[:, None, None]
    spread = np.sqrt((errors**2).mean(axis=(0, 2)))
    expected = 0.01 + 0.02 * REACH
    np.testing.assert_allclose(spread[PLACED], expected[PLACED], rtol=0.04)
    for side in ("left", "right"):
        for chain in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")):
            inner, middle, outer = (spread[AT[f"{side}_{part}"]] for part in chain)
            assert inner < middle < outer


def test_centre_follows_hips_and_shoulders() -> None:
    points = people(500)
    moved = apply(DetectorNoise(), points) - points

    def mean(*joints: str) -> np.ndarray:
        return moved[:, [AT[joint] for joint in joints]].mean(axis=1)

    # swapped sides exchange places: what is left of both moves is the errors' mean
    np.testing.assert_allclose(
        moved[:, AT["pelvis"]], mean("left_hip", "right_hip"), rtol=1e-3, atol=1e-3
    )
    np.testing.assert_allclose(
        moved[:, AT["thorax"]], mean("left_shoulder", "right_shoulder"), rtol=1e-3, atol=1e-3
    )
    np.testing.assert_allclose(
        moved[:, AT["spine"]], mean("pelvis", "thorax"), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("swap_legs", ("hip", "knee", "ankle")),
        ("swap_arms", ("shoulder", "elbow", "wrist")),
        ("swap_body", ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")),
    ],
)
def test_swap_rate_and_extent(name: str, parts: tuple[str, ...]) -> None:
    points = people(20_000)
    out = apply(only(**{name: 0.2}), points)
    swapped = (out != points).any(axis=(1, 2))
    assert swapped.mean() == pytest.approx(0.2, abs=0.012)
    joints = [AT[f"{side}_{part}"] for part in parts for side in ("left", "right")]
    crossed = H36M_17.flip_order[joints]
    np.testing.assert_array_equal(out[swapped][:, joints], points[swapped][:, crossed])
    others = [joint for joint in range(17) if joint not in joints]
    np.testing.assert_allclose(out[:, others], points[:, others], atol=1e-3)


def test_outliers_are_as_many_and_as_far_as_stated() -> None:
    points = people(40_000)
    out = apply(only(outlier=0.1, outlier_distance=0.1), points)
    moved = (out != points).any(axis=2)
    limbs = [*H36M_17.left, *H36M_17.right]
    assert moved[:, limbs].mean() == pytest.approx(0.1, abs=0.004)
    assert moved[:, AT["left_wrist"]].mean() == pytest.approx(0.15, abs=0.006)
    assert moved[:, AT["left_hip"]].mean() == pytest.approx(0.05, abs=0.004)
    rows, joints = np.nonzero(moved[:, PLACED])
    found = out[rows, np.array(PLACED)[joints]]
    onto = (found[:, None] == points[rows]).all(axis=2).any(axis=1)
    # one in fourteen draws its own place, and has not moved
    assert onto.mean() == pytest.approx(13 / 27, abs=0.02)
    step = np.linalg.norm(found - points[rows, np.array(PLACED)[joints]], axis=1)
    distance = (step / person_size(points)[rows])[~onto]
    assert np.median(distance) == pytest.approx(0.1, rel=0.06)
    assert distance.max() <= 1.001


def test_missing_rates() -> None:
    points = people(40_000)

    def share(noise: DetectorNoise) -> np.ndarray:
        out = apply(noise, points)
        missing = np.isnan(out)
        assert (missing.all(axis=2) == missing.any(axis=2)).all()
        return missing[..., 0].mean(axis=0)

    def at(rates: np.ndarray, *joints: str) -> np.ndarray:
        return rates[[AT[joint] for joint in joints]]

    single = share(only(missing_joint=0.1))
    np.testing.assert_allclose(single[PLACED], (0.1 * (0.5 + REACH))[PLACED], atol=0.006)
    assert single[AT["pelvis"]] == pytest.approx(1 - 0.95**2, abs=0.006)
    limb = share(only(missing_limb=0.1))
    np.testing.assert_allclose(at(limb, "left_elbow", "left_wrist", "right_ankle"), 0.1, atol=0.006)
    np.testing.assert_array_equal(at(limb, "left_shoulder", "right_hip", "head"), 0)
    side = share(only(missing_side=0.2))
    np.testing.assert_allclose(at(side, "left_shoulder", "right_wrist"), 0.1, atol=0.006)
    np.testing.assert_allclose(at(side, "left_hip", "right_ankle"), 0.05, atol=0.006)
    legs = share(only(missing_legs=0.2))
    np.testing.assert_allclose(at(legs, "left_ankle", "right_ankle"), 0.2, atol=0.008)
    np.testing.assert_allclose(at(legs, "left_knee", "right_knee"), 0.1, atol=0.006)
    np.testing.assert_array_equal(at(legs, "left_hip", "right_elbow"), 0)


def test_size_is_the_diagonal_of_the_present_joints() -> None:
    points = np.full((3, 17, 2), np.nan)
    points[0, 0], points[0, 5] = (1, 1), (4, 5)
    points[1, 3] = (7, 7)
    np.testing.assert_array_equal(person_size(points), [5, 0, 0])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("jitter_end", -0.1, "expected jitter_end at least 0, got -0.1"),
        ("jitter_torso", float("nan"), "expected jitter_torso at least 0, got nan"),
        ("swap_body", 1.5, "expected swap_body within 0 and 1, got 1.5"),
        ("missing_joint", 0.9, "expected missing_joint within 0 and 0.667, got 0.9"),
    ],
)
def test_amount_out_of_range_is_refused(name: str, value: float, message: str) -> None:
    with pytest.raises(PoseliftError, match=message):
        only(**{name: value})


def test_crossed_arms_exchange_elbow_and_wrist_only() -> None:
    points = np.arange(2 * 17 * 2, dtype=np.float32).reshape(2, 17, 2)
    out = cross_arms(points, np.array([True, False]), np.array([False, False]))
    left = [11 + 1, 11 + 2]  # left elbow and wrist
    np.testing.assert_array_equal(out[0, left], points[0, left[::-1]])
    rest = [joint for joint in range(17) if joint not in left]
    np.testing.assert_array_equal(out[0, rest], points[0, rest])
    np.testing.assert_array_equal(out[1], points[1])
    moved = only(crossed_arm=0.5).apply(np.random.default_rng(0), np.tile(points[:1], (999, 1, 1)))
    changed = (moved != points[0]).any(axis=2)
    assert set(np.flatnonzero(changed.any(axis=0))) == {12, 13, 15, 16}
    assert changed[:, 12].mean() == pytest.approx(0.75, abs=0.05)
    assert (changed[:, 12] & changed[:, 15]).mean() == pytest.approx(0.625, abs=0.05)


def test_training_has_noise_of_its_own() -> None:
    """What `cmu17`'s "detected" is made with stays; see test_datasets_cmu for the arrays."""
    assert DetectorNoise().crossed_arm == 0
    for name in ("missing_limb", "missing_side", "missing_legs"):
        assert getattr(TRAINING_NOISE, name) > 2 * getattr(DetectorNoise(), name)
