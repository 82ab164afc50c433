"""Shards as Ray tasks: of a Ray that is started for the run, or of a cluster.

A task takes one CPU and there is nothing else that would want one: no actors, no Ray Data, whose
readers wait for a CPU of their own. Tasks are not retried by Ray but by the driver, as those of
processes are, so that a shard fails as often as a shard may and a lost node is nobody's fault.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Iterator
from typing import Any, final

from poselift.bulk.engines import Engine, died
from poselift.bulk.lift import Job
from poselift.bulk.outcomes import Failure, Outcome
from poselift.bulk.shards import Shard
from poselift.errors import PoseliftError, how_to_install

#: Stands for a Ray of our own.
LOCAL = "local"

# Bytes of Ray's store of objects, which holds a model and nothing else.
_STORE = 128 << 20

# Seconds between two looks at how large a cluster is.
_LOOK = 10.0


@final
class RayTasks(Engine):
    """Ray, as an engine.

    Raises `PoseliftError` if Ray is not installed, or nobody answers at the address.
    """

    def __init__(self, job: Job, workers: int | None, address: str, cores: int) -> None:
        """Start Ray or join a cluster.

        workers  shards at a time, or None for one a CPU.
        address  `LOCAL`, "auto", "HOST:PORT" or "ray://HOST:PORT".
        cores    of this machine, for a Ray of our own.
        """
        self._ray = ray = load_ray(local=address == LOCAL)
        self._workers = workers
        local: dict[str, Any] = {"address": address}
        _check_answers(address)
        if address == LOCAL:
            local |= {"num_cpus": workers or cores, "object_store_memory": _STORE}
            local |= {"include_dashboard": False}
        try:
            ray.init(**local, log_to_driver=False, logging_level="ERROR")
        except Exception as error:  # ConnectionError, RuntimeError, ValueError, gRPC's own
            first = (str(error) or type(error).__name__).splitlines()[0][:200].rstrip(".")
            raise PoseliftError(f"--ray {address}: no Ray answers there ({first})") from None
        self._job, self._shared = job, ray.put(job)
        self._task = ray.remote(num_cpus=1, max_retries=0)(_attempt)
        self._flying: dict[Any, Shard] = {}
        self._cpus, self._looked = 0, 0.0

    @property
    def room(self) -> int:
        """One shard for each worker, or each CPU that the cluster has by now."""
        if self._workers is not None:
            return self._workers - len(self._flying)
        if not self._looked or time.monotonic() - self._looked > _LOOK:
            self._cpus = max(1, int(self._ray.cluster_resources().get("CPU", 0)))
            self._looked = time.monotonic()
        return self._cpus - len(self._flying)

    @property
    def busy(self) -> int:
        """Tasks that run or wait for a CPU."""
        return len(self._flying)

    def submit(self, shard: Shard, expired: str = "") -> None:
        """Start a task."""
        self._flying[self._task.remote(self._shared, shard, expired)] = shard

    def finished(self, timeout: float) -> Iterator[tuple[Shard, Outcome]]:
        """Yield what has come to an end."""
        if not self._flying:
            return
        done, _ = self._ray.wait(list(self._flying), num_returns=1, timeout=timeout)
        for reference in done:
            shard = self._flying.pop(reference)
            yield shard, self._outcome(reference, shard)

    def _outcome(self, reference: Any, shard: Shard) -> Outcome:
        """Return what a task returned, or what became of it."""
        errors, where = self._ray.exceptions, self._job.source.place(shard.name)
        try:
            outcome: Outcome = self._ray.get(reference)
        except (errors.WorkerCrashedError, errors.OutOfMemoryError):
            return died(self._job, shard)
        except (errors.RayTaskError, errors.RuntimeEnvSetupError) as error:
            last = str(error).strip().splitlines()[-1][:200]
            return Failure(
                shard.name,
                f"Ray's workers cannot run poselift ({last}); all nodes need the same version",
                "machine",
            )
        except errors.RayError as error:
            what = f"the node that lifted it was lost ({type(error).__name__})"
            return Failure(shard.name, f"{where}: {what}", "node")
        return outcome

    def close(self) -> None:
        """Cancel what runs, and leave Ray."""
        for reference in self._flying:
            self._ray.cancel(reference, force=True)
        self._ray.shutdown()


def _check_answers(address: str) -> None:
    """Refuse a HOST:PORT at which nobody listens: Ray itself would try for long, and aloud."""
    host, colon, port = address.rpartition("//")[2].rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=10):
            pass
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PoseliftError(f"--ray {address}: no Ray answers there ({reason})") from None


def load_ray(*, local: bool) -> Any:
    """Import Ray without its usage statistics; `PoseliftError` if it is not installed.

    They are on by default and sent by the first node of a Ray that is started here. A cluster
    has what whoever started it said.

    local  whether a Ray is going to be started here: only who has its token may give it work.
           Without one of ours Ray writes one into HOME.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # it would say on stdout, at length, what is said better by `died`; nothing else goes that way
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    if local and "RAY_AUTH_MODE" not in os.environ:
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    try:
        import ray
    except ImportError:
        raise PoseliftError(f"--ray needs Ray, install it with: {how_to_install('ray')}") from None
    return ray


def _attempt(job: Job, shard: Shard, expired: str) -> Outcome:
    return job.attempt(shard, expired)
