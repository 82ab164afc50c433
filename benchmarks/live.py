"""One frame at a time, as from a camera: a report, not a test.

    python benchmarks/live.py [--seconds 2]

Prints two Markdown tables. What surrounds the network: a call of `Lifter.live(...)` whose network
gives a constant at once. What a frame takes altogether: the same call with the shipped weights.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from poselift import Lifter, get_skeleton
from poselift.benchmark.machine import machine
from poselift.geometry import NORMALISATIONS
from poselift.lifting import LiveLifter
from poselift.lifting.core import Core
from poselift.lifting.optics import Optics
from poselift.lifting.session import physical_cores
from poselift.modelfiles import ModelCard
from run import MODELS

SIZE = (1920, 1080)
SKELETONS = ("h36m_17", "coco_17", "body_25", "halpe_26", "mediapipe_33")


def frame(skeleton: str, missing: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """A frame's keypoints in pixels and its scores, as a detector gives them."""
    joints, rng = get_skeleton(skeleton), np.random.default_rng(0)
    keypoints = rng.uniform(100, 1000, size=(len(joints), 2)).astype(np.float32)
    if missing is not None:
        keypoints[joints.index(missing)] = np.nan
    return keypoints, np.full(len(joints), 0.5, np.float32)


def microseconds(call: Callable[[], object], seconds: float) -> tuple[float, float]:
    """Median and 99th percentile of the time that a call takes, the first 20 left out."""
    spent: list[float] = []
    until = time.perf_counter() + seconds
    while len(spent) < 120 or time.perf_counter() < until:
        started = time.perf_counter()
        call()
        spent.append(time.perf_counter() - started)
    median, late = np.percentile(spent[20:], [50, 99])
    return 1e6 * float(median), 1e6 * float(late)


def hollow(card: ModelCard, normalisation: str, skeleton: str, flip: bool) -> LiveLifter:
    """A live lifter of a model without its network."""
    poses = np.random.default_rng(0).normal(size=(2, len(card.skeleton), 3)).astype(np.float32)
    card = replace(card, normalisation=normalisation)
    core = Core(lambda inputs: poses[: len(inputs)], card, flip)
    return LiveLifter(core, get_skeleton(skeleton), SIZE, Optics(SIZE))


def overheads(seconds: float) -> Iterator[str]:
    """Rows of what surrounds the network; it is the same for all models of a normalisation."""
    yield "| around the network | flip | keypoints | missing | p50, µs | p99, µs |"
    yield "| --- | --- | --- | --- | ---: | ---: |"
    card = Lifter(MODELS[-1]).card
    cases: list[tuple[str, bool, str, str | None]] = [
        (normalisation, flip, "coco_17", None)
        for normalisation in NORMALISATIONS
        for flip in (False, True)
    ]
    cases += [("person", True, skeleton, None) for skeleton in SKELETONS if skeleton != "coco_17"]
    cases += [("person", True, "coco_17", joint) for joint in ("left_wrist", "left_hip")]
    for normalisation, flip, skeleton, missing in cases:
        live, given = hollow(card, normalisation, skeleton, flip), frame(skeleton, missing)
        median, late = microseconds(lambda: live(*given), seconds)  # noqa: B023
        yield (
            f"| {normalisation} | {'yes' if flip else 'no'} | {skeleton} | {missing or 'none'} "
            f"| {median:.1f} | {late:.1f} |"
        )


def latencies(threads: int, seconds: float) -> Iterator[str]:
    """Rows of what a frame takes altogether."""
    yield "| one frame | flip | keypoints | p50, ms | p99, ms | `Lifter.lift`, p50, ms |"
    yield "| --- | --- | --- | ---: | ---: | ---: |"
    for model in MODELS:
        for flip in (False, True):
            lifter = Lifter(model, threads=threads, flip=flip)
            for skeleton in ("h36m_17", "coco_17"):
                yield latency(lifter, skeleton, flip, seconds)


def latency(lifter: Lifter, skeleton: str, flip: bool, seconds: float) -> str:
    """One row: a live call, and beside it a clip of one frame."""
    keypoints, scores = frame(skeleton)
    live = lifter.live(image_size=SIZE, skeleton=skeleton)
    median, late = microseconds(lambda: live(keypoints, scores), seconds)

    def lift() -> None:
        lifter.lift(keypoints[None], scores=scores[None], image_size=SIZE, skeleton=skeleton)

    clip, _ = microseconds(lift, seconds)
    return (
        f"| {lifter.card.name} | {'yes' if flip else 'no'} | {skeleton} "
        f"| {median / 1e3:.2f} | {late / 1e3:.2f} | {clip / 1e3:.2f} |"
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=physical_cores(), help="of Lifter")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each row")
    options = parser.parse_args(arguments)
    print(", ".join(f"{name} {value}" for name, value in machine(options.threads).items()) + "\n")
    for row in overheads(options.seconds):
        print(row)
    print()
    for row in latencies(options.threads, options.seconds):
        print(row)


if __name__ == "__main__":
    main()
