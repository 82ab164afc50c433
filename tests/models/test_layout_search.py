"""AutoGrids by the score function: what is drawn, what is compared, and that it finds layouts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from poselift.models.gridconv import AutoGrids, GLNConfig, GridLiftingNetwork, random_layout
from poselift.models.gridconv.sgt import GROUP, held
from poselift.skeletons import get_skeleton

#: Skeletons and grids; a 5x5 grid of 25 joints has a place for each and no more.
CASES = [
    ("h36m_17", (5, 5)),
    ("h36m_16", (6, 4)),
    ("h36m_32", (7, 5)),
    ("coco_17", (5, 5)),
    ("body_25", (5, 5)),
    ("body_25", (6, 5)),
]


def search(skeleton: str, grid: tuple[int, int], scale: float = 2.0) -> AutoGrids:
    start = random_layout(*grid, len(get_skeleton(skeleton)), 0)
    sgt = AutoGrids(start, scale=scale, estimator="score_function")
    sgt.noisy = True
    return sgt.train()


@pytest.mark.parametrize(("skeleton", "grid"), CASES)
def test_what_is_drawn_holds_every_joint_and_is_undone(
    skeleton: str, grid: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    sgt, joints = search(skeleton, grid), len(get_skeleton(skeleton))
    phi, inverse = sgt.group_matrices(10)  # groups of 4, 4 and 2
    assert phi.shape == (10, grid[0] * grid[1], joints)
    assert torch.equal(phi.sum(dim=2), torch.ones(phi.shape[:2]))
    assert (phi.sum(dim=1) >= 1).all()
    assert torch.allclose(inverse @ phi, torch.eye(joints).expand(10, -1, -1), atol=1e-6)
    for first in range(0, 10, GROUP):  # one layout a group, another for the next
        assert (phi[first : first + GROUP] == phi[first]).all()
    assert not torch.equal(phi[0], phi[4])
    again, _ = sgt.group_matrices(10, again=True)
    assert torch.equal(again[0], phi[4])
    assert torch.equal(again[8], phi[0])


def test_credit_by_hand() -> None:
    """Two groups, the first better under its own layout, the second as much worse."""
    sgt = search("h36m_17", (5, 5))
    sgt.group_matrices(2 * GROUP)
    own, other = torch.ones(2 * GROUP), torch.ones(2 * GROUP)
    own[:GROUP], other[GROUP:] = 0.0, 0.0
    sgt.credit(own, other)
    assert sgt.drawn is not None
    first, second = held(sgt.drawn, 17).float()
    assert sgt.scores.grad is not None
    # both groups favour the first layout: half of the difference, at a deviation of 1
    assert torch.allclose(sgt.scores.grad, 0.5 * (second - first))


def test_what_all_layouts_share_teaches_nothing() -> None:
    sgt = search("h36m_17", (5, 5))
    sgt.group_matrices(40)
    errors = torch.rand(40)
    sgt.credit(errors, errors)
    assert sgt.scores.grad is not None
    assert (sgt.scores.grad == 0).all()


@pytest.mark.parametrize(("skeleton", "grid"), [CASES[0], CASES[2], CASES[4]])
def test_a_hidden_layout_is_found(skeleton: str, grid: tuple[int, int]) -> None:
    """Poses differ by far more than layouts do, and the nodes settle all the same."""
    torch.manual_seed(0)
    sgt = search(skeleton, grid)
    hidden = random_layout(*grid, sgt.joints, 1).assignment
    wanted = torch.from_numpy(hidden).argmax(dim=1)
    optimizer = torch.optim.Adam([sgt.scores], lr=0.1)
    before = (torch.tensor(sgt.current().cells).flatten() != wanted).sum()
    for _ in range(80):
        poses = 10 * torch.rand(200)
        errors = []
        for again in (False, True):
            phi, _ = sgt.group_matrices(200, again=again)
            errors.append(poses + (phi.argmax(dim=2) != wanted).sum(dim=1) / len(wanted))
        sgt.credit(*errors)
        optimizer.step()
    after = (torch.tensor(sgt.current().cells).flatten() != wanted).sum()
    assert before > 15
    assert after < 4


def network(**changes: object) -> GridLiftingNetwork:
    torch.manual_seed(0)
    settings = {"channels": 8, "blocks": 1, "dropout": 0.5, "gumbel_off_epoch": 3.0} | changes
    made = GridLiftingNetwork(GLNConfig(**settings))  # type: ignore[arg-type]
    made.train().start_step(0.0)
    return made


def statistics(model: nn.Module) -> list[torch.Tensor]:
    return [value.clone() for name, value in model.named_buffers() if "norm" in name]


def test_the_second_pass_differs_by_the_layout_alone() -> None:
    """Where all layouts are one it is the first, dropout and all; and it leaves no trace."""
    firm = network(score_scale=100.0)
    poses = torch.randn(12, 17, 2)
    first = firm(poses)
    before = statistics(firm)
    with torch.no_grad(), firm.next_layouts():
        second = firm(poses)
    torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-5)
    assert all(map(torch.equal, before, statistics(firm)))
    firm(poses)  # as before: statistics and dropout go on
    assert not all(map(torch.equal, before, statistics(firm)))
    loose = network()
    first = loose(poses)
    with torch.no_grad(), loose.next_layouts():
        assert not torch.allclose(first, loose(poses), rtol=1e-4, atol=1e-5)


def test_a_failure_in_the_second_pass_leaves_the_network_as_it_was() -> None:
    loose = network()
    loose(torch.randn(8, 17, 2))
    with pytest.raises(ValueError, match="stop"), loose.next_layouts():
        raise ValueError("stop")
    before = statistics(loose)
    loose(torch.randn(8, 17, 2))
    assert not all(map(torch.equal, before, statistics(loose)))


def test_after_the_search_the_best_layout_stays() -> None:
    settled = network()
    settled.start_step(3.0)
    assert not settled.draws_layouts()
    settled(torch.randn(8, 17, 2)).square().mean().backward()
    assert isinstance(settled.sgt, AutoGrids)
    assert settled.sgt.scores.grad is None
    assert settled.learnt_layout(3) == ([cell[0] for cell in settled.layout().cells], [])
    _, drawn = settled.learnt_layout(2)
    assert len(drawn) == 3
    assert drawn == settled.learnt_layout(2)[1]  # which changes no training
