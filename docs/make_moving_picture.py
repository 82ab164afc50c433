"""Draw the README's moving picture: the overlay of a clip as an animated WebP.

    poselift lift examples/balancing.mp4 -o out/demo.mp4 ...
    python docs/make_moving_picture.py out/demo.mp4 -o docs/demo.webp

Needs the extra `video`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

from poselift.detection import Video


def main(arguments: list[str] | None = None) -> None:
    """Write every third frame, played as slowly as it was filmed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("overlay", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--every", type=int, default=3, help="frames of the video for one here")
    parser.add_argument("--height", type=int, default=320)
    options = parser.parse_args(arguments)
    pictures, times = [], []
    with Video(options.overlay) as video:
        width = round(video.size[0] * options.height / video.size[1])
        for picture in video:
            if picture.index % options.every == 0:
                pictures.append(Image.fromarray(picture.whole(width, options.height)))
                times.append(picture.time)
    step = round(1000 * (times[-1] - times[0]) / max(1, len(times) - 1))
    first, rest = pictures[0], pictures[1:]
    first.save(
        options.output,
        "WEBP",
        save_all=True,
        append_images=rest,
        duration=step,
        loop=0,
        quality=72,
        method=6,
    )


if __name__ == "__main__":
    main()
