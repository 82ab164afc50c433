"""What the loader of official checkpoints refuses; that it converts well is in the goldens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from golden_support import Golden
from poselift.errors import PoseliftError
from poselift.models import from_official

State = dict[str, np.ndarray]


@pytest.fixture
def load(shared: Path) -> Callable[[str], State]:
    return lambda name: Golden(shared / "golden" / f"{name}.npz").group("state")


def test_prefix_of_parallel_training_and_tensors(load: Callable[[str], State]) -> None:
    state = load("martinez_17j")
    plain = from_official(state)
    prefixed = from_official({f"module.{k}": torch.from_numpy(v) for k, v in state.items()})
    inputs = torch.randn(3, 17, 2)
    assert torch.equal(plain(inputs), prefixed(inputs))
    assert not plain.training


def test_settings_reach_the_network(load: Callable[[str], State]) -> None:
    model = from_official(load("dgridconv_cr_t1"), settings={"temperature": 3.0, "dropout": 0.1})
    assert float(model.expand.layer.attention.temperature) == 3.0
    assert model.config.dropout == 0.1
    assert model.config.paddings == ("circular", "replicate")
    assert model.config.anneal_epochs == 0


DAMAGE: list[tuple[str, Callable[[State], object], str]] = [
    ("martinez_17j", lambda s: s.pop("w2.bias"), r"weight 'last\.bias' is missing"),
    ("martinez_17j", lambda s: s.pop("w2.weight"), r"weight 'last\.weight' is missing"),
    (
        "martinez_17j",
        lambda s: s.update({"w2.weight": np.ones((10, 32), np.float32)}),
        "expected 17 or 16 joints in, as many or one fewer out, found 34 values in and 10 out",
    ),
    ("martinez_17j", lambda s: s.update(w3=s["w2.bias"]), "unexpected weight 'w3'"),
    (
        "posegraphnet_uneven_widths",
        lambda s: s.update({"gc4.adj": s["adj"] + 1}),
        r"'gc4\.adj' differs from 'adj', expected copies of it",
    ),
    (
        "posegraphnet_uneven_widths",
        lambda s: s.pop("gcBlock3.residual_bn.bias"),
        r"weight 'blocks\.1\.residual_norm\.bias' is missing",
    ),
    ("posegraphnet_uneven_widths", lambda s: s.pop("gc1.bias"), "weight .* is missing"),
    ("gridconv_vanilla", lambda s: s.pop("w2.tablet_conv.weight"), "w2.branch2_weight|shrink"),
    ("dgridconv_cr_t1", lambda s: s.pop("w2.branch1_weight"), "weight .* is missing"),
    ("dgridconv_cr_t1", lambda s: s.pop("atten_conv1.bn.bias"), r"attention\.norm\.bias'"),
    (
        "dgridconv_zr_t4p5_grid7x4",
        lambda s: None,
        r"expected shape \(225, 16\) for weight '.*attention\.position\.weight', found \(252, 16\)",
    ),
]


@pytest.mark.parametrize(("name", "damage", "message"), DAMAGE)
def test_refused_in_words(
    name: str,
    damage: Callable[[State], object],
    message: str,
    load: Callable[[str], State],
) -> None:
    state = load(name)
    damage(state)
    with pytest.raises(PoseliftError, match=message) as caught:
        from_official(state)
    assert str(caught.value).startswith("official checkpoint: ")


def test_sixteen_joint_posegraphnet_has_no_named_skeleton() -> None:
    with pytest.raises(PoseliftError, match="expected a PoseGraphNet of 17 joints, found 16"):
        from_official({"adj": np.zeros((1, 3, 16, 16), np.float32)})


def test_unknown_layout() -> None:
    with pytest.raises(PoseliftError, match="none of PoseGraphNet, Martinez, GridConv"):
        from_official({"conv1.weight": np.zeros((3, 3), np.float32)})


def test_another_architecture_than_asked(load: Callable[[str], State]) -> None:
    with pytest.raises(PoseliftError, match="expected one for gln, found one for martinez"):
        from_official(load("martinez_17j"), "gln")
