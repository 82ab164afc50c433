"""Speed and size of what users run, as Markdown tables: reports, not tests.

    python benchmarks/run.py [--json out.json]

Needs the shipped weights and a quiet machine. Every number is of a whole user-visible step: a call
of `Lifter.lift` with pixels in and metres out, or a run of the program `poselift`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from poselift import Lifter, PoseSequence, load_poses
from poselift.benchmark.machine import machine
from poselift.io import write_keypoints
from poselift.lifting.session import physical_cores

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "walk.json"
MODELS = ("gln", "posegraphnet")
BATCHES = (1, 64, 1000)

# The program, and after it the largest resident memory it ever had (Linux), in bytes.
_PROGRAM = """
import sys
from poselift.cli import main
try:
    main()
finally:
    status = open("/proc/self/status").read() if sys.platform == "linux" else "VmHWM: 0 kB"
    sys.stderr.write("peak=%d" % (1024 * int(status.split("VmHWM:")[1].split()[0])))
"""


def clip(frames: int) -> PoseSequence:
    """The example, repeated to a number of frames."""
    example = load_poses(EXAMPLE)
    rows = np.arange(frames) % len(example)
    return PoseSequence.from_2d(
        example.positions[rows],
        example.skeleton,
        scores=example.scores[rows],
        fps=example.fps,
        image_size=example.image_size,
    )


def frames_per_second(model: str, batch: int, flip: bool, threads: int, seconds: float) -> float:
    """Median speed over calls of `Lifter.lift` with `batch` frames each."""
    lifter, source = Lifter(model, threads=threads, flip=flip), clip(batch)
    assert source.image_size is not None
    spent: list[float] = []
    until = time.perf_counter() + seconds
    for call in range(1_000_000):
        started = time.perf_counter()
        lifter.lift(
            source.positions, image_size=source.image_size, skeleton="h36m_17", scores=source.scores
        )
        if call >= 3:  # the first calls allocate
            spent.append(time.perf_counter() - started)
        if len(spent) >= 5 and time.perf_counter() > until:
            break
    return batch / statistics.median(spent)


def run_program(*arguments: str) -> tuple[float, float]:
    """Run `poselift` in a new process: seconds of wall time, MB of peak memory."""
    started = time.perf_counter()
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    return seconds, int(done.stderr.rpartition("peak=")[2]) / 1e6


def measure_programs(frames: int, kinds: Sequence[str], runs: int) -> list[dict[str, Any]]:
    """Time the program on a clip of `frames` frames with both models; medians over `runs`."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds:
            came, *goes = kind.split()
            source = Path(folder, f"clip{came}")
            write_keypoints(source, [clip(frames)])
            outputs = [
                text for suffix in goes for text in ("-o", str(Path(folder, f"out{suffix}")))
            ]
            for model in MODELS:
                command = ["lift", str(source), "--model", model, "--quiet", *outputs]
                taken = [run_program(*command) for _ in range(runs)]
                seconds, peak = (statistics.median(column) for column in zip(*taken, strict=True))
                rows.append(
                    {"frames": frames, "files": kind, "model": model, "s": seconds, "MB": peak}
                )
    return rows


def measure(threads: int, seconds: float) -> dict[str, Any]:
    """Measure everything."""
    return {
        "machine": machine(threads),
        "lifter": [
            {
                "frames a call": batch,
                "flip": flip,
                **{m: frames_per_second(m, batch, flip, threads, seconds) for m in MODELS},
            }
            for batch in BATCHES
            for flip in (True, False)
        ],
        "cold start": measure_programs(100, [".json .npz", ".json .html .npz"], runs=5),
        "long clip": measure_programs(100_000, [".json .html .npz"], runs=1),
    }


def as_markdown(report: dict[str, Any]) -> str:
    """The report as it is pasted into README.md beside this file."""
    facts = ", ".join(f"{name} {value}" for name, value in report["machine"].items())
    first, second = MODELS
    lines = [
        facts,
        "",
        f"| frames a call | flip | {first}, frames/s | {second}, frames/s | ratio |",
    ]
    lines += ["| ---: | --- | ---: | ---: | ---: |"]
    for row in report["lifter"]:
        speeds = row[first], row[second]
        lines.append(
            f"| {row['frames a call']} | {'yes' if row['flip'] else 'no'} "
            f"| {speeds[0]:.0f} | {speeds[1]:.0f} | {speeds[1] / speeds[0]:.2f} |"
        )
    lines += ["", "| `poselift lift` | model | seconds | peak memory, MB |"]
    lines += ["| --- | --- | ---: | ---: |"]
    for row in (*report["cold start"], *report["long clip"]):
        came, *goes = row["files"].split()
        lines.append(
            f"| {row['frames']} frames, {came} to {' + '.join(goes)} | {row['model']} "
            f"| {row['s']:.2f} | {row['MB']:.0f} |"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, and perhaps write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write all numbers to this file")
    parser.add_argument("--threads", type=int, default=physical_cores(), help="of Lifter")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each Lifter row")
    options = parser.parse_args(arguments)
    report = measure(options.threads, options.seconds)
    print(as_markdown(report))
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
