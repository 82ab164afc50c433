"""How fast files of 2D keypoints are read, as a Markdown table: a report, not a test.

    python benchmarks/reading.py [--frames 100000] [--runs 3]

Every number is of a whole run of the program `poselift convert FILE -o out.npz` in a fresh
process: start, recognise the format, read, check, follow the persons, write. The files are made
in a temporary folder, where they need about 5 KB a frame.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from poselift import PoseSequence
from poselift.io import write_keypoints
from poselift.skeletons import COCO_17
from run import run_program

#: A folder has one file a frame; more of them say no more.
FOLDER_FRAMES = 10_000


def poses(frames: int, joints: int, persons: int, decimals: int) -> np.ndarray:
    """(persons, frames, joints, 3) x, y in pixels and a score: bodies that sway, with jitter."""
    rng = np.random.default_rng(0)
    bodies = rng.uniform((300, 200), (500, 700), size=(persons, 1, joints, 2))
    bodies += 500 * np.arange(persons)[:, None, None, None]
    sway = 100 * np.sin(np.arange(frames) / 50)[:, None, None]
    points = bodies + sway + rng.normal(0, 1.5, (persons, frames, joints, 2))
    scores = rng.uniform(0.2, 1.0, (persons, frames, joints, 1))
    return np.round(np.concatenate([points, scores], axis=3), decimals)


def openpose_frames(table: np.ndarray) -> Iterator[str]:
    """Each frame as OpenPose writes it, persons not numbered."""
    others = ("face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d")
    empty: dict[str, list[float]] = {name: [] for name in others}
    for frame in np.moveaxis(table, 1, 0):
        people = [
            {"person_id": [-1], "pose_keypoints_2d": one.ravel().tolist(), **empty} for one in frame
        ]
        yield json.dumps({"version": 1.3, "people": people})


def mmpose_frames(table: np.ndarray) -> Iterator[str]:
    """Each frame as MMPose's inferencer writes it."""
    for number, frame in enumerate(np.moveaxis(table, 1, 0)):
        instances = [
            {
                "keypoints": one[:, :2].tolist(),
                "keypoint_scores": one[:, 2].tolist(),
                "bbox": [[300.0, 200.0, 500.0, 700.0]],
                "bbox_score": 0.9,
            }
            for one in frame
        ]
        yield json.dumps({"frame_id": number, "instances": instances})


def entries(table: np.ndarray, names: bool) -> Iterator[str]:
    """Each person as AlphaPose (pictures by name) or COCO results (by number) have it."""
    for number, frame in enumerate(np.moveaxis(table, 1, 0)):
        for one in frame:
            image = f"{number}.jpg" if names else number
            values = {"image_id": image, "category_id": 1, "keypoints": one.ravel().tolist()}
            yield json.dumps({**values, "score": 0.9})


def coco_annotations(table: np.ndarray) -> Iterator[str]:
    """Each person as COCO annotations have it."""
    for number, frame in enumerate(np.moveaxis(table, 1, 0)):
        for one in frame:
            one[:, 2] = 2
            values = {"id": number, "image_id": number, "category_id": 1, "num_keypoints": 17}
            yield json.dumps({**values, "keypoints": one.ravel().tolist()})


def images(frames: int) -> str:
    """The pictures of COCO annotations, and what comes before these."""
    listed = [
        {"id": i, "file_name": f"v_{i:06d}.jpg", "width": 1920, "height": 1080}
        for i in range(frames)
    ]
    return f'{{"images": {json.dumps(listed)}, "annotations": ['


def landmarks(table: np.ndarray) -> Iterator[str]:
    """Each frame as MediaPipe's landmarks are commonly saved, in pixels."""
    for frame in np.moveaxis(table, 1, 0):
        points = [
            {"x": x, "y": y, "z": 0.1, "visibility": score} for x, y, score in frame[0].tolist()
        ]
        yield json.dumps({"pose_landmarks": points})


def yolo_frames(table: np.ndarray) -> Iterator[str]:
    """Each picture as ultralytics' `to_json` gives it."""
    for frame in np.moveaxis(table, 1, 0):
        people = []
        for one in frame:
            x, y, visible = one.T.tolist()
            box = {"x1": 300.0, "y1": 200.0, "x2": 500.0, "y2": 700.0}
            points = {"x": x, "y": y, "visible": visible}
            people.append({"name": "person", "class": 0, "box": box, "keypoints": points})
        yield json.dumps(people)


def write_list(path: Path, frames: Iterator[str], before: str = "[", after: str = "]") -> None:
    """Write frames as one file."""
    with path.open("w", encoding="utf-8") as stream:
        stream.write(before)
        for index, frame in enumerate(frames):
            stream.write(", " + frame if index else frame)
        stream.write(after)


def write_folder(path: Path, frames: Iterator[str]) -> None:
    """Write one file a frame."""
    path.mkdir()
    for index, frame in enumerate(frames):
        (path / f"clip_{index:012d}_keypoints.json").write_text(frame, encoding="utf-8")


def write_own(path: Path, frames: int) -> None:
    """Write a file of ours, .json or .npz."""
    table = poses(frames, 17, 1, 6)[0].astype(np.float32)
    one = PoseSequence.from_2d(
        table[..., :2], COCO_17, scores=table[..., 2], fps=30.0, image_size=(1920, 1080)
    )
    write_keypoints(path, [one])


def sources(frames: int) -> dict[str, tuple[int, str, Callable[[Path], None]]]:
    """What is read: frames, name of the file, and what writes it."""
    few = min(frames, FOLDER_FRAMES)
    around = '{"fps": 30, "image_size": [1920, 1080], "frames": ['
    return {
        "OpenPose, list of frames, 3 decimals": (
            frames,
            "list.json",
            lambda path: write_list(path, openpose_frames(poses(frames, 25, 1, 3))),
        ),
        "OpenPose, object with frames, 6 decimals": (
            frames,
            "object.json",
            lambda path: write_list(path, openpose_frames(poses(frames, 25, 1, 6)), around, "]}"),
        ),
        "OpenPose, two persons a frame": (
            frames,
            "two.json",
            lambda path: write_list(path, openpose_frames(poses(frames, 25, 2, 3))),
        ),
        "OpenPose, folder": (
            few,
            "folder",
            lambda path: write_folder(path, openpose_frames(poses(few, 25, 1, 3))),
        ),
        "MMPose, 6 decimals": (
            frames,
            "mmpose.json",
            lambda path: write_list(path, mmpose_frames(poses(frames, 17, 1, 6))),
        ),
        "AlphaPose, 3 decimals": (
            frames,
            "alphapose.json",
            lambda path: write_list(path, entries(poses(frames, 17, 1, 3), names=True)),
        ),
        "COCO results, 3 decimals": (
            frames,
            "coco_results.json",
            lambda path: write_list(path, entries(poses(frames, 17, 1, 3), names=False)),
        ),
        "COCO annotations, 3 decimals": (
            frames,
            "coco.json",
            lambda path: write_list(
                path, coco_annotations(poses(frames, 17, 1, 3)), images(frames), "]}"
            ),
        ),
        "MediaPipe landmarks, 6 decimals": (
            frames,
            "mediapipe.json",
            lambda path: write_list(path, landmarks(poses(frames, 33, 1, 6))),
        ),
        "YOLO-pose, 3 decimals": (
            frames,
            "yolo.json",
            lambda path: write_list(path, yolo_frames(poses(frames, 17, 1, 3))),
        ),
        "poselift .json": (frames, "own.json", lambda path: write_own(path, frames)),
        "poselift .npz": (frames, "own.npz", lambda path: write_own(path, frames)),
    }


def measure(source: Path, runs: int) -> tuple[float, float]:
    """Convert a file several times: median seconds, largest peak in MB."""
    target = str(source.with_name("out.npz"))
    taken = [run_program("convert", str(source), "-o", target, "--quiet") for _ in range(runs)]
    return statistics.median(seconds for seconds, _ in taken), max(peak for _, peak in taken)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    return sum(one.stat().st_size for one in (path.iterdir() if path.is_dir() else [path]))


def main() -> None:
    """Make each file, measure, print a row, remove it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=100_000, help="of each file")
    parser.add_argument("--runs", type=int, default=3, help="of which the median is taken")
    options = parser.parse_args()
    print(f"{os.cpu_count()} logical cores, load {os.getloadavg()[0]:.1f} at the start\n")
    print("| format | frames | file, MB | frames/s | seconds | start, % | peak, MB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        tiny = Path(folder) / "tiny.npz"
        write_own(tiny, 1)
        for name, (frames, file, make) in sources(options.frames).items():
            source = Path(folder) / file
            make(source)
            start, _ = measure(tiny, options.runs)
            seconds, peak = measure(source, options.runs)
            print(
                f"| {name} | {frames} | {size_of(source) / 1e6:.0f} | {frames / seconds:.0f} "
                f"| {seconds:.2f} | {100 * start / seconds:.0f} | {peak:.0f} |",
                flush=True,
            )
            if source.is_file():
                source.unlink()


if __name__ == "__main__":
    main()
