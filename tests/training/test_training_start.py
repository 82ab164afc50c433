"""Trainings that start from weights."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from rich.console import Console

from poselift.errors import PoseliftError
from poselift.models import build, load_model, save_model
from poselift.training import start_from, train
from poselift.training.report import LineReporter
from training_fixtures import TINY, tiny_config, tiny_data

CARD = {"name": "mine", "skeleton": "h36m_17", "normalisation": "gridconv", "units": "m"}


def weights(folder: Path, architecture: str = "gln") -> str:
    torch.manual_seed(7)
    save_model(folder, build(architecture, {**TINY[architecture], "dropout": 0.2}), CARD)
    return str(folder)


def test_a_training_starts_where_the_weights_are(tmp_path: Path) -> None:
    """At a rate of nothing the best weights are those it started from; a fresh run's are not."""
    source = weights(tmp_path / "first")
    config = start_from(tiny_config(lr=1e-12, epochs=1, model={"dropout": 0.1}), source)
    assert config.normalisation == "gridconv"
    assert config.model["channels"] == TINY["gln"]["channels"]
    assert config.model["dropout"] == 0.2  # that of the weights, not of the recipe
    assert config.model["anneal_epochs"] == config.model["gumbel_off_epoch"] == 0.0
    train(config, tiny_data(), tmp_path / "run", device="cpu", export=False)
    first, _ = load_model(source)
    found, card = load_model(tmp_path / "run")
    assert card["recipe"]["init"] == source
    for (name, ours), (_, theirs) in zip(
        found.named_parameters(), first.named_parameters(), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6, msg=name)
    assert torch.equal(
        found.get_buffer("expand.layer.attention.temperature"),
        first.get_buffer("expand.layer.attention.temperature"),
    )


def test_what_it_began_with_is_kept_where_no_epoch_betters_it(tmp_path: Path) -> None:
    """The data are learnt first, then a rate that is far too high undoes that."""
    data, source = tiny_data(), tmp_path / "first"
    learnt = train(tiny_config("martinez"), data, source, device="cpu", export=False)
    config = start_from(tiny_config("martinez", epochs=2, lr=10.0), str(source))
    said = io.StringIO()
    options = {"device": "cpu", "reporter": LineReporter(Console(file=said)), "export": False}
    result = train(config, data, tmp_path / "run", **options)
    error = learnt.best["val_mpjpe_mm"]
    assert result.best == {
        **{"epoch": 0, "step": 0, "samples": 0},
        "val_loss": learnt.best["val_loss"],
        "val_mpjpe_mm": error,
    }
    assert f"before the first step  validation loss {learnt.best['val_loss']:.5g}  MPJPE" in (
        said.getvalue()
    )
    (_, first, *others) = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert first.startswith("0,0,0,,,")
    assert len(others) == 2
    kept, theirs = (load_model(folder)[0] for folder in (tmp_path / "run", source))
    for (name, ours), value in zip(
        kept.state_dict().items(), theirs.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, value), name
    again = train(config, data, tmp_path / "run", **options, resume=True)
    assert (again.best, again.was_finished) == (result.best, True)


def test_it_is_resumed_from_its_own_checkpoint(tmp_path: Path) -> None:
    source = weights(tmp_path / "first", "martinez")
    config = start_from(tiny_config("martinez", epochs=2), source)
    train(config, tiny_data(), tmp_path / "run", device="cpu", export=False)
    again = train(config, tiny_data(), tmp_path / "run", device="cpu", resume=True, export=False)
    assert again.was_finished


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"architecture": "martinez"}, "expected a network of architecture martinez, found gln"),
        ({"target": "pixel_depth"}, "its network gives pose, not pixel_depth; give --target"),
    ],
)
def test_other_networks_are_refused(changes: dict[str, str], sentence: str, tmp_path: Path) -> None:
    source = weights(tmp_path / "first")
    architecture = changes.pop("architecture", "gln")
    with pytest.raises(PoseliftError, match=sentence):
        start_from(tiny_config(architecture, **changes), source)
