"""Root, floor and world: exact on a walk that is known, sensible where little is known."""

from __future__ import annotations

import numpy as np
import pytest

from motion_samples import seen, sequence, walk
from poselift.errors import PoseliftError
from poselift.motion import (
    Calibration,
    Floor,
    Lens,
    Options,
    find_contacts,
    find_floor,
    place,
    refine,
    stand,
    to_world,
)
from poselift.motion.floor import ANKLE, up_of_tilt
from poselift.motion.skeleton import bone_vectors
from poselift.poses import AXES_WORLD, Person, PoseSequence, Results
from poselift.skeletons import H36M_17

CAMERA = Calibration((1000, 1000), (1200.0, 1200.0), (500.0, 500.0), source="known")
ANKLES = [H36M_17.index("left_ankle"), H36M_17.index("right_ankle")]


def trembling(poses: PoseSequence, rng: np.random.Generator, size: float) -> PoseSequence:
    """Poses with noise that is smooth in time, the root at 0."""
    noise = np.cumsum(rng.normal(0, size, poses.positions.shape), axis=0)
    noise -= noise.mean(axis=0)
    positions = poses.positions + noise / 5
    return sequence(positions - positions[:, :1])


def test_the_root_of_exact_poses_is_exact() -> None:
    world, _ = walk(60)
    poses_2d, poses, root = seen(world)
    placed = place(poses_2d, poses, CAMERA)
    np.testing.assert_allclose(placed.root[5:-5], root[5:-5], atol=5e-3)
    np.testing.assert_allclose(placed.positions, poses.positions, atol=2e-3)
    assert (placed.tracks["root_std"][:, 2] > placed.tracks["root_std"][:, 0]).all()


def test_depth_grows_with_the_size_and_the_focal_length() -> None:
    world, _ = walk(30)
    poses_2d, poses, root = seen(world)
    larger = place(poses_2d, sequence(1.1 * poses.positions), CAMERA)
    np.testing.assert_allclose(larger.root[:, 2] / root[:, 2], 1.1, atol=0.01)
    longer = Calibration((1000, 1000), (1440.0, 1440.0), (500.0, 500.0))
    far = place(poses_2d, poses, longer)
    assert far.root[:, 2].mean() / root[:, 2].mean() == pytest.approx(1.2, abs=0.02)
    guessed = place(poses_2d, poses, Calibration.of_focal((1000, 1000)))
    assert (guessed.tracks["root_std"][:, 2] > 2 * far.tracks["root_std"][:, 2]).all()


def test_bones_scaled_to_a_height_stand_a_little_nearer_and_surer() -> None:
    """What scaling stretches across the line of sight is taken off the depth, along the rays."""
    world, _ = walk(30)
    poses_2d, poses, _ = seen(world)
    told, plain = (place(poses_2d, poses, CAMERA, height_known=known) for known in (True, False))
    np.testing.assert_allclose(told.root[:, 2] / plain.root[:, 2], 0.978, atol=1e-3)
    np.testing.assert_array_equal(told.positions, plain.positions)
    assert (told.tracks["root_std"][:, 2] < plain.tracks["root_std"][:, 2]).all()


def test_one_wild_joint_does_not_move_the_root() -> None:
    world, _ = walk(30)
    poses_2d, poses, root = seen(world)
    pixels = poses_2d.positions.copy()
    pixels[:, H36M_17.index("left_wrist")] += 300
    hit = PoseSequence.from_2d(pixels, H36M_17, fps=30.0, image_size=(1000, 1000))
    placed = place(hit, poses, CAMERA)
    assert np.abs(placed.root - root).max() < 0.06
    assert np.abs(placed.positions - poses.positions).max() < 0.03


def test_frames_that_show_too_little_have_no_root() -> None:
    world, _ = walk(60)
    poses_2d, poses, root = seen(world)
    pixels = poses_2d.positions.copy()
    pixels[20:40, 5:] = np.nan
    pixels[50:52] = np.nan
    few = PoseSequence.from_2d(pixels, H36M_17, fps=30.0, image_size=(1000, 1000))
    placed = place(few, poses, CAMERA)
    assert np.isnan(placed.root[20:40]).all()
    np.testing.assert_allclose(placed.root[50:52], root[50:52], atol=0.02)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_few_frames(frames: int) -> None:
    world, _ = walk(frames)
    poses_2d, poses, root = seen(world)
    results = Results((Person(poses_2d, poses),))
    out = refine(results, Options(world=True, lens=Lens(focal=1200.0))).people[0].poses_3d
    assert out.axes == AXES_WORLD
    assert np.isfinite(out.root).all()
    assert out.placed[:, ANKLES, 1].min() == pytest.approx(ANKLE, abs=0.1)
    assert root[0, 2] > 0


def test_contacts_are_found() -> None:
    world, stands = walk()
    poses_2d, poses, _ = seen(world)
    contacts = find_contacts(place(poses_2d, poses, CAMERA), up_of_tilt(12.0)) == 1
    assert (contacts & stands).sum() > 0.85 * stands.sum()
    assert (contacts & stands).sum() > 0.85 * contacts.sum()


def test_the_floor_is_found_under_the_feet() -> None:
    world, _ = walk(240)
    poses_2d, poses, _ = seen(world)
    placed = place(poses_2d, poses, CAMERA)
    true = up_of_tilt(12.0)
    for floor in (find_floor([placed]), find_floor([placed], true, "told")):
        assert np.degrees(np.arccos(floor.up @ true)) < 2
        assert floor.level == pytest.approx(-1.6, abs=0.05)


def test_standing_feet_do_not_drift_and_bones_keep_their_lengths() -> None:
    world, _ = walk(240)
    poses_2d, poses, root = seen(world)
    shaky = trembling(poses, np.random.default_rng(1), 0.01)
    options = Options(floor=12.0, lens=Lens(focal=1200.0))
    out = refine(Results((Person(poses_2d, shaky),)), options).people[0].poses_3d
    contacts = out.tracks["contacts"] == 1
    assert contacts.sum() > 100
    for side in (0, 1):
        number = np.cumsum(np.diff(contacts[:, side], prepend=False))  # changes at both ends
        for one in np.unique(number[contacts[:, side]]):
            stood = out.placed[contacts[:, side] & (number == one), ANKLES[side]]
            assert np.linalg.norm(stood - stood[0], axis=1).max() < 0.01
    heights = out.placed[:, ANKLES] @ up_of_tilt(12.0)
    assert heights.min() > np.median(heights[contacts]) - 1e-3  # nothing goes through the floor
    lengths = np.linalg.norm(bone_vectors(out.positions, H36M_17), axis=-1)
    assert np.ptp(lengths, axis=0).max() < 1e-4
    assert np.abs(out.root - root).mean() < 0.06


def test_the_world_is_upright_and_keeps_distances() -> None:
    world, _ = walk(120)
    poses_2d, poses, _ = seen(world)
    placed = place(poses_2d, poses, CAMERA)
    floor = Floor(up_of_tilt(12.0), -1.6, "told")
    upright = to_world(placed, floor, placed.root[0].astype(np.float64))
    np.testing.assert_allclose(floor.rotation @ floor.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(floor.rotation) == pytest.approx(1)
    moved = upright.placed - upright.placed[0, 0]
    np.testing.assert_allclose(moved, world - world[0, 0], atol=0.02)
    np.testing.assert_allclose(upright.placed[..., 1], world[..., 1], atol=0.03)
    assert upright.root[0, [0, 2]] == pytest.approx([0, 0], abs=1e-6)


def test_two_persons_share_one_world() -> None:
    world, _ = walk(90)
    people = []
    for number, shift in enumerate(([0, 0, 0], [0.5, 0, -1.0])):
        poses_2d, poses, _ = seen(world + shift)
        people.append(
            Person(
                PoseSequence.from_2d(
                    poses_2d.positions, H36M_17, fps=30.0, image_size=(1000, 1000), person_id=number
                ),
                sequence(poses.positions, person_id=number),
            )
        )
    out = refine(Results(tuple(people)), Options(world=True, lens=Lens(focal=1200.0)))
    first, second = (one.poses_3d.root for one in out.people)
    np.testing.assert_allclose((second - first).mean(axis=0), [0.5, 0, -1.0], atol=0.08)
    assert out.meta["camera"]["focal_px"] == [1200.0, 1200.0]
    assert out.meta["floor"]["source"].startswith("from people who stand")


def test_every_step_is_in_the_history() -> None:
    world, _ = walk(60)
    poses_2d, poses, _ = seen(world)
    results = Results((Person(poses_2d, poses),))
    options = Options(height=1.7, world=True, lens=Lens(fov=45.0))
    words = [step.partition(":")[0] for step in refine(results, options).people[0].poses_3d.history]
    assert words == ["smoothed", "bones", "root", "floor", "world"]
    assert refine(results, Options()).people[0].poses_3d.root is None


def test_nobody_anywhere_and_no_2d_are_refused() -> None:
    world, _ = walk(10)
    poses_2d, poses, _ = seen(world)
    gone = sequence(np.full((10, 17, 3), np.nan))
    with pytest.raises(PoseliftError, match="nobody is placed in any frame"):
        refine(Results((Person(poses_2d, gone),)), Options(world=True))
    with pytest.raises(PoseliftError, match="person 0: to be placed it needs 2D keypoints"):
        refine(Results((Person.only_3d(poses),)), Options(root=True))
    with pytest.raises(PoseliftError, match="find the root first"):
        stand(poses, Floor(up_of_tilt(0.0), -1.6, ""))
    with pytest.raises(PoseliftError, match="--floor calibration needs a calibration that says"):
        refine(Results((Person(poses_2d, poses),)), Options(floor="calibration"))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"bones": "elastic"}, "expected --bones as one of"),
        ({"floor": "moon"}, "expected --floor as one of"),
        ({"floor": "95"}, "tilt between -90 and 90"),
        ({"height": -1.0}, "height in metres"),
    ],
)
def test_options_that_do_not_exist(changes: dict, says: str) -> None:
    with pytest.raises(PoseliftError, match=says):
        Options(**changes)


def test_a_longer_gap_stays_a_gap_everywhere() -> None:
    world, _ = walk(120)
    poses_2d, poses, _ = seen(world)
    positions = poses.positions.copy()
    positions[40:70] = np.nan
    results = Results((Person(poses_2d, sequence(positions)),))
    out = refine(results, Options(world=True, lens=Lens(focal=1200.0))).people[0].poses_3d
    assert np.isnan(out.positions[40:70]).all()
    assert np.isfinite(out.placed[:40]).all()
    assert np.isfinite(out.placed[70:]).all()


def test_somebody_who_is_never_placed_does_not_matter_to_the_others() -> None:
    poses_2d, poses, _ = seen(walk(2)[0])
    pixels = np.full(poses_2d.positions.shape, np.nan, np.float32)
    pixels[:, :3] = 5.0  # too little to be placed
    hidden = PoseSequence.from_2d(pixels, H36M_17, fps=30.0, image_size=(1000, 1000), person_id=1)
    people = (Person(poses_2d, poses), Person(hidden, sequence(poses.positions, person_id=1)))
    out = refine(Results(people), Options(world=True, lens=Lens(focal=1200.0)))
    first, second = (one.poses_3d for one in out.people)
    assert np.isfinite(first.root).all()
    assert np.isnan(second.root).all()
    assert np.isfinite(second.positions).all()
