"""IDF1 and switches of numbers in a synthetic crowd, whose truth is known.

People of `random_motion` walk about in 6 x 4 m before one camera, so that they cross and hide each
other. Each is detected with noise; whoever stands behind another, is outside of the picture or is
simply missed (3 % of the time, and for 4 to 16 frames twice a minute) is not; now and then there is
somebody who is not there. Rows come in any order. Both ways to number them are measured: `link`,
which knows the whole clip, and `Tracker`, which only knows the past.

IDF1 (Ristani et al., ECCV Workshops 2016): 2 IDTP / (2 IDTP + IDFP + IDFN), over the one-to-one
assignment of numbers to people that has most detections in common. A switch is a detection of a
person with another number than the last one of that person.

    python scripts/measure_tracking.py
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np

from poselift.poses import Detections
from poselift.simulation import DetectorNoise
from poselift.simulation.synthetic import random_motion
from poselift.skeletons import H36M_17
from poselift.tracking import Tracker, link
from poselift.tracking.assignment import assign

SIZE, FOCAL, HEIGHT, DISTANCE = (1280, 720), 1000.0, 1.5, 7.5
MISSED, GHOSTS = 0.03, 0.01


class Crowd(NamedTuple):
    """Detections of a clip, and who each is; -1 is nobody."""

    detections: Detections
    truth: np.ndarray


def crowd(seed: int, people: int, seconds: float, fps: float) -> Crowd:
    """Make a clip."""
    rng = np.random.default_rng(seed)
    count = int(seconds * fps)
    points = np.empty((people, count, 17, 2), np.float32)
    depth = np.empty((people, count))
    for person in range(people):
        place = random_motion(int(rng.integers(1 << 30)), count, fps).astype(np.float64)
        # walks that lead out of the room come back on the other side of a mirror
        root = place[:, :1] + rng.uniform((-3, 0, -2), (3, 0, 2))
        for axis, half in ((0, 3.0), (2, 2.0)):
            folded = half - abs((root[..., axis] + half) % (4 * half) - 2 * half)
            place[..., axis] += folded - place[:, :1, axis]
        away = DISTANCE - place[..., 2]
        x = SIZE[0] / 2 + FOCAL * place[..., 0] / away
        y = SIZE[1] / 2 + FOCAL * (HEIGHT - place[..., 1]) / away
        points[person] = np.stack([x, y], axis=-1)
        depth[person] = away[:, 0]
    seen = _seen(rng, points, depth, fps)
    noisy = np.stack([DetectorNoise().apply(rng, one) for one in points])
    frames, persons, rows = [], [], []
    for frame in range(count):
        for person in rng.permutation(people):
            if seen[person, frame]:
                frames.append(frame)
                persons.append(person)
                rows.append(noisy[person, frame])
        if rng.random() < GHOSTS:
            frames.append(frame)
            persons.append(-1)
            rows.append(noisy[rng.integers(people), rng.integers(count)])
    keypoints = np.array(rows, np.float32)
    return Crowd(
        Detections(
            frames=np.array(frames),
            keypoints=keypoints,
            scores=np.ones(keypoints.shape[:2], np.float32),
            person_ids=np.full(len(rows), -1),
            skeleton=H36M_17,
            fps=fps,
            image_size=SIZE,
            frame_count=count,
            source=f"crowd {seed}",
        ),
        np.array(persons),
    )


def _seen(
    rng: np.random.Generator, points: np.ndarray, depth: np.ndarray, fps: float
) -> np.ndarray:
    """Tell in which frames each person is detected, (P, T)."""
    people, count = depth.shape
    seen = rng.random((people, count)) >= MISSED
    inside = ((points >= 0) & (points < SIZE)).all(axis=-1)
    seen &= inside.sum(axis=-1) >= 8
    low, high = points.min(axis=2), points.max(axis=2)
    for one in range(people):
        for other in range(people):
            nearer = depth[other] < depth[one]
            behind = (points[one] > low[other, :, None]) & (points[one] < high[other, :, None])
            seen[one] &= ~(nearer & (behind.all(axis=-1).mean(axis=-1) > 0.6))
        for start in rng.integers(0, count, rng.poisson(2 * count / fps / 60)):
            seen[one, start : start + int(rng.integers(4, 17))] = False
    return seen


def online(detections: Detections) -> np.ndarray:
    """Number detections frame by frame."""
    tracker, numbers = Tracker(), np.full(len(detections), -1)
    for frame in np.unique(detections.frames):
        rows = np.flatnonzero(detections.frames == frame)
        numbers[rows] = tracker.update(frame / (detections.fps or 30.0), detections.keypoints[rows])
    return numbers


def score(truth: np.ndarray, numbers: np.ndarray) -> tuple[float, int, int]:
    """Return IDF1, the number of switches, and how many numbers were given."""
    people, given = np.unique(truth[truth >= 0]), np.unique(numbers)
    common = np.array([[np.sum((truth == p) & (numbers == n)) for n in given] for p in people])
    cost = 1.0 - common / common.max()
    right = sum(common[row, column] for row, column in assign(cost, 1.0))
    idf1 = 2 * right / ((truth >= 0).sum() + len(numbers))
    switches = sum(int((np.diff(numbers[truth == p]) != 0).sum()) for p in people)
    return float(idf1), switches, len(given)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    print(f"{options.clips} clips of {options.seconds:g} s; IDF1 in %, switches and numbers a clip")
    print("| people | frames/s | link: IDF1 | switches | numbers | Tracker: IDF1 | ... | ... |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for fps in (30.0, 10.0):
        for people in (2, 4, 6, 8):
            rows = []
            for seed in range(options.clips):
                clip = crowd(seed, people, options.seconds, fps)
                rows.append(
                    (
                        *score(clip.truth, link(clip.detections)),
                        *score(clip.truth, online(clip.detections)),
                    )
                )
            a, b, c, d, e, f = np.mean(rows, axis=0)
            print(
                f"| {people} | {fps:g} | {100 * a:.1f} | {b:.1f} | {c:.1f} "
                f"| {100 * d:.1f} | {e:.1f} | {f:.1f} |"
            )


if __name__ == "__main__":
    main()
