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
    (
        "videopose3d_fw111",
        lambda s: s.update({"layers_conv.2.weight": np.ones((32, 32, 3), np.float32)}),
        r"expected a single-frame network \(filter width 1\), found filter width 3",
    ),
    (
        "videopose3d_fw1",
        lambda s: s.update({"expand_conv.weight": np.ones((32, 30, 1), np.float32)}),
        "expected 17 or 16 joints in, as many or one fewer out, found 30 values in and 51 out",
    ),
    ("videopose3d_fw111", lambda s: s.pop("layers_bn.3.bias"), r"'blocks\.1\.second\.norm\.bias'"),
    ("videopose3d_fw1", lambda s: s.pop("shrink.weight"), r"weight 'last\.weight' is missing"),
    (
        "stgcn_single_frame_17j",
        lambda s: s.update({"st_gcn_pool.1.gcn.conv.bias": np.ones(240, np.float32)}),
        r"a single-frame network \(4 neighbour groups\), found 240 kernels of 40 channels",
    ),
    ("stgcn_single_frame_17j", lambda s: s.pop("conv4.0.bias"), r"weight 'whole\.linear\.bias'"),
    ("stgcn_single_frame_17j", lambda s: s.update(A=s["fcn.1.bias"]), "unexpected weight 'A'"),
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


def test_posegraphnet_of_other_joints() -> None:
    with pytest.raises(PoseliftError, match="a PoseGraphNet of 17 or 16 joints, found 15"):
        from_official({"adj": np.zeros((1, 3, 15, 15), np.float32)})


def test_sixteen_joints_of_posegraphnet_are_those_without_the_hip(shared: Path) -> None:
    """No golden network has them, but 17 joints cut down to 16 show which weight belongs where."""
    state = Golden(shared / "golden" / "posegraphnet_uneven_widths.npz").group("state")
    cut = {key: _without_hip(key, value) for key, value in state.items()}
    model = from_official(cut)
    assert model.config.skeleton == "h36m_16_no_pelvis"
    whole = from_official(state)
    # behind a hip that neither hears nor is heard, all else is as it was
    with torch.no_grad():
        whole.adjacency[:, 0] = 0
        whole.adjacency[:, :, 0] = 0
        inputs = torch.randn(3, 17, 2)
        torch.testing.assert_close(model(inputs[:, 1:]), whole(inputs)[:, 1:], rtol=1e-5, atol=1e-5)


def _without_hip(key: str, value: np.ndarray) -> np.ndarray:
    """Cut the first of 17 joints out of an adjacency or a batch norm of joints x channels."""
    if key.endswith("adj"):
        return value[..., 1:, 1:]
    if "bn" in key and value.ndim:
        return value[len(value) // 17 :]
    return value


def test_unknown_layout() -> None:
    with pytest.raises(
        PoseliftError, match="its keys are those of none of PoseGraphNet, Martinez, "
    ):
        from_official({"conv1.weight": np.zeros((3, 3), np.float32)})


def test_another_architecture_than_asked(load: Callable[[str], State]) -> None:
    with pytest.raises(PoseliftError, match="expected one for gln, found one for martinez"):
        from_official(load("martinez_17j"), "gln")
