"""Averages by name, result tables, limb evaluation."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from poselift.errors import PoseliftError
from poselift.evaluation import (
    AVERAGES,
    LIMB_JOINTS,
    OF_ACTION_MEANS,
    OVER_FRAMES,
    Table,
    average,
    evaluate,
    evaluate_limbs,
    mpjpe,
    p_mpjpe,
)
from poselift.geometry import about_axis
from poselift.skeletons import COCO_17, H36M_17, MPI_INF_3DHP_17

RNG = np.random.default_rng(3)
TARGET = RNG.normal(size=(12, 17, 3))
TARGET -= TARGET[:, :1]
PREDICTED = TARGET + 0.03 * RNG.normal(size=TARGET.shape)
ALIGNED = {"MPJPE": "root", "P-MPJPE": "similarity"}
ACTIONS = np.array(["walk"] * 9 + ["sit"] * 3)


def test_averages_differ_where_actions_have_different_lengths() -> None:
    errors = np.where(ACTIONS[:, None] == "walk", 10.0, 30.0) * np.ones((12, 17))
    assert average(errors, OVER_FRAMES) == 15.0
    assert average(errors, OF_ACTION_MEANS, ACTIONS) == 20.0
    equal = np.array(["a", "b"] * 6)
    assert average(errors, OF_ACTION_MEANS, equal) == average(errors, OVER_FRAMES)


def test_evaluation_agrees_with_the_metrics() -> None:
    result = evaluate(PREDICTED, TARGET, H36M_17, ACTIONS, "net on data")
    rooted = 1000 * mpjpe(PREDICTED, TARGET, alignment="root")
    assert result.averages["MPJPE", OVER_FRAMES] == pytest.approx(rooted)
    assert result.averages["P-MPJPE", OVER_FRAMES] == pytest.approx(
        1000 * p_mpjpe(PREDICTED, TARGET)
    )
    assert set(result.averages) == {(name, how) for name in ALIGNED for how in AVERAGES}
    rows = dict(result.by_action.rows)
    assert rows["sit, mean over frames"][0] == 3
    walk, sit = rows["walk, mean over frames"][1], rows["sit, mean over frames"][1]
    assert walk is not None
    assert sit is not None
    assert rows["all actions, mean over frames"][1] == pytest.approx((9 * walk + 3 * sit) / 12)
    assert rows["all actions, mean of action means"][1] == pytest.approx((walk + sit) / 2)
    joints = dict(result.by_joint.rows)
    assert tuple(joints) == H36M_17.joints
    assert joints["pelvis"][1] == 0.0
    assert np.mean([row[2] for row in joints.values()]) == pytest.approx(
        result.averages["P-MPJPE", OVER_FRAMES]
    )


def test_every_number_says_unit_alignment_and_averaging() -> None:
    result = evaluate(PREDICTED, TARGET, H36M_17, ACTIONS, "net on data")
    for table in (result.by_action, result.by_joint):
        frames, *errors = table.columns
        assert frames == "frames"
        for column, (name, alignment) in zip(errors, ALIGNED.items(), strict=True):
            assert column.startswith(f"{name} (mm, {alignment}-aligned")
    assert all(column.endswith(f"{OVER_FRAMES})") for column in result.by_joint.columns[1:])
    assert all(name.endswith(AVERAGES) for name, _ in result.by_action.rows)


def test_masked_joints_are_left_out() -> None:
    mask = np.ones((12, 17), bool)
    mask[:9, 3] = False
    mask[:, 10] = False
    holes = np.where(mask[..., None], TARGET, np.nan)
    result = evaluate(PREDICTED, holes, H36M_17, ACTIONS, "net on data", mask=mask)
    joints = dict(result.by_joint.rows)
    assert joints["right_ankle"][0] == 3
    assert joints["head"] == (0, None, None)
    with pytest.raises(PoseliftError, match="pose 0, joint 3: the target is not finite"):
        evaluate(PREDICTED, holes, H36M_17, ACTIONS, "net on data")


def test_tables_as_text() -> None:
    table = Table("Errors", ("frames", "error (mm)"), (("a, b", (3, 1.0 / 3)), ("c", (0, None))))
    assert table.to_markdown() == (
        "**Errors**\n\n|  | frames | error (mm) |\n| --- | ---: | ---: |\n"
        "| a, b | 3 | 0.3 |\n| c | 0 |  |\n"
    )
    parsed = list(csv.reader(io.StringIO(table.to_csv())))
    assert parsed == [["", "frames", "error (mm)"], ["a, b", "3", repr(1.0 / 3)], ["c", "0", ""]]


def test_limbs_are_found_by_name() -> None:
    assert len(LIMB_JOINTS) == 12
    for skeleton in (H36M_17, COCO_17, MPI_INF_3DHP_17):
        assert set(LIMB_JOINTS) <= set(skeleton.joints)
    assert not {"pelvis", "spine", "neck"} & set(LIMB_JOINTS)


def test_limb_error_is_a_mean_over_frames_after_similarity_alignment() -> None:
    limbs = [H36M_17.index(joint) for joint in LIMB_JOINTS]
    markers = TARGET[:, limbs]
    turned = 1.7 * markers @ about_axis("y", np.array(0.4)) + 5.0
    assert evaluate_limbs(turned, markers) == pytest.approx(0.0, abs=1e-9)
    noisy = PREDICTED[:, limbs]
    assert evaluate_limbs(noisy, markers) == pytest.approx(1000 * p_mpjpe(noisy, markers))
    mask = np.ones((12, 12), bool)
    mask[4, 2:] = False  # a frame with two joints is aligned exactly, and weighs as much
    frames = [1000 * p_mpjpe(noisy[i, mask[i]], markers[i, mask[i]]) for i in range(12)]
    assert evaluate_limbs(noisy, markers, mask=mask) == pytest.approx(np.mean(frames))


def test_refused_in_words() -> None:
    with pytest.raises(PoseliftError, match=r"x: there is no pose to evaluate"):
        evaluate(PREDICTED[:0], TARGET[:0], H36M_17, [], "x")
    with pytest.raises(PoseliftError, match=r"expected 12 actions, one a pose, got \(3,\)"):
        evaluate(PREDICTED, TARGET, H36M_17, ["a", "b", "c"], "x")
    errors = np.ones((12, 17))
    with pytest.raises(PoseliftError, match="unknown averaging 'median', expected one of mean"):
        average(errors, "median")
    with pytest.raises(PoseliftError, match="the mean of action means needs the action of each"):
        average(errors, OF_ACTION_MEANS)
    with pytest.raises(PoseliftError, match="no joint is left to average over"):
        average(errors, OVER_FRAMES, mask=np.zeros((12, 17), bool))
    with pytest.raises(PoseliftError, match="there is no frame to evaluate"):
        evaluate_limbs(np.zeros((0, 12, 3)), np.zeros((0, 12, 3)))
    markers = np.ones((3, 12, 3))
    markers[1, 2] = np.nan
    with pytest.raises(PoseliftError, match="pose 1, joint 2: the target is not finite"):
        evaluate_limbs(np.ones((3, 12, 3)), markers)
    with pytest.raises(PoseliftError, match="table row 'a': expected 2 values, got 1"):
        Table("t", ("b", "c"), (("a", (1.0,)),))
