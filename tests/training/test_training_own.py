"""Networks of joints that no catalog has learn from one's own folder, and know them afterwards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from own_samples import LAB14, make_folder
from poselift.models import load_model
from poselift.skeletons import get_skeleton
from poselift.training import DataSpec, make_config, open_data, train
from training_fixtures import TINY


@pytest.mark.parametrize(
    ("architecture", "sizes"),
    [
        ("gln", TINY["gln"]),
        ("posegraphnet", TINY["posegraphnet"]),
        ("lcn", {"width": 4, "blocks": 1}),
    ],
)
def test_own_joints_are_learnt(tmp_path: Path, architecture: str, sizes: dict[str, object]) -> None:
    folder = make_folder(tmp_path / "lab", LAB14)
    config = make_config(architecture, DataSpec("own", folder), epochs=2)
    config = replace(config, model={**config.model, **sizes, "dropout": 0.0}, batch_size=8)
    config = replace(config, threads=1)
    if architecture == "gln":
        config = replace(config, model={**config.model, "gumbel_off_epoch": 1.0})
    data = open_data(config)
    result = train(config, data, tmp_path / "run", device="cpu", export=False)
    assert result.best["val_mpjpe_mm"] > 0
    network, card = load_model(tmp_path / "run")
    assert get_skeleton(card["skeleton"]).joints[7] == "top"
    assert network(torch.zeros(2, 14, 2)).shape == (2, 14, 3)
    assert card["data"] == "lab train, ground truth"
