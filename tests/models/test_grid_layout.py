"""Grid layouts, the checker of equations (2) and (3), φ and φ⁻¹, AutoGrids."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poselift.errors import PoseliftError
from poselift.models.gridconv import (
    AutoGrids,
    FixedSGT,
    GLNConfig,
    GridLiftingNetwork,
    Layout,
    annealed_temperature,
    handcrafted,
    random_layout,
    released,
)
from poselift.models.gridconv.attention import Attention, GridAttention, build_attention
from poselift.models.gridconv.sgt import cover_all
from poselift.skeletons import H36M_16, H36M_17, H36M_32, get_skeleton


@pytest.mark.parametrize(
    ("name", "rows", "columns"), [("h36m_17", 5, 5), ("h36m_16", 5, 5), ("h36m_32", 7, 5)]
)
def test_handcrafted_layouts_satisfy_both_equations(name: str, rows: int, columns: int) -> None:
    layout = handcrafted(get_skeleton(name))
    assert (layout.rows, layout.columns) == (rows, columns)
    assert layout.binary
    assert layout.broken_edges(get_skeleton(name)) == ()
    assert set(np.unique(layout.assignment)) == {0.0, 1.0}


def test_checker_names_the_broken_bones() -> None:
    cells = list(handcrafted(H36M_17).cells)
    right_wrist, head = cells.index((16,)), cells.index((10,))
    cells[right_wrist], cells[head] = cells[head], cells[right_wrist]
    moved = Layout(5, 5, tuple(cells), 17)
    assert set(moved.broken_edges(H36M_17)) == {("right_elbow", "right_wrist"), ("neck", "head")}


def test_official_layout_is_not_binary() -> None:
    assert not released(H36M_17).binary
    with pytest.raises(PoseliftError, match="official layout is for h36m_17, not for h36m_16"):
        released(H36M_16)


@given(
    rows=st.integers(1, 8),
    columns=st.integers(1, 8),
    joints=st.integers(1, 20),
    seed=st.integers(0),
)
def test_inverse_undoes_random_layouts(rows: int, columns: int, joints: int, seed: int) -> None:
    if rows * columns < joints:
        with pytest.raises(PoseliftError, match="too few"):
            random_layout(rows, columns, joints, seed)
        return
    layout = random_layout(rows, columns, joints, seed)
    assert layout == random_layout(rows, columns, joints, seed)
    assert np.allclose(layout.inverse @ layout.assignment, np.eye(joints))
    phi, inverse = FixedSGT(layout).matrices()
    pose = torch.randn(2, joints, 3)
    assert torch.allclose(inverse @ (phi @ pose), pose, atol=1e-6)


def test_bad_layouts_are_refused() -> None:
    with pytest.raises(PoseliftError, match="expected 4 cells, got 3"):
        Layout(2, 2, ((0,), (1,), (2,)), 3)
    with pytest.raises(PoseliftError, match="no cell of its own holds joint 2"):
        Layout(2, 2, ((0,), (1,), (1,), (0,)), 3)
    with pytest.raises(PoseliftError, match="needs a joint from 0 to 2"):
        Layout(1, 3, ((0,), (1,), (3,)), 3)
    with pytest.raises(PoseliftError, match="no handcrafted layout for coco_17"):
        handcrafted(get_skeleton("coco_17"))
    with pytest.raises(PoseliftError, match="made for 17 joints, h36m_32 has 32"):
        handcrafted(H36M_17).broken_edges(H36M_32)


def small(**changes: object) -> GridLiftingNetwork:
    torch.manual_seed(0)
    settings = {"channels": 8, "blocks": 1, "dropout": 0.0, "anneal_epochs": 0.0} | changes
    return GridLiftingNetwork(GLNConfig(**settings))  # type: ignore[arg-type]


def test_autogrids_starts_from_the_handcrafted_layout() -> None:
    assert small().layout() == handcrafted(H36M_17)
    other = small(grid=(6, 4), layout_seed=3)
    assert other.layout() == random_layout(6, 4, 17, 3)


def test_a_layout_can_be_given_and_a_learnable_one_start_at_random() -> None:
    drawn = random_layout(5, 5, 17, 3)
    nodes = tuple(cell[0] for cell in drawn.cells)
    assert small(layout="given", nodes=nodes).layout() == drawn
    assert small(layout_start="random", layout_seed=3).layout() == drawn
    with pytest.raises(PoseliftError, match="expected 25 cells, got 24"):
        small(layout="given", nodes=nodes[1:])


@pytest.mark.parametrize("noisy", [False, True])
def test_loss_reaches_the_scores(noisy: bool) -> None:
    network = small(estimator="straight_through")
    assert isinstance(network.sgt, AutoGrids)
    network.start_step(0.0 if noisy else 99.0)
    assert network.sgt.noisy == noisy
    network(torch.randn(16, 17, 2)).square().mean().backward()
    grad = network.sgt.scores.grad
    assert grad is not None
    assert torch.isfinite(grad).all()
    assert (grad != 0).float().mean() > 0.9


def test_the_layout_can_change_and_loses_no_joint() -> None:
    network = small(score_scale=0.5, estimator="straight_through")
    start = network.layout()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    x, y = torch.randn(64, 17, 2), torch.randn(64, 17, 3)
    for _ in range(30):
        network.start_step(99.0)
        optimizer.zero_grad()
        (network(x) - y).square().mean().backward()
        optimizer.step()
    assert network.layout() != start
    assert set(range(17)) == {joint for cell in network.layout().cells for joint in cell}


def test_noise_explores_layouts_and_stops_at_its_epoch() -> None:
    network = small(score_scale=1.0, gumbel_off_epoch=30.0, estimator="straight_through")
    assert isinstance(network.sgt, AutoGrids)
    network.train()
    network.start_step(29.9)
    drawn = {tuple(network.sgt.matrices()[0].argmax(1).tolist()) for _ in range(8)}
    assert len(drawn) == 8
    network.start_step(30.0)
    assert len({tuple(network.sgt.matrices()[0].argmax(1).tolist()) for _ in range(4)}) == 1


@given(st.integers(0, 10_000))
def test_repair_gives_every_joint_a_node(seed: int) -> None:
    scores = torch.randn(9, 7, generator=torch.Generator().manual_seed(seed))
    scores[:, 0] += 3.0
    index = cover_all(scores.argmax(dim=1), scores)
    assert set(index.tolist()) == set(range(7))


def test_a_lost_joint_is_never_silent() -> None:
    network = small(cover=False)
    assert isinstance(network.sgt, AutoGrids)
    with torch.no_grad():
        network.sgt.scores[:, 5] = -100.0
    with pytest.warns(UserWarning, match="no grid node holds joint 5"):
        out = network.eval()(torch.randn(2, 17, 2))
    assert (out[:, 5] == 0).all()
    with pytest.raises(PoseliftError, match="holds joint 5"):
        network.layout()


@pytest.mark.parametrize("design", ["grid", "channel", "spatial", "spatial_channel", "none"])
def test_attention_designs_run_and_learn(design: str) -> None:
    network = small(attention=design, layout="handcrafted")
    network(torch.randn(8, 17, 2)).square().mean().backward()
    missing = [name for name, p in network.named_parameters() if p.grad is None]
    assert missing == []


def test_grid_attention_map_lies_between_0_and_1_and_flattens_with_temperature() -> None:
    module = build_attention("grid", 8, (5, 5)).eval()
    assert isinstance(module, GridAttention)
    x = torch.randn(4, 25, 8)
    warm = module.predict(x)
    assert warm.shape == (4, 9, 25)
    assert ((warm > 0) & (warm < 1)).all()
    module.get_buffer("temperature").fill_(30.0)
    assert module.predict(x).std() < warm.std() / 10


def test_temperature_is_annealed_and_saved() -> None:
    network = small(anneal_epochs=10.0)
    network.start_step(5.0)
    saved = network.state_dict()
    values = {float(v) for k, v in saved.items() if k.endswith("temperature")}
    assert values == {annealed_temperature(5.0)} == {15.5}
    fresh = small(anneal_epochs=10.0)
    fresh.load_state_dict(saved)
    assert all(
        float(m.get_buffer("temperature")) == 15.5
        for m in fresh.modules()
        if isinstance(m, Attention)
    )
    network.start_step(50.0)
    assert annealed_temperature(50.0) == 1.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layout": "magic"}, "layout: expected one of"),
        ({"layout_start": "here"}, "layout_start: expected one of"),
        ({"estimator": "guess"}, "estimator: expected one of score_function, straight_through"),
        ({"nodes": (1, 2)}, "nodes: expected the joint of each node with layout 'given'"),
        ({"layout": "given"}, "nodes: expected the joint of each node with layout 'given'"),
        ({"attention": "self"}, "attention: expected one of"),
        ({"paddings": ("zero", "same")}, "paddings: expected one of"),
        ({"channels": 0}, "channels: expected 1 or more, got 0"),
        ({"blocks": -1}, "blocks: expected 0 or more, got -1"),
        ({"dropout": 1.0}, "dropout: expected 0 to below 1"),
        ({"temperature": 0.0}, "temperature: expected above 0"),
    ],
)
def test_impossible_configs_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(PoseliftError, match=message):
        GLNConfig(**changes)  # type: ignore[arg-type]


def test_handcrafted_layout_of_another_size_is_refused() -> None:
    with pytest.raises(PoseliftError, match="layout of h36m_17 is 5x5, got 6x4"):
        GridLiftingNetwork(GLNConfig(layout="handcrafted", grid=(6, 4)))


def test_dropout_drops_whole_channels() -> None:
    network = small(dropout=0.5)
    network.train()
    out = network.expand(torch.randn(32, 25, 2))
    silent = (out == 0).all(dim=1)
    assert 0.3 < silent.float().mean() < 0.8
