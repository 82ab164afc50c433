"""The page of long clips in headless Chromium: a report, not a test.

    python benchmarks/page.py [--frames 10000] [--persons 1 5]

Prints a Markdown table: how large the page is, how long it takes to be made and to be loaded, and
how long a frame takes to be drawn, at 1400 x 900. Needs Chromium and chromedriver, and selenium.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from poselift.benchmark.machine import machine
from poselift.poses import AXES_WORLD, Person, PoseSequence, Results
from poselift.skeletons import H36M_17
from poselift.viewer import render_html

FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --window-size=1400,900"
# frames are asked for one after the other; the time of each call that draws is taken
DRAW = """
const done = arguments[0], draw = window.requestAnimationFrame.bind(window), spent = [];
window.requestAnimationFrame = (act) => draw((now) => {
  const started = performance.now();
  act(now);
  spent.push(performance.now() - started);
});
let frame = 100;
const next = () => {
  if (spent.length > 120) return done(spent.slice(20).sort((a, b) => a - b));
  poselift.setFrame(frame += 40);
  draw(next);
};
next();
"""


def crowd(frames: int, persons: int) -> Results:
    """People who sway on circles in a room, with feet that stand in turn."""
    rng = np.random.default_rng(0)
    number = np.arange(frames)
    people = []
    for place in range(persons):
        rest = rng.normal(0, 0.4, (17, 3))
        sway = 0.1 * np.sin(number[:, None, None] / 9 + rng.uniform(0, 6, (17, 3)))
        turn = number / 60 + place
        path = np.stack([2 * np.cos(turn), np.full(frames, 0.9), 2 * np.sin(turn)], axis=1)
        flat = PoseSequence.from_2d(
            (960 + 300 * (rest + sway)[..., :2]).astype(np.float32),
            H36M_17,
            fps=30.0,
            image_size=(1920, 1080),
            person_id=place,
        )
        contacts = np.stack([np.sin(number / 5) > 0, np.sin(number / 5) < 0], axis=1)
        solid = PoseSequence(
            positions=(rest + sway).astype(np.float32),
            skeleton=H36M_17,
            scores=flat.scores,
            frames=flat.frames,
            times=flat.times,
            fps=30.0,
            image_size=flat.image_size,
            units="m",
            axes=AXES_WORLD,
            person_id=place,
            tracks={"root": path, "contacts": contacts.astype(float)},
        )
        people.append(Person(flat, solid))
    return Results(tuple(people))


def measure(browser: Chrome, frames: int, persons: int) -> str:
    """One row of the table."""
    shown = crowd(frames, persons)
    angles = {
        f"{side}_{name}": 40 * np.sin(np.arange(frames) / 7)
        for name in ("knee_flexion", "hip_flexion", "elbow_flexion", "shoulder_flexion")
        for side in ("left", "right")
    }
    started = time.perf_counter()
    page = render_html(shown, "a long clip", angles=[angles] * persons)
    made = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "page.html")
        path.write_bytes(page)
        browser.get(path.as_uri() + "#frame=50")
        loaded = browser.execute_script(
            "return performance.getEntriesByType('navigation')[0].loadEventEnd"
        )
        spent = browser.execute_async_script(DRAW)
    median, late = np.percentile(spent, [50, 99])
    return (
        f"| {frames:,} | {persons} | {len(page) / 1e6:.1f} | {made:.2f} | {loaded / 1000:.2f} | "
        f"{median:.1f} | {late:.1f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--persons", type=int, nargs="+", default=[1, 5])
    options = parser.parse_args()
    flags = ChromeOptions()
    for flag in FLAGS.split():
        flags.add_argument(flag)
    # both named, or selenium would look for them on the network
    flags.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    browser = Chrome(options=flags, service=Service(shutil.which("chromedriver")))
    browser.set_script_timeout(300)
    print(f"{machine(1)}\n")
    print("| frames | persons | page, MB | made, s | loaded, s | drawn, ms | 99 %, ms |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for persons in options.persons:
        print(measure(browser, options.frames, persons))
    browser.quit()


if __name__ == "__main__":
    main()
