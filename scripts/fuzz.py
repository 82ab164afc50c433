"""Damage valid inputs of everything that reads a byte, and see that each ends in words.

    python scripts/fuzz.py --cases 20000 --seed 1             # what CI runs
    python scripts/fuzz.py --minutes 480 --jobs 2             # over night, before a release
    python scripts/fuzz.py --reader openpose --cases 5000
    python scripts/fuzz.py --reader openpose --seed 1 --case 4711   # one case again
    python scripts/fuzz.py --cover                            # is every reader reached?

A case may end in a result or in one sentence (`PoseliftError`). Anything else - another exception,
a hang over 10 s, more than 150 MiB, a death - is a failure: it is shortened, and the command that
repeats it is printed. Exit status 1 if there was any. Readers are those that are registered, and
`--cover` finds those that are not. `--reader` may end in * (`command.*`).
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path

from fuzzing.children import Failure, Surface, attempt, minimise, run, write_case
from fuzzing.cover import uncovered
from fuzzing.surfaces import surfaces


def main() -> int:
    """Parse, run, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reader", action="append", help="only this one; may be repeated")
    parser.add_argument("--cases", type=int, default=20_000, help="in all, shared by the readers")
    parser.add_argument("--minutes", type=float, help="go on for so long instead")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", type=int, help="run one case of --reader in this process")
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    parser.add_argument("--cover", action="store_true", help="see that every reader is reached")
    parser.add_argument("--list", action="store_true", help="list the readers")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        known = surfaces(Path(folder))
        if arguments.list:
            print("\n".join(f"{one.name:24} {len(one.samples)} inputs" for one in known.values()))
            return 0
        if arguments.cover:
            faults = uncovered(known.values())
            print("\n".join(faults) or f"every reader is reached by {len(known)} surfaces")
            return 1 if faults else 0
        wanted = arguments.reader or ["*"]
        chosen = [one for one in known.values() if any(fnmatch(one.name, w) for w in wanted)]
        if not chosen:
            print(f"fuzz: no such reader, expected some of {', '.join(known)}", file=sys.stderr)
            return 2
        if arguments.case is not None:
            return _again(chosen[0], arguments.seed, arguments.case, Path(folder))
        failures, cases, seconds = _all(chosen, arguments)
        print(
            f"{cases} cases of {len(chosen)} readers, {len(failures)} failures, {seconds:.0f} s",
            flush=True,
        )
        _report(failures, arguments.seed, known)
        return 1 if failures else 0


def _all(chosen: list[Surface], arguments: argparse.Namespace) -> tuple[list[Failure], int, float]:
    """Run all cases in rounds over the readers, in several processes; say new kinds at once."""
    started, cases, failures = time.monotonic(), 0, list[Failure]()
    share = max(1, math.ceil(arguments.cases / sum(one.share for one in chosen)))
    known: set[tuple[str, str]] = set()
    number = 0

    def goes_on() -> bool:
        if arguments.minutes:
            return time.monotonic() - started < arguments.minutes * 60
        return number * _ROUND < share

    with multiprocessing.get_context("fork").Pool(arguments.jobs, _start, (chosen,)) as pool:
        while goes_on():
            first = number * _ROUND
            count = _ROUND if arguments.minutes else min(_ROUND, share - first)
            tasks = [
                (index, arguments.seed, first, max(1, round(count * one.share)))
                for index, one in enumerate(chosen)
            ]
            for found in pool.imap_unordered(_task, tasks):
                failures += found
                for one in found:
                    if (one.surface, one.what) not in known:
                        known.add((one.surface, one.what))
                        print(f"{one.surface}: {one.what}, case {one.case}", flush=True)
            cases += sum(task[3] for task in tasks)
            number += 1
            if sys.stderr.isatty():
                print(f"\r{cases} cases, {len(failures)} failures", end="", file=sys.stderr)
    return failures, cases, time.monotonic() - started


#: Cases of a reader in one round over all of them.
_ROUND = 100

_chosen: list[Surface] = []


def _start(chosen: list[Surface]) -> None:
    """Give a worker the readers."""
    _chosen[:] = chosen


def _task(task: tuple[int, int, int, int]) -> list[Failure]:
    """Run some cases of one reader."""
    index, seed, first, count = task
    return run(_chosen[index], seed, first, count, lambda done: None)


def _report(failures: list[Failure], seed: int, known: dict[str, Surface]) -> None:
    """Print each kind of failure once, its shortest input, and how to repeat it."""
    kinds = Counter((one.surface, one.what) for one in failures)
    for (name, what), count in kinds.most_common():
        first = min(
            (f for f in failures if (f.surface, f.what) == (name, what)), key=lambda f: f.case
        )
        print(f"\n{name}: {what} ({count} times)")
        print(f"  python scripts/fuzz.py --reader {name} --seed {seed} --case {first.case}")
        if what not in ("hang", "died", "memory", "slow"):
            short = minimise(known[name], seed, first.case, what)
            if short is not None:
                print(f"  {len(short)} bytes: {short[:200]!r}")
        print("  " + first.detail.strip().replace("\n", "\n  "))


def _again(surface: Surface, seed: int, case: int, folder: Path) -> int:
    """Run one case here, keep its input, and say what came of it."""
    path = write_case(surface, seed, case, folder)
    what, detail = attempt(surface, path)
    kept = Path(tempfile.gettempdir()) / f"poselift-fuzz-{surface.name}-{case}{path.suffix}"
    if path.is_file():
        kept.write_bytes(path.read_bytes())
        print(f"input: {kept} ({kept.stat().st_size} bytes)")
    print(f"{what or 'a result or a sentence'}\n{detail}")
    return 1 if what else 0


if __name__ == "__main__":
    sys.exit(main())
