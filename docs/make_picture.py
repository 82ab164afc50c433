"""Draw the README's picture: a clip of 2D keypoints, lifted, as a panel figure in PNG.

    python docs/make_picture.py examples/walk.json -o docs/picture.png

Needs the shipped weights and Chromium (`apt-get install chromium`), which turns SVG into pixels.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from poselift.errors import PoseliftError
from poselift.files import write_bytes
from poselift.poses import PoseSequence
from poselift.viewer import draw_svg

FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--disable-dev-shm-usage --force-device-scale-factor=2"
)


def choose_frames(solid: PoseSequence, count: int, start: int, step: int) -> list[int]:
    """`count` frame numbers, every `step`-th from `start`; `PoseliftError` if the clip is short."""
    frames = [start + step * place for place in range(count)]
    absent = sorted(set(frames) - set(solid.frames.tolist()))
    if absent:
        raise PoseliftError(
            f"frame {absent[0]} is not in the clip; choose --start, --step, --count"
        )
    return frames


def rasterise(svg: str, path: Path) -> None:
    """Write an SVG as PNG, two pixels for each SVG px."""
    browser = next(
        (b for b in ("chromium", "chromium-browser", "google-chrome") if shutil.which(b)), ""
    )
    if not browser:
        raise PoseliftError("Chromium was not found; it is needed to turn SVG into PNG")
    size = re.search(r'width="(\d+)" height="(\d+)"', svg)
    assert size, "draw_svg states its size"
    with tempfile.TemporaryDirectory() as folder:
        drawing, picture = Path(folder, "picture.svg"), Path(folder, "picture.png")
        drawing.write_text(svg, encoding="utf-8")
        command = [browser, *FLAGS.split(), f"--user-data-dir={folder}/profile"]
        command += [f"--window-size={size[1]},{size[2]}", f"--screenshot={picture}"]
        done = subprocess.run(
            [*command, drawing.as_uri()], capture_output=True, text=True, timeout=120, check=False
        )
        if not picture.is_file():
            raise PoseliftError(f"Chromium made no picture: {done.stderr.strip()[-300:]}")
        write_bytes(path, picture.read_bytes())


def main(arguments: list[str] | None = None) -> None:
    """Lift the clip, draw its main person, write the picture."""
    from poselift import Lifter, load_poses

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path, help="2D keypoints, any format poselift reads")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/picture.png"))
    parser.add_argument("--model", default="gln")
    parser.add_argument("--title", default="")
    parser.add_argument("--start", type=int, default=0, help="first frame drawn")
    parser.add_argument("--step", type=int, default=10, help="frames from one panel to the next")
    parser.add_argument("--count", type=int, default=5, help="number of panels")
    options = parser.parse_args(arguments)
    flat = load_poses(options.clip)
    solid = Lifter(options.model)(flat)
    frames = choose_frames(solid, options.count, options.start, options.step)
    rasterise(draw_svg(flat, solid, frames, title=options.title), options.output)
    print(f"{options.output}: {options.clip} lifted by {options.model}, frames {frames}")


if __name__ == "__main__":
    try:
        main()
    except PoseliftError as error:
        print(f"make_picture: {error}", file=sys.stderr)
        sys.exit(2)
