"""Human3.6M and MPI-INF-3DHP as the papers print them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from golden_support import Golden, assert_close
from poselift.errors import PoseliftError
from poselift.evaluation import (
    DETECTED,
    GROUND_TRUTH,
    H36M_ACTIONS,
    HIP_COUNTED,
    HIP_LEFT_OUT,
    OF_ACTION_MEANS,
    OFFICIAL_JOINTS,
    OVER_FRAMES,
    Measure,
    PaperScores,
    auc,
    evaluate_3dhp,
    measure,
    official_joints,
    overall_table,
    paper_scores,
    paper_tables,
    pck,
)
from poselift.skeletons import COCO_17, H36M_16, H36M_17, MPI_INF_3DHP_17, Skeleton

RNG = np.random.default_rng(11)
TARGET = RNG.normal(scale=0.3, size=(40, 17, 3))
TARGET -= TARGET[:, :1]
NOISE = 0.1 * RNG.normal(size=TARGET.shape)
NOISE[:, 0] = 0
PREDICTED = TARGET + NOISE
ACTIONS = np.array(["Walking"] * 20 + ["Eating"] * 12 + ["Directions"] * 6 + ["Dancing"] * 2)
SCENES = np.array(["GS"] * 25 + ["noGS"] * 10 + ["outdoor"] * 5)
MEASURES = measure(["mpjpe", "p-mpjpe", "pck", "auc"], PREDICTED, TARGET)


def scores(two_d: str | None = None) -> tuple[PaperScores, ...]:
    return paper_scores(MEASURES, ACTIONS, H36M_17, two_d)


def test_the_hip_makes_the_difference_between_16_and_17_joints() -> None:
    error = scores()[0]
    for averaging in (OVER_FRAMES, OF_ACTION_MEANS):
        counted = error.averages[averaging, HIP_COUNTED]
        assert error.averages[averaging, HIP_LEFT_OUT] == pytest.approx(counted * 17 / 16)
    assert error.joints["pelvis"] == 0


def test_the_published_average_counts_the_hip() -> None:
    """Table 1 of PoseGraphNet: 16 joints whose mean is not the 59.5 mm that it prints."""
    table = [22.3, 23.5, 35.6, 43.9, 53.6, 55.0, 55.2, 56.7, 57.3, 60.3]
    table += [79.5, 79.6, 83.0, 91.6, 106.9, 108.1]
    values = np.array([[0.0, *table]])
    one = Measure("MPJPE", "mm", "root-aligned", values, np.ones((1, 17), bool))
    (found,) = paper_scores([one], ["Walking"], H36M_17, DETECTED)
    assert round(found.averages[OVER_FRAMES, HIP_COUNTED], 1) == 59.5
    assert round(found.averages[OVER_FRAMES, HIP_LEFT_OUT], 1) == 63.3


def test_averages_over_actions_and_over_frames() -> None:
    for one, result in zip(MEASURES, scores(), strict=True):
        means = [one.values[action == ACTIONS].mean() for action in result.actions]
        np.testing.assert_allclose(list(result.actions.values()), means)
        assert result.averages[OF_ACTION_MEANS, HIP_COUNTED] == pytest.approx(np.mean(means))
        weights = [(action == ACTIONS).sum() for action in result.actions]
        over_frames = result.averages[OVER_FRAMES, HIP_COUNTED]
        assert over_frames == pytest.approx(np.average(means, weights=weights))
        assert np.mean(list(result.joints.values())) == pytest.approx(over_frames)
        assert list(result.joints.values()) == sorted(result.joints.values())


def test_protocols_have_their_names_where_they_apply() -> None:
    names = {
        DETECTED: ["P1: MPJPE (", "P2: P-MPJPE ("],
        GROUND_TRUTH: ["P1*: MPJPE (", "P-MPJPE ("],
        None: ["MPJPE (", "P-MPJPE ("],
    }
    for two_d, expected in names.items():
        for one, start in zip(
            scores(two_d), [*expected, "PCK@150 (", "AUC 0:5:150 ("], strict=True
        ):
            assert one.label.startswith(start)


def test_tables_of_the_papers() -> None:
    assert list(H36M_ACTIONS.values()) == [
        "Dir.",
        "Disc.",
        "Eat",
        "Greet",
        "Phone",
        "Photo",
        "Pose",
        "Purch.",
        "Sit",
        "SitD.",
        "Smoke",
        "Wait",
        "WalkD.",
        "Walk",
        "WalkT.",
    ]
    results = {"a": scores(DETECTED), "b": scores(DETECTED)}
    averages, *rest = paper_tables(results, "Human3.6M")
    by_action, by_joint = rest[:4], rest[4:]
    assert averages.columns == (
        "mean of action means, hip counted",
        "mean over frames, hip counted",
        "mean of action means, hip left out",
        "mean over frames, hip left out",
    )
    assert [name for name, _ in averages.rows][:2] == [
        "a, P1: MPJPE (mm, root-aligned)",
        "a, P2: P-MPJPE (mm, similarity-aligned)",
    ]
    assert by_action[0].title == (
        "Human3.6M, P1: MPJPE (mm, root-aligned), mean over frames of each action, "
        "Avg. is the mean of action means, hip counted"
    )
    assert by_action[0].columns == ("Dir.", "Eat", "Walk", "Dancing", "Avg.")
    assert [name for name, _ in by_action[0].rows] == ["a", "b"]
    assert len(by_joint) == 8
    assert by_joint[0].title.endswith("mean over frames, joints of a ascending")
    assert by_joint[0].columns[0] == "pelvis"
    assert by_joint[0].columns[-2:] == ("Avg., hip counted", "Avg., hip left out")
    titles = [table.title for table in (averages, *rest)]
    assert len(set(titles)) == len(titles)


def test_errors_by_axis_are_averages_only() -> None:
    axes = paper_scores(measure(["axis"], PREDICTED, TARGET), ACTIONS, H36M_17)
    (averages,) = paper_tables({"a": axes}, "t")
    assert [name for name, _ in averages.rows] == [
        f"a, {axis} error (mm, root-aligned)" for axis in "xyz"
    ]


def test_an_action_that_one_model_lacks_is_an_empty_cell() -> None:
    rows = ACTIONS != "Eating"
    fewer = [Measure(m.name, m.unit, m.alignment, m.values[rows], m.mask[rows]) for m in MEASURES]
    results = {"a": paper_scores(fewer, ACTIONS[rows], H36M_17), "b": scores()}
    table = paper_tables(results, "t")[1]
    assert dict(table.rows)["a"][table.columns.index("Eat")] is None


def test_an_action_without_values_counts_in_no_average() -> None:
    error = MEASURES[0]
    mask = error.mask & (ACTIONS != "Dancing")[:, None]
    one = Measure(error.name, error.unit, error.alignment, error.values, mask)
    (found,) = paper_scores([one], ACTIONS, H36M_17)
    kept = ACTIONS != "Dancing"
    rest = Measure(error.name, error.unit, error.alignment, error.values[kept], error.mask[kept])
    (expected,) = paper_scores([rest], ACTIONS[kept], H36M_17)
    assert found.actions["Dancing"] is None
    assert found.averages == pytest.approx(expected.averages)
    rows = evaluate_3dhp([one], H36M_17, SCENES, ACTIONS, "t").by_activity.rows
    assert dict(rows)["Dancing"] == (2, None, None)


def test_gridconvs_second_protocol(shared: Path) -> None:
    golden = Golden(shared / "golden" / "metrics_actionwise.npz")
    measures = measure(["p-mpjpe"], golden["predicted"], golden["target"])
    (found,) = paper_scores(measures, golden["action"].astype(str), H36M_17, DETECTED)
    average = found.averages[OF_ACTION_MEANS, HIP_COUNTED]
    assert_close(average, golden["p2_action_mean_mm"], 1e-5)
    assert_close(list(found.actions.values()), golden["p2_per_action_mm"], 1e-5)


@pytest.mark.parametrize("skeleton", [H36M_17, H36M_16, MPI_INF_3DHP_17])
def test_the_official_joints(skeleton: Skeleton) -> None:
    names = [skeleton.joints[index] for index in official_joints(skeleton)]
    assert len(names) == 14
    assert not {"pelvis", "spine"} & set(names)
    head, thorax = {
        "h36m_17": ("head", "thorax"),
        "h36m_16": ("head", "thorax"),
        "mpi_inf_3dhp_17": ("head_top", "neck"),
    }[skeleton.name]
    assert names[:2] == [head, thorax]
    assert names[2:] == list(OFFICIAL_JOINTS[2:])


def test_3dhp_over_14_and_over_17_joints() -> None:
    result = evaluate_3dhp(MEASURES, H36M_17, SCENES, ACTIONS, "3dhp")
    joints = official_joints(H36M_17)
    own = PREDICTED[:, joints], TARGET[:, joints]
    key = "PCK@150 (%, root-aligned, {} joints)"
    assert result.overall[key.format(14)] == pytest.approx(pck(*own))
    assert result.overall[key.format(17)] == pytest.approx(pck(PREDICTED, TARGET))
    assert result.overall["AUC 0:5:150 (%, root-aligned, 14 joints)"] == pytest.approx(auc(*own))
    assert 0 < result.overall[key.format(14)] < result.overall[key.format(17)] < 100


@pytest.mark.parametrize("kind", ["by_scene", "by_activity"])
def test_weighted_means_of_the_parts_give_the_whole(kind: str) -> None:
    result = evaluate_3dhp(MEASURES, H36M_17, SCENES, ACTIONS, "3dhp")
    table = getattr(result, kind)
    parts = np.array([row for name, row in table.rows if not name.startswith("all")], float)
    whole = dict(table.rows)[
        "all scenes" if kind == "by_scene" else "all activities, mean over frames"
    ]
    assert parts[:, 0].sum() == whole[0] == 40
    weighted = np.average(parts[:, 1:], axis=0, weights=parts[:, 0])
    np.testing.assert_allclose(weighted, whole[1:])
    np.testing.assert_allclose(list(result.overall.values()), whole[1:])
    if kind == "by_activity":
        means = dict(table.rows)["all activities, mean of action means"]
        np.testing.assert_allclose(means[1:], parts[:, 1:].mean(axis=0))


def test_pck_grows_with_the_threshold() -> None:
    joints = official_joints(H36M_17)
    curve = [
        pck(PREDICTED[:, joints], TARGET[:, joints], threshold_mm=float(limit))
        for limit in range(0, 600, 5)
    ]
    assert (np.diff(curve) >= 0).all()
    assert curve[0] == 0
    assert curve[-1] == 100


def test_activities_in_the_order_asked_for() -> None:
    order = ("Walking", "Sports", "Directions", "Eating")
    result = evaluate_3dhp(MEASURES, H36M_17, SCENES, ACTIONS, "t", activity_order=order)
    names = [name for name, _ in result.by_activity.rows]
    assert names[:4] == ["Walking", "Directions", "Eating", "Dancing"]
    table = overall_table({"a": result, "b": result}, "t")
    assert [name for name, _ in table.rows] == ["a", "b"]
    assert table.columns == tuple(result.overall)


def test_refused_in_words() -> None:
    with pytest.raises(PoseliftError, match=r"Human3\.6M: expected at least one measure, got none"):
        paper_scores([], ACTIONS, H36M_17)
    with pytest.raises(PoseliftError, match=r"expected 40 actions, one a pose, got \(2,\)"):
        paper_scores(MEASURES, ["a", "b"], H36M_17)
    with pytest.raises(PoseliftError, match="t: expected at least one measure, got none"):
        evaluate_3dhp([], H36M_17, SCENES, ACTIONS, "t")
    with pytest.raises(PoseliftError, match=r"expected 40 scenes, one a pose, got \(3,\)"):
        evaluate_3dhp(MEASURES, H36M_17, SCENES[:3], ACTIONS, "t")
    with pytest.raises(PoseliftError, match="skeleton coco_17 has no joint that is the head_top"):
        official_joints(COCO_17)
