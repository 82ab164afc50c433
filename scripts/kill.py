"""Kill trainings and writers at random moments, and see that nothing is lost, halved or left.

    python scripts/kill.py                     # 100 kills of each
    python scripts/kill.py training --kills 20 --network gln
    python scripts/kill.py writing --kills 100 --writer trc

Training: every registered network, killed and resumed until it is done, has to end with the same
bytes as a run that nobody disturbed. Writing: every registered writer, run folders and tables too;
after a kill every output is the old or the new one, whole; the next write leaves nothing beside
them, nor in the folder for temporary files. Exit status 1 if anything else was seen.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from fuzzing.networks import trained

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # tiny runs are made there


def main() -> int:
    """Parse, kill, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="?", choices=("all", "training", "writing"), default="all")
    parser.add_argument("--kills", type=int, default=100, help="of each kind, in all")
    parser.add_argument("--network", action="append", help="only this one; may be repeated")
    parser.add_argument("--writer", action="append", help="only this one; may be repeated")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng, faults = random.Random(arguments.seed), list[str]()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        tempfile.tempdir = os.environ["TMPDIR"] = str(place / "tmp")  # to see what is left in it
        (place / "tmp").mkdir()
        if arguments.what != "writing":
            faults += _each(
                training, arguments.network or list(trained()), arguments.kills, rng, place
            )
        if arguments.what != "training":
            known = writers(place)
            work = partial(writing, known)
            faults += _each(work, arguments.writer or list(known), arguments.kills, rng, place)
    print("\n".join(faults) or "nothing lost, halved or left")
    return 1 if faults else 0


def _each(
    work: Callable[[str, int, random.Random, Path], list[str]],
    names: list[str],
    kills: int,
    rng: random.Random,
    place: Path,
) -> list[str]:
    """Share kills among names; return the faults of all."""
    share = -(-kills // len(names))
    found = [fault for name in names for fault in work(name, share, rng, place)]
    left = sorted(path.name for path in (place / "tmp").iterdir())
    left = [name for name in left if not name.startswith("torchinductor_")]  # torch's own cache
    return [*found, *(f"left in the folder for temporary files: {name}" for name in left)]


def training(network: str, kills: int, rng: random.Random, place: Path) -> list[str]:
    """Train a network undisturbed and killed `kills` times; compare the bytes."""
    from dataclasses import replace

    from picture_samples import hrnet_config, pictures, system_config
    from poselift.training import TrainingData, train
    from training_fixtures import killable_config, tiny_data

    architecture, settings = trained()[network]
    config = replace(killable_config(), epochs=6)
    if architecture in ("hrnet", "end_to_end"):
        config = hrnet_config() if architecture == "hrnet" else system_config()
        config = replace(config, checkpoint_seconds=0.0)
    config = replace(config, architecture=architecture, model=settings)

    def data() -> TrainingData:
        drawn = config.data.variant == "pictures"
        return pictures(config=config) if drawn else tiny_data()

    whole, killed = place / network / "whole", place / network / "killed"
    (place / network).mkdir()

    def run(folder: Path) -> None:
        resume = (folder / "config.json").exists()
        # the export is among the writers; here it would be most of the time
        train(config, data(), folder, device="cpu", resume=resume, export=False)

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
    names = ["model.safetensors", "metrics.csv", "config.json"]
    names += ["layouts.json"] * (whole / "layouts.json").is_file()
    for name in names:
        if (whole / name).read_bytes() != (killed / name).read_bytes():
            return f"{network}: {name} differs"
    files = [
        {
            re.sub(r"-\d+$", "", str(p.relative_to(run)))
            for p in run.rglob("*")
            if "tensorboard" not in str(p)
        }
        for run in (whole, killed)
    ]
    files = [{re.sub(r"(best|last)-\d+", r"\1", name) for name in one} for one in files]
    left = sorted(files[1] - files[0])
    return f"{network}: left behind {', '.join(left)}" if left else ""


#: Makes outputs in a folder from one of two contents, 0 or 1; what they are called follows.
Write = Callable[[Path, int], object]


def writers(place: Path) -> dict[str, Write]:
    """Return all that writes files: formats by their registry, angles, run folders, tables."""
    from poselift.export import export_run
    from poselift.files import write_bytes_together
    from poselift.io import save_all
    from poselift.io.registry import writers as formats
    from poselift.models import build, describe, save_model
    from poselift.motion.angles import angles
    from poselift.poses import Results
    from tiny_model import CARD
    from writer_samples import person

    both = [
        Results(tuple(person(count, person_id=k) for k in range(2)), {"model": "tiny"})
        for count in (300, 240)
    ]
    film = _film(place)

    def saving(suffix: str, flat: bool) -> Write:
        def write(folder: Path, content: int) -> None:
            results = both[content]
            people = tuple(one.poses_2d for one in results.people)
            files = [(people if flat else results, folder / f"a{suffix}")]
            save_all(files, video=film if suffix == ".mp4" else None)

        return write

    found: dict[str, Write] = {}
    for flat in (False, True):
        for suffix in formats(flat=flat):
            found[f"{suffix[1:]}{', 2D' * flat}"] = saving(suffix, flat)
    for suffix in (".csv", ".mot", ".html", ".parquet"):
        people = [[angles(one.poses_3d) for one in results.people] for results in both]
        found[f"angles {suffix[1:]}"] = _angles(people, suffix)
    nets = [build("martinez", {"width": 64, "blocks": blocks}) for blocks in (1, 2)]

    def run(folder: Path, content: int) -> None:
        architecture, config = describe(nets[content])
        save_model(folder, nets[content], {**CARD, "architecture": architecture, "config": config})

    def exported(folder: Path, content: int) -> None:
        run(folder / "run", content)
        export_run(folder / "run")

    def pair(folder: Path, content: int) -> None:
        large = bytes([content]) * 4_000_000
        write_bytes_together([(folder / "a.npz", large), (folder / "b.json", large + b"x")])

    return {**found, "run folder": run, "export": exported, "two of 4 MB": pair}


def _film(place: Path) -> Path:
    """Write a short video to draw on."""
    from video_samples import colours, write_video

    return write_video(place / "film.mp4", colours(20, 128, 96))


def _angles(people: list[list[Any]], suffix: str) -> Write:
    from poselift.cli.angles import _jobs
    from poselift.files import write_together

    return lambda folder, content: write_together(
        _jobs(people[content], folder / f"a{suffix}", "a")
    )


def writing(
    known: dict[str, Write], name: str, kills: int, rng: random.Random, place: Path
) -> list[str]:
    """Kill a process that writes two contents in turn; every file has to be one of them, whole."""
    write, folder = known[name], place / "writing" / name
    started, whole = time.monotonic(), []
    for content in (0, 1):
        folder.mkdir(parents=True)
        write(folder, content)
        whole.append(_contents(folder))
        shutil.rmtree(folder)
    seconds = (time.monotonic() - started) / 2
    folder.mkdir()
    write(folder, 0)
    faults, done, mixed = list[str](), 0, 0

    def forever() -> None:
        for number in range(1, 10**9):
            write(folder, number % 2)

    while done < kills and not faults:
        done += _in_child(forever, rng.uniform(0.0, 2.5) * seconds + 0.003) == -signal.SIGKILL
        found = _contents(folder)
        shown = {path: data for path, data in found.items() if not path.endswith(_PARTS)}
        sides = [{path for path, data in shown.items() if one.get(path) == data} for one in whole]
        half = shown.keys() - sides[0] - sides[1]
        faults += [f"{name}: {path} is half-written after {done} kills" for path in half]
        mixed += not any(side >= whole[k].keys() for k, side in enumerate(sides))
        write(folder, 0)
        left = _contents(folder).keys() - whole[0].keys() - whole[1].keys()
        faults += [f"{name}: left behind {path}" for path in left]
    told = f"{mixed} times between the renames of several files" if mixed else "never mixed"
    print(f"writing {name}: {done} kills, {faults[0] if faults else 'all whole'}; {told}")
    return faults


#: What names of files end in that are not shown yet.
_PARTS = (".part", ".scratch")


def _contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder; of what differs every time only that it is there."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


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
