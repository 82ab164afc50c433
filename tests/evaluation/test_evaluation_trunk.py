"""Trunk lean, by poses of which it is known."""

from __future__ import annotations

import numpy as np
import pytest

from poselift.errors import PoseliftError
from poselift.evaluation import standing, trunk_lean
from poselift.geometry import about_axis
from poselift.skeletons import H36M_17

AT = {joint: index for index, joint in enumerate(H36M_17.joints)}


def upright(count: int = 1) -> np.ndarray:
    pose = np.zeros((17, 3))
    pose[AT["thorax"]] = (0, -0.5, 0)
    for side, x in (("left", 0.1), ("right", -0.1)):
        pose[AT[f"{side}_hip"]] = (x, 0, 0)
        pose[AT[f"{side}_knee"]] = (x, 0.4, 0)
    return np.repeat(pose[None], count, axis=0)


@pytest.mark.parametrize(
    ("axis", "sign", "what"), [("x", 1, "towards the camera"), ("z", 1, "to the right")]
)
@pytest.mark.parametrize("degrees", [-7.0, 3.0])
def test_a_lean_of_known_size(axis: str, sign: int, what: str, degrees: float) -> None:
    turn = about_axis(axis, np.array(np.deg2rad(sign * degrees)))
    lean = trunk_lean(upright(5) @ turn.T, upright(5), H36M_17)
    assert lean["between"] == pytest.approx(abs(degrees))
    assert lean[what] == pytest.approx(degrees)
    other = {"towards the camera", "to the right"} - {what}
    assert lean[other.pop()] == pytest.approx(0.0, abs=1e-9)


def test_what_is_on_both_sides_is_no_common_lean() -> None:
    turns = [about_axis("z", np.array(np.deg2rad(angle))) for angle in (-4.0, 4.0)]
    leaning = np.concatenate([upright() @ turn.T for turn in turns])
    lean = trunk_lean(leaning, upright(2), H36M_17)
    assert lean["between"] == pytest.approx(4.0)
    assert lean["to the right"] == pytest.approx(0.0, abs=1e-9)


def test_who_stands() -> None:
    sitting = upright()
    sitting[:, AT["left_knee"]] = (0.1, 0.0, -0.4)
    bent = upright()
    bent[:, AT["thorax"]] = (0, -0.4, -0.3)
    lying = upright()[..., [1, 0, 2]]
    poses = np.concatenate([upright(), sitting, bent, lying])
    assert standing(poses, H36M_17).tolist() == [True, False, False, False]


def test_nobody_is_an_error() -> None:
    with pytest.raises(PoseliftError, match="trunk lean: there is no pose to measure"):
        trunk_lean(upright(0), upright(0), H36M_17)
