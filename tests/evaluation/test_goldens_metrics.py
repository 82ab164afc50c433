"""Metrics, averaging and alignment against the official evaluation codes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from golden_support import Golden, assert_close
from poselift.evaluation import (
    AUC_THRESHOLDS_MM,
    OF_ACTION_MEANS,
    auc,
    average,
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
from poselift.geometry import procrustes

Metric = Callable[[np.ndarray, np.ndarray], object]

METRICS: dict[str, Metric] = {
    "mpjpe": mpjpe,
    "mpjpe_per_sample": mpjpe_per_sample,
    "mpjpe_per_joint": mpjpe_per_joint,
    "p_mpjpe": p_mpjpe,
    "p_mpjpe_per_sample": lambda p, t: mpjpe_per_sample(p, t, alignment="similarity"),
    "n_mpjpe": n_mpjpe,
    "n_mpjpe_per_sample": lambda p, t: mpjpe_per_sample(p, t, alignment="scale"),
    "mean_velocity_error": mean_velocity_error,
}
PERCENTAGES: dict[str, Metric] = {
    "pck150": pck,
    "auc": auc,
    "pck_curve": pck_curve,
    "pck150_without_root": lambda p, t: pck(p[:, 1:], t[:, 1:]),
    "auc_without_root": lambda p, t: auc(p[:, 1:], t[:, 1:]),
}
DTYPES = {"": np.float32, "_f64": np.float64}


@pytest.fixture
def golden(shared: Path) -> Golden:
    return Golden(shared / "golden" / "metrics.npz")


@pytest.mark.parametrize("suffix", DTYPES)
@pytest.mark.parametrize("name", METRICS)
def test_errors(name: str, suffix: str, golden: Golden) -> None:
    poses = (golden[key].astype(DTYPES[suffix]) for key in ("predicted", "target"))
    found = METRICS[name](*poses)
    if isinstance(found, np.ndarray):
        assert found.dtype == DTYPES[suffix]
    tolerance = 1e-10 if suffix else 1e-5 if name.startswith("p_") else 1e-6
    assert_close(found, golden[name + suffix], tolerance)


@pytest.mark.parametrize("suffix", DTYPES)
def test_weighted_error(suffix: str, golden: Golden) -> None:
    arrays = (golden[key].astype(DTYPES[suffix]) for key in ("predicted", "target", "weight"))
    tolerance = 1e-10 if suffix else 1e-6
    assert_close(weighted_mpjpe(*arrays), golden[f"weighted_mpjpe{suffix}"], tolerance)


@pytest.mark.parametrize("suffix", DTYPES)
@pytest.mark.parametrize("name", PERCENTAGES)
def test_percentages(name: str, suffix: str, golden: Golden) -> None:
    poses = (golden[key].astype(DTYPES[suffix]) for key in ("predicted", "target"))
    assert_close(PERCENTAGES[name](*poses), golden[name + suffix], 1e-14)


def test_thresholds(golden: Golden) -> None:
    assert np.array_equal(AUC_THRESHOLDS_MM, golden["pck_thresholds_mm"])


@pytest.mark.parametrize(("prefix", "reflection"), [("best", True), ("no_reflection", False)])
def test_alignment_with_and_without_reflections(
    prefix: str, reflection: bool, golden: Golden
) -> None:
    predicted, target = (golden[key].astype(np.float64) for key in ("predicted", "target"))
    found = procrustes(predicted, target, reflection=reflection)
    for part in ("aligned", "scale", "rotation", "translation", "residual"):
        expected = golden[f"procrustes_{prefix}_{part}"]
        assert_close(getattr(found, part), expected, 1e-9)


@pytest.mark.parametrize(("prefix", "scale"), [("similarity", True), ("rigid", False)])
def test_alignment_of_gridconv(prefix: str, scale: bool, shared: Path) -> None:
    golden = Golden(shared / "golden" / "procrustes_gridconv.npz")
    predicted, target = golden["predicted"], golden["target"]
    found = procrustes(predicted, target, scale=scale)
    for part in ("aligned", "scale", "rotation", "translation", "residual"):
        assert_close(getattr(found, part), golden[f"{prefix}_{part}"], 1e-9)
    errors = mpjpe_per_sample(predicted, target, alignment=prefix)
    assert_close(errors, golden[f"{prefix}_mean_joint_error"], 1e-9)
    assert (np.linalg.det(found.rotation) > 0).all()


@pytest.mark.parametrize(("prefix", "alignment"), [("p1", "none"), ("p2", "similarity")])
def test_mean_of_action_means(prefix: str, alignment: str, shared: Path) -> None:
    golden = Golden(shared / "golden" / "metrics_actionwise.npz")
    predicted, target, action = golden["predicted"], golden["target"], golden["action"]
    errors = 1000 * joint_errors(predicted, target, alignment=alignment)
    found = average(errors, OF_ACTION_MEANS, action)
    assert_close(found, golden[f"{prefix}_action_mean_mm"], 1e-5)
    groups = [action == label for label in np.unique(action)]
    assert_close([errors[own].mean() for own in groups], golden[f"{prefix}_per_action_mm"], 1e-5)
    axes = [
        1000 * error_per_axis(predicted[own], target[own], alignment=alignment) for own in groups
    ]
    assert_close(np.mean(axes, axis=0), golden[f"{prefix}_axis_abs_error_mm"], 1e-5)
