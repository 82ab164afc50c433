"""Whole runs, by processes and by Ray: killed, poisoned, without space, with company.

All have to end with the bytes of a run that nobody disturbed.
"""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bulk_samples import (
    SOURCES,
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


needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed"
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A Ray that runs by itself, with a folder in which its disk is full: address and folder."""
    place = tmp_path_factory.mktemp("cluster")
    (place / "full").mkdir()
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"
    patch = pytest.MonkeyPatch()
    patch.setenv("RAY_AUTH_MODE", "disabled")  # it listens to this machine alone
    head = subprocess.Popen(
        [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"),
            *("--num-cpus=2", "--object-store-memory=100000000", "--include-dashboard=false"),
            *("--node-ip-address=127.0.0.1", f"--port={address[10:]}", "--disable-usage-stats"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": str(SOURCES),
            "OMP_NUM_THREADS": "1",
            **full_disk(place, place / "full", 100_000),
        },
    )
    try:
        assert head.stdout is not None
        said = iter(head.stdout)
        assert any("Ray runtime started" in line for line in said)  # or it has ended
        yield address, place / "full"
    finally:
        head.terminate()
        head.communicate(timeout=60)
        patch.undo()


@pytest.fixture(params=["processes", pytest.param("ray", marks=needs_ray)])
def way(request: pytest.FixtureRequest, source: Path) -> list[object]:
    """Both ways of running: by processes, and by tasks of a Ray that is there."""
    options: list[object] = ["--model", source.parent / "tiny.onnx", "--workers", 2]
    if request.param == "ray":
        options += ["--ray", request.getfixturevalue("cluster")[0]]
    return options


@pytest.fixture(params=["processes", pytest.param("ray", marks=needs_ray)])
def own_way(request: pytest.FixtureRequest, source: Path) -> list[object]:
    """The same, but with a Ray that the driver starts."""
    options: list[object] = ["--model", source.parent / "tiny.onnx", "--workers", 2]
    return [*options, "--ray"] if request.param == "ray" else options


def test_a_killed_worker_and_poison(
    source: Path, whole: dict[str, bytes], own_way: list[object], tmp_path: Path
) -> None:
    """The worker's shard is tried again; the poison is named after three times, the rest done."""
    poison, target = source / "z.parquet", tmp_path / "out"
    poison.write_bytes(b"PAR1 and no more")
    try:
        driver = start(source, target, *own_way)
        kill_at_work(driver)
        reporter = environment_of("dashboard.py", driver.pid)
        assert ("--ray" in own_way) == (b"RAY_USAGE_STATS_ENABLED=0" in reporter)
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


def environment_of(program: str, pid: int) -> bytes:
    """What a program below a driver goes by; `dashboard.py` is the one of Ray that would report."""
    for number in descendants(pid):
        with suppress(OSError):
            if program.encode() in Path(f"/proc/{number}/cmdline").read_bytes():
                return Path(f"/proc/{number}/environ").read_bytes()
    return b""


def at_work(driver: subprocess.Popen[str], place: Path) -> None:
    """Wait until a driver has done its first shard."""
    until(lambda: list(place.glob("out/*/_bulk/done/*.json")) or driver.poll() is not None)
    assert driver.poll() is None, driver.communicate()


def test_a_killed_driver(
    source: Path, whole: dict[str, bytes], way: list[object], tmp_path: Path
) -> None:
    """Its workers go with it, and the next one does what is left."""
    driver = start(source, tmp_path / "out", *way)
    at_work(driver, tmp_path)
    below = descendants(driver.pid)
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    until(lambda: not any(Path(f"/proc/{number}").exists() for number in below))
    assert len(notes(tmp_path / "out", "done")) < SHARDS
    status, out, err = finish(start(source, tmp_path / "out", *way))
    assert (status, err) == (0, "")
    lifted, done = map(int, re.findall(r"(\d+) (?:shards lifted|were done)", out))
    assert (lifted + done, lifted > 0, done > 0) == (SHARDS, True, True)
    assert outputs(tmp_path / "out") == whole
    assert left_over(tmp_path / "out") == []


def test_an_interrupted_run(source: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    """Ctrl-C and SIGTERM end the workers at once, in the middle of what they do."""
    options = ["--model", source.parent / "tiny.onnx", "--workers", 2]
    driver = start(source, tmp_path / "out", *options)
    at_work(driver, tmp_path)
    below = descendants(driver.pid)
    driver.send_signal(signal.SIGTERM)
    assert finish(driver) == (130, "", "poselift: error: interrupted\n")
    until(lambda: not any(Path(f"/proc/{number}").exists() for number in below))
    assert set(outputs(tmp_path / "out").items()) <= set(whole.items())


def test_two_drivers(
    source: Path, whole: dict[str, bytes], way: list[object], tmp_path: Path
) -> None:
    """Each shard is lifted by one of them, and both end when all is done."""
    both = [start(source, tmp_path / "out", *way) for _ in range(2)]
    ends = [finish(one) for one in both]
    assert [(status, err) for status, _, err in ends] == [(0, ""), (0, "")]
    lifted = [int(out.partition(" shards lifted")[0].rpartition(" ")[2]) for _, out, _ in ends]
    assert sum(lifted) == SHARDS
    owners = [one["owner"] for one in notes(tmp_path / "out", "done").values()]
    assert sorted(owners.count(one) for one in set(owners)) == sorted(one for one in lifted if one)
    assert outputs(tmp_path / "out") == whole
    assert left_over(tmp_path / "out") == []


def test_a_full_disk(
    source: Path,
    whole: dict[str, bytes],
    way: list[object],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """It ends with one sentence and nothing half-written, and goes on when there is space."""
    full, target = full_disk(tmp_path, tmp_path / "out", 100_000), tmp_path / "out"
    if "--ray" in way:  # there it is full for the workers from the start
        full, target = {}, request.getfixturevalue("cluster")[1] / "out"
    status, out, err = finish(start(source, target, *way, environment=full))
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert re.search(r"s00\d.parquet: cannot be written \(No space left on device\); 0 of 6", err)
    assert outputs(target) == {}
    way = [one for one in way if "--ray" not in way or way.index(one) < way.index("--ray")]
    status, _, err = finish(start(source, target, *way))
    assert (status, err) == (0, "")
    assert outputs(target) == whole
    assert left_over(target) == []
