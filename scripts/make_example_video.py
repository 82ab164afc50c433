"""Make examples/balancing.mp4 and its calibration from Pose2Sim's balancing trial.

The participant's face is pixelated in the original. Here the spectator at the left is blurred away
in every frame, and the picture is cut to the participant and halved. The clip keeps its licence
(examples/balancing.LICENSE).

    python scripts/make_example_video.py ../shared/data/pose2sim
"""

from __future__ import annotations

import argparse
import json
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

#: Left, top, right, bottom in pixels of cam01.mp4: where the spectator stands, in all frames.
SPECTATOR = (0, 250, 216, 810)

#: What is kept, in the same pixels, and how much smaller it becomes.
KEPT, SHRINK = (0, 180, 1080, 1380), 2

#: cam01.mp4 was scaled and padded after its calibration (README of the data).
SCALE, PADDING = 1080 / 1088, 7

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def cleaned(picture: np.ndarray) -> np.ndarray:
    """Return a frame (H, W, 3) without the spectator, cut and halved."""
    from PIL import Image

    image = Image.fromarray(picture)
    hidden = image.crop(SPECTATOR)
    # five by thirteen averages, smoothly joined: nobody can be made out of that
    coarse = hidden.resize((5, 13), Image.Resampling.BOX)
    image.paste(coarse.resize(hidden.size, Image.Resampling.BICUBIC), SPECTATOR[:2])
    kept = image.crop(KEPT)
    return np.asarray(kept.reduce(SHRINK))


def write_clip(source: Path, target: Path) -> None:
    """Write the clip as AV1."""
    import av

    os.environ.setdefault("SVT_LOG", "1")
    with av.open(str(source)) as original, av.open(str(target), "w") as clip:
        rate = original.streams.video[0].average_rate or Fraction(60)
        options = {"preset": "4", "crf": "34"}
        stream = clip.add_stream("libsvtav1", rate=rate, options=options)
        stream.width = (KEPT[2] - KEPT[0]) // SHRINK
        stream.height = (KEPT[3] - KEPT[1]) // SHRINK
        stream.pix_fmt = "yuv420p"
        for frame in original.decode(video=0):
            picture = cleaned(frame.to_ndarray(format="rgb24"))
            clip.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        clip.mux(stream.encode(None))


def write_calibration(source: Path, target: Path) -> None:
    """Write the camera's calibration for the pixels of the clip."""
    table: dict[str, Any] = {}
    for line in source.read_text("utf-8").split("[cam_01]")[1].split("[cam_02]")[0].splitlines():
        key, equals, value = line.partition("=")
        if equals:
            table[key.strip()] = json.loads(value)
    matrix = np.array(table["matrix"]) * SCALE / SHRINK
    matrix[0, 2] -= KEPT[0] / SHRINK
    matrix[1, 2] += (PADDING - KEPT[1]) / SHRINK
    matrix[2] = (0, 0, 1)
    size = [float((KEPT[2] - KEPT[0]) // SHRINK), float((KEPT[3] - KEPT[1]) // SHRINK)]
    table = {**table, "name": "balancing", "size": size, "matrix": matrix.round(6).tolist()}
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    target.write_text("[balancing]\n" + "\n".join(lines) + "\n", "utf-8")


def main() -> None:
    """Write the clip, its calibration and its licence."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the Pose2Sim data")
    data = parser.parse_args().data
    write_clip(data / "balancing" / "cam01.mp4", EXAMPLES / "balancing.mp4")
    write_calibration(data / "calibration" / "Calib_qualisys.toml", EXAMPLES / "balancing.toml")
    head = (
        "balancing.mp4, balancing.toml: camera 01 of the balancing trial in the demo data of\n"
        "Pose2Sim (perfanalytics/pose2sim, commit a948c20), cut, halved, re-encoded, a spectator\n"
        "blurred; the calibration is for these pixels. Under the licence of the original:\n\n"
    )
    (EXAMPLES / "balancing.LICENSE").write_text(head + (data / "LICENSE").read_text("utf-8"))


if __name__ == "__main__":
    main()
