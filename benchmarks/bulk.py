"""Shards in bulk, Parquet to Parquet: one worker against two, by processes and by Ray; each stage.

    python benchmarks/bulk.py [--shards 8] [--frames 50000] [--model gln]... [--video VIDEO]

Whole shards are measured: read, hashed, lifted with the mirrored pose in the precision that is
taken unasked, smoothed, written to the disk, hashed, noted. A run's seconds are those from the
first shard begun to the last one noted, as the manifest has them, so starting workers is not in
them; it is said beside. Runs of one and of more workers take turns, and the best of each counts.
The stages are processor time of one process with one thread.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from bulk_trial import generate
from poselift import detection, io
from poselift.benchmark.machine import machine
from poselift.bulk import Summary, Work, lift_all
from poselift.bulk.lift import sha256
from poselift.bulk.work import opened
from poselift.lifting.clip import with_rate
from poselift.modelfiles.find import DEFAULT_MODEL
from poselift.motion import refine
from poselift.tracking import people_of

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "balancing.mp4"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--frames", type=int, default=50_000, help="in each shard")
    parser.add_argument("--model", action="append")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--video", type=Path, default=EXAMPLE)
    given = parser.parse_args()
    print(machine(1))
    models = given.model or [DEFAULT_MODEL, "gln", "posegraphnet"]
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        generate(place / "in", given.shards * given.frames, given.shards)
        for model in models:
            work = Work.of(model)
            print(f"\n{model}, {work.precision}, mirrored pose too, {given.frames} frames a shard")
            stages(next((place / "in").rglob("*.parquet")), place, work)
            runs(place, work, given.workers, given.rounds)
        if given.video.exists():
            film(given.video, Work.of(models[0]))


def stages(shard: Path, place: Path, work: Work) -> None:
    """Time the stages of one shard, one thread; the second of two rounds."""
    lifter, spent = opened(work), dict[str, float]()

    def timed(stage: str, step: Callable[[], Any]) -> Any:
        started = time.process_time()
        found = step()
        spent[stage] = time.process_time() - started
        return found

    for _ in range(2):
        timed("hash the input", lambda: sha256(shard))
        found = timed("read", lambda: io.read_detections(shard, format="parquet"))
        people, _ = timed("one sequence a person", lambda: with_rate(people_of(found)))  # noqa: B023
        raw = timed("lift", lambda: lifter.lift_people(people))  # noqa: B023
        done = timed("smooth", lambda: refine(raw, work.motion))  # noqa: B023
        timed("write", lambda: io.save(done, place / "one.parquet"))  # noqa: B023
        timed("hash the output", lambda: sha256(place / "one.parquet"))
    frames, whole = len(found.frames), sum(spent.values())
    for stage, seconds in spent.items():
        print(
            f"  {stage:24} {1e6 * seconds / frames:8.2f} us a frame {100 * seconds / whole:6.1f} %"
        )
    sizes = [path.stat().st_size / frames for path in (shard, place / "one.parquet")]
    print(f"  {'all':24} {1e6 * whole / frames:8.2f} us a frame, {frames / whole:,.0f} frames/s")
    print(f"  {sizes[0]:.0f} bytes a frame in, {sizes[1]:.0f} out")


def runs(place: Path, work: Work, workers: int, rounds: int) -> None:
    """Time whole runs, one worker and several in turns, by both ways."""
    best: dict[tuple[str, int], tuple[float, float]] = {}
    ways = ["processes"] + ["Ray"] * bool(importlib.util.find_spec("ray"))
    for _ in range(rounds):
        for way in ways:
            for count in (1, workers):
                pace, start = run(place, work, way, count)
                if pace > best.get((way, count), (0.0, 0.0))[0]:
                    best[way, count] = pace, start
    for (way, count), (pace, start) in best.items():
        ratio = pace / best[way, 1][0]
        print(
            f"  {way:10} {count} worker{'s' if count > 1 else ' '} {pace:10,.0f} frames/s, "
            f"{ratio:.2f} times one; {start:.1f} s to start"
        )


def run(place: Path, work: Work, way: str, workers: int) -> tuple[float, float]:
    """Lift all shards; return frames a second once all workers have begun, and the start."""
    shutil.rmtree(place / "out", ignore_errors=True)
    seen: list[tuple[float, int]] = []

    def note(now: Summary) -> None:
        if not seen or now.frames_now > seen[-1][1]:
            seen.append((time.monotonic(), now.frames_now))

    started = time.monotonic()
    ray = "local" if way == "Ray" else None
    lift_all(place / "in", place / "out", work, workers=workers, ray=ray, progress=note)
    notes = [io_note(one) for one in (place / "out").rglob("_bulk/done/**/*.json")]
    frames, first = sum(one["frames"] for one in notes), min(one["begun"] for one in notes)
    return frames / (max(one["ended"] for one in notes) - first), first - started


def io_note(path: Path) -> dict[str, float]:
    """Return what a note of the manifest says of when, in this machine's monotonic seconds."""
    import json

    said = json.loads(path.read_text())
    ended = path.stat().st_mtime - time.time() + time.monotonic()
    return {"frames": said["frames"], "begun": ended - said["seconds"], "ended": ended}


def film(path: Path, work: Work) -> None:
    """Time a video as a shard: decoded, watched, lifted, one after the other in one process."""
    started = time.perf_counter()
    with detection.Video(path) as video:
        count = sum(1 for _ in video)
    decoded = time.perf_counter() - started
    busy, started = time.process_time(), time.perf_counter()
    results, frames, _ = work.lift(path, str(path))
    busy, taken = time.process_time() - busy, time.perf_counter() - started
    print(
        f"\n{path.name}: {count} frames, decoded alone {count / decoded:,.0f} frames/s; as a shard "
        f"{count / taken:.1f} frames/s, {1e3 * busy / count:.1f} ms of one core a frame, "
        f"{len(results)} persons in {frames} frames, {path.stat().st_size / count:,.0f} bytes each"
    )


if __name__ == "__main__":
    main()
