"""Peak memory of a runtime, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

from poselift.benchmark.runtimes import Runtime

# Prints the largest resident memory the process ever had, in kB (Linux).
_PROGRAM = """
import sys
import numpy as np
from poselift.benchmark.runtimes import open_runtime
model, backend, precision, threads, *shape = sys.argv[1:]
run = open_runtime(model, (backend, precision), int(threads))
inputs = np.random.default_rng(0).normal(size=tuple(map(int, shape))).astype(np.float32)
for _ in range(2):
    run(inputs)
print(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
"""


def peak_memory_mb(
    model: str, runtime: Runtime, *, threads: int, shape: tuple[int, ...]
) -> float | None:
    """Open a model in a fresh process, run it on inputs of `shape`: its peak in MB (10^6 bytes).

    None on systems other than Linux, which keep no such record.
    """
    if sys.platform != "linux":
        return None
    arguments = [model, *runtime, str(threads), *map(str, shape)]
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments], check=True, capture_output=True, text=True
    )
    return int(done.stdout) * 1024 / 1e6
