"""Videos: frames a second, and what each stage takes of a frame: a report, not a test.

    python benchmarks/video.py [VIDEO] [--seconds 20] [--mediapipe PYTHON]

VIDEO (default: examples/balancing.mp4) is decoded again and again for the time given. Stages are
timed one after the other in one thread; the pipeline is what `poselift lift` does, decoding in a
second thread. `--people 3` puts the picture side by side as often. `--mediapipe` names the
interpreter of an environment with mediapipe 0.10.21 (it needs numpy<2) and av, which runs its full
model on the same frames.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from poselift.benchmark.machine import machine
from poselift.cli.live import show_live
from poselift.detection import Picture, Video, Watcher, open_detector, record
from poselift.detection.detector import boxes_of
from poselift.detection.movenet import CROP_SIDE, square_around
from poselift.lifting import Lifter
from poselift.lifting.session import physical_cores
from poselift.lifting.video import open_camera
from poselift.motion import Options, refine
from poselift.tracking import people_of
from poselift.viewer import LivePage
from poselift.viewer.overlay import write_overlay

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "balancing.mp4"

MEDIAPIPE = """
import json, sys, time
import av, mediapipe as mp
pose = mp.solutions.pose.Pose(model_complexity=1)
spent, frames, started = 0.0, 0, time.perf_counter()
while time.perf_counter() - started < float(sys.argv[2]):
    with av.open(sys.argv[1]) as container:
        container.streams.video[0].thread_type = "AUTO"
        for frame in container.decode(video=0):
            shown = frame.to_ndarray(format="rgb24")
            before = time.perf_counter()
            pose.process(shown)
            spent += time.perf_counter() - before
            frames += 1
print(json.dumps([frames, time.perf_counter() - started, spent]))
"""


def peak_mb() -> float:
    """Peak resident memory of this process so far (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(call: Callable[[Picture], object], pictures: list[Picture], seconds: float) -> float:
    """Milliseconds that a call takes for a picture, the median."""
    spent, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until:
        for picture in pictures:
            before = time.perf_counter()
            call(picture)
            spent.append(time.perf_counter() - before)
    return 1e3 * float(np.median(spent))


def side_by_side(source: Path, people: int, target: Path) -> Path:
    """Write the video with its picture repeated, so that more people are in it."""
    import av

    os.environ.setdefault("SVT_LOG", "1")
    with av.open(str(source)) as original, av.open(str(target), "w") as clip:
        stream = None
        for frame in original.decode(video=0):
            picture = np.concatenate([frame.to_ndarray(format="rgb24")] * people, axis=1)
            if stream is None:
                stream = clip.add_stream("libsvtav1", rate=60, options={"preset": "10"})
                stream.height, stream.width = picture.shape[:2]
            clip.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        assert stream is not None
        clip.mux(stream.encode(None))
    return target


def stages(source: Path, seconds: float) -> Iterator[tuple[str, float]]:
    """Yield stages with their milliseconds a frame, in one thread each."""
    started, frames = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        with Video(source) as video:
            frames += sum(1 for _ in video)
    yield "decode", 1e3 * (time.perf_counter() - started) / frames
    detector = open_detector()
    with Video(source) as video:
        pictures = [one for _, one in zip(range(20), video, strict=False)]
        size = video.size
    found = detector.find(pictures[0])
    boxes = boxes_of(found)
    squares = [square_around(box) for box in boxes]
    crop = timed(lambda one: [one.crop(s, CROP_SIDE) for s in squares], pictures, seconds / 4)
    yield "crop", crop
    follow = timed(lambda one: detector.follow(one, boxes), pictures, seconds / 4)
    yield "lightning", follow - crop
    yield "multipose, once in 0.5 s", timed(detector.find, pictures, seconds / 4)
    live = Lifter().live(image_size=size, skeleton="coco_17")
    points = found.keypoints[0]
    yield "lift, a frame at a time", timed(lambda _: live(points), pictures, seconds / 4)


def pipeline(source: Path, seconds: float, overlay: bool) -> float:
    """Frames a second of the whole of `poselift lift`, files left out but for the overlay."""
    lifter, detector = Lifter(), open_detector()
    frames, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        with Video(source) as video:
            seen = record(video, detector)
        results = refine(lifter.lift_people(people_of(seen.detections)), Options())
        if overlay:
            with Video(source) as video:
                write_overlay(results, video, io.BytesIO())
        frames += len(seen.frames)
    return frames / (time.perf_counter() - started)


def memory(source: Path, seconds: float) -> tuple[float, float]:
    """Peak memory (MB) after the first turn, and after watching the looped video for a time."""
    detector = open_detector()
    watch, started, first = Watcher(detector), time.perf_counter(), 0.0
    shift = 0.0
    while time.perf_counter() - started < seconds:
        with Video(source) as video:
            for picture in video:
                picture.time += shift
                watch(picture)
        shift = picture.time + 0.1
        first = first or peak_mb()
    return first, peak_mb()


def live(source: Path) -> tuple[int, float, float, int]:
    """Play the video as a camera into headless Chromium.

    Returns frames drawn, median and 95th percentile of the milliseconds from the frame being there
    to its skeleton being drawn, and frames dropped.
    """
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    flags = ChromeOptions()
    flags.binary_location = shutil.which("chromium") or ""
    for flag in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]:
        flags.add_argument(flag)
    browser = Chrome(options=flags, service=Service(shutil.which("chromedriver")))
    try:
        with open_camera(source) as camera:
            with LivePage("live", camera.skeleton, camera.joints, camera.video.size) as page:
                browser.get(page.address)
                for frame in camera:
                    show_live(page, camera, frame)
                time.sleep(0.5)
                lags = browser.execute_script("return poselift.lags")
            return len(lags), *np.percentile(lags, [50, 95]).tolist(), camera.dropped
    finally:
        browser.quit()


def main() -> None:
    """Print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path, nargs="?", default=EXAMPLE)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--people", type=int, default=1)
    parser.add_argument("--mediapipe", type=Path)
    parser.add_argument("--live", action="store_true", help="play it into Chromium as well")
    options = parser.parse_args()
    print(f"{machine(physical_cores())}\n")
    with tempfile.TemporaryDirectory() as folder:
        source = options.video
        if options.people > 1:
            source = side_by_side(source, options.people, Path(folder, "people.mp4"))
        with Video(source) as video:
            width, height = video.size
        print(f"{source.name}, {width}x{height}\n\n| stage | ms a frame |\n| --- | --- |")
        for name, milliseconds in stages(source, options.seconds / 2):
            print(f"| {name} | {milliseconds:.2f} |", flush=True)
        print("\n| pipeline | frames/s |\n| --- | --- |")
        for name, overlay in (("lift", False), ("lift with overlay", True)):
            print(f"| {name} | {pipeline(source, options.seconds, overlay):.1f} |", flush=True)
        if options.mediapipe:
            command = [options.mediapipe, "-c", MEDIAPIPE, source, str(options.seconds)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            frames, whole, spent = json.loads(done.stdout)
            inside = f"its networks {1e3 * spent / frames:.1f} ms"
            print(f"| MediaPipe full, decoded in its thread | {frames / whole:.1f} ({inside}) |")
        if options.live:
            drawn, usual, late, dropped = live(source)
            print(f"\nLive: {drawn} frames drawn, {dropped} dropped, {usual:.0f} ms late, ", end="")
            print(f"95 % within {late:.0f} ms")
        first, last = memory(source, options.seconds)
        print(f"\nPeak memory: {first:.0f} MB after one turn of the clip, {last:.0f} MB at the end")


if __name__ == "__main__":
    main()
