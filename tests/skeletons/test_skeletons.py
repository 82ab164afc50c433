"""Joint sets by their laws: trees, flips, conversions there and back."""

from __future__ import annotations

import numpy as np
import pytest

from poselift.errors import PoseliftError
from poselift.skeletons import (
    BODY_25,
    BODY_25B,
    COCO_17,
    H36M_16,
    H36M_17,
    H36M_32,
    HALPE_26,
    MEDIAPIPE_33,
    MPI_INF_3DHP_17,
    Skeleton,
    conversion,
    get_skeleton,
    skeleton_names,
)

RNG = np.random.default_rng(4)
ALL = [get_skeleton(name) for name in skeleton_names()]
DETECTORS = [COCO_17, BODY_25, BODY_25B, HALPE_26, MEDIAPIPE_33]


@pytest.fixture(params=ALL, ids=lambda s: s.name)
def skeleton(request: pytest.FixtureRequest) -> Skeleton:
    found: Skeleton = request.param
    return found


def test_the_joint_sets_of_the_field_are_known() -> None:
    sizes = {s.name: len(s) for s in ALL}
    assert sizes == {
        "h36m_17": 17,
        "h36m_16": 16,
        "h36m_16_no_pelvis": 16,
        "h36m_32": 32,
        "coco_17": 17,
        "coco_23": 23,
        "openpose_18": 18,
        "body_25": 25,
        "body_25b": 25,
        "halpe_26": 26,
        "mediapipe_33": 33,
        "mpi_inf_3dhp_17": 17,
    }


def test_skeletons_are_trees(skeleton: Skeleton) -> None:
    assert len(skeleton.edges) == len(skeleton) - 1
    assert skeleton.depth[skeleton.root] == 0
    for parent, child in skeleton.edges:
        assert skeleton.depth[child] == skeleton.depth[parent] + 1
        assert skeleton.parents[child] == parent
    assert np.array_equal(skeleton.adjacency, skeleton.adjacency.T)
    assert skeleton.adjacency.sum() == 2 * len(skeleton.edges)
    reach = np.linalg.matrix_power(skeleton.adjacency + np.eye(len(skeleton)), len(skeleton))
    assert (reach > 0).all()
    for index, joint in enumerate(skeleton.joints):
        assert skeleton.index(joint) == index


def test_sides_are_swapped_and_swapped_back(skeleton: Skeleton) -> None:
    order = skeleton.flip_order
    assert np.array_equal(order[order], np.arange(len(skeleton)))
    assert len(skeleton.left) == len(skeleton.right)
    assert set(order[list(skeleton.left)]) == set(skeleton.right)
    for left, right in zip(skeleton.left, skeleton.right, strict=True):
        assert skeleton.joints[right] == skeleton.joints[left].replace("left_", "right_")
    for parent, child in skeleton.edges:  # the tree is symmetric
        assert skeleton.adjacency[order[parent], order[child]] == 1


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("batch", [(), (4,), (2, 3)])
def test_flipping_twice_is_the_identity(
    skeleton: Skeleton, batch: tuple[int, ...], dims: int
) -> None:
    poses = RNG.normal(size=(*batch, len(skeleton), dims))
    before = poses.copy()
    once = skeleton.flip(poses)
    assert np.array_equal(poses, before)
    assert np.array_equal(skeleton.flip(once), poses)
    assert np.array_equal(once[..., 1:], poses[..., skeleton.flip_order, 1:])
    pixels = skeleton.flip(poses, width=640.0)
    np.testing.assert_allclose(skeleton.flip(pixels, width=640.0), poses)
    np.testing.assert_allclose(pixels[..., 0], once[..., 0] + 640.0)


def test_conversion_to_itself_changes_nothing(skeleton: Skeleton) -> None:
    rule = conversion(skeleton, skeleton)
    poses = RNG.normal(size=(3, len(skeleton), 2)).astype(np.float32)
    assert np.array_equal(rule.positions(poses), poses)
    assert not rule.missing
    assert set(rule.derived) <= {"neck"}


@pytest.mark.parametrize("target", [H36M_17, H36M_16, H36M_32, MPI_INF_3DHP_17])
@pytest.mark.parametrize("source", [s for s in ALL if s != MEDIAPIPE_33], ids=lambda s: s.name)
def test_conversion_there_and_back(source: Skeleton, target: Skeleton) -> None:
    there, back = conversion(source, target), conversion(target, source)
    poses = RNG.normal(size=(3, len(source), 3))
    returned = back.positions(there.positions(poses))
    found = 0
    for index, joint in enumerate(source.joints):
        if joint in back.derived or joint in back.missing:
            continue
        (via,) = np.flatnonzero(back.weights[index])
        name = target.joints[via]
        if name in there.derived or name in there.missing:
            continue
        assert np.array_equal(returned[:, index], poses[:, index]), joint
        found += 1
    assert found >= 12  # the limbs at least


@pytest.mark.parametrize("target", ALL, ids=lambda s: s.name)
@pytest.mark.parametrize("source", ALL, ids=lambda s: s.name)
def test_conversion_accounts_for_every_joint(source: Skeleton, target: Skeleton) -> None:
    no_face = source.name.startswith(("h36m", "mpi_inf"))
    if no_face and target == MEDIAPIPE_33:
        with pytest.raises(PoseliftError, match=r"cannot convert .* of 33 joints cannot be made"):
            conversion(source, target)
        return
    rule = conversion(source, target)
    sums = rule.weights.sum(axis=1)
    missing = [target.joints[i] for i in np.flatnonzero(sums == 0)]
    assert missing == list(rule.missing)
    np.testing.assert_allclose(sums[sums > 0], 1.0)
    for row, joint in enumerate(target.joints):
        sources = tuple(source.joints[i] for i in np.flatnonzero(rule.weights[row]))
        if joint in rule.derived:
            assert rule.derived[joint] == sources
        elif joint not in rule.missing:
            (taken,) = sources
            assert source.landmarks[source.index(taken)] == target.landmarks[row]
    for joint in rule.derived:
        assert f"{joint} = mean of" in rule.describe()
    for joint in rule.missing:
        assert joint in rule.describe().partition("not available: ")[2]


@pytest.mark.parametrize("source", ALL, ids=lambda s: s.name)
def test_conversion_commutes_with_flips_and_shifts(source: Skeleton) -> None:
    rule = conversion(source, H36M_17)
    poses = RNG.normal(size=(3, len(source), 3))
    np.testing.assert_allclose(
        rule.positions(source.flip(poses)), H36M_17.flip(rule.positions(poses)), atol=1e-12
    )
    np.testing.assert_allclose(rule.positions(poses + 2.0), rule.positions(poses) + 2.0)


@pytest.mark.parametrize(
    ("source", "derived"),
    [
        (COCO_17, {"pelvis", "spine", "thorax", "neck", "head"}),
        (MEDIAPIPE_33, {"pelvis", "spine", "thorax", "neck", "head"}),
        (BODY_25, {"spine", "neck", "head"}),
        (BODY_25B, {"pelvis", "spine", "thorax", "neck"}),
        (HALPE_26, {"spine", "neck"}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_derived_joints_are_reported(source: Skeleton, derived: set[str]) -> None:
    rule = conversion(source, H36M_17)
    assert set(rule.derived) == derived
    assert not rule.missing


def test_derived_joints_of_coco_are_where_they_should_be() -> None:
    rule = conversion(COCO_17, H36M_17)
    assert rule.derived["pelvis"] == ("left_hip", "right_hip")
    assert rule.derived["thorax"] == ("left_shoulder", "right_shoulder")
    assert rule.derived["neck"] == ("nose",)
    assert rule.derived["head"] == ("left_eye", "right_eye")
    pose = RNG.normal(size=(17, 2))
    made = rule.positions(pose)
    hips = (pose[COCO_17.index("left_hip")] + pose[COCO_17.index("right_hip")]) / 2
    chest = (pose[COCO_17.index("left_shoulder")] + pose[COCO_17.index("right_shoulder")]) / 2
    np.testing.assert_allclose(made[H36M_17.index("pelvis")], hips)
    np.testing.assert_allclose(made[H36M_17.index("spine")], (hips + chest) / 2)


def test_a_set_without_pelvis_is_the_rest_of_the_whole_one() -> None:
    bare = get_skeleton("h36m_16_no_pelvis")
    assert bare.joints == H36M_17.joints[1:]
    assert bare.joints[bare.root] == "spine"
    hips = {bare.index("left_hip"), bare.index("right_hip")}
    assert {child for parent, child in bare.edges if parent == bare.root} >= hips
    pose = RNG.normal(size=(17, 3))
    assert np.array_equal(conversion(H36M_17, bare).positions(pose), pose[1:])
    back = conversion(bare, H36M_17)
    assert back.derived == {"pelvis": ("right_hip", "left_hip")}
    assert not back.missing


def test_missing_joints_spread_to_what_is_derived_from_them_only() -> None:
    rule = conversion(COCO_17, H36M_17)
    pose = RNG.normal(size=(17, 2)).astype(np.float32)
    pose[COCO_17.index("left_hip")] = np.nan
    made = rule.positions(pose)
    assert made.dtype == np.float32
    lost = {H36M_17.joints[i] for i in np.flatnonzero(np.isnan(made[:, 0]))}
    assert lost == {"left_hip", "pelvis", "spine"}


def test_scores_of_derived_joints_are_those_of_their_weakest_source() -> None:
    rule = conversion(COCO_17, H36M_17)
    scores = RNG.random((5, 17))
    made = rule.scores(scores)
    hips = scores[:, [COCO_17.index("left_hip"), COCO_17.index("right_hip")]].min(axis=1)
    assert np.array_equal(made[:, 0], hips)
    rule = conversion(H36M_17, BODY_25)
    assert np.isnan(rule.scores(scores)[:, BODY_25.index("left_heel")]).all()
    assert np.isnan(rule.positions(np.ones((17, 2)))[BODY_25.index("left_heel")]).all()


def make(**changes: object) -> Skeleton:
    fields = {"name": "x", "joints": ("a", "b", "c"), "parents": (-1, 0, 1), **changes}
    return Skeleton(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"joints": ("a", "a", "c")}, "skeleton x: joint name 'a' occurs twice"),
        ({"parents": (-1, 0)}, "skeleton x: expected 3 parents, got 2"),
        (
            {"parents": (-1, -1, 0)},
            r"skeleton x: expected exactly one root, a joint without parent",
        ),
        ({"parents": (1, 2, 0)}, "skeleton x: expected exactly one root"),
        ({"parents": (-1, 7, 0)}, "skeleton x: joint b has parent 7"),
        ({"parents": (-1, 2, 1)}, "skeleton x: joint b is its own ancestor"),
    ],
)
def test_broken_trees_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(PoseliftError, match=message):
        make(**changes)


def test_refused_in_words() -> None:
    with pytest.raises(PoseliftError, match="unknown skeleton 'coco', expected one of h36m_17"):
        get_skeleton("coco")
    with pytest.raises(PoseliftError, match="skeleton coco_17 has no joint 'pelvis'"):
        COCO_17.index("pelvis")
    with pytest.raises(PoseliftError, match="cannot convert x to h36m_17: 17 of 17 joints cannot"):
        conversion(make(), H36M_17)
    rule = conversion(COCO_17, H36M_17)
    with pytest.raises(PoseliftError, match=r"expected 17 joints \(coco_17\), got 25"):
        rule.positions(np.ones((25, 2)))
    with pytest.raises(PoseliftError, match=r"expected 17 joints \(coco_17\), got 16"):
        rule.scores(np.ones((3, 16)))
    one_sided = make(joints=("a", "left_b", "c"))
    with pytest.raises(PoseliftError, match="skeleton x has no joint 'right_b'"):
        one_sided.flip(np.ones((3, 2)))


def test_the_root_of_a_converted_pose_is_between_the_hips() -> None:
    for source in DETECTORS:
        rule = conversion(source, H36M_17)
        pose = np.zeros((len(source), 2))
        for side in ("left", "right"):
            pose[source.index(f"{side}_hip")] = [1.0, 2.0]
        if "pelvis" in source.landmarks:
            pose[source.landmarks.index("pelvis")] = [1.0, 2.0]
        np.testing.assert_allclose(rule.positions(pose)[H36M_17.root], [1.0, 2.0])
