"""Whole runs, by processes and by Ray: killed, poisoned, without space, with company.

All have to end with the bytes of a run that nobody disturbed.
"""

from __future__ import annotations

import importlib.util
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from bulk_samples import (
    descendants,
    finish,
    kill_at_work,
    left_over,
    notes,
    outputs,
    start,
    until,
    write_model,
    write_shards,
)
from full_disk import full_disk

FRAMES, SHARDS = 4000, 6

Begin = Callable[..., object]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards, and beside them their model."""
    place = tmp_path_factory.mktemp("bulk")
    write_shards(place / "in", SHARDS, FRAMES)
    write_model(place)
    return place / "in"


@pytest.fixture(scope="module")
def whole(source: Path) -> dict[str, bytes]:
    """What a run makes of them that nobody disturbs."""
    target = source.parent / "out"
    command = start(source, target, "--model", source.parent / "tiny.onnx", "--workers", 2)
    status, out, err = finish(command)
    assert (status, err) == (0, "")
    assert f"{SHARDS} shards lifted, 0 were done, 0 failures; {SHARDS * FRAMES:,} frames, " in out
    assert f"{2 * SHARDS * FRAMES:,} poses of {2 * SHARDS} persons in " in out
    assert left_over(target) == []
    return outputs(target)


@pytest.fixture(params=["processes", "ray"])
def options(request: pytest.FixtureRequest, source: Path) -> list[object]:
    """Both ways of running."""
    if request.param == "ray" and importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed")
    way = ["--ray"] if request.param == "ray" else []
    return ["--model", source.parent / "tiny.onnx", "--workers", 2, *way]


def test_a_killed_worker_and_poison(
    source: Path, whole: dict[str, bytes], options: list[object], tmp_path: Path
) -> None:
    """The worker's shard is tried again; the poison is named after three times, the rest done."""
    poison, target = source / "z.parquet", tmp_path / "out"
    poison.write_bytes(b"PAR1 and no more")
    try:
        driver = start(source, target, *options)
        kill_at_work(driver)
        status, out, err = finish(driver)
    finally:
        poison.unlink()
    assert status == 1
    assert "z.parquet: is a damaged Parquet file" in err
    assert f"{SHARDS} shards lifted, 0 were done, 1 failures (3 attempts repeated); " in out
    assert set(notes(target, "quarantine")) == {"z.parquet"}
    assert notes(target, "quarantine")["z.parquet"]["attempts"] == 3
    assert outputs(target) == whole
    assert left_over(target) == []


def test_a_killed_driver(
    source: Path, whole: dict[str, bytes], options: list[object], tmp_path: Path
) -> None:
    """Its workers go with it, and the next one does what is left."""
    driver = start(source, tmp_path / "out", *options)
    until(lambda: list(tmp_path.glob("out/*/_bulk/done/*.json")))
    below = descendants(driver.pid)
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    until(lambda: not any(Path(f"/proc/{number}").exists() for number in below))
    done = len(notes(tmp_path / "out", "done"))
    assert 1 <= done < SHARDS
    status, out, err = finish(start(source, tmp_path / "out", *options))
    assert (status, err) == (0, "")
    assert f" {SHARDS - done} shards lifted, {done} were done, 0 failures; " in out
    assert outputs(tmp_path / "out") == whole
    assert left_over(tmp_path / "out") == []


def test_two_drivers(
    source: Path, whole: dict[str, bytes], options: list[object], tmp_path: Path
) -> None:
    """Each shard is lifted by one of them, and both end when all is done."""
    both = [start(source, tmp_path / "out", *options) for _ in range(2)]
    ends = [finish(one) for one in both]
    assert [(status, err) for status, _, err in ends] == [(0, ""), (0, "")]
    lifted = [int(re.search(r"(\d+) shards lifted", out)[1]) for _, out, _ in ends]
    assert sum(lifted) == SHARDS
    owners = [one["owner"] for one in notes(tmp_path / "out", "done").values()]
    assert sorted(owners.count(one) for one in set(owners)) == sorted(one for one in lifted if one)
    assert outputs(tmp_path / "out") == whole
    assert left_over(tmp_path / "out") == []


def test_a_full_disk(
    source: Path, whole: dict[str, bytes], options: list[object], tmp_path: Path
) -> None:
    """It ends with one sentence and nothing half-written, and goes on when there is space."""
    full = full_disk(tmp_path, tmp_path / "out", 100_000)
    status, out, err = finish(start(source, tmp_path / "out", *options, environment=full))
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert re.search(r"s00\d.parquet: cannot be written \(No space left on device\); 0 of 6", err)
    assert outputs(tmp_path / "out") == {}
    assert left_over(tmp_path / "out") == []
    status, _, err = finish(start(source, tmp_path / "out", *options))
    assert (status, err) == (0, "")
    assert outputs(tmp_path / "out") == whole
