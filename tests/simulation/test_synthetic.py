"""Synthetic people and augmented views, by their laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from poselift.mocap.chain import Motion
from poselift.simulation.augmentation import (
    AugmentationConfig,
    AugmentedSource,
    Bank,
    bank_of,
    head_trouble,
    view_poses,
)
from poselift.simulation.bodies import body_frame, vary_bodies
from poselift.simulation.conventions import CONVENTIONS, MOCAP_ONLY, Convention, draw
from poselift.simulation.synthetic import (
    ANGLES,
    angles_from_drive,
    pose_bodies,
    random_bodies,
    random_motion,
    random_poses,
)
from poselift.skeletons import H36M_17

AT = {joint: H36M_17.index(joint) for joint in H36M_17.joints}
PARENTS = np.array(H36M_17.parents)

#: Changes nothing but the side, the view and the normalisation.
PLAIN = AugmentationConfig(
    synthetic=0.0,
    synthetic_donors=0.0,
    exchange=0.0,
    halves=0.0,
    bend=0.0,
    turn=0.0,
    bone_length=0.0,
    stature=0.0,
    tumble=0.0,
    conventions=MOCAP_ONLY,
    clean=1.0,
    head_missing=0.0,
    head_moved=0.0,
)


def bank(poses: np.ndarray) -> Bank:
    return Bank(poses, np.full(len(poses), 1 / len(poses)))


def varied(
    given: np.ndarray, donors: np.ndarray, config: AugmentationConfig, seed: int = 0
) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return vary_bodies(rng, given, donors, draw(rng, len(given), config.conventions), config)


def lengths(poses: np.ndarray) -> np.ndarray:
    return np.linalg.norm(poses[:, 1:] - poses[:, PARENTS[1:]], axis=-1)


def poses(count: int, seed: int = 0) -> np.ndarray:
    return random_poses(np.random.default_rng(seed), count)


def hinge(poses: np.ndarray, a: str, b: str, c: str) -> np.ndarray:
    """Angle in degrees by which the joint b is bent."""
    upper, lower = poses[:, AT[b]] - poses[:, AT[a]], poses[:, AT[c]] - poses[:, AT[b]]
    cosine = (upper * lower).sum(-1) / np.linalg.norm(upper, axis=-1)
    return np.degrees(np.arccos(np.clip(cosine / np.linalg.norm(lower, axis=-1), -1, 1)))


def test_limits_hold_whatever_the_drive() -> None:
    drive = np.random.default_rng(0).normal(0, 50, size=(500, len(ANGLES)))
    made = pose_bodies(random_bodies(np.random.default_rng(1), 500), angles_from_drive(drive))
    for side in ("left", "right"):
        knee = hinge(made, f"{side}_hip", f"{side}_knee", f"{side}_ankle")
        elbow = hinge(made, f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist")
        assert knee.min() > 1.9
        assert knee.max() < 140.1
        assert elbow.min() > 1.9
        assert elbow.max() < 145.1


def test_resting_person_stands_upright_facing_forward() -> None:
    body = random_bodies(np.random.default_rng(0), 1)
    rest = pose_bodies(body, angles_from_drive(np.zeros((1, len(ANGLES)))))[0]
    up = [AT[j] for j in ("left_ankle", "left_knee", "pelvis", "spine", "thorax", "head")]
    assert (np.diff(rest[up, 1]) > 0).all()
    for joint in ("hip", "knee", "shoulder", "elbow"):
        assert rest[AT[f"left_{joint}"], 0] > 0.05 > -0.05 > rest[AT[f"right_{joint}"], 0]
    assert rest[AT["neck"], 2] > rest[AT["thorax"], 2]  # the nose points forward
    flipped = H36M_17.flip(rest)
    assert np.allclose(flipped, rest, atol=1e-6)


def test_bones_keep_their_length_in_motion() -> None:
    clip = random_motion(7, 200)
    assert lengths(clip).std(axis=0).max() < 1e-5
    assert clip[
        :,
        [
            AT["left_ankle"],
            AT["right_ankle"],
        ],
        1,
    ].min(axis=1) == pytest.approx(0.08)
    speed = np.linalg.norm(np.diff(clip, axis=0), axis=-1).max() * 30
    assert 0.3 < speed < 12.0


def test_a_seed_names_a_motion() -> None:
    assert np.array_equal(random_motion(3, 40), random_motion(3, 40))
    assert not np.array_equal(random_motion(3, 40), random_motion(4, 40))


def test_epochs_follow_from_seed_and_index() -> None:
    source = AugmentedSource(bank(poses(50)), 64, seed=5)
    first, again, other = source.epoch(2), source.epoch(2), source.epoch(3)
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])
    assert first[0].shape == (64, 17, 2)
    assert first[1].shape == (64, 17, 3)
    assert first[0].dtype == first[1].dtype == np.float32


def test_samples_are_finite_root_relative_and_of_human_size() -> None:
    inputs, targets = AugmentedSource(bank(poses(500)), 2000, seed=1).epoch(0)
    assert np.isfinite(inputs).all()
    assert np.isfinite(targets).all()
    assert np.abs(targets[:, 0]).max() < 1e-6
    assert np.linalg.norm(targets, axis=-1).max() < 1.8
    missing = (inputs == 0).all(axis=-1)
    assert 0.1 < missing[:, 1:].mean() < 0.2
    assert 0.35 < missing[:, AT["head"]].mean() < 0.55
    assert (missing[:, AT["head"]] == missing[:, AT["neck"]]).mean() > 0.95  # together mostly
    assert (missing[:, 1:].sum(axis=1) > 11).mean() < 0.005  # fewer than a lifter takes


def test_nothing_changes_but_the_side_without_variation() -> None:
    given = poses(40)
    made = varied(given, poses(40, seed=9), PLAIN)
    same = np.isclose(made, given, atol=1e-5).all(axis=(1, 2))
    mirrored = np.isclose(made, H36M_17.flip(given), atol=1e-5).all(axis=(1, 2))
    # left-right asymmetry of bone lengths is always a little varied
    close = np.abs(lengths(made) / lengths(given) - 1).max()
    assert close < 0.45
    assert not (same & mirrored).any()


def test_exchanged_limbs_keep_the_donors_lengths() -> None:
    config = replace(PLAIN, exchange=1.0)
    given, donors = poses(60), poses(60, seed=2)
    made = lengths(varied(given, donors, config))
    arms = [AT["left_elbow"] - 1, AT["left_wrist"] - 1]
    # synthetic bodies are symmetric, so mirroring does not matter; 1.5 % asymmetry is added
    assert np.abs(made[:, arms] / lengths(donors)[:, arms] - 1).max() < 0.11
    trunk = [AT["spine"] - 1, AT["thorax"] - 1]
    assert np.abs(made[:, trunk] / lengths(given)[:, trunk] - 1).max() < 0.11


def test_clean_views_are_pinhole_projections_of_their_targets() -> None:
    rng = np.random.default_rng(0)
    inputs, targets = view_poses(rng, poses(200), draw(rng, 200, MOCAP_ONLY), PLAIN)
    depths = []
    for flat, solid in zip(inputs.astype(float), targets.astype(float), strict=True):
        # scale * x * (Z + depth) = X for some scale and depth: linear in (scale, scale * depth)
        left = np.stack([(flat * solid[:, 2:]).ravel(), flat.ravel()], axis=1)
        solution, residual, *_ = np.linalg.lstsq(left, solid[:, :2].ravel(), rcond=None)
        assert float(residual[0]) < 1e-8
        depths.append(solution[1] / solution[0])
    assert min(depths) > 1.9
    assert max(depths) < 10.1


def test_bank_and_synthetic_mix() -> None:
    same = np.repeat(poses(1), 10, axis=0)
    config = replace(PLAIN, synthetic=0.5)
    source = AugmentedSource(bank(same), 400, seed=0, config=config)
    _, targets = source.epoch(0)
    own = np.abs(np.linalg.norm(targets[:, AT["head"]], axis=-1) - np.linalg.norm(same[0, 10]))
    assert 0.3 < (own < 0.06).mean() < 0.9


def test_clips_weigh_by_the_root_of_their_length() -> None:
    def clip(frames: int, height: float) -> Motion:
        positions = np.full((frames, 17, 3), height, np.float32)
        return Motion(positions, np.arange(frames), 30.0, 1, 1, "stands", "clip")

    made = bank_of([clip(100, 1.0), clip(900, 2.0)])
    assert made.chance.sum() == pytest.approx(1.0)
    share = [made.chance[made.poses[:, 0, 0] == height].sum() for height in (1.0, 2.0)]
    assert share[1] / share[0] == pytest.approx(3.0)


def test_upper_bodies_of_donors_face_as_the_legs_do() -> None:
    given, donors = poses(60), poses(60, seed=2)
    made = varied(given, donors, replace(PLAIN, halves=1.0))
    legs = [AT[f"{side}_{part}"] - 1 for side in ("left", "right") for part in ("knee", "ankle")]
    arms = [AT[f"{side}_{part}"] - 1 for side in ("left", "right") for part in ("elbow", "wrist")]
    assert np.abs(lengths(made)[:, legs] / lengths(given)[:, legs] - 1).max() < 0.11
    assert np.abs(lengths(made)[:, arms] / lengths(donors)[:, arms] - 1).max() < 0.11
    # a trunk leans from the vertical as the donor's does
    lean = [one[:, AT["thorax"], 1] - one[:, AT["pelvis"], 1] for one in (made, donors)]
    assert np.abs(lean[0] - lean[1]).max() < 0.07


def test_bodies_bend_at_the_waist_and_the_legs_stay() -> None:
    given = poses(200)
    config = replace(PLAIN, bend=1.0)
    made = varied(given, given, config)
    plain = varied(given, given, PLAIN)
    legs = [AT[f"{side}_{part}"] for side in ("left", "right") for part in ("knee", "ankle")]
    # the same draws until the bend: compare what the legs look like, mirrored or not
    drop = given[:, AT["thorax"], 1] - made[:, AT["thorax"], 1]
    assert drop.mean() > 0.03
    assert np.abs(np.sort(made[:, legs, 1]) - np.sort(given[:, legs, 1])).max() < 0.1
    assert np.abs(np.sort(plain[:, legs, 1]) - np.sort(given[:, legs, 1])).max() < 0.1


def test_conventions_move_hips_and_shoulders_along_the_body() -> None:
    given = poses(300)
    higher = {
        "one": Convention(1.0, (1.5, 1.5), (0.8, 0.8), (0.05, 0.05), (0.0, 0.0), derived=True)
    }
    made = varied(given, given, replace(PLAIN, conventions=higher))
    plain = varied(given, given, PLAIN)
    for part, factor in (("hip", 1.5), ("shoulder", 0.8)):
        wide, own = (
            np.linalg.norm(one[:, AT[f"left_{part}"]] - one[:, AT[f"right_{part}"]], axis=1)
            for one in (made, plain)
        )
        assert (wide / own).mean() == pytest.approx(factor, rel=0.02)
    assert np.abs(made[:, 0]).max() == 0  # relative to the pelvis, which went up with the hips
    trunk = [np.linalg.norm(one[:, AT["spine"]], axis=1).mean() for one in (made, plain)]
    assert 0.03 < trunk[1] - trunk[0] < 0.055
    assert sum(one.share for one in CONVENTIONS.values()) == pytest.approx(1.0)


def test_heads_are_worst_from_behind_and_bent() -> None:
    rest = pose_bodies(
        random_bodies(np.random.default_rng(0), 1),
        angles_from_drive(np.zeros((1, len(ANGLES)))),
    )[0]
    front = rest * np.array([1, -1, -1], np.float32)  # faces +z of the world: now the camera
    behind = rest * np.array([-1, -1, 1], np.float32)
    lying = front[:, [1, 0, 2]] * np.array([1, -1, 1], np.float32)
    trouble = head_trouble(np.stack([front, behind, lying]))
    assert body_frame(behind[None], "chest")[0, 2, 2] > 0.9
    assert trouble[0] == pytest.approx(0.4, abs=0.15)
    assert trouble[1] == pytest.approx(1.2, abs=0.15)
    assert trouble[2] == pytest.approx(1.2, abs=0.2)
