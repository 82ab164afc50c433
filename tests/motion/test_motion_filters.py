"""Filters: constants stay, nothing is delayed, gaps are filled or kept, uneven times are true."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy import signal

from motion_samples import LENGTHS, sequence, wandering
from poselift.errors import PoseliftError
from poselift.geometry import from_rotation_vector
from poselift.motion.adaptive import adaptive
from poselift.motion.filters import FILTERS, OneEuro, Smoothing, butterworth, smooth
from poselift.motion.timing import Timing, fill_gaps
from poselift.skeletons import H36M_17

ZERO_PHASE = ("adaptive", "butterworth", "savgol", "median")


def wave(frames: int, hz: float, fps: float = 60.0) -> np.ndarray:
    """All joints swing along x at `hz`, 10 cm far."""
    points = np.tile(np.arange(17.0)[None, :, None], (frames, 1, 3)) * 0.05
    points[..., 0] += 0.1 * np.sin(2 * np.pi * hz * np.arange(frames) / fps)[:, None]
    return points


@pytest.mark.parametrize("name", [name for name in FILTERS if name != "none"])
@pytest.mark.parametrize("frames", [2, 3, 7, 90])
def test_constant_in_constant_out(name: str, frames: int) -> None:
    still = np.tile(wandering(H36M_17, LENGTHS, np.random.default_rng(1), 1), (frames, 1, 1))
    out = smooth(sequence(still), name)
    np.testing.assert_allclose(out.positions, still, atol=1e-6)


@pytest.mark.parametrize("name", ZERO_PHASE)
def test_time_reversed_in_time_reversed_out(name: str) -> None:
    """A filter without delay does not know which way time runs."""
    points = wandering(H36M_17, LENGTHS, np.random.default_rng(2), 80)
    there = smooth(sequence(points), name).positions
    back = smooth(sequence(points[::-1]), name).positions[::-1]
    np.testing.assert_allclose(there, back, atol=1e-6)


@pytest.mark.parametrize("name", ["adaptive", "butterworth"])
def test_slow_movement_stays_and_trembling_goes(name: str) -> None:
    slow, fast = wave(240, 0.5), wave(240, 20.0)
    inner = slice(30, -30)
    kept = smooth(sequence(slow, fps=60.0), name).positions
    np.testing.assert_allclose(kept[inner], slow[inner], atol=1e-4)
    gone = smooth(sequence(fast, fps=60.0), name).positions
    assert np.ptp(gone[inner, 0, 0]) < 0.01 * np.ptp(fast[inner, 0, 0])


def test_half_of_the_amplitude_is_left_at_the_cutoff() -> None:
    inner = slice(30, -30)
    at_cutoff = smooth(sequence(wave(240, 6.0), fps=60.0), "butterworth").positions
    whole = np.ptp(wave(240, 6.0)[inner, 0, 0])
    assert np.ptp(at_cutoff[inner, 0, 0]) == pytest.approx(whole / 2, rel=1e-3)


@pytest.mark.parametrize(
    ("rate", "cutoff"), [(30.0, 6.0), (60.0, 6.0), (29.97, 4.0), (240.0, 10.0)]
)
def test_butterworth_is_scipys(rate: float, cutoff: float) -> None:
    rng = np.random.default_rng(3)
    values = np.cumsum(rng.normal(size=(400, 5)), axis=0)
    theirs = signal.filtfilt(*signal.butter(2, cutoff, fs=rate), values, axis=0, padlen=390)
    ours = butterworth(values, rate, cutoff)
    np.testing.assert_allclose(ours, theirs, atol=2e-5 * np.ptp(values))


def landing(rate: float, frames: int = 150) -> np.ndarray:
    """A body at rest; one joint swings out and comes back within a twentieth of a second."""
    times = np.arange(frames) / rate - frames / rate / 2
    points = np.tile(np.arange(17.0)[None, :, None], (frames, 1, 3)) * 0.05
    points[:, 6, 0] += np.where(times < 0, 0.8 * np.exp(times / 0.15), 0.8 * np.exp(-times / 0.05))
    return points


@pytest.mark.parametrize("rate", [30.0, 50.0, 120.0])
def test_adaptive_stills_what_stands_and_keeps_what_is_fast(rate: float) -> None:
    """Against the same cut-off for all: less trembling, and more of the peak."""
    rng = np.random.default_rng(11)
    points = landing(rate, int(5 * rate))
    noisy = points + rng.normal(0, 0.004, points.shape)
    speeds, errors = {}, {}
    for name in ("adaptive", "butterworth:6", "none"):
        found = smooth(sequence(noisy if name != "none" else points, fps=rate), name).positions
        speeds[name] = np.linalg.norm(np.diff(found[:, 6], axis=0), axis=1).max()
        still = np.delete(np.arange(17), 6)
        errors[name] = np.sqrt(np.mean((found - points)[:, still] ** 2))
    assert errors["adaptive"] < 0.8 * errors["butterworth:6"]
    lost = {name: 1 - speeds[name] / speeds["none"] for name in speeds}
    assert lost["adaptive"] < 0.85 * lost["butterworth:6"]


def test_adaptive_knows_neither_axes_nor_units_nor_other_joints() -> None:
    rng = np.random.default_rng(12)
    points = landing(60.0) + rng.normal(0, 0.003, (150, 17, 3))
    here = adaptive(points.reshape(150, -1), 60.0).reshape(points.shape)
    turn = from_rotation_vector(np.array([0.3, -1.0, 0.7]))
    there = adaptive((1000 * points @ turn.T).reshape(150, -1), 60.0).reshape(points.shape)
    np.testing.assert_allclose(there, 1000 * here @ turn.T, atol=1e-6)
    np.testing.assert_allclose(adaptive(points[:, 6], 60.0), here[:, 6], atol=1e-9)
    line = np.linspace(0, 3, 90)[:, None] * np.ones((1, 3))
    np.testing.assert_allclose(adaptive(line, 30.0), line, atol=1e-9)


def test_adaptive_lets_no_glitch_through() -> None:
    """Joints that jump away for some frames and back, as when sides are taken for each other."""
    rng = np.random.default_rng(13)
    points = wave(240, 0.4) + rng.normal(0, 0.003, (240, 17, 3))
    hit = points.copy()
    hit[100:106, 3] += 0.25
    found, plain = (smooth(sequence(one, fps=60.0)).positions for one in (hit, points))
    same = smooth(sequence(hit, fps=60.0), "butterworth:6").positions
    off = np.abs(found - plain)[:, 3].max()
    assert off < 1.2 * np.abs(same - plain)[:, 3].max()


def test_short_gaps_are_filled_and_marked_and_long_ones_are_borders() -> None:
    points = wandering(H36M_17, LENGTHS, np.random.default_rng(4), 90)
    points[10:14] = np.nan  # 5 steps of 1/30 s
    points[40:60] = np.nan
    out = smooth(sequence(points))
    filled = out.tracks["filled"]
    assert filled[10:14].all()
    assert filled.sum() == 4 * 17
    assert np.isfinite(out.positions[:40]).all()
    assert np.isnan(out.positions[40:60]).all()
    alone = smooth(sequence(points[60:], frames=np.arange(60, 90)))
    np.testing.assert_array_equal(out.positions[60:], alone.positions)
    assert any("68 joints filled" in step for step in out.history)


def test_absent_frames_are_put_in() -> None:
    points = wave(60, 1.0)
    kept = np.r_[0:20, 25:40, 58:60]
    out = fill_gaps(sequence(points[kept], frames=kept, fps=60.0))
    assert out.frames.tolist() == [*range(40), 58, 59]
    np.testing.assert_allclose(out.times, out.frames / 60.0)
    assert out.tracks["filled"][20:25].all()
    line = np.linspace(points[19, 0, 0], points[25, 0, 0], 7)[1:-1]
    np.testing.assert_allclose(out.positions[20:25, 0, 0], line, atol=1e-6)
    assert np.isnan(out.scores[20:25]).all()


def test_every_tenth_frame_is_no_gap_but_too_slow_for_the_filter() -> None:
    frames = np.arange(0, 600, 10)
    poses = sequence(wave(60, 0.2), frames=frames, fps=30.0)
    out = smooth(poses)
    np.testing.assert_array_equal(out.positions, poses.positions)
    assert out.history[-1] == (
        "smoothed: not, a cut-off of 6 Hz is not below half of the 3 frames/s"
    )


def test_uneven_times_are_resampled() -> None:
    rng = np.random.default_rng(5)
    times = np.cumsum(rng.uniform(0.02, 0.05, 300))
    points = np.zeros((300, 17, 3))
    points[..., 0] = 0.1 * np.sin(2 * np.pi * 0.5 * times)[:, None]
    noisy = points + rng.normal(0, 0.01, points.shape)
    out = smooth(sequence(noisy, fps=None, times=times))
    assert "irregular time stamps resampled" in out.history[-1]
    error = np.abs(out.positions - points)[20:-20].mean()
    assert error < 0.6 * np.abs(noisy - points)[20:-20].mean()
    assert not Timing.of(sequence(noisy, fps=None, times=times)).regular


def test_a_spike_goes_and_its_neighbours_stay() -> None:
    points = wave(90, 0.5)
    hit = points.copy()
    hit[45, 3] += 0.5
    out = smooth(sequence(hit, fps=60.0), "hampel").positions
    np.testing.assert_allclose(out, points, atol=0.02)
    np.testing.assert_allclose(out[:30], points[:30], atol=1e-3)


@pytest.mark.parametrize("name", ["adaptive", "butterworth"])
def test_spikes_are_taken_out_and_fast_movement_is_left(name: str) -> None:
    points = wave(120, 2.0)
    hit = points.copy()
    hit[45, 3] += 0.5
    hit[80:82, 5] -= 0.3
    plain, hurt = (smooth(sequence(one, fps=60.0), name) for one in (points, hit))
    np.testing.assert_allclose(hurt.positions, plain.positions, atol=0.015)
    assert "3 spikes of joints taken out before" in hurt.history[-1]
    assert "0 spikes" in plain.history[-1]
    slow = smooth(sequence(hit, fps=15.0), name)  # too few frames to tell a spike from a movement
    assert "spikes" not in slow.history[-1]


def test_spikes_in_one_joint_with_gaps_of_its_own() -> None:
    points = wave(60, 0.5)
    points[:20, 4] = np.nan
    points[30, 4] += 0.4
    out = smooth(sequence(points, fps=60.0))
    np.testing.assert_allclose(out.positions[25:35, 4], wave(60, 0.5)[25:35, 4], atol=0.02)
    assert np.isnan(out.positions[:20, 4]).all()


def test_one_euro_follows_and_starts_anew_after_a_gap() -> None:
    one = OneEuro()
    first = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(one(first, 0.0), first)
    second = one(first + 0.1, 1 / 30)
    assert (second > first).all()
    assert (second < first + 0.1).all()
    gone = first.copy()
    gone[0] = np.nan
    assert np.isnan(one(gone, 2 / 30)[0]).all()
    np.testing.assert_array_equal(one(first + 5, 3 / 30)[0], first[0] + 5)
    with pytest.raises(PoseliftError, match=r"expected a time after 0\.1 s, got 0\.1 s"):
        one(first, 3 / 30)
    with pytest.raises(PoseliftError, match="expected cut-offs above 0 Hz"):
        OneEuro(cutoff=0.0)


def test_one_frame_and_none_at_all() -> None:
    poses = sequence(wave(1, 1.0))
    assert smooth(poses).history[-1] == "smoothed: not, one frame has no past"
    missing = sequence(np.full((5, 17, 3), np.nan))
    assert np.isnan(smooth(missing).positions).all()
    assert smooth(poses, "none") is poses


@pytest.mark.parametrize("text", ["kalman", "butterworth:fast", "butterworth:-2", "savgol:6", ""])
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(PoseliftError, match=r"--smooth"):
        Smoothing.parse(text)


def test_names_come_back() -> None:
    for text in ("butterworth:6", "none", "one-euro"):
        assert str(Smoothing.parse(text)) == text
    assert Smoothing.parse("Butterworth") == Smoothing("butterworth", 6.0)


def test_a_filter_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    poses = sequence(wave(30, 1.0))
    with pytest.raises(PoseliftError, match=r"needs SciPy .*\[motion\]"):
        smooth(poses, "savgol")
    assert np.isfinite(smooth(replace(poses, history=())).positions).all()
