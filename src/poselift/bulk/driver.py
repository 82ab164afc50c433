"""A run: shards handed out, failures counted, what is left over put into quarantine."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import final

from poselift.bulk.engines import Engine, Processes
from poselift.bulk.lift import Job, now
from poselift.bulk.locks import EXPIRED
from poselift.bulk.manifest import Manifest, Quarantined
from poselift.bulk.outcomes import Failure, Report
from poselift.bulk.ray_tasks import RayTasks
from poselift.bulk.shards import Shard, plan
from poselift.bulk.stores import open_store
from poselift.bulk.work import Work
from poselift.errors import PoseliftError
from poselift.lifting.session import physical_cores

#: So often a shard may fail before it goes to quarantine; and so often its node may be lost.
ATTEMPTS, LOSSES = 3, 20

#: Seconds between two looks at a shard that another run has; seconds between two looks at the bar.
_AGAIN, _TICK = 2.0, 0.5


@final
@dataclass
class Summary:
    """How far a run is, and in the end what it did.

    folder       where the outputs are.
    shards       in all: `lifted` now, `skipped` because they were done, by an earlier run or by
                 another one meanwhile, and `failures` with a sentence for each.
    frames, poses, persons  of all shards that are done.
    frames_now   of those that were lifted now.
    repeated     attempts that failed and were followed by another.
    warnings     what was doubtful about inputs.
    passed_over  files of the input that are no shards.
    """

    folder: str
    shards: int
    lifted: int = 0
    skipped: int = 0
    frames: int = 0
    poses: int = 0
    persons: int = 0
    frames_now: int = 0
    repeated: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    quarantine: str = ""
    started: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> int:
        """Shards that have not come to an end."""
        return self.shards - self.lifted - self.skipped - len(self.failures)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.started

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None if nothing was lifted yet."""
        return self.left * self.seconds / self.lifted if self.lifted else None

    def add(self, report: Report) -> None:
        """Count a shard that is done."""
        self.lifted += report.lifted > 0
        self.skipped += report.lifted == 0
        self.frames += report.frames
        self.poses += report.poses
        self.persons += report.persons
        self.frames_now += report.frames if report.lifted else 0
        self.warnings += report.warnings


def lift_all(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    work: Work,
    *,
    workers: int | None = None,
    ray: str | None = None,
    progress: Callable[[Summary], None] | None = None,
) -> Summary:
    """Lift all shards of a folder or object store that are not done; what fails does so alone.

    source, target  folders or URLs.
    workers   shards at a time; None for one a core, or one a CPU of the Ray that `ray` names.
    ray       None for processes of this machine, else as `RayTasks` takes it.
    progress  called now and then with how far it is.

    Raises `PoseliftError` for an input as `plan` refuses it, and, when what is done is safe, if
    outputs cannot be written or a machine cannot do the work.
    """
    if workers is not None and workers < 1:
        raise PoseliftError(f"expected at least 1 worker, got {workers}")
    inputs, outputs = open_store(os.fspath(source)), open_store(os.fspath(target))
    shards, passed_over = plan(inputs, outputs)
    place = outputs.place(work.name)
    outputs = open_store(place)
    manifest = Manifest(outputs)
    summary = Summary(place, len(shards), passed_over=passed_over)
    summary.quarantine = manifest.place_of_quarantine()
    owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    job = Job(inputs, outputs, work, owner)
    engine: Engine
    if ray is None:
        engine = Processes(job, min(workers or physical_cores(), len(shards)))
    else:
        engine = RayTasks(job, workers, ray, physical_cores())
    with closing(engine):
        manifest.begin(work.facts())
        _drive(deque(shards), engine, job, summary, progress or (lambda _: None))
    return summary


def _drive(
    waiting: deque[Shard],
    engine: Engine,
    job: Job,
    summary: Summary,
    progress: Callable[[Summary], None],
) -> None:
    """Hand out shards until none is left. A failed one is tried again at once, one held later."""
    failed: Counter[str] = Counter()
    held: dict[str, tuple[str, float]] = {}  # by shard: its holder, and since when it is the same
    later: deque[tuple[float, Shard]] = deque()
    while waiting or later or engine.busy:
        while later and later[0][0] <= time.monotonic():
            waiting.append(later.popleft()[1])
        while waiting and engine.room > 0:
            shard = waiting.popleft()
            holder, since = held.get(shard.name, ("", 0.0))
            gone = bool(holder) and time.monotonic() - since > EXPIRED
            engine.submit(shard, holder if gone else "")
        if not engine.busy:
            time.sleep(_TICK)
        for shard, outcome in engine.finished(_TICK):
            if isinstance(outcome, Report) and outcome.held:
                if held.get(shard.name, ("", 0.0))[0] != outcome.holder:
                    held[shard.name] = outcome.holder, time.monotonic()
                later.append((time.monotonic() + _AGAIN, shard))
            elif isinstance(outcome, Report):
                summary.add(outcome)
            elif _again(shard, outcome, failed, job, summary):
                summary.repeated += 1
                waiting.appendleft(shard)
        progress(summary)


def _again(
    shard: Shard, failure: Failure, failed: Counter[str], job: Job, summary: Summary
) -> bool:
    """Count a failure; tell whether to try again. The last one is noted in the quarantine.

    Raises `PoseliftError` if it is not the shard's fault and trying again would not help.
    """
    name = f"{shard.name}, node" if failure.fault == "node" else shard.name
    failed[name] += 1
    done = f"{summary.lifted + summary.skipped} of {summary.shards} shards are done"
    if failure.fault == "machine":
        raise PoseliftError(f"{failure.sentence}; {done}")
    if failed[name] < (LOSSES if failure.fault == "node" else ATTEMPTS):
        return True
    if failure.fault == "output":
        raise PoseliftError(f"{failure.sentence}; {done}, the same command goes on with the others")
    summary.failures[shard.name] = failure.sentence
    Manifest(job.target).quarantine(
        shard.name,
        Quarantined(job.source.place(shard.name), failure.sentence, failed[name], job.owner, now()),
    )
    return False
