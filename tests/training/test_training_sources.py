"""What an epoch holds: parts of fixed data, and loaders that are asked for splits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lifting_samples import made_up
from poselift.datasets import human36m_layouts
from poselift.models import build
from poselift.training import DataSpec, FixedSource, make_config, open_data
from poselift.training import sources as sources_module
from poselift.training.sources import PartSource
from poselift.training.step import parameter_groups

ROOT = Path("nowhere")


def numbered(count: int) -> FixedSource:
    """Samples whose number is their first coordinate."""
    inputs = np.zeros((count, 17, 2), np.float32)
    inputs[:, 0, 0] = np.arange(count)
    targets = np.zeros((count, 17, 3), np.float32)
    targets[:, 0, 0] = np.arange(count)
    return FixedSource(inputs, targets)


def test_a_part_is_another_one_in_every_epoch() -> None:
    source = PartSource(numbered(100), 30, seed=5)
    (first, targets), (second, _) = source.epoch(0), source.epoch(1)
    numbers = first[:, 0, 0]
    assert len(set(numbers.tolist())) == 30
    np.testing.assert_array_equal(numbers, targets[:, 0, 0])
    assert set(numbers.tolist()) != set(second[:, 0, 0].tolist())
    np.testing.assert_array_equal(PartSource(numbered(100), 30, seed=5).epoch(0)[0], first)
    assert set(PartSource(numbered(100), 30, 6).epoch(0)[0][:, 0, 0]) != set(numbers)


def test_a_part_is_never_more_than_the_whole() -> None:
    inputs, _ = PartSource(numbered(10), 30, seed=0).epoch(0)
    assert sorted(inputs[:, 0, 0].tolist()) == list(range(10))


def test_open_data_asks_for_splits_and_takes_a_part() -> None:
    asked = []

    def load(config: object, split: str) -> object:
        asked.append(split)
        return made_up("h36m_17", len(asked))

    config = make_config("gln", DataSpec("cmu17", ROOT, samples=50), epochs=1)
    data = open_data(config, load)  # type: ignore[arg-type]
    assert asked == ["train", "val"]
    assert len(data.source.epoch(0)[0]) == 50
    assert len(data.validation.inputs) == 450
    whole = open_data(replace(config, data=DataSpec("cmu17", ROOT)), load)  # type: ignore[arg-type]
    assert len(whole.source.epoch(0)[0]) == 450


@pytest.mark.parametrize(
    ("variant", "expected"), [("ground_truth", "gt"), ("detected", "cpn"), ("hrnet", "hrnet")]
)
def test_human36m_is_opened_with_the_detections_asked_for(
    variant: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {}

    def stand_in(root: Path, split: str, detections: str, **more: object) -> object:
        del more["progress"]
        asked.update(more, root=root, split=split, detections=detections)
        return made_up("h36m_16", 0)

    monkeypatch.setattr(human36m_layouts, "open_human36m", stand_in)
    spec = DataSpec("h36m", ROOT, variant="detected", detections="hrnet")
    if variant != "hrnet":
        spec = DataSpec("h36m", ROOT, variant=variant)
    config = make_config("martinez", spec, epochs=1)
    config = replace(config, model={"skeleton": "h36m_16"})
    sources_module.load_fixed(config, "test", drop_drifting=True)
    assert asked == {
        "root": ROOT,
        "split": "test",
        "detections": expected,
        "skeleton": "h36m_16",
        "drop_drifting": True,
    }


def test_a_learnt_layout_has_a_rate_of_its_own() -> None:
    config = make_config("gln", DataSpec("cmu17", ROOT), epochs=1)
    config = replace(config, layout_lr=5.0, model={**config.model, "channels": 4, "blocks": 0})
    network = build("gln", config.model)
    groups = parameter_groups(network, config, torch.device("cpu"))
    (scores,) = [group for group in groups if group["factor"] == 5.0]
    assert [tuple(one.shape) for one in scores["params"]] == [(25, 17)]
    assert float(scores["lr"]) == pytest.approx(5e-3)
    assert scores["constant"] == pytest.approx(0.5)  # while layouts are drawn and compared
    counted = sum(one.numel() for group in groups for one in group["params"])
    assert counted == sum(one.numel() for one in network.parameters())
    fixed = build("gln", {**config.model, "layout": "handcrafted"})
    assert len(parameter_groups(fixed, config, torch.device("cpu"))) == 2
