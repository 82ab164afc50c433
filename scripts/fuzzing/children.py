"""Cases run in children that are forked from a warm process, with limits on time and memory."""

from __future__ import annotations

import json
import os
import random
import resource
import select
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fuzzing.mutate import mutate
from poselift.errors import PoseliftError

#: A case that takes longer hangs (seconds); a small input that takes more memory is a bomb (MiB).
SECONDS, MEBIBYTES = 10.0, 150

#: Cases that one child runs before the next is forked.
BATCH = 200


@dataclass(frozen=True)
class Surface:
    """Something that reads a byte: its name, valid inputs (files or folders), and the reader.

    `share` is below 1 for a reader that is slow, or starts a process of its own: it gets fewer
    cases. `victims` are the files of a folder that are damaged. `memory` is what a case may take
    (MiB): a small file may well hold a large picture.
    """

    name: str
    samples: Sequence[Path]
    read: Callable[[Path], object]
    share: float = 1.0
    victims: str = "*"
    memory: int = MEBIBYTES


@dataclass(frozen=True)
class Failure:
    """A case that ended in something else than a result or one sentence."""

    surface: str
    case: int
    what: str
    detail: str


def write_case(surface: Surface, seed: int, case: int, folder: Path) -> Path:
    """Write the input of a case into `folder`; the same numbers always give the same bytes."""
    rng = random.Random(f"{seed} {surface.name} {case}")
    sample = rng.choice(list(surface.samples))
    target = folder / sample.name
    if sample.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(sample, target)
        files = sorted(path for path in target.rglob(surface.victims) if path.is_file())
        victim = rng.choice(files)
        victim.write_bytes(mutate(victim.read_bytes(), rng))
    else:
        target.write_bytes(mutate(sample.read_bytes(), rng))
    return target


def attempt(surface: Surface, path: Path) -> tuple[str, str]:
    """Read `path`; return "" if that gave a result or a sentence, else what happened and where."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    try:
        surface.read(path)
    except PoseliftError as error:
        sentence = str(error)
        if "\n" in sentence or any(ord(letter) < 32 for letter in sentence):
            return "control characters in the sentence", repr(sentence)[:500]
        if len(sentence) > 1500 + 4 * len(str(path)):
            return "a sentence without end", f"{len(sentence)} letters: {sentence[:200]}"
    except Exception as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "poselift" in f.filename]
        place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
        return f"{type(error).__name__} at {place}", traceback.format_exc(limit=-4)[-1500:]
    if time.monotonic() - started > SECONDS:
        return "slow", f"{time.monotonic() - started:.1f} s"
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    if grown > surface.memory:
        return "memory", f"{grown:.0f} MiB above the idle process"
    return "", ""


def run(
    surface: Surface, seed: int, first: int, count: int, progress: Callable[[int], None]
) -> list[Failure]:
    """Run the cases first .. first + count - 1 of a surface; return those that failed."""
    failures: list[Failure] = []
    case, end = first, first + count
    while case < end:
        stop = min(end, case + BATCH)
        reached, found = _child(surface, seed, case, stop)
        failures += found
        progress(reached - case)
        case = reached
    return failures


def _child(surface: Surface, seed: int, first: int, stop: int) -> tuple[int, list[Failure]]:
    """Fork a child for some cases; return the first case it did not finish, and failures."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        _work(surface, seed, first, stop, write_end)
    os.close(write_end)
    failures: list[Failure] = []
    case, text, alive = first - 1, b"", True
    while alive:
        ready, _, _ = select.select([read_end], [], [], SECONDS + 5)
        if not ready:
            os.kill(child, signal.SIGKILL)
            failures.append(Failure(surface.name, case, "hang", f"over {SECONDS:.0f} s"))
            break
        block = os.read(read_end, 65536)
        alive, text = bool(block), text + block
        *lines, text = text.split(b"\n")
        for line in lines:
            row = json.loads(line)
            case = row["case"]
            if row.get("what"):
                failures.append(Failure(surface.name, case, row["what"], row["detail"]))
    os.close(read_end)
    _, status = os.waitpid(child, 0)
    if not alive and os.waitstatus_to_exitcode(status) != 0:
        code = os.waitstatus_to_exitcode(status)
        failures.append(Failure(surface.name, case, "died", f"exit status {code}"))
    return case + 1, failures


def _work(surface: Surface, seed: int, first: int, stop: int, write_end: int) -> None:
    """Be the child: say each case before it runs and what came of it, then leave at once."""
    status = 1
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        with tempfile.TemporaryDirectory() as name:
            for case in range(first, stop):
                os.write(write_end, json.dumps({"case": case}).encode() + b"\n")
                what, detail = attempt(surface, write_case(surface, seed, case, Path(name)))
                if what:
                    row = {"case": case, "what": what, "detail": detail}
                    os.write(write_end, json.dumps(row).encode() + b"\n")
                if what == "memory":  # the peak is reached: what follows would go unseen
                    break
        status = 0
    finally:
        os._exit(status)


def minimise(surface: Surface, seed: int, case: int, what: str, tries: int = 150) -> bytes | None:
    """Return a shorter input that fails in the same way; None for a folder."""
    with tempfile.TemporaryDirectory() as name:
        path = write_case(surface, seed, case, Path(name))
        if path.is_dir():
            return None
        data = path.read_bytes()
        size = len(data) // 2
        while size and tries:
            place = 0
            while place < len(data) and tries:
                shorter, tries = data[:place] + data[place + size :], tries - 1
                path.write_bytes(shorter)
                if _fails_alike(surface, path, what):
                    data = shorter
                else:
                    place += size
            size //= 2
        return data


def _fails_alike(surface: Surface, path: Path, what: str) -> bool:
    """Tell whether reading `path` in a child ends as `what` says."""
    child = os.fork()
    if child == 0:
        signal.alarm(int(SECONDS))
        os._exit(7 if attempt(surface, path)[0] == what else 0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
