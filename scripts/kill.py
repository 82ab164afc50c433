"""Kill trainings and writers at random moments, and see that nothing is lost, halved or left.

    python scripts/kill.py                     # 100 kills of each
    python scripts/kill.py training --kills 20 --network gln
    python scripts/kill.py writing --kills 100

Training: every network, killed and resumed until it is done, has to end with the same bytes as a
run that nobody disturbed. Writing: after a kill every output is the old or the new one, whole; the
next write leaves nothing beside them. Exit status 1 if anything else was seen.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # tiny runs are made there

#: Sizes at which a network trains in seconds.
SMALL: dict[str, dict[str, object]] = {
    "gln": {"channels": 4, "blocks": 1, "anneal_epochs": 1.0, "gumbel_off_epoch": 2.0},
    "martinez": {"width": 8, "blocks": 1},
    "posegraphnet": {"widths": (6, 8)},
    "semgcn": {"width": 8, "layers": 1},
    "lcn": {"width": 4, "blocks": 1},
    "videopose3d": {"channels": 8, "blocks": 1},
    "stgcn": {"channels": (8, 8, 8), "pooled": 8},
}


def main() -> int:
    """Parse, kill, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="?", choices=("all", "training", "writing"), default="all")
    parser.add_argument("--kills", type=int, default=100, help="of each kind, in all")
    parser.add_argument("--network", action="append", choices=sorted(SMALL))
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng, faults = random.Random(arguments.seed), list[str]()
    with tempfile.TemporaryDirectory() as name:
        if arguments.what != "writing":
            networks = arguments.network or sorted(SMALL)
            each = -(-arguments.kills // len(networks))
            for network in networks:
                faults += training(network, each, rng, Path(name))
        if arguments.what != "training":
            faults += writing(arguments.kills, rng, Path(name))
    print("\n".join(faults) or "nothing lost, halved or left")
    return 1 if faults else 0


def training(network: str, kills: int, rng: random.Random, place: Path) -> list[str]:
    """Train a network undisturbed and killed `kills` times; compare the bytes."""
    from dataclasses import replace

    from poselift.training import train
    from training_fixtures import killable_config, tiny_data

    config = replace(killable_config(), architecture=network, model=SMALL[network])
    whole, killed = place / f"{network}-whole", place / f"{network}-killed"

    def run(folder: Path) -> None:
        resume = (folder / "config.json").exists()
        train(config, tiny_data(), folder, device="cpu", resume=resume)

    started = time.monotonic()
    if _in_child(lambda: run(whole), None) != 0:
        return [f"{network}: the undisturbed run failed"]
    seconds, done, ended = time.monotonic() - started, 0, 0
    while done < kills:
        status = _in_child(lambda: run(killed), rng.uniform(0.05, 0.8) * seconds)
        done += status == -signal.SIGKILL
        if status not in (0, -signal.SIGKILL):
            return [f"{network}: exit status {status} after {done} kills"]
        if status == 0:
            if fault := _differs(network, whole, killed):
                return [fault]
            shutil.rmtree(killed)
            ended += 1
    if _in_child(lambda: run(killed), None) != 0:
        return [f"{network}: the last resume failed after {done} kills"]
    fault = _differs(network, whole, killed)
    print(f"{network}: {done} kills, {ended + 1} runs to their end, {fault or 'bit-equal'}")
    return [fault] if fault else []


def _differs(network: str, whole: Path, killed: Path) -> str:
    """Say which file of two run folders differs, or what was left behind."""
    for name in ("model.safetensors", "metrics.csv"):
        if (whole / name).read_bytes() != (killed / name).read_bytes():
            return f"{network}: {name} differs"
    left = [str(path.relative_to(killed)) for path in killed.rglob("*.part*")]
    return f"{network}: left behind {', '.join(left)}" if left else ""


def writing(kills: int, rng: random.Random, place: Path) -> list[str]:
    """Kill a process that writes two outputs of 4 MB again and again."""
    from poselift.files import write_bytes_together

    outputs = [place / "out.npz", place / "out.json"]
    sizes = (4_000_000, 4_000_001)

    def write(value: int) -> None:
        contents = [bytes([value]) * size for size in sizes]
        write_bytes_together(list(zip(outputs, contents, strict=True)))

    def forever() -> None:
        for value in range(1, 10**9):
            write(value % 250 + 1)

    write(0)
    faults, done, halves = list[str](), 0, 0
    while done < kills and not faults:
        done += _in_child(forever, rng.uniform(0.005, 0.08)) == -signal.SIGKILL
        for path, size in zip(outputs, sizes, strict=True):
            data = path.read_bytes()
            if len(data) != size or data != data[:1] * size:
                faults.append(f"{path.name}: half-written after {done} kills")
        halves += outputs[0].read_bytes()[:1] != outputs[1].read_bytes()[:1]
        write(0)
        left = sorted(set(place.glob(".*.part")) | set(place.glob("*.part")))
        faults += [f"left behind: {path.name}" for path in left]
    print(f"writing: {done} kills, outputs whole; {halves} times only the first was renamed")
    return faults


def _in_child(work: Callable[[], None], seconds: float | None) -> int:
    """Run `work` in a forked child, killed after `seconds`; return its exit status."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, 1)
            work()
            status = 0
        finally:
            os._exit(status)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    sys.exit(main())
