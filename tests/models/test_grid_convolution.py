"""Grid convolution, plain and by the plan, against its definition node by node."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from poselift.errors import PoseliftError
from poselift.models.forms import frozen
from poselift.models.gridconv import PADDINGS, GLNConfig, GridConv, GridLiftingNetwork, patches
from poselift.models.gridconv.fast import FrozenGridConv, fast
from poselift.models.gridconv.network import GridLayer, GridUnit
from poselift.models.gridconv.plan import plan, products

paddings = st.sampled_from(PADDINGS)


def padded(x: Tensor, padding: str) -> Tensor:
    """Pad a (B, C, H, W) grid by one on all sides, node by node."""
    rows, columns = x.shape[2:]
    out = x.new_zeros(*x.shape[:2], rows + 2, columns + 2)
    for i in range(rows + 2):
        for j in range(columns + 2):
            r, c = i - 1, j - 1
            inside = 0 <= r < rows and 0 <= c < columns
            if padding == "circular":
                r, c = r % rows, c % columns
            elif padding == "replicate":
                r, c = min(max(r, 0), rows - 1), min(max(c, 0), columns - 1)
            elif not inside:
                continue
            out[:, :, i, j] = x[:, :, r, c]
    return out


def definition(layer: GridConv, x: Tensor, attention: Tensor | None) -> Tensor:
    """Two branches, each a 3x3 convolution of its padded grid, patch scaled tap by tap."""
    batch, nodes, channels = x.shape
    rows, columns = layer.grid
    grid = x.transpose(1, 2).reshape(batch, channels, rows, columns)
    total = x.new_zeros(batch, nodes, layer.weight.shape[-1])
    for branch, padding in enumerate(layer.paddings):
        patch = functional.unfold(padded(grid, padding), 3).view(batch, channels, 9, nodes)
        if attention is not None:
            patch = patch * attention[:, None]
        total = total + torch.einsum("bckp,kco->bpo", patch, layer.weight[branch])
        if layer.bias is not None:
            total = total + layer.bias[branch]
    return total


@settings(max_examples=30, deadline=None)
@given(
    grid=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    pair=st.tuples(paddings, paddings),
    inputs=st.integers(1, 5),
    outputs=st.integers(1, 4),
    dynamic=st.booleans(),
    bias=st.booleans(),
    double=st.booleans(),
)
def test_agrees_with_definition(
    grid: tuple[int, int],
    pair: tuple[str, str],
    inputs: int,
    outputs: int,
    dynamic: bool,
    bias: bool,
    double: bool,
) -> None:
    torch.manual_seed(0)
    kind, tolerance = (torch.float64, 1e-10) if double else (torch.float32, 1e-5)
    layer = GridConv(inputs, outputs, grid, pair, bias=bias).to(kind)
    x = torch.randn(3, grid[0] * grid[1], inputs, dtype=kind, requires_grad=True)
    attention = torch.rand(3, 9, x.shape[1], dtype=kind, requires_grad=True) if dynamic else None
    plain, reference = layer(x, attention), definition(layer, x, attention)
    fast(layer)
    ours = layer(x, attention)
    with torch.no_grad():
        at_rest = layer(x, attention)
    scale = reference.abs().max()
    for found in (plain, ours, at_rest):
        assert (found - reference).abs().max() <= tolerance * scale
    wanted = [x, layer.weight, *([attention] if attention is not None else [])]
    out = torch.randn_like(reference)
    for a, b in zip(
        torch.autograd.grad(ours, wanted, out),
        torch.autograd.grad(reference, wanted, out),
        strict=True,
    ):
        assert (a - b).abs().max() <= 10 * tolerance * b.abs().max().clamp(min=1e-3)


@pytest.mark.parametrize(
    ("pair", "count", "groups"),
    [
        (("circular", "replicate"), 285, 5),  # the grid, and 15 for each side
        (("circular", "zero"), 225, 9),
        (("zero", "zero"), 169, 9),
        (("circular", "circular"), 225, 1),
    ],
)
def test_products_of_the_paper_grid(pair: tuple[str, str], count: int, groups: int) -> None:
    made = plan(5, 5, pair)
    assert products(made) == count
    assert len(made) == groups


def test_first_group_holds_all_nodes_or_each_is_in_one() -> None:
    assert plan(7, 4, ("circular", "replicate"))[0].nodes == tuple(range(28))
    nodes = sorted(node for group in plan(7, 4, ("replicate", "zero")) for node in group.nodes)
    assert nodes == list(range(28))


def test_unknown_padding_is_refused() -> None:
    with pytest.raises(PoseliftError, match="unknown padding 'reflect'"):
        plan(2, 2, ("reflect", "zero"))
    with pytest.raises(PoseliftError, match="unknown padding 'reflect'"):
        GridConv(2, 2, (2, 2), ("zero", "reflect"))


def test_autocast_keeps_master_weights() -> None:
    layer = GridConv(4, 4, (3, 3), ("circular", "zero"))
    fast(layer)
    x = torch.randn(2, 9, 4)
    with torch.autocast("cpu", torch.bfloat16):
        out = layer(x)
    out.float().sum().backward()
    assert out.dtype == torch.bfloat16 or out.dtype == torch.float32
    assert layer.weight.grad is not None
    assert layer.weight.grad.dtype == torch.float32
    assert (out.float() - layer(x)).abs().max() < 0.05


@pytest.mark.parametrize("dynamic", [True, False])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    ("kind", "tolerance"), [(torch.bfloat16, 2e-2), (torch.float32, 1e-5), (torch.float64, 1e-12)]
)
def test_loops_of_a_cpu_do_what_products_of_a_gpu_do(
    monkeypatch: pytest.MonkeyPatch,
    kind: torch.dtype,
    tolerance: float,
    threads: int,
    dynamic: bool,
) -> None:
    layer = GridConv(7, 5, (3, 4), ("circular", "replicate"))
    fast(layer)
    layer.to(kind)
    x = torch.randn(10, 7, 12, dtype=kind).mT  # rows that lie apart in memory
    scale = torch.rand(10, 12, 9, dtype=kind).mT if dynamic else None
    weights = torch.randn(10, 12, 5, dtype=kind)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)

    def learn() -> list[Tensor]:
        leaves = [None if t is None else t.detach().requires_grad_() for t in (x, scale)]
        layer.zero_grad()
        out = layer(*leaves)
        (out * weights).sum().backward()
        assert layer.weight.grad is not None
        return [out, layer.weight.grad, *(t.grad for t in leaves if t is not None)]

    by_loops = learn()
    monkeypatch.setattr(patches, "compiled", lambda x: False)
    for one, other in zip(by_loops, learn(), strict=True):
        assert one.dtype == other.dtype == kind
        assert (one - other).abs().max() <= tolerance * other.abs().max()


def test_loops_round_to_bf16_as_torch_does_and_keep_what_is_no_number() -> None:
    values = torch.randn(1, 4000, 1).bfloat16()
    values[0, :3, 0] = torch.tensor([torch.nan, torch.inf, -torch.inf])
    scale = torch.rand(1, 4000).bfloat16() + 0.5
    every = torch.arange(4000)
    found = patches.gather(values, scale, every, None, every)
    torch.testing.assert_close(
        found[..., 0], values[..., 0] * scale, rtol=0, atol=0, equal_nan=True
    )


@pytest.mark.parametrize("pair", [("circular", "replicate"), ("circular", "zero")])
def test_batch_norm_in_evaluation_is_the_one_that_is_folded(pair: tuple[str, str]) -> None:
    torch.manual_seed(0)
    unit = GridUnit(GLNConfig(channels=4, paddings=pair, dropout=0.0), 4).double()
    unit.train()(torch.randn(6, 25, 4, dtype=torch.float64) + 3)
    unit.eval()
    x = torch.randn(3, 25, 4, dtype=torch.float64)
    expected = unit(x)
    fast(unit)
    with torch.no_grad():
        folded = unit(x)
        merged = torch.relu(FrozenGridConv(unit.layer.conv, unit.norm)(*unit.layer.attend(x)))
    assert (folded - expected).abs().max() <= 1e-12
    assert (merged - expected).abs().max() <= 1e-12
    assert (unit(x) - expected).abs().max() <= 1e-12


@pytest.mark.parametrize("attention", ["grid", "none", "spatial"])
def test_frozen_network_gives_the_same(attention: str) -> None:
    torch.manual_seed(0)
    config = GLNConfig(channels=8, blocks=1, attention=attention, layout="handcrafted", dropout=0.0)
    network = GridLiftingNetwork(config).double().train()
    network(torch.randn(20, 17, 2, dtype=torch.float64))
    still = frozen(network)
    network.eval()
    poses = torch.randn(5, 17, 2, dtype=torch.float64)
    layers = [module for module in still.modules() if isinstance(module, GridLayer)]
    assert len(layers) == 4
    assert all(isinstance(layer.conv, FrozenGridConv) for layer in layers)
    assert (still(poses) - network(poses)).abs().max() <= 1e-12
    with torch.autocast("cpu", torch.bfloat16):
        low = still.float()(poses.float())
    assert (low - network(poses)).abs().max() <= 0.05 * network(poses).abs().max()
