"""Who is who over time, when a file does not say."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from io_samples import STANDING, walker
from poselift.errors import PoseliftError
from poselift.io import load_people, load_poses
from poselift.poses import Detections
from poselift.skeletons import COCO_17
from poselift.tracking import Tracker, link, people_of
from poselift.tracking.assignment import assign


def table(
    *people: tuple[np.ndarray, np.ndarray], ids: list[int] | None = None, fps: float = 30.0
) -> Detections:
    """Detections of persons given as (frames, points), rows of a frame in the given order."""
    frames = np.concatenate([frames for frames, _ in people])
    points = np.concatenate([points for _, points in people]).astype(np.float32)
    order = np.argsort(frames, kind="stable")
    names = np.repeat(ids or [-1] * len(people), [len(frames) for frames, _ in people])
    return Detections(
        frames=frames[order].astype(np.int64),
        keypoints=points[order],
        scores=np.ones(points.shape[:2], np.float32),
        person_ids=names[order].astype(np.int64),
        skeleton=COCO_17,
        fps=fps,
        image_size=None,
        frame_count=int(frames.max()) + 1,
        source="test",
    )


@pytest.mark.parametrize("camera", ["cam01", "cam03"])
@pytest.mark.parametrize("kind", ["{}_json", "{}_body25b.json"])
def test_main_person_is_the_participant(shared: Path, camera: str, kind: str) -> None:
    folder = shared / "data" / "pose2sim" / "balancing"
    truth = json.loads((folder / f"{camera}_body25b.json").read_text())["frames"]
    main = load_poses(folder / kind.format(camera))
    same = 0
    for row, frame in enumerate(main.frames):
        chosen = truth[frame]["associated"][0]
        if chosen is not None:
            expected = np.array(truth[frame]["people"][chosen]).reshape(25, 3)
            seen = expected[:, 2] > 0
            same += bool(np.allclose(main.positions[row][seen], expected[seen, :2], atol=1e-3))
    known = sum(frame["associated"][0] is not None for frame in truth)
    assert same >= 0.98 * known


@pytest.mark.parametrize("hidden", [0, 8, 16])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("online", [False, True])
def test_numbers_survive_crossings(hidden: int, both: bool, online: bool) -> None:
    """Two alike walk through each other; one or both are hidden for up to 16 frames."""
    frames = np.arange(60)
    right, left = walker(60, x=200, speed=4), walker(60, x=436, speed=-4)
    middle = np.abs(frames - 29.5) < hidden / 2
    shown_right = ~middle if both else np.ones(60, bool)
    found = table((frames[shown_right], right[shown_right]), (frames[~middle], left[~middle]))
    if online:
        tracker, numbers = Tracker(), []
        for frame in frames:
            rows = found.keypoints[found.frames == frame]
            numbers.extend(tracker.update(frame / 30, rows))
        found = replace(found, person_ids=np.array(numbers))
    people = {one.person_id: one for one in people_of(found)}
    assert sorted(people) == [0, 1]
    np.testing.assert_allclose(people[0].positions, right[shown_right], rtol=1e-6)
    np.testing.assert_allclose(people[1].positions, left[~middle], rtol=1e-6)


@pytest.mark.parametrize("rate", [0.5, 1.0, 1.9])
def test_one_person_at_a_low_rate_is_one_person(rate: float) -> None:
    """Walking at 1.3 m/s, 1.75 m being 170 px."""
    points = walker(20, speed=1.3 / 1.75 * 170 / rate)
    assert len(people_of(table((np.arange(20), points), fps=rate))) == 1


def test_every_60th_frame_of_a_file_without_a_rate_is_one_person(shared: Path) -> None:
    """Frame numbers in steps of 60, which 30 frames a second make two seconds apart."""
    folder = shared / "cases" / "every_60th_frame" / "frames"
    assert len(load_people(folder)) == 1


def test_two_persons_who_cross_keep_their_numbers() -> None:
    right = walker(60, x=200, speed=5)
    left = walker(60, x=500, speed=-5, scale=1.3)
    frames = np.arange(60)
    people = people_of(table((frames, right), (frames, left)))
    assert [len(one) for one in people] == [60, 60]
    by_id = {one.person_id: one for one in people}
    np.testing.assert_allclose(by_id[0].positions, right, rtol=1e-6)
    np.testing.assert_allclose(by_id[1].positions, left, rtol=1e-6)


@pytest.mark.parametrize(("gap", "persons"), [(1, 1), (29, 1), (59, 1), (62, 2), (300, 2)])
def test_a_person_is_taken_up_again_within_two_seconds(gap: int, persons: int) -> None:
    frames = np.concatenate([np.arange(10), np.arange(10) + 9 + gap])
    assert len(people_of(table((frames, walker(20, speed=0.5))))) == persons


def test_a_jump_to_somebody_far_away_is_somebody_else_and_back() -> None:
    points = walker(30)
    points[10:15] += [900, 0]
    numbers = link(table((np.arange(30), points)))
    assert numbers.tolist() == [0] * 10 + [1] * 5 + [0] * 15


def test_numbers_are_never_given_twice() -> None:
    frames = np.concatenate([np.arange(5) + 100 * k for k in range(4)])
    numbers = link(table((frames, np.tile(walker(5), (4, 1, 1)))))
    assert numbers.tolist() == np.repeat([0, 1, 2, 3], 5).tolist()


def test_numbers_of_the_source_are_kept_and_not_reused() -> None:
    frames = np.arange(4)
    found = table((frames, walker(4)), (frames, walker(4, x=900)), ids=[7, -1])
    assert sorted({one.person_id for one in people_of(found)}) == [7, 8]
    jumping = np.where(np.arange(4)[:, None, None] % 2, walker(4), walker(4, x=2000))
    assert len(people_of(table((frames, jumping), ids=[5]))) == 1


def test_wrong_and_missing_joints_do_not_part_a_person() -> None:
    rng = np.random.default_rng(0)
    points = walker(200)
    points[rng.random(points.shape[:2]) < 0.1] += 300
    points[rng.random(points.shape[:2]) < 0.2] = np.nan
    main = people_of(table((np.arange(200), points)))[0]
    assert len(main) >= 198


def test_large_and_often_seen_comes_first() -> None:
    frames = np.arange(50)
    small = (frames, walker(50, x=100, scale=0.6))
    large = (frames, walker(50, x=800, scale=1.5))
    brief = (np.arange(2), walker(2, x=1500, scale=2.0))
    assert [one.person_id for one in people_of(table(small, large, brief))] == [1, 0, 2]


def test_sudden_crowd_is_refused() -> None:
    points = np.repeat(STANDING[None], 501, axis=0)
    with pytest.raises(PoseliftError, match="frame 0: expected at most 500 persons, got 501"):
        link(table((np.zeros(501, dtype=int), points)))


def test_link_does_not_depend_on_the_order_within_frames() -> None:
    frames = np.arange(40)
    people = [
        (frames, walker(40, x=x, speed=v, scale=s))
        for x, v, s in ((100, 6, 1.0), (400, -3, 1.2), (700, 1, 0.8))
    ]
    for order in itertools.permutations(range(3)):
        found = people_of(table(*[people[i] for i in order]))
        middles = sorted(round(float(np.mean(one.positions))) for one in found)
        assert [len(one) for one in found] == [40, 40, 40]
        assert middles == sorted(round(float(np.mean(points))) for _, points in people)


@given(
    st.integers(1, 4),
    st.integers(1, 4),
    st.floats(0.1, 2.0),
    st.integers(0, 2**32 - 1),
)
def test_assignment_is_optimal(rows: int, columns: int, gate: float, seed: int) -> None:
    cost = np.random.default_rng(seed).uniform(0, 2, (rows, columns))
    pairs = assign(cost, gate)
    assert len({r for r, _ in pairs}) == len({c for _, c in pairs}) == len(pairs)

    def total(chosen: list[tuple[int, int]]) -> float:
        return sum(cost[r, c] for r, c in chosen) + gate * (rows - len(chosen))

    options = []
    for choice in itertools.product(range(-1, columns), repeat=rows):
        used = [c for c in choice if c >= 0]
        if len(set(used)) == len(used):
            options.append(total([(r, c) for r, c in enumerate(choice) if c >= 0]))
    assert total(pairs) == pytest.approx(min(options))
    assert all(cost[r, c] <= gate for r, c in pairs)
