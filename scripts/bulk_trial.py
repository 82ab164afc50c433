"""Lift millions of generated frames in bulk while workers and drivers are killed at random.

    python scripts/bulk_trial.py --frames 10000000 --shards 200 --place trial
    python scripts/bulk_trial.py --frames 200000 --shards 20 --kills 8 --place trial

First undisturbed, by processes (all shards, or `--sample` of them, drawn by the seed); then all by
processes and by Ray, with `kill -9` on a worker or the driver every now and then, and the driver
started again whenever it was killed. What has to be seen: every shard once, the bytes of the
undisturbed run and of the other way, nothing left behind, and memory that does not grow. Exit
status 1 if anything else was seen. What was generated is kept and used again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import numpy as np

#: Of the kills, the share that hits the driver.
_DRIVERS = 0.25


def main() -> int:
    """Parse, generate, run, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=10_000_000)
    parser.add_argument("--shards", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20, help="in each of the two ways")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--model", default="posegraphnet")
    parser.add_argument("--place", type=Path, required=True, help="folder for all of it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", type=int, help="shards lifted undisturbed; default: all")
    parser.add_argument("--generate", action="store_true", help="only make the shards")
    parser.add_argument("--way", action="append", choices=("processes", "ray"))
    parser.add_argument("options", nargs="*", help="more options of `poselift bulk`, after --")
    given = parser.parse_args()
    given.place = given.place.resolve()
    source = given.place / f"in-{given.frames}-{given.shards}"
    generate(source, given.frames, given.shards)
    if given.generate:
        return 0
    rng, sample = random.Random(given.seed), source
    if given.sample:
        sample = given.place / "sample"
        shutil.rmtree(sample, ignore_errors=True)
        for path in rng.sample(sorted(source.rglob("*.parquet")), given.sample):
            (sample / path.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
            os.link(path, sample / path.relative_to(source))
    options = ["--model", given.model, "--workers", str(given.workers), *given.options]
    shutil.rmtree(given.place / "undisturbed", ignore_errors=True)
    seen = given.place / "in"  # one name for both: histories say what was read
    seen.unlink(missing_ok=True)
    seen.symlink_to(sample)
    seconds, memory = run(seen, given.place / "undisturbed", options, [], rng)
    seen.unlink()
    seen.symlink_to(source)
    print(f"undisturbed: {seconds:.0f} s, {memory}", flush=True)
    expected, faults = hashes(given.place / "undisturbed"), list[str]()
    if len(expected) != (given.sample or given.shards):
        faults.append(f"undisturbed: {len(expected)} outputs of {given.sample or given.shards}")
    seconds *= given.shards / len(expected)
    others: dict[str, str] = {}
    for way in given.way or ("processes", "ray"):
        target = given.place / way
        shutil.rmtree(target, ignore_errors=True)
        moments = sorted(rng.uniform(0.02, 0.95) * seconds for _ in range(given.kills))
        more = ["--ray"] if way == "ray" else []
        taken, memory = run(seen, target, [*options, *more], moments, rng)
        found = hashes(target)
        same = sum(found.get(name) == one for name, one in expected.items())
        alike = sum(found.get(name) == one for name, one in others.items())
        notes = sum(1 for _ in target.glob("*/_bulk/done/**/*.json"))
        left = [str(one) for one in target.rglob("*.part")]
        for kind in ("locks", "quarantine"):
            left += [str(one) for one in target.glob(f"*/_bulk/{kind}/**/*") if one.is_file()]
        said = f"{way}: {taken:.0f} s, {len(found)} outputs, {notes} notes, {same} of "
        said += f"{len(expected)} equal to the undisturbed, {alike} of {len(others)} to the other's"
        print(f"{said}, {memory}", flush=True)
        whole = len(found) == notes == given.shards and same == len(expected)
        if not whole or alike != len(others) or left:
            faults.append(f"{said}, left behind {left}")
        others = found
    print("\n".join(faults) or "every shard once, all equal, nothing left behind")
    return 1 if faults else 0


def generate(folder: Path, frames: int, shards: int) -> None:
    """Write a walking person before a camera, with a detector's trembling; each shard another."""
    from poselift.io import save
    from poselift.poses import PoseSequence
    from poselift.simulation.synthetic import random_motion
    from poselift.skeletons import H36M_17

    each = frames // shards
    base = random_motion(0, min(each, 3000))
    base = base - base[:, :1]
    turns = np.arange(each) % (2 * len(base) - 2)  # there and back again
    turns = np.where(turns < len(base), turns, 2 * len(base) - 2 - turns)
    for number in range(shards):
        path = folder / f"{number // 100:02d}" / f"shard-{number:05d}.parquet"
        if path.exists():
            continue
        rng = np.random.default_rng(number)
        angle = rng.uniform(0, 2 * np.pi)
        turn = np.array(
            [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
        )
        points = (base @ turn.T)[turns] * [1.0, -1.0, 1.0] * rng.uniform(0.9, 1.1) + [0, 0, 5.0]
        pixels = 1500 * points[..., :2] / points[..., 2:] + [960, 540]
        pixels += rng.normal(0, 2.0, pixels.shape)
        one = PoseSequence.from_2d(
            pixels.astype(np.float32), H36M_17, fps=30.0, image_size=(1920, 1080), person_id=0
        )
        save([one], path)


def run(
    source: Path,
    target: Path,
    options: list[str],
    moments: list[float],
    rng: random.Random,
) -> tuple[float, str]:
    """Run to the end; kill at the moments (seconds) and start again. Return seconds and memory."""
    command = [sys.executable, "-m", "poselift", "bulk", str(source), str(target), *options]
    started, waiting = time.monotonic(), list(moments)
    used: dict[str, list[tuple[float, float]]] = defaultdict(list)
    killed = {"driver": 0, "worker": 0, "shard three times": 0}
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while True:
        time.sleep(0.5)
        now = time.monotonic() - started
        if driver.poll() == 0:
            break
        if driver.poll() is not None:
            if driver.returncode not in (-signal.SIGKILL, 1):
                raise SystemExit(f"{target.name}: the driver ended with {driver.returncode}")
            killed["shard three times"] += driver.returncode == 1  # in quarantine; tried again
            driver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        workers = lifting(driver.pid)
        for kind, numbers in (("driver", [driver.pid]), ("worker", workers)):
            sizes = [size for number in numbers if (size := resident(number))]
            used[kind] += [(now, max(sizes))] if sizes else []
        if waiting and now >= waiting[0] and workers:
            waiting.pop(0)
            kind = "driver" if rng.random() < _DRIVERS else "worker"
            with suppress(OSError):
                os.kill(driver.pid if kind == "driver" else rng.choice(workers), signal.SIGKILL)
                killed[kind] += 1
    said = driver.stdout.read().strip() if driver.stdout else ""
    print(f"  {said}")
    words = [", ".join(f"{count} {kind} killed" for kind, count in killed.items())] * bool(moments)
    for kind, seen in used.items():
        early = [size for at, size in seen if now / 16 < at < now / 4]
        late = [size for at, size in seen if at > 3 * now / 4]
        if early and late:
            words.append(f"{kind} at most {max(early):.0f} MB early, {max(late):.0f} MB late")
    return now, ", ".join(words)


def lifting(driver: int) -> list[int]:
    """Return the processes below a driver that lift."""
    parents, lines = {}, {}
    for entry in Path("/proc").iterdir():
        with suppress(ValueError, OSError):
            number = int(entry.name)
            parents[number] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            lines[number] = (entry / "cmdline").read_bytes().decode(errors="replace")
    below = {driver}
    while more := {one for one, above in parents.items() if above in below} - below:
        below |= more
    return [
        one
        for one in below - {driver}
        if "spawn_main" in lines.get(one, "") or lines.get(one, "").startswith("ray::_attempt")
    ]


def resident(number: int) -> float:
    """Return a process's resident memory in MB without what it shares, 0 if it is gone."""
    with suppress(OSError, ValueError, IndexError):
        pages = (Path("/proc") / str(number) / "statm").read_text().split()
        return (int(pages[1]) - int(pages[2])) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return 0.0


def hashes(target: Path) -> dict[str, str]:
    """Return the SHA-256 of each output by its name."""
    return {
        "/".join(path.relative_to(target).parts[1:]): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in target.rglob("*.parquet")
    }


if __name__ == "__main__":
    sys.exit(main())
