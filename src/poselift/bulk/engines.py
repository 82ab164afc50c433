"""What runs shards at the same time: processes of this machine. (`ray_tasks` has Ray's.)"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import final

from poselift.bulk.lift import Job
from poselift.bulk.outcomes import Failure, Outcome
from poselift.bulk.shards import Shard


class Engine(ABC):
    """Runs shards, and tells what became of them; a shard whose worker died is a `Failure`."""

    @property
    @abstractmethod
    def room(self) -> int:
        """How many more shards it will start at once."""

    @property
    @abstractmethod
    def busy(self) -> int:
        """How many it is at."""

    @abstractmethod
    def submit(self, shard: Shard, expired: str = "") -> None:
        """Start a shard; `expired` as in `lift_shard`."""

    @abstractmethod
    def finished(self, timeout: float) -> Iterator[tuple[Shard, Outcome]]:
        """Yield what has come to an end, after waiting for at least one, or so many seconds."""

    @abstractmethod
    def close(self) -> None:
        """End all workers, whatever they are at."""


@final
class Processes(Engine):
    """Worker processes, each an executor of its own.

    In one pool the death of a worker breaks the others' work, and nobody says whose fault it was.
    """

    def __init__(self, job: Job, workers: int) -> None:
        """Start nothing yet."""
        self._job = job
        self._context = multiprocessing.get_context("spawn")
        # only this process holds the writing end: when it is closed or we die, the workers end
        self._theirs, self._ours = self._context.Pipe(duplex=False)
        self._idle = [self._executor() for _ in range(workers)]
        self._flying: dict[Future[Outcome], tuple[ProcessPoolExecutor, Shard]] = {}

    def _executor(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            1, mp_context=self._context, initializer=_begin, initargs=(self._job, self._theirs)
        )

    @property
    def room(self) -> int:
        """Workers without work."""
        return len(self._idle)

    @property
    def busy(self) -> int:
        """Workers with work."""
        return len(self._flying)

    def submit(self, shard: Shard, expired: str = "") -> None:
        """Give a shard to a worker."""
        executor = self._idle.pop()
        self._flying[executor.submit(_attempt, shard, expired)] = executor, shard

    def finished(self, timeout: float) -> Iterator[tuple[Shard, Outcome]]:
        """Yield what has come to an end; a dead worker gets a successor."""
        done, _ = wait(self._flying, timeout, FIRST_COMPLETED)
        for future in done:
            executor, shard = self._flying.pop(future)
            try:
                outcome = future.result()
            except BrokenProcessPool:
                executor.shutdown(wait=False)
                executor = self._executor()
                outcome = died(self._job, shard)
            self._idle.append(executor)
            yield shard, outcome

    def close(self) -> None:
        """End all workers at once."""
        self._ours.close()
        for executor in (*self._idle, *(one for one, _ in self._flying.values())):
            executor.shutdown(wait=True, cancel_futures=True)


def died(job: Job, shard: Shard) -> Failure:
    """Say that a worker died over a shard."""
    sentence = "the process that lifted it died (killed, out of memory, or a crash)"
    return Failure(shard.name, f"{job.source.place(shard.name)}: {sentence}", "shard")


# The job of this worker process.
_JOBS: list[Job] = []


def _begin(job: Job, theirs: Connection) -> None:
    """Prepare a worker: Ctrl-C is the driver's, and without it there is nothing to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _JOBS.append(job)
    threading.Thread(target=_end_with_driver, args=(theirs,), daemon=True).start()


def _end_with_driver(theirs: Connection) -> None:
    """Wait for the other end to be closed; the driver never sends anything."""
    try:
        theirs.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


def _attempt(shard: Shard, expired: str) -> Outcome:
    return _JOBS[0].attempt(shard, expired)
