"""Measures against the metrics they are made of, and velocities across borders."""

from __future__ import annotations

import numpy as np
import pytest

from poselift.errors import PoseliftError
from poselift.evaluation import (
    AXIS_ERRORS,
    METRICS,
    auc,
    error_per_axis,
    evaluate,
    mean_velocity_error,
    measure,
    mpjpe,
    n_mpjpe,
    p_mpjpe,
    pck,
    rows_before,
)
from poselift.geometry import root_relative
from poselift.skeletons import H36M_17

RNG = np.random.default_rng(5)
TARGET = RNG.normal(scale=0.4, size=(12, 17, 3))
PREDICTED = TARGET + 0.1 * RNG.normal(size=TARGET.shape)
ROOTED = root_relative(PREDICTED), root_relative(TARGET)

#: Two clips of two cameras, three frames each, every fourth of clip 0 and every second of clip 1.
CLIP = np.repeat(np.array([0, 0, 1, 1]), 3)
CAMERA = np.repeat(np.array([0, 1, 0, 1]), 3)
FRAME = np.tile(np.arange(3), 4) * np.where(CLIP == 0, 4, 2)


def mean(metric: str, **options: object) -> float:
    (one,) = measure([metric], PREDICTED, TARGET, **options)  # type: ignore[arg-type]
    return float(one.values[one.mask].mean())


def test_means_are_those_of_the_metrics() -> None:
    assert mean("mpjpe") == pytest.approx(1000 * mpjpe(*ROOTED))
    assert mean("p-mpjpe") == pytest.approx(1000 * p_mpjpe(PREDICTED, TARGET))
    assert mean("n-mpjpe") == pytest.approx(1000 * n_mpjpe(*ROOTED))
    assert mean("pck") == pytest.approx(pck(*ROOTED))
    assert mean("auc") == pytest.approx(auc(*ROOTED))
    axes = measure(["axis"], PREDICTED, TARGET)
    assert tuple(one.name for one in axes) == AXIS_ERRORS
    found = [one.values.mean() for one in axes]
    np.testing.assert_allclose(found, 1000 * error_per_axis(*ROOTED))


def test_pck_counts_what_is_strictly_closer() -> None:
    target = np.zeros((1, 5, 3))
    predicted = target.copy()
    predicted[0, :, 0] = [0.0, 0.149, 0.15, 0.151, 0.0049]
    (found,) = measure(["pck"], predicted, target)
    assert found.values[0].tolist() == [100, 100, 0, 0, 100]
    (area,) = measure(["auc"], predicted, target)
    np.testing.assert_allclose(31 * area.values[0] / 100, [30, 1, 0, 0, 30])


def test_a_perfect_prediction() -> None:
    previous = rows_before(CLIP, CAMERA, FRAME)
    for one in measure(METRICS, TARGET, TARGET, previous=previous):
        best = {"PCK@150": 100.0, "AUC 0:5:150": 100 * 30 / 31}.get(one.name, 0.0)
        np.testing.assert_allclose(one.values, best, atol=1e-9)


def test_velocity_of_a_sequence_is_the_metric() -> None:
    one_clip = np.zeros(12, np.int64)
    previous = rows_before(one_clip, one_clip, np.arange(12))
    assert previous.tolist() == [-1, *range(11)]
    expected = 1000 * mean_velocity_error(*ROOTED)
    assert mean("velocity", previous=previous) == pytest.approx(expected)


def test_velocities_do_not_cross_clips_or_cameras() -> None:
    previous = rows_before(CLIP, CAMERA, FRAME)
    assert previous.tolist() == [-1, 0, 1, -1, 3, 4, -1, 6, 7, -1, 9, 10]
    parts = [
        1000 * mean_velocity_error(ROOTED[0][i : i + 3], ROOTED[1][i : i + 3])
        for i in range(0, 12, 3)
    ]
    whole = mean("velocity", previous=previous)
    assert whole == pytest.approx(np.mean(parts))
    # one clip put somewhere else changes only what would be steps across borders
    moved = PREDICTED.copy()
    moved[6:] += RNG.normal(size=(1, 17, 3))
    (there,) = measure(["velocity"], moved, TARGET, previous=previous)
    assert there.values[there.mask].mean() == pytest.approx(whole)


def test_the_order_of_rows_does_not_matter() -> None:
    order = RNG.permutation(12)
    previous = rows_before(CLIP[order], CAMERA[order], FRAME[order])
    (found,) = measure(["velocity"], PREDICTED[order], TARGET[order], previous=previous)
    expected = mean("velocity", previous=rows_before(CLIP, CAMERA, FRAME))
    assert found.values[found.mask].mean() == pytest.approx(expected)


def test_gaps_are_no_steps() -> None:
    zeros = np.zeros(5, np.int64)
    assert rows_before(zeros, zeros, np.array([0, 4, 12, 16, 16])).tolist() == [-1, 0, -1, 2, -1]
    assert rows_before(zeros[:1], zeros[:1], zeros[:1]).tolist() == [-1]
    assert rows_before(zeros[:0], zeros[:0], zeros[:0]).tolist() == []


@pytest.mark.parametrize("metric", METRICS)
def test_masked_joints_do_not_matter(metric: str) -> None:
    mask = RNG.random((12, 17)) < 0.8
    mask[:, 0] = True
    wild = np.where(mask[..., None], PREDICTED, np.nan)
    previous = rows_before(CLIP, CAMERA, FRAME)
    for one, other in zip(
        measure([metric], wild, TARGET, mask=mask, previous=previous),
        measure(
            [metric], np.where(mask[..., None], wild, 9.0), TARGET, mask=mask, previous=previous
        ),
        strict=True,
    ):
        assert not (one.mask & ~mask).any()
        np.testing.assert_array_equal(one.values[one.mask], other.values[other.mask])
        assert np.isfinite(one.values[one.mask]).all()


def test_tables_of_any_metric() -> None:
    actions = np.array(["walk", "sit"] * 6)
    result = evaluate(
        PREDICTED,
        TARGET,
        H36M_17,
        actions,
        "t",
        metrics=METRICS,
        previous=rows_before(CLIP, CAMERA, FRAME),
    )
    assert result.units["velocity error"] == "mm per frame"
    assert result.units["PCK@150"] == "%"
    assert "velocity error (mm per frame, root-aligned)" in result.by_action.columns
    assert result.averages["PCK@150", "mean over frames"] == pytest.approx(pck(*ROOTED))
    rows = dict(result.by_action.rows)
    assert len(rows["all actions, mean over frames"]) == 10


def test_refused_in_words() -> None:
    with pytest.raises(PoseliftError, match="unknown metric 'rmse', expected one of mpjpe, p-mpjp"):
        measure(["rmse"], PREDICTED, TARGET)
    with pytest.raises(PoseliftError, match="expected the row before each pose, got none"):
        measure(["velocity"], PREDICTED, TARGET)
    alone = np.full(12, -1, np.int64)
    with pytest.raises(PoseliftError, match="no two consecutive frames of one clip and camera"):
        measure(["velocity"], PREDICTED, TARGET, previous=alone)
