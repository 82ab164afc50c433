"""What numbers depend on besides the code."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from poselift.lifting.session import physical_cores


def machine(
    threads: int, packages: Sequence[str] = ("poselift", "onnxruntime", "numpy")
) -> dict[str, str]:
    """Return facts of this machine by name: chip, cores, load, versions of what is installed."""
    return {
        "cpu": _chip(),
        "cores": f"{physical_cores()} physical, {os.cpu_count()} logical",
        "threads": str(threads),
        "load": f"{os.getloadavg()[0]:.1f} at the start",
        "python": platform.python_version(),
        **{name: found for name in packages if (found := _version(name)) is not None},
    }


def _chip() -> str:
    """Name the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    """Version of a package, or None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
