"""A learnt layout in training: it moves and is logged; older runs go on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console

from poselift.errors import PoseliftError
from poselift.models.checkpoint import load_model
from poselift.models.registry import build
from poselift.skeletons import get_skeleton
from poselift.training import TrainingConfig, reporter_for, train
from poselift.training.checkpoint import newest_folder, read_progress
from poselift.training.layouts import read_layouts
from poselift.training.step import TrainingStep
from training_fixtures import TINY, tiny_config, tiny_data

QUICK = {**TINY["gln"], "blocks": 0}


def run(config: TrainingConfig, folder: Path, *, resume: bool = False) -> Path:
    train(config, tiny_data(), folder, device="cpu", resume=resume, export=False)
    return folder


@pytest.mark.parametrize(
    ("skeleton", "grid"),
    [("h36m_16", (5, 5)), ("h36m_32", (7, 5)), ("coco_17", (5, 5)), ("body_25", (6, 5))],
)
def test_any_skeleton_and_grid_is_searched(skeleton: str, grid: tuple[int, int]) -> None:
    model = {**QUICK, "skeleton": skeleton, "grid": grid, "gumbel_off_epoch": 1.0}
    config = tiny_config(model=model, ema_decay=0.9, grad_clip=1.0, weight_decay=0.1)
    step = TrainingStep(build("gln", dict(config.model)), config, "cpu")
    rng, joints = torch.Generator().manual_seed(0), len(get_skeleton(skeleton))
    batch = torch.randn(16, joints, 2, generator=rng), torch.randn(16, joints, 3, generator=rng)
    (scores,) = step.model.layout_scores()
    seen = [scores.detach().clone()]
    for number in range(1, 5):
        step.prepare(lr=1e-3, epoch=number / 3 - 0.01, number=number)
        step(*batch)
        seen.append(scores.detach().clone())
    assert not torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[1], seen[2])
    assert torch.equal(seen[3], seen[4])  # settled, momentum and weight decay or not
    assert step.average is not None
    (kept,) = step.average.layout_scores()
    assert torch.equal(kept, scores)  # a layout is no mean of others


def test_layouts_are_logged(tmp_path: Path) -> None:
    config = tiny_config(model=QUICK, epochs=4, ema_decay=0.9, layout_lr=10.0)
    whole = run(config, tmp_path / "whole")
    log = read_layouts(whole)
    assert [epoch for epoch, _ in log.layouts] == [0, 1, 2, 3, 4]
    assert [len(log.drawn[epoch]) for epoch in range(5)] == [3, 3, 0, 0, 0]  # noise ends after 2
    layouts = [layout for _, layout in log.layouts]
    assert layouts[0] != layouts[2] == layouts[4]
    network, _ = load_model(whole)
    assert network.layout() == layouts[4]


@pytest.mark.parametrize("terminal", [False, True])
def test_how_many_nodes_have_moved_is_said(terminal: bool, tmp_path: Path) -> None:
    config = tiny_config(model=QUICK, epochs=3, layout_lr=10.0)
    with (tmp_path / "log").open("w") as stream:
        console = Console(file=stream, force_terminal=terminal, width=200)
        options = {"device": "cpu", "reporter": reporter_for(console), "export": False}
        result = train(config, tiny_data(), tmp_path / "run", **options)
    assert result.moved is not None
    moved, nodes = result.moved
    assert 0 < moved <= nodes == 25
    assert f"{moved} of 25 nodes moved" in (tmp_path / "log").read_text()
    with (tmp_path / "log").open("w") as stream:
        reporter = reporter_for(Console(file=stream))
        plain = tiny_config("martinez", epochs=1)
        train(plain, tiny_data(), tmp_path / "two", device="cpu", reporter=reporter, export=False)
    assert "nodes" not in (tmp_path / "log").read_text()


def test_a_run_of_before_there_was_a_choice_goes_on_as_it_was(tmp_path: Path) -> None:
    """Its files know no estimator and no layouts; what it is called now is straight-through."""
    paper = tiny_config(model={**QUICK, "estimator": "straight_through"}, epochs=2)
    folder = run(paper, tmp_path / "run")
    stored = json.loads((folder / "config.json").read_text())
    del stored["model"]["estimator"]
    (folder / "config.json").write_text(json.dumps(stored))
    last = newest_folder(folder / "checkpoints", "last")
    assert last is not None
    progress = json.loads((last / "training.json").read_text())
    del progress["layouts"]
    (last / "training.json").write_text(json.dumps(progress))
    assert read_progress(last).layouts == []
    with pytest.raises(PoseliftError, match="estimator straight_through, not score_function"):
        run(replace(paper, model=QUICK), folder, resume=True)
    run(paper, folder, resume=True)


@pytest.mark.parametrize(
    "damage",
    [
        "[]",
        '{"layouts": 3}',
        '{"layouts": [{"epoch": 0, "nodes": [0, 1], "drawn": [[0]]}]}',
        '{"layouts": [{"epoch": 0, "nodes": [-1], "drawn": []}]}',
        '{"layouts": [{"epoch": "x", "nodes": [1], "drawn": []}]}',
    ],
)
def test_damaged_layouts_are_refused(damage: str, tmp_path: Path) -> None:
    (tmp_path / "layouts.json").write_text(damage)
    with pytest.raises(PoseliftError, match=r"layouts\.json: not the layouts of a run"):
        read_layouts(tmp_path)


def test_a_run_without_a_learnt_layout_has_none(tmp_path: Path) -> None:
    run(tiny_config("martinez", epochs=1), tmp_path / "run")
    with pytest.raises(PoseliftError, match=r"has no layouts\.json; a training of gln"):
        read_layouts(tmp_path / "run")


def test_a_group_of_one_batch_teaches_nothing() -> None:
    config = tiny_config(model={**QUICK, "gumbel_off_epoch": 1.0}, batch_size=4)
    step = TrainingStep(build("gln", dict(config.model)), config, "cpu")
    (scores,) = step.model.layout_scores()
    before = scores.detach().clone()
    step.prepare(lr=1e-3, epoch=0.0, number=1)
    step(torch.randn(4, 17, 2), torch.randn(4, 17, 3))
    assert torch.equal(scores, before)
