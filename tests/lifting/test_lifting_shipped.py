"""The weights in the package: small, complete, the same in torch, and of human shape."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from poselift import Lifter, load_poses
from poselift.geometry import normalise
from poselift.modelfiles.find import find_model, shipped_folder, shipped_models

SIZE_LIMIT_MB = {"gln": 12, "gln-small": 4, "lcn": 16, "posegraphnet": 4}


@pytest.fixture(scope="module", params=sorted(SIZE_LIMIT_MB))
def lifter(request: pytest.FixtureRequest) -> Lifter:
    return Lifter(request.param)


def test_shipped_are_these() -> None:
    assert set(shipped_models()) == set(SIZE_LIMIT_MB)


def test_card_and_size(lifter: Lifter) -> None:
    card = lifter.card
    assert len(find_model(card.name).data) < SIZE_LIMIT_MB[card.name] * 1e6
    # a smaller network of an architecture has a name that goes on: gln-small
    assert (card.architecture, card.skeleton.name) == (card.name.partition("-")[0], "h36m_17")
    beside = json.loads((shipped_folder() / f"{card.name}.json").read_text(encoding="utf-8"))
    for key in ("name", "architecture", "config", "skeleton", "normalisation"):
        assert beside[key] == card.content[key]


def test_torch_loads_the_same_weights(lifter: Lifter) -> None:
    import torch

    from poselift.models.checkpoint import load_model

    network, _ = load_model(lifter.card.name)
    keypoints = np.random.default_rng(0).uniform(200, 800, size=(5, 17, 2)).astype(np.float32)
    keypoints[2, 6] = np.nan
    pose = normalise(keypoints, lifter.card.normalisation, (1000.0, 1000.0))
    with torch.no_grad():
        outputs = network(torch.from_numpy(np.nan_to_num(pose.inputs))).numpy()
    expected = pose.to_camera(outputs)
    expected -= expected[:, :1]
    found = Lifter(lifter.card.name, flip=False, precision="fp32").lift(
        keypoints, image_size=(1000, 1000), skeleton="h36m_17"
    )
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_a_real_person_has_human_proportions(lifter: Lifter, shared: Path) -> None:
    folder = shared / "data" / "pose2sim" / "balancing" / "cam01_json"
    lifted = lifter(load_poses(folder, image_size=(1080, 1920), fps=60.0))
    poses = lifted.positions[~np.isnan(lifted.positions[:, 0, 0])]
    assert len(poses) > 90
    lengths = {
        lifted.skeleton.joints[child]: np.linalg.norm(poses[:, child] - poses[:, parent], axis=1)
        for parent, child in lifted.skeleton.edges
    }
    for part, (least, most) in {
        "knee": (0.3, 0.6),
        "ankle": (0.3, 0.6),
        "elbow": (0.18, 0.42),
        "wrist": (0.15, 0.4),
    }.items():
        left, right = np.median(lengths[f"left_{part}"]), np.median(lengths[f"right_{part}"])
        assert least < min(left, right)
        assert max(left, right) < most
        assert abs(left - right) < 0.25 * max(left, right)
    down = np.median(poses[..., 1], axis=0)  # y points down
    head, ankles = lifted.skeleton.index("head"), [3, 6]
    assert down[head] < -0.4
    assert (down[ankles] > 0.5).all()


def test_the_default_is_the_same_from_python_and_from_the_command() -> None:
    from poselift.cli import running
    from poselift.modelfiles import find

    assert running.DEFAULT_MODEL == find.DEFAULT_MODEL == Lifter().card.name
