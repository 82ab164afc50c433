"""Schedules against closed forms and against PyTorch's own."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poselift.errors import PoseliftError
from poselift.training import Cosine, Exponential, Plateau, Schedule, Trapezoid


def test_exponential_drops_after_epochs_0_10_20() -> None:
    schedule = Exponential(gamma=0.96, every=10)
    rates = [schedule.factor(float(epoch), 100, []) for epoch in range(32)]
    expected = [1.0] + [0.96] * 10 + [0.96**2] * 10 + [0.96**3] * 10 + [0.96**4]
    assert rates == pytest.approx(expected)


def test_exponential_is_constant_inside_an_epoch() -> None:
    schedule = Exponential(gamma=0.5, every=1)
    assert schedule.factor(3.0, 9, []) == schedule.factor(3.999, 9, []) == 0.5**3


def _steps(make: Callable[[torch.optim.Optimizer], object], losses: list[float]) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for loss in losses:
        scheduler.step(loss)  # type: ignore[attr-defined]
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.floats(0.5, 2.0), min_size=1, max_size=40),
    st.integers(0, 5),
)
def test_plateau_is_pytorchs(losses: list[float], patience: int) -> None:
    plateau = Plateau(drop=0.5, patience=patience)
    ours = [plateau.factor(0.0, 1, losses[: n + 1]) for n in range(len(losses))]
    theirs = _steps(
        lambda optimizer: torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=0.5, patience=patience, eps=0.0
        ),
        losses,
    )
    assert ours == theirs


def test_plateau_waits_for_patience() -> None:
    plateau = Plateau(drop=0.1, patience=10)
    assert plateau.factor(0.0, 70, [1.0] * 11) == 1.0
    assert plateau.factor(0.0, 70, [1.0] * 12) == 0.1


def test_trapezoid() -> None:
    schedule = Trapezoid(warmup=2.0, decay=4.0)
    assert [schedule.factor(at, 12, []) for at in (0.0, 1.0, 2.0, 5.0, 8.0)] == [0, 0.5, 1, 1, 1]
    assert schedule.factor(9.0, 12, []) == pytest.approx(0.5)  # 1 - sqrt(1 / 4)
    assert schedule.factor(12.0, 12, []) == 0.0
    # until the decay begins, the length of the training does not matter
    assert schedule.factor(7.5, 12, []) == schedule.factor(7.5, 1000, [])
    assert Trapezoid().factor(3.0, 3, []) == 1.0


def test_cosine() -> None:
    schedule = Cosine(warmup=2.0)
    assert schedule.factor(0.0, 10, []) == 0.0
    assert schedule.factor(1.0, 10, []) == 0.5
    assert schedule.factor(2.0, 10, []) == 1.0
    assert schedule.factor(6.0, 10, []) == pytest.approx(0.5)
    assert schedule.factor(10.0, 10, []) == pytest.approx(0.0, abs=1e-15)
    assert Cosine().factor(0.0, 10, []) == 1.0


@given(st.floats(0, 100), st.lists(st.floats(0, 10), max_size=20))
@pytest.mark.parametrize(
    "schedule", [Exponential(0.96, 10), Plateau(), Cosine(5.0), Trapezoid(5.0, 20.0)]
)
def test_factor_is_a_share(schedule: Schedule, progress: float, losses: list[float]) -> None:
    factor = schedule.factor(progress, 100, losses)
    assert 0 <= factor <= 1
    assert math.isfinite(factor)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Exponential(1.1, 1), "exponential schedule: expected 0 < gamma <= 1, got 1.1"),
        (lambda: Exponential(0.9, 0), "exponential schedule: expected every >= 1, got 0"),
        (lambda: Plateau(drop=1.0), "plateau schedule: expected 0 < drop < 1, got 1.0"),
        (lambda: Plateau(patience=-1), "plateau schedule: expected patience >= 0, got -1"),
        (lambda: Trapezoid(decay=-1.0), "trapezoid schedule: expected decay >= 0, got -1.0"),
        (lambda: Cosine(-1.0), "cosine schedule: expected warmup >= 0, got -1.0"),
    ],
)
def test_schedules_refuse(make: Callable[[], object], sentence: str) -> None:
    with pytest.raises(PoseliftError, match=re.escape(sentence)):
        make()
