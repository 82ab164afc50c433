"""Files of motion that do not say what is up: people who stand tell it, others are left alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from motion_samples import sequence, walk
from poselift.io import load, save
from poselift.io.axes import AXES, turned
from poselift.io.upwards import standing_axes
from poselift.motion.angles import angles
from poselift.poses import AXES_3D, AXES_WORLD, Person, PoseSequence, Results
from poselift.skeletons import H36M_17

NAME = {"y-up": "y-up", "z-up": "z-up", "camera": "y-down, as of a camera"}


def walker() -> PoseSequence:
    """A person who walks through a room whose floor is at y = 0."""
    world, _ = walk(60)
    tracks = {"root": world[:, 0].astype(np.float32)}
    return sequence(world - world[:, :1], axes=AXES_WORLD, tracks=tracks)


def only(path: Path) -> PoseSequence:
    """The person of a file, beside which nothing stands."""
    for one in path.parent.glob("*.poselift.json"):
        one.unlink()
    return load(path).people[0].poses_3d


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("suffix", [".trc", ".bvh"])
def test_who_stands_tells_what_is_up(tmp_path: Path, suffix: str, axes: str) -> None:
    one = walker()
    save(Results((Person.only_3d(one),)), tmp_path / f"a{suffix}", axes=axes)
    found = only(tmp_path / f"a{suffix}")
    assert found.axes == AXES_WORLD
    np.testing.assert_allclose(found.placed, one.placed, atol=2e-3)
    said = [step for step in found.history if step.startswith("warning: ")]
    expected = f"taken as {NAME[axes]}, since its body stands that way"
    assert said == ([] if axes == "y-up" else [f"warning: {tmp_path / f'a{suffix}'}: {expected}"])
    lean = angles(found)["trunk_lean"]
    np.testing.assert_allclose(lean, angles(one)["trunk_lean"], atol=0.5)


@pytest.mark.parametrize("suffix", [".trc", ".bvh"])
def test_a_body_in_no_room_has_no_lean(tmp_path: Path, suffix: str) -> None:
    one = walker()
    still = sequence(one.positions * np.float32([1, -1, -1]))  # of a camera, without a path
    save(Results((Person.only_3d(still),)), tmp_path / f"a{suffix}")
    found = only(tmp_path / f"a{suffix}")
    assert found.axes == AXES_3D
    np.testing.assert_allclose(found.positions, still.positions, atol=2e-3)
    assert "axes: of a camera, since the root joint is at 0 in every frame" in found.history
    assert np.isnan(angles(found)["trunk_lean"]).all()


def test_who_does_not_stand_tells_nothing() -> None:
    stands = walker().placed.astype(np.float64)
    lying = turned(stands, "z-up", "y-up") + np.array([0.0, 0.0, 2.0])
    on_hands = stands * [1, -1, -1] + [0.0, 2.0, 0.0]
    headless = stands.copy()
    headless[:, H36M_17.index("left_ankle")] = np.nan
    for points in (stands, lying, on_hands, headless[:, ::-1], np.full_like(stands, np.nan)):
        assert standing_axes(points, H36M_17, "y-up") == "y-up"
    bent = stands.copy()
    bent[:, :, 1:] = bent[:, :, 1:] @ np.array([[0.7, 0.7], [-0.7, 0.7]])
    assert standing_axes(bent, H36M_17, "y-up") == "y-up"
    assert standing_axes(turned(stands, "y-up", "z-up"), H36M_17, "y-up") == "z-up"


def test_metres_of_a_plane_are_warned_of(tmp_path: Path) -> None:
    one = walker()
    track = one.tracks["root"] * np.float32([1, 1, 0])
    flat = sequence(one.positions * [1, 1, 0], axes=AXES_WORLD, tracks={"root": track})
    save(Results((Person.only_3d(flat),)), tmp_path / "a.trc")
    found = only(tmp_path / "a.trc")
    (said,) = [step for step in found.history if step.startswith("warning: ")]
    assert said.endswith(
        "a.trc: z is 0 in every frame: poses of a plane (Sports2D's metres), angles "
        "are those seen in it"
    )
